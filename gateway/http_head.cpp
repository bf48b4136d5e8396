#include "gateway/http_head.hpp"

#include "gateway/http_policy.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace penstock::gateway {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::string_view kLineEnd = "\r\n", kEndOfHeader = "\r\n\r\n";

Method method_of(http::verb verb) {
    switch (verb) {
    case http::verb::get:
        return Method::get;
    case http::verb::head:
        return Method::head;
    case http::verb::post:
        return Method::post;
    case http::verb::put:
        return Method::put;
    case http::verb::patch:
        return Method::patch;
    case http::verb::delete_:
        return Method::remove;
    case http::verb::options:
        return Method::options;
    default:
        return Method::other;
    }
}

bool is_named(std::string_view name, std::string_view lower) {
    return beast::iequals({name.data(), name.size()}, {lower.data(), lower.size()});
}

// Beast parses; each field goes where it is needed and nowhere else.
class HeadParser : public http::basic_parser<true> {
public:
    Head head;

private:
    // The first one of a name counts, where a second one is not refused.
    static void keep(std::optional<std::string>& to, beast::string_view value) {
        if (!to) to.emplace(value.data(), value.size());
    }

    void on_request_impl(http::verb method, beast::string_view, beast::string_view target,
                         int version, beast::error_code&) override {
        head.method = method_of(method);
        head.version = static_cast<unsigned>(version);
        head.target.assign(target.data(), target.size());
    }

    void on_field_impl(http::field field, beast::string_view name, beast::string_view value,
                       beast::error_code&) override {
        switch (field) {
        case http::field::host:
            ++head.hosts;
            return keep(head.host, value);
        case http::field::origin:
            return keep(head.origin, value);
        case http::field::content_type:
            return keep(head.content_type, value);
        case http::field::content_encoding:
            return keep(head.content_encoding, value);
        case http::field::accept:
            return keep(head.accept, value);
        case http::field::prefer:
            return keep(head.prefer, value);
        case http::field::if_none_match:
            return keep(head.if_none_match, value);
        case http::field::expect:
            return keep(head.expect, value);
        case http::field::content_length:
            // A list of equal ones, too, is more than one.
            head.content_lengths += 1 + static_cast<unsigned>(
                                            std::count(value.begin(), value.end(), ','));
            return;
        case http::field::transfer_encoding:
            head.transfer_encoding = true;
            return;
        default:
            break;
        }
        const std::string_view text(name.data(), name.size());
        if (is_named(text, "sec-fetch-site"))
            keep(head.fetch_site, value);
        else if (is_named(text, "idempotency-key"))
            keep(head.idempotency_key, value);
        else if (is_named(text, "last-event-id"))
            keep(head.last_event_id, value);
    }

    // A header is all that it is given.
    void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}

    void on_header_impl(beast::error_code&) override {}

    void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}

    std::size_t on_body_impl(beast::string_view body, beast::error_code&) override {
        return body.size();
    }

    void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}

    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body,
                                   beast::error_code&) override {
        return body.size();
    }

    void on_finish_impl(beast::error_code&) override {}
};

} // namespace

HeaderPlace find_header(std::string_view received, std::size_t searched) {
    HeaderPlace out;
    while (received.starts_with(kLineEnd)) {
        received.remove_prefix(kLineEnd.size());
        out.before += kLineEnd.size();
    }
    const std::size_t end = received.find(kEndOfHeader, searched < 3 ? 0 : searched - 3);
    if (end != std::string_view::npos) {
        out.is = HeaderPlace::Is::complete;
        out.size = end + kEndOfHeader.size();
    } else if (received.size() > kHeaderBytesMax) {
        out.is = HeaderPlace::Is::too_large;
    }
    return out;
}

std::variant<Head, ProblemDetails> parse_head(std::string_view raw) {
    if (auto bad = check_raw_header(raw)) return std::move(*bad);
    HeadParser parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(boost::none); // the length is checked by route
    boost::system::error_code error;
    parser.put(boost::asio::buffer(raw.data(), raw.size()), error);
    if (error || !parser.is_header_done()) {
        return problem(Slug::malformed_http,
                       "The header is not HTTP/1.1: " + error.message() + ".");
    }
    Head& head = parser.head;
    head.keep_alive = parser.keep_alive();
    if (const auto length = parser.content_length()) head.content_length = *length;
    if (auto bad = check_framing(head)) return std::move(*bad);
    if (!read_target(head)) {
        return problem(Slug::malformed_http,
                       "The target of the request is not a path, or its query is not UTF-8.");
    }
    return std::move(head);
}

} // namespace penstock::gateway
