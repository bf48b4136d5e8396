#include "gateway/http_policy.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

bool is_digits(std::string_view text) {
    return text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return out;
}

bool begins_with_name(std::string_view text, std::string_view lower) {
    return text.size() >= lower.size() &&
           std::equal(lower.begin(), lower.end(), text.begin(), [](char l, char c) {
               return l == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
           });
}

// "Example.org:80" -> "example.org"; empty if it can't be a host.
std::string host_name(std::string_view host) {
    const std::size_t colon = host.rfind(':');
    const bool bracketed = host.starts_with('[');
    if (colon != std::string_view::npos && (!bracketed || host[colon - 1] == ']')) {
        if (!is_digits(host.substr(colon + 1))) return {};
        host = host.substr(0, colon);
    }
    if (bracketed != host.ends_with(']')) return {};
    return lowered(host);
}

bool is_address(std::string_view name) {
    if (name.starts_with('[')) return true;
    return !name.empty() && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_loopback(std::string_view name) {
    return name == "localhost" || name.ends_with(".localhost") || name == "[::1]" ||
           (name.starts_with("127.") && is_address(name));
}

bool is_allowed(std::string_view name, HostRule rule, const std::vector<std::string>& hosts) {
    if (rule == HostRule::any || is_loopback(name)) return true;
    for (const auto& host : hosts) {
        if (host == "*" || host_name(host) == name) return true;
    }
    if (rule == HostRule::own || name.empty()) return false;
    return is_address(name) || name.find('.') == std::string_view::npos;
}

bool changes_something(const Head& head, HostRule rule) {
    const bool safe =
        head.method == Method::get || head.method == Method::head || head.method == Method::options;
    return !safe || rule == HostRule::own;
}

// "https://example.org:8080" -> "example.org:8080"
std::string_view authority_of(std::string_view origin) {
    const std::size_t scheme = origin.find("://");
    return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

ProblemDetails no_chunks() {
    return problem(Slug::length_required, "Transfer-Encoding is not taken on requests. Send the "
                                          "body with a Content-Length.");
}

ProblemDetails foreign(std::string detail) {
    return problem(Slug::cross_site, std::move(detail) + " Use a client that is not a web page, or "
                                                         "a page that this gateway serves.");
}

} // namespace

std::optional<ProblemDetails> check_raw_header(std::string_view raw) {
    if (raw.size() > kHeaderBytesMax) return too_large(raw);
    const std::size_t line = raw.find("\r\n");
    const std::size_t uri = raw.find(' ');
    const std::size_t uri_end = uri < line ? raw.find(' ', uri + 1) : std::string_view::npos;
    if (uri_end < line && uri_end - uri > kUriBytesMax) return too_large(raw.substr(0, uri_end));
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const char c = raw[i];
        if (c == '\r' && i + 1 < raw.size() && raw[i + 1] == '\n') {
            ++i;
            if (begins_with_name(raw.substr(i + 1), "transfer-encoding")) return no_chunks();
            const char next = i + 1 < raw.size() ? raw[i + 1] : '\0';
            if (next == ' ' || next == '\t') {
                return problem(Slug::malformed_http, "A header field is folded over two lines. "
                                                     "Send it on one.");
            }
        } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
            return problem(Slug::malformed_http,
                           "There is a control character in the header, at byte " +
                               std::to_string(i) + ".");
        }
    }
    return std::nullopt;
}

ProblemDetails too_large(std::string_view raw) {
    if (std::min(raw.find("\r\n"), raw.size()) > kUriBytesMax) { // the request line
        return problem(Slug::uri_too_long, "A URI may have " + std::to_string(kUriBytesMax) +
                                               " bytes. Send a body instead: POST /v1/jobs.");
    }
    return problem(Slug::header_too_large,
                   "The header may have " + std::to_string(kHeaderBytesMax) + " bytes.");
}

std::optional<ProblemDetails> check_framing(const Head& head) {
    if (head.transfer_encoding) return no_chunks();
    if (head.content_lengths > 1) {
        return problem(Slug::malformed_http, "Content-Length stands there twice.");
    }
    if (head.hosts > 1) return problem(Slug::malformed_http, "Host stands there twice.");
    if (head.version >= 11 && head.hosts == 0) {
        return problem(Slug::malformed_http, "HTTP/1.1 needs a Host.");
    }
    if (head.expect && lowered(*head.expect) != "100-continue") {
        return problem(Slug::expectation_failed, "The only expectation met is 100-continue.");
    }
    return std::nullopt;
}

std::optional<ProblemDetails> check_site(const Head& head, HostRule rule,
                                         const std::vector<std::string>& public_hosts) {
    const std::string name = head.host ? host_name(*head.host) : std::string();
    // No browser speaks HTTP/1.0, and only that comes without a Host.
    if (head.host && !is_allowed(name, rule, public_hosts)) {
        return problem(Slug::host_not_allowed, "The Host `" + *head.host +
                                                   "` is not served here. Start the gateway with "
                                                   "--public-host " +
                                                   (name.empty() ? "NAME" : name) +
                                                   " to serve it.");
    }
    if (!changes_something(head, rule)) return std::nullopt;
    if (head.fetch_site && lowered(*head.fetch_site) == "cross-site") {
        return foreign("The request was made by a web page of another site.");
    }
    const bool same =
        !head.origin || (head.host && lowered(authority_of(*head.origin)) == lowered(*head.host));
    const bool known =
        !same && is_allowed(host_name(authority_of(*head.origin)), HostRule::own, public_hosts);
    if (!same && !known) {
        return foreign("The Origin `" + *head.origin + "` is another site.");
    }
    return std::nullopt;
}

} // namespace penstock::gateway
