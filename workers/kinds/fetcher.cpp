#include "workers/kinds/fetcher.hpp"

#include "protocol/check.hpp"
#include "protocol/limits.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <curl/curl.h>
#include <optional>
#include <string_view>

namespace penstock::worker {
namespace {

constexpr int kRedirectsMax = 5;
constexpr std::size_t kHeaderBytesMax = 256u << 10;
constexpr int kPollMs = 1000; // wake-ups cut it short
// A host that swallows packets is found out before the attempt's time is up, which may be an hour.
constexpr long kConnectMsMax = 10'000;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

bool has_body(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

} // namespace

struct Fetcher::Transfer {
    std::uint64_t number = 0;
    Fetch fetch;
    Done done;
    Fetched got;
    CURL* easy = nullptr;
    curl_slist* header_list = nullptr;
    CURLM* multi = nullptr; // while the request is under way
    std::array<char, CURL_ERROR_SIZE> error{};
    std::size_t header_bytes = 0;
    int redirects = 0;
    bool too_large = false;
    std::optional<std::stop_callback<std::function<void()>>> on_stop;

    ~Transfer() { leave(); }

    void leave() {
        if (multi != nullptr) curl_multi_remove_handle(multi, easy);
        if (easy != nullptr) curl_easy_cleanup(easy);
        curl_slist_free_all(header_list);
        multi = nullptr;
        easy = nullptr;
        header_list = nullptr;
    }

    static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
        auto& t = *static_cast<Transfer*>(self);
        t.too_large = t.got.body.size() + size > kPayloadBytesMax;
        if (t.too_large) return 0;
        t.got.body.append(data, size);
        return size;
    }

    static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
        auto& t = *static_cast<Transfer*>(self);
        const std::string_view line(data, size);
        t.too_large = (t.header_bytes += size) > kHeaderBytesMax;
        if (t.too_large) return 0;
        if (line.starts_with("HTTP/")) t.got.headers.clear(); // a 100 came before
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return size;
        auto& value = t.got.headers[lower(trim(line.substr(0, colon)))];
        if (!value.empty()) value += ", ";
        value += trim(line.substr(colon + 1));
        return size;
    }
};

Fetcher::Fetcher(AllowedUrls allowed) : allowed_(std::move(allowed)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = curl_multi_init();
    PENSTOCK_CHECK(multi_ != nullptr);
}

Fetcher::~Fetcher() {
    ending_ = true;
    curl_multi_wakeup(multi_);
    if (thread_.joinable()) thread_.join();
    transfers_.clear();
    curl_multi_cleanup(multi_);
}

void Fetcher::start(Fetch fetch, Done done) {
    auto transfer = std::make_unique<Transfer>();
    transfer->fetch = std::move(fetch);
    transfer->done = std::move(done);
    {
        const std::lock_guard lock(mutex_);
        transfer->number = ++last_number_;
        starting_.push_back(std::move(transfer));
        if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    }
    curl_multi_wakeup(multi_);
}

void Fetcher::cancel(std::uint64_t number) {
    {
        const std::lock_guard lock(mutex_);
        cancelling_.push_back(number);
    }
    curl_multi_wakeup(multi_);
}

void Fetcher::run() {
    while (!ending_) {
        take_requests();
        int running = 0, left = 0;
        curl_multi_perform(multi_, &running);
        while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode result = message->data.result;
            Transfer* transfer = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            step(*transfer, result);
        }
        curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
}

void Fetcher::take_requests() {
    std::vector<std::unique_ptr<Transfer>> starting;
    std::vector<std::uint64_t> cancelling;
    {
        const std::lock_guard lock(mutex_);
        starting.swap(starting_);
        cancelling.swap(cancelling_);
    }
    for (auto& transfer : starting) {
        Transfer& t = *transfer;
        transfers_.emplace(t.number, std::move(transfer));
        t.on_stop.emplace(t.fetch.stop, [this, number = t.number] { cancel(number); });
        begin(t);
    }
    for (const auto number : cancelling) {
        Fetched fetched;
        fetched.error = "cancelled";
        fetched.why = "cancelled while it ran";
        finish(number, fetched);
    }
}

