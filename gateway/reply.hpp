#pragma once
// What goes back to an HTTP client, free of any HTTP library.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::gateway {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMsgpack = "application/msgpack";
constexpr std::string_view kNdjson = "application/x-ndjson";
constexpr std::string_view kEventStream = "text/event-stream";
constexpr std::string_view kProblemJson = "application/problem+json";

class Stream; // gateway/stream.hpp

struct Reply {
    int status = 200;
    std::string content_type; // empty: there is no body
    std::string body;
    // Besides the framing and the type; the names are literals.
    std::vector<std::pair<std::string_view, std::string>> headers;
    std::shared_ptr<Stream> stream{}; // makes the body instead, while it is sent
};

inline Reply json_reply(int status, std::string body) {
    return {status, std::string(kJson), std::move(body), {}};
}

} // namespace penstock::gateway
