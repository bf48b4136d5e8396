#pragma once
// What the terminal can take. Colours only on a terminal, without NO_COLOR and TERM=dumb.

#include <string>
#include <string_view>

namespace penstock::cli {

enum class Stream { out, err };

bool is_terminal(Stream stream);
bool has_colour(Stream stream);

enum class Paint { plain, bold, dim, green, yellow, red };
// `text` as it is where the stream has no colour.
std::string painted(std::string_view text, Paint paint, Stream stream);

// One bar on stderr, redrawn in place at most 20 times a second. Nothing at all where stderr is no
// terminal, or a dumb one.
class ProgressBar {
public:
    ProgressBar(std::string label, std::size_t total);
    ~ProgressBar(); // wipes it, so that what follows starts on an empty line
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void show(std::size_t done);

private:
    std::string label_;
    std::size_t total_;
    bool visible_;
    double drawn_at_ = -1; // seconds of the steady clock
};

} // namespace penstock::cli
