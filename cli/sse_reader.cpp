#include "cli/sse_reader.hpp"

#include <algorithm>

namespace penstock::cli {

void SseReader::read(std::string_view bytes) {
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos;
         end = bytes.find('\n')) {
        rest_.append(bytes.substr(0, end));
        if (rest_.ends_with('\r')) rest_.pop_back();
        line(rest_);
        rest_.clear();
        bytes.remove_prefix(end + 1);
    }
    rest_.append(bytes);
}

// "field: value"; an empty one ends the event, one that begins with a colon is a comment.
void SseReader::line(std::string_view text) {
    if (text.empty()) {
        if (!event_.data.empty()) take_(event_);
        event_.name.clear();
        event_.data.clear();
        return;
    }
    const std::size_t colon = std::min(text.find(':'), text.size());
    const std::string_view field = text.substr(0, colon);
    std::string_view value = text.substr(std::min(colon + 1, text.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "id") event_.id = value;
    if (field == "event") event_.name = value;
    if (field == "data") {
        if (!event_.data.empty()) event_.data += '\n';
        event_.data += value;
    }
}

} // namespace penstock::cli
