#pragma once
// msgpack, one value at a time, in place. Codec's own; https://msgpack.org has the formats.
//
// msgpack-c's parser took 400 instructions for a row of three elements, five times a job, and could
// not say where a value ends; this takes a tenth (docs/decisions/0008). A test holds the two against
// each other.

#include "protocol/check.hpp"
#include "protocol/limits.hpp"
#include "protocol/wire.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace penstock {

enum class Scanned : std::uint8_t {
    ok,
    ends,    // in the middle of a value
    unknown, // a byte that begins no value
    deep,    // nested deeper than allowed
};

struct Head {
    Shape shape = Shape::nil;
    std::uint64_t number = 0; // elements, pairs, a whole number, or the bits of a double
    std::string_view body;    // of text, bytes and ext, whose first byte is its type
};

// Bytes of a value whose first byte says how many: small numbers, short strings, numbers of a fixed
// width. 0: look closer. Most values of a row are passed by this alone.
constexpr std::array<std::uint8_t, 256> kPlainSizes = [] {
    std::array<std::uint8_t, 256> sizes{};
    for (std::size_t head = 0; head < sizes.size(); ++head) {
        if (head <= 0x7f || head >= 0xe0) sizes[head] = 1;                            // whole
        if (head >= 0xa0 && head <= 0xbf) sizes[head] = static_cast<std::uint8_t>(head - 0x9f);
        if (head == 0xc0 || head == 0xc2 || head == 0xc3) sizes[head] = 1;            // nil, boolean
        if (head >= 0xcc && head <= 0xd3) sizes[head] = static_cast<std::uint8_t>(1 + (1 << (head & 3)));
    }
    return sizes;
}();

class Scanner {
public:
    Scanner(const char* at, const char* end) : at_(at), end_(end) {}

    [[nodiscard]] const char* at() const { return at_; }

    [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

    void pass_all() { at_ = end_; }

    // The head of one value, and the body of one that holds no others. What failed is not passed.
    Scanned next(Head& out) {
        if (at_ == end_) return Scanned::ends;
        const unsigned char head = byte();
        if (head <= 0x7f) return whole(Shape::natural, head, out);
        if (head <= 0x8f) return whole(Shape::map, head & 0x0fu, out);
        if (head <= 0x9f) return whole(Shape::array, head & 0x0fu, out);
        if (head <= 0xbf) return body(Shape::text, 1, head & 0x1fu, out);
        if (head == 0xc4) return sized(Shape::bytes, 1, out);
        if (head >= 0xe0) {
            return whole(Shape::integer, ~std::uint64_t{0} - 0xffu + head, out);
        }
        return rare(head, out);
    }

    // The forms that rows mostly consist of. False of any other, and nothing is passed: see next.
    bool short_array(std::uint64_t& elements) {
        if (at_ == end_ || (byte() & 0xf0u) != 0x90) return false;
        elements = byte() & 0x0fu;
        ++at_;
        return true;
    }
    bool short_natural(std::uint64_t& value) { // of 7 bits, or of 32: numbers of jobs, mostly
        if (at_ == end_) return false;
        if (byte() <= 0x7f) {
            value = byte();
            ++at_;
            return true;
        }
        if (byte() != 0xce || left() < 5) return false;
        std::uint32_t big = 0;
        std::memcpy(&big, at_ + 1, sizeof big);
        value = __builtin_bswap32(big);
        at_ += 5;
        return true;
    }
    bool short_bytes(std::string_view& body) {
        if (left() < 2 || byte() != 0xc4) return false;
        const std::size_t size = static_cast<unsigned char>(at_[1]);
        if (left() - 2 < size) return false;
        body = {at_ + 2, size};
        at_ += 2 + size;
        return true;
    }

    // Passes one whole value, with at most `depth` containers around its innermost.
    Scanned skip(std::size_t depth) {
        PENSTOCK_CHECK(depth <= kDepthMax);
        Pending pending; // values to come, of each open container
        std::size_t open = 0;
        pending[0] = 1;
        while (true) {
            const char* at = at_; // not a member: it is written for every value
            std::uint64_t todo = pending[open];
            for (std::size_t plain; todo > 0 && at != end_; --todo) {
                plain = kPlainSizes[static_cast<unsigned char>(*at)];
                if (plain == 0 || static_cast<std::size_t>(end_ - at) < plain) break;
                at += plain;
            }
            at_ = at;
            pending[open] = todo;
            while (pending[open] == 0) {
                if (open == 0) return Scanned::ok;
                --open;
            }
            if (todo == 0) continue;
            if (const Scanned result = enter(pending, open, depth); result != Scanned::ok) {
                return result;
            }
        }
    }

private:
    [[nodiscard]] unsigned char byte() const { return static_cast<unsigned char>(*at_); }

    using Pending = std::array<std::uint64_t, kDepthMax + 1>;

    Scanned enter(Pending& pending, std::size_t& open, std::size_t depth) {
        Head head;
        if (const Scanned result = next(head); result != Scanned::ok) return result;
        --pending[open]; // this one; 0 is seen to in the next round
        if (head.shape != Shape::array && head.shape != Shape::map) return Scanned::ok;
        if (open == depth) return Scanned::deep;
        pending[++open] = head.shape == Shape::map ? 2 * head.number : head.number;
        return Scanned::ok;
    }

    Scanned whole(Shape shape, std::uint64_t number, Head& out) {
        ++at_;
        out.shape = shape;
        out.number = number;
        return Scanned::ok;
    }

    // `before` bytes of head, then the body.
    Scanned body(Shape shape, std::size_t before, std::uint64_t size, Head& out) {
        if (left() - before < size) return Scanned::ends;
        out.shape = shape;
        out.body = {at_ + before, static_cast<std::size_t>(size)};
        at_ += before + size;
        return Scanned::ok;
    }

    // The big-endian number of `width` bytes behind the first. REQUIRES: they are there.
    [[nodiscard]] std::uint64_t load(std::size_t width) const {
        std::uint64_t out = 0;
        for (std::size_t i = 1; i <= width; ++i) out = out << 8 | static_cast<unsigned char>(at_[i]);
        return out;
    }

    Scanned sized(Shape shape, std::size_t width, Head& out) {
        if (left() <= width) return Scanned::ends;
        return body(shape, 1 + width, load(width), out);
    }

    Scanned rare(unsigned char head, Head& out);

    const char* at_;
    const char* end_;
};

} // namespace penstock
