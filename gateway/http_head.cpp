#include "gateway/http_head.hpp"

#include "gateway/beast.hpp"
#include "gateway/http_policy.hpp"

namespace penstock::gateway {
namespace {

using Fields = http::request<http::empty_body>;

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

template <class Name>
std::optional<std::string> field(const Fields& fields, Name name) {
    const auto found = fields.find(name);
    if (found == fields.end()) return std::nullopt;
    return std::string(found->value().data(), found->value().size());
}

void read_fields(Head& head, const Fields& fields) {
    head.host = field(fields, http::field::host);
    head.origin = field(fields, http::field::origin);
    head.fetch_site = field(fields, "Sec-Fetch-Site");
    head.content_type = field(fields, http::field::content_type);
    head.content_encoding = field(fields, http::field::content_encoding);
    head.accept = field(fields, http::field::accept);
    head.prefer = field(fields, http::field::prefer);
    head.idempotency_key = field(fields, "Idempotency-Key");
    head.if_none_match = field(fields, http::field::if_none_match);
    head.expect = field(fields, http::field::expect);
    head.hosts = static_cast<unsigned>(fields.count(http::field::host));
    head.content_lengths = static_cast<unsigned>(fields.count(http::field::content_length));
    head.transfer_encoding = fields.count(http::field::transfer_encoding) > 0;
}

} // namespace

std::variant<Head, ProblemDetails> parse_head(std::string_view raw) {
    if (auto bad = check_raw_header(raw)) return std::move(*bad);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(boost::none); // the length is checked by route
    boost::system::error_code error;
    parser.put(asio::buffer(raw.data(), raw.size()), error);
    if (error || !parser.is_header_done()) {
        return problem(Slug::malformed_http,
                       "The header is not HTTP/1.1: " + error.message() + ".");
    }
    const Fields& fields = parser.get();
    Head head;
    head.method = method_of(fields.method());
    head.version = fields.version();
    head.keep_alive = fields.keep_alive();
    read_fields(head, fields);
    if (const auto length = parser.content_length()) head.content_length = *length;
    if (auto bad = check_framing(head)) return std::move(*bad);
    if (!read_target(head, {fields.target().data(), fields.target().size()})) {
        return problem(Slug::malformed_http, "The target of the request is not a path.");
    }
    return head;
}

} // namespace penstock::gateway
