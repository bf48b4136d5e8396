// http: fetches a URL below one of those that the operator allowed.
//
// What the other side says decides what becomes of the attempt: below 400 is a result; 5xx, a
// connection that failed, and "later" (408, 425, 429) may be tried again; any other 4xx would be
// the same again.

#include "protocol/codec.hpp"
#include "json/json.hpp"
#include "protocol/limits.hpp"
#include "workers/kinds/builtin.hpp"
#include "workers/kinds/fetcher.hpp"
#include "workers/kinds/http_request.hpp"

#include <algorithm>
#include <memory>

namespace penstock::worker {
namespace {

constexpr std::size_t kExcerptMax = 200; // of a body that says what went wrong

bool may_be_tried_again(long status) {
    if (status >= 500) return status != 501 && status != 505; // it will never know that method
    return status == 408 || status == 425 || status == 429;
}

std::string excerpt(std::string_view body) {
    if (body.size() > kExcerptMax) {
        std::size_t end = kExcerptMax; // not within a character
        while (end > 0 && (static_cast<unsigned char>(body[end]) & 0xc0) == 0x80) --end;
        body = body.substr(0, end);
    }
    return is_utf8(body) ? std::string(body) : std::string();
}

// Without the query of the URL, which may hold what is not for logs.
Reply refused_by_server(const Fetched& fetched) {
    const UrlParts& url = fetched.url;
    const std::string said = excerpt(fetched.body);
    return Reply::failure("http-" + std::to_string(fetched.status),
                          url.scheme + "://" + url.host + ":" + url.port + url.path + " answered " +
                              std::to_string(fetched.status) + (said.empty() ? "" : ": " + said),
                          may_be_tried_again(fetched.status) ? Retry::allowed : Retry::pointless);
}

std::string content_type(const Fetched& fetched) {
    const auto at = fetched.headers.find("content-type");
    const bool fits = at != fetched.headers.end() && !at->second.empty() &&
                      at->second.size() <= kNameLengthMax && is_utf8(at->second);
    return fits ? at->second : "application/octet-stream";
}

// Without its parameters.
std::string media_type(std::string out) {
    out.erase(std::min(out.find_first_of("; \t"), out.size()));
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return out;
}

Reply body_alone(const Fetched& fetched) {
    const std::string whole_type = content_type(fetched);
    const std::string type = media_type(whole_type);
    if (type == "application/json" || type.ends_with("+json")) {
        JsonReader reader;
        const auto read = reader.read(fetched.body);
        if (const auto* value = std::get_if<boost::json::value*>(&read)) {
            std::string packed;
            append_msgpack(packed, **value);
            return Reply::value(std::move(packed));
        }
        return Reply::failure("bad-response", "the response says that it is JSON, and is not",
                              Retry::allowed);
    }
    if (type.starts_with("text/") && is_utf8(fetched.body)) return Reply::text(fetched.body);
    return Reply::bytes(whole_type, fetched.body);
}

Reply whole_response(const Fetched& fetched) {
    std::string out;
    Writer w(out);
    w.map(3).key("status").integer(fetched.status);
    w.key("headers").map(fetched.headers.size());
    for (const auto& [name, value] : fetched.headers) {
        write_text_or_bytes(w, name);
        write_text_or_bytes(w, value);
    }
    w.key("body");
    write_text_or_bytes(w, fetched.body);
    return Reply::value(std::move(out));
}

struct Wanted {
    HttpRequest::Result result;
    bool any_status;
};

Reply to_reply(const Fetched& fetched, const Wanted& wanted) {
    if (!fetched.error.empty()) {
        return Reply::failure(fetched.error, fetched.why,
                              fetched.lasting ? Retry::pointless : Retry::allowed);
    }
    if (fetched.status >= 400 && !wanted.any_status) return refused_by_server(fetched);
    return wanted.result == HttpRequest::Result::body ? body_alone(fetched)
                                                      : whole_response(fetched);
}

} // namespace

AsyncHandler make_http(const std::shared_ptr<Fetcher>& fetcher, AllowedUrls allowed) {
    // Weak: what the fetcher has under way keeps its job and so this handler.
    return [weak = std::weak_ptr<Fetcher>(fetcher), allowed = std::move(allowed)](
               const std::shared_ptr<Job>& job, const Completion& answer) {
        auto read = read_http_request(*job);
        if (const auto* wrong = std::get_if<std::string>(&read)) return answer(bad_payload(*wrong));
        auto& request = std::get<HttpRequest>(read);
        auto parts = allowed.admit(request.url);
        if (!parts) {
            return answer(Reply::failure("url-not-allowed",
                                         "this worker may not fetch " + request.url +
                                             "; its operator allows URLs with --allow-url",
                                         Retry::pointless));
        }
        request.fetch.url = std::move(*parts);
        if (const auto alive = weak.lock()) {
            const Wanted wanted{request.result, request.any_status};
            alive->start(std::move(request.fetch), [answer, wanted](const Fetched& fetched) {
                answer(to_reply(fetched, wanted));
            });
        }
    };
}

} // namespace penstock::worker
