#include "cli/http_client.hpp"

#include "cli/exit_code.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <curl/curl.h>
#include <string_view>

namespace penstock::cli {
namespace {

constexpr long kConnectMs = 5'000;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

struct Body { // where it goes
    CURL* curl;
    const HttpRequest& request;
    HttpAnswer& answer;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* where) {
    const auto& body = *static_cast<Body*>(where);
    long status = 0;
    if (body.request.take) curl_easy_getinfo(body.curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200)
        body.request.take({data, size * count});
    else
        body.answer.body.append(data, size * count);
    return size * count;
}

// Link: </v1/jobs?cursor=7>; rel="next"
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* answer) {
    const std::string_view line(data, size * count);
    const std::string folded = lower(line);
    const auto open = line.find('<'), close = line.find('>');
    if (folded.starts_with("link:") && folded.find("next") != std::string::npos && open < close &&
        close != std::string_view::npos) {
        static_cast<HttpAnswer*>(answer)->next = line.substr(open + 1, close - open - 1);
    }
    return size * count;
}

[[noreturn]] void complain(CURLcode code, const std::string& base, const HttpRequest& request) {
    if (code == CURLE_OPERATION_TIMEDOUT) {
        throw Quit(Exit::timed_out, "the gateway at " + base + " did not answer " + request.method +
                                        " " + request.target + " in time.");
    }
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
        throw Quit(Exit::usage, "--gateway '" + base + "' is not a URL: write http://HOST:PORT.");
    }
    throw Quit(Exit::unavailable, "no gateway answers at " + base + " (" +
                                      curl_easy_strerror(code) +
                                      "). Start one with `penstock up`, or name another with "
                                      "--gateway URL.");
}

} // namespace

struct HttpClient::Handle {
    Handle() : curl(curl_easy_init()) {}

    ~Handle() { curl_easy_cleanup(curl); }

    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    CURL* curl;
};

HttpClient::HttpClient(std::string base_url)
    : base_(std::move(base_url)), handle_(std::make_unique<Handle>()) {
    while (base_.ends_with("/")) base_.pop_back();
    if (base_.find("://") == std::string::npos) base_ = "http://" + base_;
}

HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::send(const HttpRequest& request) {
    HttpAnswer answer;
    CURL* curl = handle_->curl;
    curl_easy_reset(curl); // keeps the connection
    curl_slist* headers = nullptr;
    for (const std::string& header : request.headers) {
        headers = curl_slist_append(headers, header.c_str());
    }
    if (!request.content_type.empty()) {
        headers = curl_slist_append(headers, ("Content-Type: " + request.content_type).c_str());
    }
    headers = curl_slist_append(headers, "Expect:"); // no round trip before a large body
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> owner(headers,
                                                                            &curl_slist_free_all);
    const std::string url = base_ + request.target;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); // a proxy is for the world outside, a gateway is not
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "penstock");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_seconds * 1000));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
    Body body{curl, request, answer};
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);
    if (request.method != "GET")
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method == "POST" || request.method == "PATCH") {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) complain(code, base_, request);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    return answer;
}

std::string url_encoded(const std::string& text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~') {
            out += c;
        } else {
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15u];
        }
    }
    return out;
}

} // namespace penstock::cli
