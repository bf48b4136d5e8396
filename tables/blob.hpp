#pragma once
// Bytes that one record owns: one allocation, sixteen bytes beside it. Bytes that make up most of a
// large frame are not copied: the frame is kept instead.

#include "protocol/message.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace penstock {

class Blob {
public:
    // Below this a copy costs less than a frame that is freed by another thread.
    static constexpr std::size_t kShareFrom = 16u << 10;

    Blob() = default;

    explicit Blob(std::string_view bytes) : size_(static_cast<std::uint32_t>(bytes.size())) {
        if (bytes.empty()) return;
        place_ = new char[bytes.size()];
        std::memcpy(place_, bytes.data(), bytes.size());
    }

    // `bytes` are a part of the frame. A small part is copied all the same: nobody should keep a
    // bulk of jobs for the sake of the one that takes longest.
    Blob(std::string_view bytes, const Held& held) {
        const bool is_most = bytes.size() >= kShareFrom && bytes.size() >= held.bytes / 2;
        if (held.frame == nullptr || !is_most) {
            *this = Blob(bytes);
            return;
        }
        place_ = new Share{held.frame, bytes.data()};
        size_ = static_cast<std::uint32_t>(bytes.size());
        shares_ = true;
    }

    ~Blob() {
        if (shares_)
            delete static_cast<Share*>(place_);
        else
            delete[] static_cast<char*>(place_);
    }

    Blob(Blob&& other) noexcept { swap(other); }

    Blob& operator=(Blob&& other) noexcept {
        Blob old(std::move(*this));
        swap(other);
        return *this;
    }

    [[nodiscard]] std::string_view view() const {
        const char* data = shares_ ? static_cast<Share*>(place_)->data : static_cast<char*>(place_);
        return {data, size_};
    }

    [[nodiscard]] std::size_t size() const { return size_; }

    [[nodiscard]] bool shares() const { return shares_; }

private:
    struct Share {
        std::shared_ptr<const void> frame;
        const char* data;
    };

    void swap(Blob& other) {
        std::swap(place_, other.place_);
        std::swap(size_, other.size_);
        std::swap(shares_, other.shares_);
    }

    void* place_ = nullptr; // a Share or an array of char
    std::uint32_t size_ = 0;
    bool shares_ = false;
};

static_assert(sizeof(Blob) == 16);

} // namespace penstock
