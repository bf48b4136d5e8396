#include "sink/log_check.hpp"

#include <bit>
#include <string>
#include <string_view>

namespace penstock::sink {
namespace {

constexpr std::size_t kHead = 32, kFrameHead = 24;
constexpr std::size_t kUsualPage = 8192;          // of a store, if the log's head can't be read
constexpr std::uint32_t kMagic = 0x377f0682;      // checksums of little-endian words; +1: big-endian
constexpr std::uint32_t kPageMin = 512, kPageMax = 65536;

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
    std::uint32_t out = 0;
    for (std::size_t i = at; i < at + 4; ++i) out = out << 8 | static_cast<unsigned char>(bytes[i]);
    return out;
}

struct Sums {
    std::uint32_t first = 0, second = 0;
    bool operator==(const Sums&) const = default;

    static Sums stored(std::string_view bytes, std::size_t at) {
        return {big_endian(bytes, at), big_endian(bytes, at + 4)};
    }

    void add(std::string_view bytes, bool is_big) { // REQUIRES: a multiple of 8
        const auto word = [&](std::size_t at) {
            const std::uint32_t big = big_endian(bytes, at);
            return is_big ? big : __builtin_bswap32(big);
        };
        for (std::size_t at = 0; at < bytes.size(); at += 8) {
            first += word(at) + second;
            second += word(at + 4) + first;
        }
    }
};

// What of the log's head the frames are compared with.
struct Head {
    bool is_whole = false, is_big = false;
    std::size_t page = kUsualPage;
    std::string salts;
    Sums sums;

    explicit Head(std::string_view bytes) : salts(bytes.substr(16, 8)), sums(Sums::stored(bytes, 24)) {
        const std::uint32_t magic = big_endian(bytes, 0), size = big_endian(bytes, 8);
        is_big = magic == kMagic + 1;
        Sums own;
        own.add(bytes.substr(0, 24), is_big);
        const bool is_size = size >= kPageMin && size <= kPageMax && (size & (size - 1)) == 0;
        is_whole = (magic == kMagic || magic == kMagic + 1) && is_size && own == sums;
        if (is_whole)
            page = size;
        else
            is_big = std::endian::native == std::endian::big; // as SQLite writes it
    }
};

} // namespace

std::optional<LogDamage> damage_of(std::istream& log) {
    std::string bytes(kHead, '\0');
    if (!log.read(bytes.data(), kHead)) return std::nullopt;
    Head head(bytes);
    std::optional<LogDamage> damage;
    if (!head.is_whole) damage = LogDamage{};
    bool is_over = !head.is_whole; // the transaction of what is damaged has ended
    Sums before = head.sums;       // of the frame before, as they are stored
    bytes.resize(kFrameHead + head.page);
    const auto size = static_cast<std::streamsize>(bytes.size());
    for (std::uint64_t frame = 1; log.read(bytes.data(), size); ++frame) {
        const std::string_view all = bytes, salts = all.substr(8, 8);
        if (!head.is_whole && frame == 1) head.salts = salts;
        Sums own = before;
        own.add(all.substr(0, 8), head.is_big);
        own.add(all.substr(kFrameHead), head.is_big);
        before = Sums::stored(all, 16);
        const bool commits = big_endian(all, 4) != 0;
        const bool is_page = big_endian(all, 0) != 0; // else these are zeros, and their sums too
        if (is_page && own == before && salts == head.salts) { // it follows the one before it
            if (damage && is_over) return damage;
            is_over = damage && commits;
        } else if (!damage) {
            damage = LogDamage{frame, kHead + (frame - 1) * bytes.size()};
            is_over = commits;
        }
    }
    return std::nullopt;
}

} // namespace penstock::sink
