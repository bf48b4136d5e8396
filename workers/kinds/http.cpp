// http: fetches a URL below one of those that the operator allowed.

#include "protocol/codec.hpp"
#include "workers/kinds/builtin.hpp"
#include "workers/kinds/fetcher.hpp"

#include <algorithm>
#include <memory>

namespace penstock::worker {
namespace {

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

bool is_host(std::string_view name) {
    return name.size() == 4 && (name[0] | 0x20) == 'h' && (name[1] | 0x20) == 'o' &&
           (name[2] | 0x20) == 's' && (name[3] | 0x20) == 't';
}

// What is wrong with them, or nothing.
std::string read_headers(Node map, Fetch& fetch) {
    if (!map || map.is(Shape::nil)) return {};
    if (!map.is(Shape::map)) return "`headers` must be a map of strings";
    Node at = map.first();
    for (std::uint32_t i = 0; i < map.size(); ++i) {
        const Node value = at.after();
        if (!at.is(Shape::text) || !value.is(Shape::text)) {
            return "`headers` must be a map of strings";
        }
        // Host would reach another site than the one that was allowed.
        if (!is_token(at.text()) || is_host(at.text()) || !is_header_value(value.text())) {
            return "`headers` has one that can't be sent: " + std::string(at.text());
        }
        fetch.headers.emplace_back(at.text(), value.text());
        if (i + 1 < map.size()) at = value.after();
    }
    return {};
}

std::string read_fetch(const Job& job, Fetch& fetch, std::string& url) {
    const Node root = job.read();
    const Node target = root.find("url"), method = root.find("method"), body = root.find("body");
    if (!target.is(Shape::text)) return "the payload must be {\"url\": a string, ...}";
    url = target.text();
    if (method && !method.is(Shape::nil)) {
        if (!method.is(Shape::text) || !is_token(method.text())) return "`method` must be a word";
        fetch.method = method.text();
    }
    if (body && !body.is(Shape::nil)) {
        if (!body.is(Shape::text) && !body.is(Shape::bytes)) {
            return "`body` must be a string or bytes";
        }
        fetch.body = body.text();
    }
    fetch.deadline = job.deadline();
    fetch.stop = job.stop_token();
    return read_headers(root.find("headers"), fetch);
}

Reply to_reply(const Fetched& fetched) {
    if (!fetched.error.empty()) {
        return Reply::failure(fetched.error, fetched.why,
                              fetched.lasting ? Retry::pointless : Retry::allowed);
    }
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

} // namespace

AsyncHandler make_http(const std::shared_ptr<Fetcher>& fetcher, AllowedUrls allowed) {
    // Weak: what the fetcher has under way keeps its job and so this handler.
    return [weak = std::weak_ptr<Fetcher>(fetcher), allowed = std::move(allowed)](
               const std::shared_ptr<Job>& job, const Completion& answer) {
        Fetch fetch;
        std::string url;
        const std::string wrong = read_fetch(*job, fetch, url);
        if (!wrong.empty()) return answer(bad_payload(wrong));
        auto parts = allowed.admit(url);
        if (!parts) {
            return answer(Reply::failure("url-not-allowed",
                                         "this worker may not fetch " + url +
                                             "; its operator allows URLs with --allow-url",
                                         Retry::pointless));
        }
        fetch.url = std::move(*parts);
        if (const auto alive = weak.lock()) {
            alive->start(std::move(fetch),
                         [answer](const Fetched& fetched) { answer(to_reply(fetched)); });
        }
    };
}

} // namespace penstock::worker
