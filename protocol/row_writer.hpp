#pragma once
// The rows of a batch, written in place behind what a frame holds already. Codec's own.
//
// Writer looks for room, counts and terminates its string for every byte: 26 to 37 ns a row, four
// times a job. Here room is looked for once a row, and what is written is counted at the end.

#include "protocol/check.hpp"
#include "protocol/job_id.hpp"
#include "protocol/message.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace penstock {

class RowWriter {
public:
    // Bytes of a row of so many elements at most; `bodies`: of its ids, texts and bin values together.
    static constexpr std::size_t most(std::size_t elements, std::size_t bodies) {
        return 1 + kHeadMax * elements + bodies;
    }

    // Writes behind what `out` holds, into all the room that was reserved for it, and beyond that if
    // need be. `out` is this one's until it is done.
    explicit RowWriter(std::string& out);
    RowWriter(const RowWriter&) = delete;
    RowWriter& operator=(const RowWriter&) = delete;

    void done() { // to be said once, at the end
        PENSTOCK_CHECK(at_ <= end_);
        out_.resize(written());
    }

    // Begins a row of up to 15 elements. REQUIRES: what follows is no more than was said.
    RowWriter& row(std::size_t elements, std::size_t bodies) {
        PENSTOCK_CHECK(elements < 16 && at_ <= end_);
        const std::size_t need = most(elements, bodies);
        if (static_cast<std::size_t>(end_ - at_) < need) make_room(need);
        return byte(0x90u | elements);
    }

    RowWriter& natural(std::uint64_t value) {
        if (value < 0x80) return byte(value);
        return value - 0x10000 <= 0xffffffff - 0x10000 ? head(0xce, value, 4) // numbers of jobs, mostly
                                                       : rare_natural(value);
    }
    RowWriter& boolean(bool value) { return byte(value ? 0xc3 : 0xc2); }
    RowWriter& nil() { return byte(0xc0); }
    RowWriter& bytes(Bytes value) {
        if (value.size() <= 0xff) {
            byte(0xc4).byte(value.size());
        } else {
            long_bytes_head(value.size());
        }
        return body(value);
    }
    RowWriter& text(std::string_view value);
    RowWriter& id(const JobId& value) { // bin 16 for a UUID, str else
        if (!value.is_uuid()) return text(value.wire());
        byte(0xc4).byte(16);
        std::memcpy(at_, value.wire().data(), 16);
        at_ += 16;
        return *this;
    }

private:
    static constexpr std::size_t kHeadMax = 9; // of a number of 64 bits

    RowWriter& byte(std::uint64_t value) {
        *at_++ = static_cast<char>(value);
        return *this;
    }
    // The low `width` bytes of the number, big-endian, behind their first byte.
    RowWriter& head(unsigned char first, std::uint64_t number, std::size_t width) {
        byte(first);
        const std::uint64_t big = __builtin_bswap64(number << (64 - 8 * width));
        std::memcpy(at_, &big, width);
        at_ += width;
        return *this;
    }
    RowWriter& body(std::string_view value);
    RowWriter& rare_natural(std::uint64_t value);
    void long_bytes_head(std::size_t size);

    [[nodiscard]] std::size_t written() const { return static_cast<std::size_t>(at_ - out_.data()); }
    void make_room(std::size_t more);
    void begin_at(std::size_t size); // bytes are written

    std::string& out_;
    char* at_ = nullptr;
    char* end_ = nullptr; // of the room
};

} // namespace penstock
