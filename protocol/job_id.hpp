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
#include <utility>

namespace penstock {

// 24 bytes, for tables hold millions of them and most are UUIDs. A longer name is an allocation.
class JobId {
public:
    JobId() = default;
    JobId(const JobId& other) : near_(other.near_), form_(other.form_) {
        if (is_far()) copy_far();
    }
    JobId(JobId&& other) noexcept
        : near_(other.near_), form_(std::exchange(other.form_, std::uint8_t{0})) {}
    JobId& operator=(JobId&& other) noexcept {
        if (is_far() && this != &other) delete[] far();
        near_ = other.near_;
        const std::uint8_t form = std::exchange(other.form_, std::uint8_t{0});
        form_ = form; // the same object keeps it
        return *this;
    }
    JobId& operator=(const JobId& other) {
        if (is_far() || other.is_far()) return *this = JobId(other);
        near_ = other.near_;
        form_ = other.form_;
        return *this;
    }
    ~JobId() {
        if (is_far()) delete[] far();
    }

    static std::optional<JobId> parse(std::string_view text);
    static JobId from_uuid(const std::array<unsigned char, 16>& bytes) {
        return uuid(reinterpret_cast<const char*>(bytes.data()));
    }
    // `bytes` as they stand on the wire; nullopt unless there are 16.
    static std::optional<JobId> from_uuid(std::string_view bytes) {
        if (bytes.size() != kNear) return std::nullopt;
        return uuid(bytes.data());
    }
    static JobId uuid(const char* bytes) { // REQUIRES: 16 of them
        JobId id;
        std::memcpy(id.near_.data(), bytes, kNear);
        id.form_ = kUuid;
        return id;
    }

    [[nodiscard]] bool empty() const { return form_ == 0; }

    [[nodiscard]] bool is_uuid() const { return form_ == kUuid; }

    // What stands on the wire: 16 bytes for a UUID (as bin), else the text itself (as str).
    [[nodiscard]] std::string_view wire() const {
        return {is_far() ? far() : near_.data(), size()};
    }

    [[nodiscard]] std::string text() const;
    // Keyed, so that a client that chooses its ids can't choose where they collide.
    [[nodiscard]] std::uint64_t hash(std::uint64_t seed) const;

    friend bool operator==(const JobId& a, const JobId& b) {
        if (a.form_ != b.form_) return false;
        return a.near_ == b.near_ || (a.is_far() && a.wire() == b.wire());
    }

private:
    static constexpr std::size_t kNear = 16;

    // Above the size of any text, and with a UUID's own in its low bits.
    static constexpr std::uint8_t kUuid = 0x80 | kNear;

    [[nodiscard]] std::size_t size() const { return form_ & 0x7f; }
    [[nodiscard]] bool is_far() const { return size() > kNear; }
    [[nodiscard]] char* far() const { // REQUIRES: is_far()
        char* text = nullptr;
        std::memcpy(&text, near_.data(), sizeof text);
        return text;
    }
    void copy_far(); // what near_ points to becomes our own

    // The name itself, zero beyond its size; or a pointer to it.
    alignas(8) std::array<char, kNear> near_{};
    // The size of a text, or kUuid: one byte for both, because two that are written apart and copied
    // together make the CPU wait.
    std::uint8_t form_ = 0;
};
static_assert(sizeof(JobId) == 24);

// UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then random bits.
JobId make_uuid7(std::uint64_t unix_ms, std::uint64_t random_high, std::uint64_t random_low);

} // namespace penstock
