#include "protocol/job_id.hpp"

#include <algorithm>
#include <cctype>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace penstock {
namespace {

using namespace std::string_literals;

constexpr auto kUuidText = "0190b5f2-7c1e-7a3b-8d4c-1f2e3d4c5b6a";
constexpr std::string_view kUuidBytes("\x01\x90\xb5\xf2\x7c\x1e\x7a\x3b\x8d\x4c\x1f\x2e\x3d\x4c\x5b"
                                      "\x6a",
                                      16);

TEST(JobId, AUuidIsItsSixteenBytes) {
    const auto id = JobId::parse(kUuidText);
    ASSERT_TRUE(id);
    EXPECT_TRUE(id->is_uuid());
    EXPECT_EQ(id->wire(), kUuidBytes);
    EXPECT_EQ(id->text(), kUuidText);
    EXPECT_EQ(JobId::from_uuid(kUuidBytes), id);
}

TEST(JobId, OnlyTheCanonicalFormIsAUuid) {
    for (const auto* text :
         {"0190B5F2-7C1E-7A3B-8D4C-1F2E3D4C5B6A", "0190b5f27c1e7a3b8d4c1f2e3d4c5b6a",
          "0190b5f2-7c1e-7a3b-8d4c-1f2e3d4c5b6", "0190b5f2-7c1e-7a3b-8d4c1-f2e3d4c5b6a",
          "0190b5f2-7c1e-7a3b-8d4c-1f2e3d4c5b6g"}) {
        const auto id = JobId::parse(text);
        ASSERT_TRUE(id) << text;
        EXPECT_FALSE(id->is_uuid()) << text;
        EXPECT_EQ(id->text(), text); // prints as it came
        EXPECT_EQ(id->wire(), text);
    }
}

TEST(JobId, SixteenCharactersAreNotAUuid) {
    const std::string text = "abcdefghijklmnop";
    const auto word = JobId::parse(text);
    const auto uuid = JobId::from_uuid(std::string_view(text));
    ASSERT_TRUE(word && uuid);
    EXPECT_EQ(word->wire(), uuid->wire());
    EXPECT_FALSE(*word == *uuid);
}

TEST(JobId, TakesOneToSixtyFourCharacters) {
    EXPECT_FALSE(JobId::parse(""));
    EXPECT_TRUE(JobId::parse("a"));
    EXPECT_EQ(JobId::parse(std::string(64, 'x'))->text(), std::string(64, 'x'));
    EXPECT_FALSE(JobId::parse(std::string(65, 'x')));
    EXPECT_TRUE(JobId().empty());
}

TEST(JobId, CopiesOfLongAndShortNamesLiveOnTheirOwn) {
    for (const std::size_t size : {1u, 16u, 17u, 64u}) {
        const std::string text(size, 'n');
        JobId copy, moved;
        {
            const JobId original = *JobId::parse(text);
            copy = original;
            JobId other = original;
            moved = std::move(other);
            copy = JobId(copy); // of itself
            EXPECT_EQ(copy.hash(7), original.hash(7));
        }
        EXPECT_EQ(copy.text(), text);
        EXPECT_EQ(moved, copy);
    }
}

TEST(JobId, TakesLettersDigitsAndThreeMarks) {
    for (int c = 0; c < 256; ++c) {
        const char ch = static_cast<char>(c);
        const bool fine = c < 128 && (std::isalnum(c) != 0 || ch == '.' || ch == '_' || ch == '-');
        EXPECT_EQ(JobId::parse("a"s + ch + "b").has_value(), fine) << c;
    }
}

TEST(JobId, UuidBytesAreSixteen) {
    EXPECT_FALSE(JobId::from_uuid(std::string_view("")));
    EXPECT_FALSE(JobId::from_uuid(std::string_view("123456789012345")));
    EXPECT_FALSE(JobId::from_uuid(std::string_view("12345678901234567")));
}

TEST(JobId, AVersion7UuidHasItsTimeFirst) {
    const JobId id = make_uuid7(0x0190b5f27c1eull, ~0ull, ~0ull);
    EXPECT_EQ(id.text(), "0190b5f2-7c1e-7fff-bfff-ffffffffffff");
    EXPECT_EQ(make_uuid7(0, 0, 0).text(), "00000000-0000-7000-8000-000000000000");
    EXPECT_LT(make_uuid7(1, ~0ull, ~0ull).text(), make_uuid7(2, 0, 0).text());
}

// How many of 65,536 similar ids fall into the fullest of 1,024 buckets.
std::size_t busiest_bucket(std::uint64_t seed, bool uuids) {
    std::vector<std::size_t> buckets(1024);
    for (std::uint64_t i = 0; i < 64 * 1024; ++i) {
        const JobId id = uuids ? make_uuid7(1'700'000'000'000 + i, 0, 0)
                               : *JobId::parse("job-" + std::to_string(i));
        ++buckets[id.hash(seed) % buckets.size()];
    }
    return *std::max_element(buckets.begin(), buckets.end());
}

TEST(JobId, HashesOfSimilarIdsAreSpread) {
    for (const std::uint64_t seed : {0ull, 1ull, 0x9e3779b97f4a7c15ull, ~0ull}) {
        // 64 a bucket on average; far beyond chance would be 130.
        EXPECT_LT(busiest_bucket(seed, false), 130u) << seed;
        EXPECT_LT(busiest_bucket(seed, true), 130u) << seed;
    }
}

TEST(JobId, TheSeedDecidesWhereIdsCollide) {
    std::set<std::uint64_t> same;
    const auto a = *JobId::parse("a"), b = *JobId::parse("b");
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        EXPECT_EQ(a.hash(seed), JobId::parse("a")->hash(seed));
        EXPECT_NE(a.hash(seed), b.hash(seed));
        same.insert(a.hash(seed));
    }
    EXPECT_GT(same.size(), 990u);
}

} // namespace
} // namespace penstock
