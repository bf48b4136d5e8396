#include "protocol/scan.hpp"

namespace penstock {

// Everything but small numbers, short strings and containers, and short bin.
Scanned Scanner::rare(unsigned char head, Head& out) {
    const auto number = [&](Shape shape, std::size_t width) {
        if (left() <= width) return Scanned::ends;
        out.shape = shape;
        out.number = load(width);
        at_ += 1 + width;
        return Scanned::ok;
    };
    // A signed type may hold a natural number: some encoders write all of theirs so.
    const auto signed_number = [&](std::size_t width) {
        const Scanned result = number(Shape::natural, width);
        if (result != Scanned::ok || out.number >> (8 * width - 1) == 0) return result;
        out.shape = Shape::integer;
        if (width < 8) out.number |= ~std::uint64_t{0} << (8 * width);
        return result;
    };
    const auto ext = [&](std::size_t width, std::uint64_t fixed) { // a type stands before the body
        if (left() < 2 + width) return Scanned::ends;
        const std::uint64_t size = width == 0 ? fixed : load(width);
        return body(Shape::ext, 2 + width, size, out);
    };
    switch (head) {
    case 0xc0:
        return whole(Shape::nil, 0, out);
    case 0xc2:
    case 0xc3:
        return whole(Shape::boolean, head & 1u, out);
    case 0xc5:
    case 0xc6:
        return sized(Shape::bytes, std::size_t{2} << (head - 0xc5), out);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return ext(std::size_t{1} << (head - 0xc7), 0);
    case 0xca: {
        const Scanned result = number(Shape::real, 4);
        const auto narrow = std::bit_cast<float>(static_cast<std::uint32_t>(out.number));
        if (result == Scanned::ok) {
            out.number = std::bit_cast<std::uint64_t>(static_cast<double>(narrow));
        }
        return result;
    }
    case 0xcb:
        return number(Shape::real, 8);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return number(Shape::natural, std::size_t{1} << (head - 0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return signed_number(std::size_t{1} << (head - 0xd0));
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return ext(0, std::uint64_t{1} << (head - 0xd4));
    case 0xd9:
    case 0xda:
    case 0xdb:
        return sized(Shape::text, std::size_t{1} << (head - 0xd9), out);
    case 0xdc:
    case 0xdd:
        return number(Shape::array, std::size_t{2} << (head - 0xdc));
    case 0xde:
    case 0xdf:
        return number(Shape::map, std::size_t{2} << (head - 0xde));
    default: // 0xc1
        return Scanned::unknown;
    }
}

} // namespace penstock
