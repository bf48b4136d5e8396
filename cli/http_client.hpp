#pragma once
// HTTP requests to a gateway, one after the other on one kept connection. Only http_client.cpp
// includes libcurl.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

struct HttpRequest {
    std::string method; // "GET", "POST", "PATCH", "DELETE"
    std::string target; // "/v1/jobs?limit=10"
    std::string body;
    std::string content_type;         // of the body; empty: there is none
    std::vector<std::string> headers; // "Prefer: wait=5"
    double timeout_seconds = 30;      // for the whole of it; 0 = as long as it takes
    // Given the body of a 200 as it comes; the answer then has none.
    std::function<void(std::string_view)> take{};
};

struct HttpAnswer {
    int status = 0;
    std::string body;
    std::string next; // target of a Link header with rel=next
};

class HttpClient {
public:
    explicit HttpClient(std::string base_url);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    // Any status is an answer. Throws Quit: unavailable if there is no gateway, timed_out if it
    // doesn't answer.
    HttpAnswer send(const HttpRequest& request);

    [[nodiscard]] const std::string& base_url() const { return base_; }

private:
    struct Handle;
    std::string base_;
    std::unique_ptr<Handle> handle_;
};

// Percent-encodes everything but the unreserved characters.
std::string url_encoded(const std::string& text);

} // namespace penstock::cli
