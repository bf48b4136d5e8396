#pragma once
// CRC-32 (that of zlib, gzip and PNG) over the bytes of a row, so that a damaged one is seen.

#include <cstdint>
#include <string_view>
#include <zlib.h>

namespace penstock::sink {

inline std::uint32_t crc_of(std::string_view first, std::string_view second) {
    const auto add = [](uLong crc, std::string_view part) {
        if (part.empty()) return crc; // to zlib no bytes at no address mean: begin anew
        return crc32_z(crc, reinterpret_cast<const Bytef*>(part.data()), part.size());
    };
    return static_cast<std::uint32_t>(add(add(0, first), second));
}

} // namespace penstock::sink
