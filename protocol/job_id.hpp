#pragma once
// A job's name: 1-64 characters of [A-Za-z0-9._-]. A name in the canonical form of a UUID is held
// and sent as its 16 bytes; it prints as it came.

#include "protocol/limits.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace penstock {

class JobId {
public:
    JobId() = default;

    static std::optional<JobId> parse(std::string_view text);
    static JobId from_uuid(const std::array<unsigned char, 16>& bytes);
    // `bytes` as they stand on the wire; nullopt unless there are 16.
    static std::optional<JobId> from_uuid(std::string_view bytes);

    [[nodiscard]] bool empty() const { return size_ == 0; }

    [[nodiscard]] bool is_uuid() const { return is_uuid_; }

    // What stands on the wire: 16 bytes for a UUID (as bin), else the text itself (as str).
    [[nodiscard]] std::string_view wire() const { return {bytes_.data(), size_}; }

    [[nodiscard]] std::string text() const;
    // Keyed, so that a client that chooses its ids can't choose where they collide.
    [[nodiscard]] std::uint64_t hash(std::uint64_t seed) const;

    friend bool operator==(const JobId& a, const JobId& b) {
        return a.size_ == b.size_ && a.is_uuid_ == b.is_uuid_ &&
               std::memcmp(a.bytes_.data(), b.bytes_.data(), a.size_) == 0;
    }

private:
    std::array<char, kIdLengthMax> bytes_{};
    std::uint8_t size_ = 0;
    bool is_uuid_ = false;
};

// UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then random bits.
JobId make_uuid7(std::uint64_t unix_ms, std::uint64_t random_high, std::uint64_t random_low);

} // namespace penstock
