#pragma once
// What `http` is asked for: {url, method?, headers?, body?, result?, any_status?}, checked.

#include "workers/job.hpp"
#include "workers/kinds/fetcher.hpp"

#include <string>
#include <variant>

namespace penstock::worker {

struct HttpRequest {
    std::string url; // as it was asked for: nobody has said yet that it is allowed
    Fetch fetch;     // all but the URL
    // response: {status, headers, body}. body: the body alone, JSON as the value that it says.
    enum class Result : std::uint8_t { response, body } result = Result::response;
    bool any_status = false; // an answer of 400 and above is a result too
};

// The second is what is wrong with it, for people. The request carries the job's id and attempt as
// the headers Penstock-Job and Penstock-Attempt, so that the other side can log them and can know a
// repeated one.
std::variant<HttpRequest, std::string> read_http_request(const Job& job);

} // namespace penstock::worker
