// Scanner against msgpack-c's parser: both take the same bytes for a value, and end it at the same
// place. msgpack-c is the judge here; the wire itself is read by Scanner (docs/decisions/0008).

#include "protocol/scan.hpp"
#include "tests/support/frames.hpp"

#include <gtest/gtest.h>
#include <msgpack.hpp>
#include <random>

namespace penstock {
namespace {

using namespace std::string_literals;

struct Judge : msgpack::null_visitor {
    std::size_t depth = 0;
    bool too_deep = false;

    bool enter() { return !(too_deep = ++depth > kDepthMax); }
    bool start_array(std::uint32_t) { return enter(); }
    bool end_array() { return --depth, true; }
    bool start_map(std::uint32_t) { return enter(); }
    bool end_map() { return --depth, true; }
};

// The size of the value at the head of `bytes`; 0: there is none.
std::size_t judged(std::string_view bytes) {
    Judge judge;
    std::size_t offset = 0;
    return msgpack::parse(bytes.data(), bytes.size(), offset, judge) && !judge.too_deep ? offset : 0;
}

std::size_t scanned(std::string_view bytes) {
    Scanner scanner(bytes.data(), bytes.data() + bytes.size());
    return scanner.skip(kDepthMax) == Scanned::ok ? bytes.size() - scanner.left() : 0;
}

std::string hex(std::string_view bytes) {
    std::string out;
    char two[4];
    for (const char c : bytes) {
        std::snprintf(two, sizeof two, "%02x ", static_cast<unsigned char>(c));
        out += two;
    }
    return out;
}

void expect_agreement(std::string_view bytes) {
    ASSERT_EQ(scanned(bytes), judged(bytes)) << hex(bytes.substr(0, 64));
}

TEST(Scanner, AgreesWithMsgpackOnEveryHeadAndEverySizeOfBody) {
    for (int head = 0; head < 256; ++head) {
        for (int second = 0; second < 256; ++second) {
            std::string bytes = {static_cast<char>(head), static_cast<char>(second)};
            for (const std::size_t body : {0u, 1u, 2u, 7u, 8u, 9u, 17u, 300u}) {
                expect_agreement(bytes + std::string(body, '\0'));
            }
        }
    }
}

TEST(Scanner, AgreesWithMsgpackOnEveryMessageCutAndChanged) {
    std::mt19937_64 random(7);
    for (const auto& sample : testing::all_samples()) {
        const std::string& frame = sample.frame;
        for (std::size_t size = 1; size <= frame.size(); ++size) {
            expect_agreement(std::string_view(frame).substr(0, size));
        }
        for (int i = 0; i < 2'000; ++i) {
            std::string changed = frame;
            for (int n = 0; n < 3; ++n) changed[random() % changed.size()] = static_cast<char>(random());
            expect_agreement(changed);
        }
    }
}

TEST(Scanner, AgreesWithMsgpackOnRandomContainers) {
    std::mt19937_64 random(11);
    const std::string heads = "\x00\x81\x92\x93\xa2\xc0\xc1\xc4\xc7\xca\xcd\xd1\xd6\xd9\xdc\xde\xff"s;
    for (int i = 0; i < 200'000; ++i) {
        std::string bytes;
        for (int n = 0; n < 24; ++n) {
            const bool any = random() % 4 == 0;
            bytes.push_back(any ? static_cast<char>(random() % 5) : heads[random() % heads.size()]);
        }
        expect_agreement(bytes);
    }
}

TEST(Scanner, GoesAsDeepAsItIsTold) {
    const std::string deep = std::string(kDepthMax, '\x91') + "\xc0";
    EXPECT_EQ(scanned(deep), deep.size());
    EXPECT_EQ(scanned("\x91" + deep), 0u);
    Scanner scanner(deep.data(), deep.data() + deep.size());
    EXPECT_EQ(scanner.skip(3), Scanned::deep);
}

TEST(Scanner, NumbersOfEveryWidth) {
    const std::vector<std::pair<std::string, Head>> all = {
        {"\x7f"s, {Shape::natural, 127, {}}},
        {"\xff"s, {Shape::integer, ~0ull, {}}},
        {"\xe0"s, {Shape::integer, ~0ull - 31, {}}},
        {"\xcc\xff"s, {Shape::natural, 255, {}}},
        {"\xcd\x01\x00"s, {Shape::natural, 256, {}}},
        {"\xce\x01\x00\x00\x00"s, {Shape::natural, 1u << 24, {}}},
        {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s, {Shape::natural, ~0ull, {}}},
        {"\xd0\x05"s, {Shape::natural, 5, {}}}, // a signed type that holds a natural number
        {"\xd0\x80"s, {Shape::integer, ~0ull - 127, {}}},
        {"\xd1\xff\xfe"s, {Shape::integer, ~0ull - 1, {}}},
        {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s, {Shape::integer, 1ull << 63, {}}},
        {"\xca\x3f\xc0\x00\x00"s, {Shape::real, std::bit_cast<std::uint64_t>(1.5), {}}},
        {"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s, {Shape::real, std::bit_cast<std::uint64_t>(1.5), {}}},
    };
    for (const auto& [bytes, want] : all) {
        Scanner scanner(bytes.data(), bytes.data() + bytes.size());
        Head head;
        ASSERT_EQ(scanner.next(head), Scanned::ok) << hex(bytes);
        EXPECT_EQ(head.shape, want.shape) << hex(bytes);
        EXPECT_EQ(head.number, want.number) << hex(bytes);
        EXPECT_EQ(scanner.left(), 0u);
    }
}

} // namespace
} // namespace penstock