// One request. A redirect makes it begin anew.
void Fetcher::begin(Transfer& t) {
    t.leave();
    t.got = {};
    t.header_bytes = 0;
    t.easy = curl_easy_init();
    PENSTOCK_CHECK(t.easy != nullptr);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        t.fetch.deadline - std::chrono::steady_clock::now());
    CURL* e = t.easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, &t);
    curl_easy_setopt(e, CURLOPT_URL, t.fetch.url.url.c_str());
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, std::max<long>(1, left.count()));
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, kConnectMsMax);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t.error.data());
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, Transfer::on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, &t);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, Transfer::on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, &t);
    // A POST of nothing says so: without a length some servers refuse it (411).
    if (!t.fetch.body.empty() || has_body(t.fetch.method)) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(t.fetch.body.size()));
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, t.fetch.body.data());
    }
    if (t.fetch.method == "HEAD")
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, t.fetch.method.c_str());
    // Above 1 MiB curl would ask first, and wait a second for servers that know no such question.
    t.header_list = curl_slist_append(t.header_list, "Expect:");
    for (const auto& [name, value] : t.fetch.headers) {
        const std::string line = value.empty() ? name + ";" : name + ": " + value;
        t.header_list = curl_slist_append(t.header_list, line.c_str());
    }
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, t.header_list);
    t.multi = multi_;
    curl_multi_add_handle(multi_, e);
}

void Fetcher::step(Transfer& t, int result) {
    Fetched fetched;
    if (t.too_large) {
        fetched.error = "response-too-large";
        fetched.why = "the response is larger than 16 MiB";
        fetched.lasting = true;
    } else if (result != CURLE_OK) {
        // To connect has a time of its own, and curl has one word for both.
        const bool is_over = t.fetch.deadline - std::chrono::steady_clock::now() < std::chrono::milliseconds(20);
        fetched.error =
            result == CURLE_OPERATION_TIMEDOUT && is_over ? "timeout" : "http-error";
        fetched.why =
            t.error[0] != '\0' ? t.error.data() : curl_easy_strerror(static_cast<CURLcode>(result));
    } else {
        curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &t.got.status);
        if (follow(t)) return;
        fetched = std::move(t.got);
        fetched.url = t.fetch.url;
    }
    finish(t.number, fetched);
}

// True: another request began, or this redirect is why it failed, and `done` was called.
bool Fetcher::follow(Transfer& t) {
    char* target = nullptr;
    curl_easy_getinfo(t.easy, CURLINFO_REDIRECT_URL, &target);
    if (target == nullptr || t.got.status < 300 || t.got.status > 399) return false;
    const auto next = allowed_.admit(target);
    if (!next || ++t.redirects > kRedirectsMax) {
        Fetched fetched;
        fetched.error = next ? "too-many-redirects" : "url-not-allowed";
        fetched.why = next ? "more than 5 redirects"
                           : "redirected to " + std::string(target) + ", which is not allowed";
        fetched.lasting = true;
        finish(t.number, fetched);
        return true;
    }
    if (!next->same_origin(t.fetch.url)) { // what was meant for one host is not for another
        std::erase_if(t.fetch.headers, [](const auto& header) {
            const std::string name = lower(header.first);
            return name == "authorization" || name == "cookie";
        });
    }
    const bool as_get = t.got.status == 303 || (t.got.status < 303 && t.fetch.method == "POST");
    if (as_get && t.fetch.method != "HEAD") {
        t.fetch.method = "GET";
        t.fetch.body.clear();
        std::erase_if(t.fetch.headers,
                      [](const auto& header) { return lower(header.first) == "content-type"; });
    }
    t.fetch.url = *next;
    begin(t);
    return true;
}

void Fetcher::finish(std::uint64_t number, const Fetched& fetched) {
    const auto node = transfers_.extract(number);
    if (node.empty()) return; // it was finished before
    node.mapped()->done(fetched);
}

} // namespace penstock::worker
