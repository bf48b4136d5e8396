#include "protocol/job_id.hpp"

#include <algorithm>
#include <cstring>

namespace penstock {
namespace {

constexpr char kHex[] = "0123456789abcdef";

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1; // upper case is not canonical: such an id stays text, and prints as it came
}

bool is_dash_place(std::size_t i) {
    return i == 8 || i == 13 || i == 18 || i == 23;
}

bool parse_uuid(std::string_view text, std::array<unsigned char, 16>& out) {
    if (text.size() != 36) return false;
    std::size_t nibble = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_dash_place(i)) {
            if (text[i] != '-') return false;
            continue;
        }
        const int value = hex_value(text[i]);
        if (value < 0) return false;
        auto& byte = out[nibble / 2];
        byte = static_cast<unsigned char>(nibble % 2 == 0 ? value << 4 : byte | value);
        ++nibble;
    }
    return true;
}

bool is_id_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

std::uint64_t load64(const char* p) {
    std::uint64_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return v;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128; // gcc and clang have it, the standard has not
    const auto product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

} // namespace

std::optional<JobId> JobId::parse(std::string_view text) {
    if (text.empty() || text.size() > kIdLengthMax) return std::nullopt;
    if (!std::all_of(text.begin(), text.end(), is_id_character)) return std::nullopt;
    std::array<unsigned char, 16> uuid{};
    if (parse_uuid(text, uuid)) return from_uuid(uuid);
    JobId id;
    id.form_ = static_cast<std::uint8_t>(text.size());
    if (id.is_far()) {
        auto* const borrowed = const_cast<char*>(text.data()); // for copy_far, which only reads
        std::memcpy(id.near_.data(), &borrowed, sizeof borrowed);
        id.copy_far();
    } else {
        std::copy(text.begin(), text.end(), id.near_.begin());
    }
    return id;
}

void JobId::copy_far() {
    auto* const own = new char[size()];
    std::memcpy(own, far(), size());
    std::memcpy(near_.data(), &own, sizeof own);
}

std::string JobId::text() const {
    if (!is_uuid()) return std::string(wire());
    std::string out(36, '-');
    std::size_t at = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        if (is_dash_place(at)) ++at;
        const auto byte = static_cast<unsigned char>(near_[i]);
        out[at++] = kHex[byte >> 4];
        out[at++] = kHex[byte & 15];
    }
    return out;
}

std::uint64_t JobId::hash(std::uint64_t seed) const {
    std::uint64_t h = mix(seed ^ size(), 0x9e3779b97f4a7c15ull);
    const auto add = [&h](const char* sixteen) {
        h = mix(load64(sixteen) ^ h, load64(sixteen + 8) ^ 0xe7037ed1a0b428dbull);
    };
    if (!is_far()) {
        add(near_.data());
    } else {
        std::array<char, kIdLengthMax> padded{};
        std::memcpy(padded.data(), far(), size());
        for (std::size_t i = 0; i < size(); i += 16) add(padded.data() + i);
    }
    return mix(h ^ seed, 0xa0761d6478bd642full);
}

JobId make_uuid7(std::uint64_t unix_ms, std::uint64_t random_high, std::uint64_t random_low) {
    const std::uint64_t first = unix_ms << 16 | 0x7000 | (random_high & 0x0fff);
    const std::uint64_t second = std::uint64_t{2} << 62 | (random_low & ~std::uint64_t{0} >> 2);
    const std::array<std::uint64_t, 2> words = {__builtin_bswap64(first), __builtin_bswap64(second)};
    return JobId::uuid(reinterpret_cast<const char*>(words.data()));
}

} // namespace penstock
