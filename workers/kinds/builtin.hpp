#pragma once
// The handlers of the built-in kinds, one by one, and what they read payloads with.

#include "workers/job.hpp"
#include "workers/kinds/fetcher.hpp"
#include "workers/worker.hpp"

#include <map>
#include <memory>
#include <string>

namespace penstock::worker {

Reply run_echo(Job& job);  // the payload as it came
Reply run_add(Job& job);   // {a, b}
Reply run_sleep(Job& job); // {seconds}
Reply run_spin(Job& job);  // {seconds}, burning CPU
Reply run_fail(Job& job);  // {times}: fails so often, then answers the attempt
Reply run_count(Job& job); // {to, every?}: 1 to `to`, each a partial, `every` seconds apart

// gather: a batch handler. Answers how many jobs came together and which of them this one was, from
// 0; {fail: true} fails, and nobody else.
std::vector<Reply> run_gather(std::span<Job* const> jobs);
constexpr BatchOptions kGather{16, std::chrono::milliseconds(20)};

// {name, input?}: runs the command of that name, answers {status, output, error}.
using Commands = std::map<std::string, std::string, std::less<>>;
Handler make_exec(Commands commands);

// {url, method?, headers?, body?, result?, any_status?} (http_request.hpp): answers {status,
// headers, body}, or the body. One thread for all of them.
AsyncHandler make_http(const std::shared_ptr<Fetcher>& fetcher, AllowedUrls allowed);

inline Reply bad_payload(const std::string& what) {
    return Reply::failure("bad-payload", what, Retry::pointless);
}

inline Reply cancelled_reply() {
    return Reply::failure("cancelled", "cancelled while it ran", Retry::pointless);
}

// Text goes out as text, anything else as bytes.
void write_text_or_bytes(Writer& writer, std::string_view bytes);

} // namespace penstock::worker
