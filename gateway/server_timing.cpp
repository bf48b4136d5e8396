#include "gateway/server_timing.hpp"

#include <array>
#include <charconv>

namespace penstock::gateway {
namespace {

void append(std::string& out, std::string_view name, double seconds) {
    if (seconds < 0) return;
    std::array<char, 64> text{};
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), seconds * 1e3,
                                            std::chars_format::fixed, 3);
    if (error != std::errc()) return;
    if (!out.empty()) out += ", ";
    out.append(name).append(";dur=").append(text.data(), end);
}

} // namespace

std::string server_timing(const JobView& job) {
    std::string text;
    if (!is_final(job.state)) return text;
    append(text, "queue", job.queue);
    append(text, "dispatch", job.dispatch);
    append(text, "run", job.run);
    append(text, "return", job.back);
    return text;
}

void add_server_timing(Reply& reply, std::string timing) {
    if (!timing.empty()) reply.headers.emplace_back("Server-Timing", std::move(timing));
}

} // namespace penstock::gateway
