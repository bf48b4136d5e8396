#pragma once
// Covers the bytes of payloads and results on a tape, so that it can be given to somebody else. What
// the machines see of them stays: their sizes, whether two are the same, and that a payload is a map,
// with how many pairs, and whether one of them is what a step of a chain gets from others.
//
// A covered value is msgpack of the same size: bytes that are zero but for a hash in front. The hash
// has a key that is forgotten with the recording process, so that values can't be tried one by one; it
// is no cryptographic hash. One of less than ten bytes has room for a part of it only, and two may look
// the same.

#include "protocol/message.hpp"

#include <cstdint>
#include <string>

namespace penstock::record {

class Mask {
public:
    Mask(std::uint64_t key, bool covers) : key_(key), covers_(covers) {}

    // What stands on the tape for these; false: they themselves.
    [[nodiscard]] bool covers() const { return covers_; }

    // Same size, written to `at`.
    void cover(Bytes value, char* at) const;

    // For a body_digest: the digest of small bodies can be tried.
    [[nodiscard]] std::uint64_t cover(std::uint64_t digest) const;

    // Of all rows, `member` by `member`. `room` has the bytes, and must outlive the rows.
    template <class Row>
    void cover(std::vector<Row>& rows, Bytes Row::* member, std::string& room) const {
        if (!covers_) return;
        std::size_t size = 0;
        for (const Row& row : rows) size += (row.*member).size();
        room.resize(size);
        char* at = room.data();
        for (Row& row : rows) {
            Bytes& value = row.*member;
            cover(value, at);
            value = {at, value.size()};
            at += value.size();
        }
    }

private:
    [[nodiscard]] std::uint64_t hash(Bytes bytes) const;
    void cover_map(Bytes value, char* at) const;
    void fill(Bytes value, char* at) const;

    std::uint64_t key_;
    bool covers_;
};

} // namespace penstock::record
