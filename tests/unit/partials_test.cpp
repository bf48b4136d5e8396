// Pieces of results: in what order, and how many are kept.

#include "sink/partials.hpp"

#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

constexpr Index kJob = 7;

Partial piece(std::uint32_t attempt, const std::string& value) {
    Partial out;
    out.attempt = attempt;
    out.value = value;
    return out;
}

std::vector<std::string> values(const PartialsAnswer& answer) {
    std::vector<std::string> out;
    for (const auto& row : answer.rows) {
        out.push_back((row.lost ? "lost " : "") + std::to_string(row.attempt) + row.value);
    }
    return out;
}

using Values = std::vector<std::string>;

TEST(Partials, AreGivenFromANumberOn) {
    Partials partials(Instant{});
    for (const char* each : {"a", "b", "c"}) EXPECT_TRUE(partials.add(kJob, piece(1, each)));
    const auto answer = partials.answer(kJob, 1, false);
    EXPECT_EQ(values(answer), (Values{"1b", "1c"}));
    EXPECT_EQ(answer.next, 3u);
    EXPECT_FALSE(answer.finished);
}

TEST(Partials, ThoseOfALostAttemptSaySo) {
    Partials partials(Instant{});
    partials.add(kJob, piece(1, "a"));
    partials.lose(kJob, 1);
    partials.add(kJob, piece(2, "b"));
    EXPECT_EQ(values(partials.answer(kJob, 0, false)), (Values{"lost 1\xc0", "lost 1\xc0", "2b"}));
    EXPECT_EQ(values(partials.answer(kJob, 1, false)), (Values{"lost 1\xc0", "2b"}));
    EXPECT_EQ(partials.kept(kJob), 1u);
}

TEST(Partials, AnAttemptWithoutPiecesLeavesNothingToLose) {
    Partials partials(Instant{});
    partials.add(kJob, piece(2, "a"));
    partials.lose(kJob, 1);
    EXPECT_EQ(values(partials.answer(kJob, 0, false)), Values{"2a"});
}

TEST(Partials, BeyondTheBoundTheyAreOnlyCounted) {
    Partials partials(Instant{});
    const std::string quarter(kPartialBytesMax / 4, 'x');
    for (int i = 0; i < 10; ++i) partials.add(kJob, piece(1, quarter));
    EXPECT_EQ(partials.kept(kJob), 3u);
    EXPECT_LE(partials.bytes(kJob), kPartialBytesMax);
    EXPECT_FALSE(partials.add(kJob, piece(1, "small"))); // it would hide that some are missing
    auto answer = partials.answer(kJob, 0, true);
    while (!answer.finished) answer = partials.answer(kJob, answer.next, true);
    EXPECT_EQ(answer.next, 11u);
}

TEST(Partials, ALostAttemptGivesItsRoomBack) {
    Partials partials(Instant{});
    const std::string most(kPartialBytesMax - 1'000, 'x');
    partials.add(kJob, piece(1, most));
    EXPECT_FALSE(partials.add(kJob, piece(1, most)));
    partials.lose(kJob, 1);
    EXPECT_TRUE(partials.add(kJob, piece(2, most)));
}

TEST(Partials, AnAnswerHoldsSoMuchAndNoMore) {
    Partials partials(Instant{});
    for (int i = 0; i < 2'500; ++i) partials.add(kJob, piece(1, "a"));
    const auto first = partials.answer(kJob, 0, true);
    EXPECT_EQ(first.rows.size(), 1'000u);
    EXPECT_FALSE(first.finished); // there is more
    EXPECT_TRUE(partials.answer(kJob, 2'000, true).finished);
}

TEST(Partials, OneThatIsLargeGoesAlone) {
    Partials partials(Instant{});
    partials.add(kJob, piece(1, std::string(300u << 10, 'x')));
    partials.add(kJob, piece(1, "b"));
    EXPECT_EQ(partials.answer(kJob, 0, false).rows.size(), 1u);
    EXPECT_EQ(partials.answer(kJob, 1, false).rows.size(), 1u);
}

TEST(Partials, ThoseWhoWaitAreGivenBackOnce) {
    Partials partials(Instant{});
    partials.wait({{}, 1, {}, kJob}, Instant(std::chrono::seconds(5)));
    partials.wait({{}, 2, {}, kJob}, Instant(std::chrono::seconds(9)));
    EXPECT_EQ(partials.expire(Instant(std::chrono::seconds(6))).size(), 1u);
    const auto rest = partials.release(kJob);
    ASSERT_EQ(rest.size(), 1u);
    EXPECT_EQ(rest[0].asker, 2u);
    EXPECT_EQ(partials.waiting(), 0u);
    EXPECT_TRUE(partials.expire(Instant(std::chrono::seconds(60))).empty());
}

} // namespace
} // namespace penstock::sink
