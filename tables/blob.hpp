#pragma once
// Bytes that one record owns: one allocation, sixteen bytes beside it.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace penstock {

class Blob {
public:
    Blob() = default;

    explicit Blob(std::string_view bytes)
        : data_(bytes.empty() ? nullptr : new char[bytes.size()]),
          size_(static_cast<std::uint32_t>(bytes.size())) {
        if (!bytes.empty()) std::memcpy(data_.get(), bytes.data(), bytes.size());
    }

    Blob(Blob&& other) noexcept : data_(std::move(other.data_)), size_(other.size_) {
        other.size_ = 0;
    }

    Blob& operator=(Blob&& other) noexcept {
        data_ = std::move(other.data_);
        size_ = other.size_;
        other.size_ = 0;
        return *this;
    }

    [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }

    [[nodiscard]] std::size_t size() const { return size_; }

private:
    std::unique_ptr<char[]> data_;
    std::uint32_t size_ = 0;
};

} // namespace penstock
