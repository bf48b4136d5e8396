#include "gateway/json_slice.hpp"

#include <algorithm>

namespace penstock::gateway {

std::size_t skip_space(std::string_view text, std::size_t from) {
    return std::min(text.find_first_not_of(" \t\r\n", from), text.size());
}

std::size_t end_of_element(std::string_view text, std::size_t from) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = from; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if (c == ']' || c == '}') {
            if (depth == 0) return i;
            --depth;
        } else if (c == ',' && depth == 0) {
            return i;
        }
    }
    return text.size();
}

} // namespace penstock::gateway
