#pragma once
// HTTP requests, hundreds at once, on one thread (libcurl's multi interface).

#include "protocol/time.hpp"
#include "workers/kinds/allowed_urls.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace penstock::worker {

struct Fetch {
    UrlParts url;
    std::string method = "GET";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    Instant deadline;
    std::stop_token stop;
};

struct Fetched {
    std::string error; // a code; empty: there is a response
    std::string why;
    bool lasting = false; // of an error: the same would happen again
    long status = 0;
    UrlParts url; // that answered: the one after the last redirect
    std::map<std::string, std::string> headers; // lower-case names; repeated ones joined by ", "
    std::string body;
};

class Fetcher {
public:
    // Redirects are followed here, each only to where `allowed` admits it.
    explicit Fetcher(AllowedUrls allowed);
    ~Fetcher(); // what is under way is dropped; its `done` is destroyed without a call
    Fetcher(const Fetcher&) = delete;
    Fetcher& operator=(const Fetcher&) = delete;

    using Done = std::function<void(const Fetched&)>;
    // From any thread. `done` is called once, on the fetcher's thread.
    void start(Fetch fetch, Done done);

private:
    struct Transfer;
    void run();
    void take_requests();
    void begin(Transfer& transfer);
    void step(Transfer& transfer, int result); // a request of it ended
    bool follow(Transfer& transfer);
    void cancel(std::uint64_t number);
    void finish(std::uint64_t number, const Fetched& fetched);

    const AllowedUrls allowed_;
    void* multi_; // CURLM
    std::atomic<bool> ending_{false};
    std::mutex mutex_; // over the four below
    std::uint64_t last_number_ = 0;
    std::vector<std::unique_ptr<Transfer>> starting_;
    std::vector<std::uint64_t> cancelling_;
    std::thread thread_;                                           // from the first request on
    std::map<std::uint64_t, std::unique_ptr<Transfer>> transfers_; // the thread's own
};

} // namespace penstock::worker
