#include "protocol/payload_with.hpp"

#include "protocol/scan.hpp"

namespace penstock {

std::string payload_with(Bytes payload, std::string_view key, Bytes value) {
    constexpr char kNil = '\xc0';
    if (payload.empty() || (payload.size() == 1 && payload[0] == kNil)) return std::string(value);
    Scanner scanner(payload.data(), payload.data() + payload.size());
    Head map;
    if (!is_one_value(payload) || scanner.next(map) != Scanned::ok || map.shape != Shape::map) {
        return std::string(payload);
    }
    std::string kept; // pairs, as they came
    kept.reserve(payload.size());
    std::uint64_t pairs = 0;
    for (std::uint64_t i = 0; i < map.number; ++i) {
        const char* const start = scanner.at();
        Scanner name = scanner;
        Head head;
        const bool is_it = name.next(head) == Scanned::ok && head.shape == Shape::text &&
                           head.body == key;
        const bool whole = scanner.skip(kDepthMax) == Scanned::ok &&
                           scanner.skip(kDepthMax) == Scanned::ok;
        PENSTOCK_CHECK(whole); // it is one value
        if (is_it) continue;
        kept.append(start, scanner.at());
        ++pairs;
    }
    std::string out;
    out.reserve(kept.size() + key.size() + value.size() + 16);
    Writer w(out);
    w.map(pairs + 1);
    out.append(kept);
    w.key(key).value(value);
    return out;
}

} // namespace penstock
