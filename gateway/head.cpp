#include "gateway/head.hpp"

#include "protocol/codec.hpp"

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace penstock::gateway {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

// "/v1/jobs": what nearly every target is, without anything to decode. False: look closer.
bool read_plain_path(std::string_view target, std::vector<std::string>& segments) {
    if (!target.starts_with('/')) return false;
    while (!target.empty()) {
        target.remove_prefix(1);
        const auto end = static_cast<std::size_t>(
            std::find_if_not(target.begin(), target.end(), is_plain) - target.begin());
        const bool goes_on = end == target.size() || target[end] == '/';
        if (end == 0 || !goes_on) {
            segments.clear();
            return false;
        }
        segments.emplace_back(target.substr(0, end));
        target.remove_prefix(end);
    }
    return true;
}

} // namespace

std::string_view to_string(Method method) {
    static constexpr std::array<std::string_view, 8> kNames = {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"};
    return kNames[static_cast<std::size_t>(method)];
}

const std::string* Head::parameter(std::string_view name) const {
    const auto found = std::find_if(query.rbegin(), query.rend(),
                                    [&](const Parameter& p) { return p.name == name; });
    return found == query.rend() ? nullptr : &found->value;
}

bool read_target(Head& head) {
    const std::string_view target = head.target;
    if (target == "*") return head.method == Method::options;
    if (read_plain_path(target, head.segments)) return true;
    const auto parsed = boost::urls::parse_origin_form({target.data(), target.size()});
    if (!parsed) return false;
    for (const auto& segment : parsed->segments()) {
        head.segments.emplace_back(segment.data(), segment.size());
    }
    const boost::urls::encoding_opts form(true, false, false); // a plus is a space
    for (const auto& parameter : parsed->params(form)) {
        head.query.push_back({parameter.key, parameter.value});
    }
    // What stands there goes into messages and payloads as text.
    return std::all_of(head.query.begin(), head.query.end(), [](const Parameter& each) {
        return is_utf8(each.name) && is_utf8(each.value);
    });
}

std::string media_type(std::string_view content_type) {
    std::string out(trimmed(content_type.substr(0, content_type.find(';'))));
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

bool is_msgpack_type(std::string_view type) {
    return type == "application/msgpack" || type == "application/vnd.msgpack" ||
           type == "application/x-msgpack";
}

bool accepts(const Head& head, std::string_view wanted) {
    std::string_view rest = head.accept ? std::string_view(*head.accept) : std::string_view();
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        if (media_type(rest.substr(0, comma)) == wanted) return true;
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
}

bool accepts_msgpack(const Head& head) {
    if (!head.accept) return false;
    std::string_view rest = *head.accept;
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::string type = media_type(rest.substr(0, comma));
        if (is_msgpack_type(type)) return true;
        if (type == "application/json") return false; // it stands first: it is preferred
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
}

} // namespace penstock::gateway
