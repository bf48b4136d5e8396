#include "record/mask.hpp"

#include "protocol/scan.hpp"

#include <array>
#include <cstring>

namespace penstock::record {
namespace {

constexpr char kNil = '\xc0';

std::uint64_t mix(std::uint64_t a, std::uint64_t b) { // the halves of a product, folded
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load(const char* at, std::size_t size) {
    std::uint64_t out = 0;
    std::memcpy(&out, at, size);
    return out;
}

// Keys under which a job is given what others came to (sink/groups.cpp): what stood there goes.
bool is_given(std::string_view key) {
    return key == "previous" || key == "results";
}

} // namespace

// As wyhash does it, for speed: not a cryptographic hash (docs/REPLAY.md says what that means).
std::uint64_t Mask::hash(Bytes bytes) const {
    std::uint64_t h = mix(key_ ^ bytes.size(), 0xa0761d6478bd642full);
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 16; left -= 16, at += 16) {
        h = mix(load(at, 8) ^ h ^ key_, load(at + 8, 8) ^ 0xe7037ed1a0b428dbull);
    }
    const std::size_t first = std::min<std::size_t>(left, 8);
    h = mix(load(at, first) ^ h ^ key_, load(at + first, left - first) ^ 0x8ebc6af09c88c6e3ull);
    return mix(h ^ key_, 0x589965cc75374cc3ull);
}

std::uint64_t Mask::cover(std::uint64_t digest) const {
    return covers_ ? mix(digest ^ key_, 0xa0761d6478bd642full ^ key_) : digest;
}

void Mask::cover(Bytes value, char* at) const {
    if (value.empty()) return;
    const auto head = static_cast<unsigned char>(value.front());
    const bool is_map = (head & 0xf0u) == 0x80 || head == 0xde || head == 0xdf;
    if (is_map && is_one_value(value))
        cover_map(value, at);
    else
        fill(value, at);
}

void Mask::cover_map(Bytes value, char* at) const {
    Scanner scanner(value.data(), value.data() + value.size());
    const auto place = [&] { return static_cast<std::size_t>(scanner.at() - value.data()); };
    Head map;
    bool whole = scanner.next(map) == Scanned::ok;
    std::memcpy(at, value.data(), place());
    for (std::uint64_t i = 0; whole && i < 2 * map.number; ++i) {
        const std::size_t from = place();
        Scanner name = scanner;
        Head head;
        const bool is_kept = i % 2 == 0 && name.next(head) == Scanned::ok &&
                             head.shape == Shape::text && is_given(head.body);
        whole = scanner.skip(kDepthMax) == Scanned::ok;
        const Bytes part = value.substr(from, place() - from);
        if (is_kept)
            std::memcpy(at + from, part.data(), part.size());
        else
            fill(part, at + from);
    }
    PENSTOCK_CHECK(whole); // it is one value
}

// One value of the same size, whose bytes are a hash and zeros.
void Mask::fill(Bytes value, char* at) const {
    const std::size_t size = value.size();
    if (size == 0) return;
    const std::uint64_t h = hash(value);
    const auto put = [&](std::initializer_list<std::size_t> head) {
        std::size_t n = 0;
        for (const std::size_t byte : head) at[n++] = static_cast<char>(byte);
        const std::size_t shown = std::min<std::size_t>(size - n, sizeof h);
        std::memset(at + n, 0, size - n);
        std::memcpy(at + n, &h, shown);
    };
    if (size == 1) {
        at[0] = value.front() == kNil ? kNil : static_cast<char>(h & 0x7f);
    } else if (size == 2) {
        put({0xcc});
    } else if (size <= 2 + 0xff) {
        put({0xc4, size - 2});
    } else if (size <= 3 + 0xffff) {
        put({0xc5, (size - 3) >> 8, size - 3});
    } else {
        const std::size_t n = size - 5;
        put({0xc6, n >> 24, n >> 16, n >> 8, n});
    }
}

} // namespace penstock::record
