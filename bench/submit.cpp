// Submits distinct jobs of the kind `echo` in bulk over ZeroMQ until the sink knows all outcomes,
// then reads some of them back by id and compares each value with the payload, byte for byte.
//
// Prints one line when the last outcome is known ({"seconds", "cpu_seconds", ...}) and one when the
// values were compared ({"compared"}). Anything refused, failed or different ends it with status 1.

#include "bench/client.hpp"
#include "bench/figures.hpp"

#include <random>
#include <set>

namespace penstock::bench {
namespace {

constexpr std::int64_t kAskEvery = 20'000'000; // ns between two looks at the sink's counts
constexpr std::int64_t kStuckAfter = 30'000'000'000;
constexpr const char* kKind = "echo";

struct Plan {
    Addresses at;
    std::uint64_t jobs = 500'000;
    std::uint64_t batch = 64;          // jobs a message
    std::uint64_t bytes = 100;         // of one payload
    std::uint64_t in_flight = 100'000; // submitted, and no outcome known yet
    std::uint64_t compare = 1'000;     // ids read back
    std::uint64_t workers = 2;         // that must have joined before the first job
    double rate = 0;                   // jobs submitted a second, at most; 0 = as fast as it goes
    std::string until = "finished";    // or "stored"
};

struct Counts {
    std::uint64_t stored = 0, succeeded = 0, otherwise = 0;
};

Counts counts_of(const SinkStats& stats) {
    Counts out;
    for (const SinkKind& kind : stats.kinds) {
        if (kind.kind != kKind) continue;
        out.stored = kind.stored;
        out.succeeded = kind.succeeded;
        out.otherwise = kind.failed + kind.cancelled + kind.expired + kind.quarantined;
    }
    return out;
}

std::uint64_t unix_ms() {
    using namespace std::chrono;
    const auto since = system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(duration_cast<milliseconds>(since).count());
}

class Submitter {
public:
    explicit Submitter(const Plan& plan);
    void run();
    void compare();

private:
    transport::Frame next_frame();
    void look_at(const Counts& counts);
    [[nodiscard]] std::uint64_t reached(const Counts& counts) const;
    [[nodiscard]] bool is_due(std::int64_t since_start) const; // the next frame

    const Plan plan_;
    Client client_;
    std::mt19937_64 random_{std::random_device{}()};
    std::uint64_t salt_ = random_(); // payloads differ from run to run too
    std::set<std::uint64_t> wanted_; // numbers of the jobs that will be read back
    std::set<std::uint64_t>::const_iterator next_wanted_;
    std::vector<std::pair<std::uint64_t, JobId>> kept_;
    std::string payloads_; // of the message that is being made
    Counts before_;
    std::uint64_t made_ = 0, sent_ = 0, done_ = 0;
};

Submitter::Submitter(const Plan& plan) : plan_(plan), client_(plan.at) {
    while (wanted_.size() < std::min(plan_.compare, plan_.jobs))
        wanted_.insert(random_() % plan_.jobs);
    next_wanted_ = wanted_.begin();
}

transport::Frame Submitter::next_frame() {
    Submit submit;
    submit.terms.kind = kKind;
    const std::uint64_t count = std::min(plan_.batch, plan_.jobs - made_);
    const std::size_t size = kPayloadHead + plan_.bytes;
    payloads_.resize(count * size);
    submit.rows.reserve(count);
    const std::uint64_t ms = unix_ms();
    for (std::uint64_t i = 0; i < count; ++i, ++made_) {
        char* const payload = payloads_.data() + i * size;
        write_payload(salt_ + made_, plan_.bytes, payload);
        submit.rows.push_back({make_uuid7(ms, random_(), random_()), Bytes(payload, size)});
        if (next_wanted_ != wanted_.end() && *next_wanted_ == made_) {
            kept_.emplace_back(made_, submit.rows.back().id);
            ++next_wanted_;
        }
    }
    return transport::make_frame(encode(submit));
}

std::uint64_t Submitter::reached(const Counts& counts) const {
    if (counts.otherwise != before_.otherwise) throw std::runtime_error("a job did not succeed");
    return plan_.until == "stored" ? counts.stored - before_.stored
                                   : counts.succeeded - before_.succeeded;
}

bool Submitter::is_due(std::int64_t since_start) const {
    // Outcomes of others' jobs of this kind are in what the sink counts.
    if (made_ > done_ + plan_.in_flight) return false;
    return plan_.rate <= 0 ||
           static_cast<double>(made_) <= plan_.rate * static_cast<double>(since_start) / 1e9;
}

void Submitter::run() {
    client_.wait_until_serving(plan_.workers);
    before_ = counts_of(std::get<SinkStats>(client_.ask_sink(AskStats{})));
    transport::Frame frame = next_frame();
    const Stopwatch watch;
    std::int64_t ask_at = watch.started_ns(), progress_at = ask_at;
    bool asked = false;
    while (done_ < plan_.jobs) {
        const std::int64_t now = clock_ns();
        if (const auto answer = client_.take_from_sink()) {
            const std::uint64_t done = reached(counts_of(std::get<SinkStats>(*answer)));
            if (done != done_) progress_at = now;
            done_ = done;
            asked = false;
            ask_at = now + kAskEvery;
        } else if (!asked && now >= ask_at) {
            client_.send_to_sink(AskStats{});
            asked = true;
        }
        if (now - progress_at > kStuckAfter)
            throw std::runtime_error("stuck after " + std::to_string(done_) + " outcomes");
        if (frame && is_due(now - watch.started_ns()) && client_.submit_encoded(frame)) {
            sent_ = made_;
            frame = made_ < plan_.jobs ? next_frame() : nullptr;
        } else {
            client_.sleep_until_sink_answers(1);
        }
    }
    say(watch.rate(sent_));
}

void Submitter::compare() {
    for (const auto& [number, id] : kept_) {
        const auto answer = std::get<JobAnswer>(client_.ask_sink(AskStatus{id, true}));
        if (answer.found != Found::found || answer.job.state != State::succeeded)
            throw std::runtime_error("job " + id.text() + " has no outcome");
        if (answer.job.value != payload_of(salt_ + number, plan_.bytes))
            throw std::runtime_error("job " + id.text() + " has another value than its payload");
    }
    say(R"({"compared": )" + std::to_string(kept_.size()) + "}");
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("Submit jobs in bulk over ZeroMQ until all outcomes are known");
    plan.at.add_options(app);
    app.add_option("--jobs", plan.jobs)->check(CLI::Range(1u, 100'000'000u));
    app.add_option("--batch", plan.batch, "Jobs a message")->check(CLI::Range(1u, 65'536u));
    app.add_option("--bytes", plan.bytes, "Of one payload")->check(CLI::Range(8u, 255u));
    app.add_option("--in-flight", plan.in_flight, "Jobs without a known outcome, at most");
    app.add_option("--compare", plan.compare, "Ids to read back");
    app.add_option("--workers", plan.workers, "Workers to wait for before the first job");
    app.add_option("--rate", plan.rate, "Jobs submitted a second, at most (0: no limit)");
    app.add_option("--until", plan.until)->check(CLI::IsMember({"finished", "stored"}));
    return main_of(app, argc, argv, [&] {
        Submitter submitter(plan);
        submitter.run();
        if (plan.until == "finished") submitter.compare();
    });
}
