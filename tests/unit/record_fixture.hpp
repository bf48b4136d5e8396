#pragma once
// Tapes in memory, and their records by themselves.

#include "record/tape.hpp"
#include "tests/support/jobs.hpp"

#include <gtest/gtest.h>
#include <sstream>

namespace penstock::record {

using namespace penstock::testing;

using Bytes = std::shared_ptr<std::string>;

inline Recording recording_to(const Bytes& bytes) {
    Recording out;
    out.append = [bytes](std::string_view more) {
        bytes->append(more);
        return true;
    };
    out.key = 0x1234'5678'9abc'def1;
    return out;
}

inline Header header() {
    Header out;
    out.role = "ventilator";
    out.begun = both_at(0s);
    return out;
}

template <class Fill>
Bytes write(Fill fill) {
    auto bytes = std::make_shared<std::string>();
    Tape tape(recording_to(bytes), header());
    fill(tape);
    tape.flush();
    return bytes;
}

// Record by record, without what stands in front of each.
inline std::vector<std::string> bodies(const std::string& tape) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at < tape.size();) {
        std::size_t size = 0;
        for (int i = 3; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(tape[at + i]);
        out.push_back(tape.substr(at + 8, size));
        at += 8 + size;
    }
    return out;
}

inline std::string joined(const std::vector<std::string>& bodies) {
    std::string out;
    for (const std::string& body : bodies) {
        for (const std::uint64_t value : {std::uint64_t{body.size()}, std::uint64_t{crc_of(body)}}) {
            for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i));
        }
        out += body;
    }
    return out;
}

} // namespace penstock::record
