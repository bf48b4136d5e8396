// echo, add, sleep, spin, fail, count: kinds to try a pipeline with.

#include "protocol/codec.hpp"
#include "workers/kinds/builtin.hpp"

#include <cmath>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>

namespace penstock::worker {
namespace {

bool is_number(Node node) {
    return node.is(Shape::natural) || node.is(Shape::integer) || node.is(Shape::real);
}

std::optional<std::int64_t> as_integer(Node node) {
    if (node.is(Shape::integer)) return node.integer();
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (node.is(Shape::natural) && node.natural() <= kMost) return node.integer();
    return std::nullopt;
}

// 0 and above
std::optional<Duration> as_duration(Node node) {
    if (!is_number(node)) return std::nullopt;
    const double value = node.real();
    if (!std::isfinite(value) || value < 0 || value > kSecondsMax) return std::nullopt;
    return from_seconds(value);
}

std::optional<Duration> read_seconds(const Job& job) {
    return as_duration(job.read().find("seconds"));
}

// Until then, unless the job is cancelled meanwhile.
void sleep_for(const Job& job, Duration duration) {
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock(mutex);
    const auto never = [] { return false; };
    woken.wait_for(lock, job.stop_token(), duration, never);
}

Reply no_seconds() {
    return bad_payload("the payload must be {\"seconds\": a number, 0 or more}");
}

} // namespace

void write_text_or_bytes(Writer& writer, std::string_view bytes) {
    if (is_utf8(bytes))
        writer.text(bytes);
    else
        writer.bytes(bytes);
}

Reply run_echo(Job& job) {
    return Reply::same_as_payload(job);
}

Reply run_add(Job& job) {
    const Node a = job.read().find("a"), b = job.read().find("b");
    if (!is_number(a) || !is_number(b)) {
        return bad_payload("the payload must be {\"a\": a number, \"b\": a number}");
    }
    const auto x = as_integer(a), y = as_integer(b);
    std::int64_t sum = 0;
    if (x && y && !__builtin_add_overflow(*x, *y, &sum)) return Reply::integer(sum);
    return Reply::real(a.real() + b.real());
}

Reply run_sleep(Job& job) {
    const auto duration = read_seconds(job);
    if (!duration) return no_seconds();
    sleep_for(job, *duration);
    if (job.cancelled()) return cancelled_reply();
    return Reply::real(seconds(*duration));
}

Reply run_spin(Job& job) {
    const auto duration = read_seconds(job);
    if (!duration) return no_seconds();
    const Instant end = std::chrono::steady_clock::now() + *duration;
    while (std::chrono::steady_clock::now() < end) {
        if (job.cancelled()) return cancelled_reply();
    }
    return Reply::real(seconds(*duration));
}

Reply run_fail(Job& job) {
    const auto times = as_integer(job.read().find("times"));
    if (!times || *times < 0) return bad_payload("the payload must be {\"times\": 0 or more}");
    if (static_cast<std::int64_t>(job.attempt()) <= *times) {
        return Reply::failure("asked-to-fail",
                              "attempt " + std::to_string(job.attempt()) + " of " +
                                  std::to_string(*times) + " that were asked to fail",
                              Retry::allowed);
    }
    return Reply::integer(job.attempt());
}

Reply run_count(Job& job) {
    constexpr std::int64_t kMost = 1'000'000;
    const auto to = as_integer(job.read().find("to"));
    const Node pause = job.read().find("every");
    const auto every = pause ? as_duration(pause) : Duration(0);
    if (!to || *to < 0 || *to > kMost || !every) {
        return bad_payload("the payload must be {\"to\": 0 to 1000000, \"every\": seconds}");
    }
    for (std::int64_t i = 1; i <= *to; ++i) {
        if (*every > Duration(0)) sleep_for(job, *every);
        if (job.cancelled()) return cancelled_reply();
        std::string number;
        Writer(number).integer(i);
        job.partial(number);
        job.progress(static_cast<double>(i) / static_cast<double>(*to),
                     std::to_string(i) + " of " + std::to_string(*to));
    }
    return Reply::integer(*to);
}

std::vector<Reply> run_gather(std::span<Job* const> jobs) {
    std::vector<Reply> out;
    for (const Job* job : jobs) {
        const Node fail = job->read().find("fail");
        if (fail.is(Shape::boolean) && fail.natural() != 0) {
            out.push_back(
                Reply::failure("asked-to-fail", "the payload asks for it", Retry::allowed));
            continue;
        }
        std::string value;
        Writer(value).map(2).key("together").natural(jobs.size()).key("at").natural(out.size());
        out.push_back(Reply::value(std::move(value)));
    }
    return out;
}

} // namespace penstock::worker
