#include "cli/terminal.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace penstock::cli {
namespace {

constexpr int kBarWidth = 32;
constexpr double kRedrawSeconds = 0.05;

bool is_dumb() {
    const char* term = std::getenv("TERM");
    return term == nullptr || std::string_view(term) == "dumb";
}

const char* code_of(Paint paint) {
    switch (paint) {
    case Paint::bold:
        return "\033[1m";
    case Paint::dim:
        return "\033[2m";
    case Paint::green:
        return "\033[32m";
    case Paint::yellow:
        return "\033[33m";
    case Paint::red:
        return "\033[31m";
    case Paint::plain:
        break;
    }
    return "";
}

double steady_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace

bool is_terminal(Stream stream) {
    return isatty(stream == Stream::out ? STDOUT_FILENO : STDERR_FILENO) == 1;
}

bool has_colour(Stream stream) {
    const char* refused = std::getenv("NO_COLOR");
    return is_terminal(stream) && !is_dumb() && (refused == nullptr || *refused == '\0');
}

std::string painted(std::string_view text, Paint paint, Stream stream) {
    if (paint == Paint::plain || !has_colour(stream)) return std::string(text);
    return code_of(paint) + std::string(text) + "\033[0m";
}

ProgressBar::ProgressBar(std::string label, std::size_t total)
    : label_(std::move(label)), total_(total), visible_(is_terminal(Stream::err) && !is_dumb()) {}

ProgressBar::~ProgressBar() {
    if (visible_ && drawn_at_ >= 0) std::fputs("\r\033[K", stderr);
}

void ProgressBar::show(std::size_t done) {
    if (!visible_ || total_ == 0) return;
    const double now = steady_seconds();
    if (drawn_at_ >= 0 && now - drawn_at_ < kRedrawSeconds && done < total_) return;
    drawn_at_ = now;
    const std::size_t shown = std::min(done, total_);
    const auto filled = static_cast<std::size_t>(kBarWidth) * shown / total_;
    std::string bar;
    for (std::size_t i = 0; i < kBarWidth; ++i) bar += i < filled ? "█" : "░";
    std::fprintf(stderr, "\r\033[K%s %s %zu/%zu", label_.c_str(),
                 painted(bar, Paint::green, Stream::err).c_str(), shown, total_);
    std::fflush(stderr);
}

} // namespace penstock::cli
