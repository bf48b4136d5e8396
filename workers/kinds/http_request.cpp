#include "workers/kinds/http_request.hpp"

#include "protocol/limits.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <openssl/evp.h>
#include <optional>

namespace penstock::worker {
namespace {

constexpr std::string_view kBytesType = "application/octet-stream";
constexpr std::string_view kTextType = "text/plain; charset=utf-8";

// Host would reach another site than the one that was allowed; how the body is framed, and what
// becomes of the connection, is curl's business: a wrong length would smuggle a second request past
// the allowed paths. The last two are written here.
constexpr std::array<std::string_view, 11> kNotTheirs = {
    "connection", "content-length",    "expect",  "host",         "keep-alive",      "te",
    "trailer",    "transfer-encoding", "upgrade", "penstock-job", "penstock-attempt"};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return out;
}

// RFC 9110's token, which is what methods and names of headers are.
bool is_token(std::string_view text) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !text.empty() && text.size() <= kNameLengthMax &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      kMarks.find(c) != std::string_view::npos;
           });
}

bool is_header_value(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_theirs(std::string_view name) {
    return std::find(kNotTheirs.begin(), kNotTheirs.end(), lower(name)) == kNotTheirs.end();
}

bool is_given(Node node) {
    return node && !node.is(Shape::nil);
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0 ||
        text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        return std::nullopt;
    }
    // EVP_DecodeBlock takes padding anywhere for zeros.
    const std::size_t padding = text.find('=');
    if (padding != text.npos && (padding + 2 < text.size() || text.back() != '=')) {
        return std::nullopt;
    }
    std::string out(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    // It steps over blanks at both ends, and counts the padding as zeros.
    if (size != static_cast<int>(out.size())) return std::nullopt;
    for (int i = 0; i < 2 && text.ends_with('='); ++i) {
        text.remove_suffix(1);
        out.pop_back();
    }
    return out;
}

using Wrong = std::string; // empty: nothing is

Wrong read_headers(Node map, Fetch& fetch) {
    if (!is_given(map)) return {};
    if (!map.is(Shape::map)) return "`headers` must be a map of strings";
    Node at = map.first();
    for (std::uint32_t i = 0; i < map.size(); ++i) {
        const Node value = at.after();
        if (!at.is(Shape::text) || !value.is(Shape::text)) {
            return "`headers` must be a map of strings";
        }
        if (!is_token(at.text()) || !is_theirs(at.text()) || !is_header_value(value.text())) {
            return "`headers` has one that can't be sent: " + std::string(at.text());
        }
        fetch.headers.emplace_back(at.text(), value.text());
        if (i + 1 < map.size()) at = value.after();
    }
    return {};
}

void add_type(Fetch& fetch, std::string_view type) {
    const bool said = std::any_of(fetch.headers.begin(), fetch.headers.end(),
                                  [](const auto& h) { return lower(h.first) == "content-type"; });
    if (!said) fetch.headers.emplace_back("Content-Type", type);
}

// Text, bytes, or bytes as JSON has to write them: {"$bin": base64}, as the gateway writes them.
Wrong read_body(Node body, Fetch& fetch) {
    if (!is_given(body)) return {};
    if (body.is(Shape::text) || body.is(Shape::bytes)) {
        fetch.body = body.text();
        add_type(fetch, body.is(Shape::text) ? kTextType : kBytesType);
        return {};
    }
    const Node encoded = body.is(Shape::map) && body.size() == 1 ? body.find("$bin") : Node();
    if (!encoded.is(Shape::text)) {
        return "`body` must be a string, bytes, or {\"$bin\": bytes in base64}";
    }
    auto bytes = from_base64(encoded.text());
    if (!bytes) return "`body` is not base64";
    fetch.body = std::move(*bytes);
    add_type(fetch, kBytesType);
    return {};
}

Wrong read_result(Node root, HttpRequest& request) {
    const Node result = root.find("result"), any = root.find("any_status");
    if (is_given(result)) {
        if (!result.is(Shape::text) || (result.text() != "body" && result.text() != "response")) {
            return "`result` must be \"response\" or \"body\"";
        }
        if (result.text() == "body") request.result = HttpRequest::Result::body;
    }
    if (is_given(any)) {
        if (!any.is(Shape::boolean)) return "`any_status` must be true or false";
        request.any_status = any.natural() != 0;
    }
    return {};
}

Wrong read_all(const Job& job, HttpRequest& request) {
    const Node root = job.read();
    const Node target = root.find("url"), method = root.find("method");
    if (!target.is(Shape::text)) return "the payload must be {\"url\": a string, ...}";
    request.url = target.text();
    Fetch& fetch = request.fetch;
    if (is_given(method)) {
        if (!method.is(Shape::text) || !is_token(method.text())) return "`method` must be a word";
        fetch.method = method.text();
    }
    fetch.deadline = job.deadline();
    fetch.stop = job.stop_token();
    Wrong wrong = read_headers(root.find("headers"), fetch);
    if (wrong.empty()) wrong = read_body(root.find("body"), fetch);
    if (wrong.empty()) wrong = read_result(root, request);
    fetch.headers.emplace_back("Penstock-Job", job.id().text());
    fetch.headers.emplace_back("Penstock-Attempt", std::to_string(job.attempt()));
    return wrong;
}

} // namespace

std::variant<HttpRequest, std::string> read_http_request(const Job& job) {
    HttpRequest request;
    Wrong wrong = read_all(job, request);
    if (!wrong.empty()) return wrong;
    return request;
}

} // namespace penstock::worker
