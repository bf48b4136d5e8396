#include "cli/demo_plan.hpp"

#include "cli/job_text.hpp"

#include <algorithm>
#include <cmath>

namespace penstock::cli {
namespace json = boost::json;

namespace {

constexpr std::size_t kOthers = 20; // of each of the slower kinds
constexpr std::uint64_t kAttempts = 4;

DemoJob make(const std::string& label, const std::string& kind, const json::value& payload,
             json::object terms) {
    terms["kind"] = kind;
    terms["tags"] = json::array{"demo"};
    return {label, job_text(terms, json::serialize(payload)), "succeeded", 1, nullptr};
}

DemoJob echo(std::size_t i) {
    const json::value payload = {{"number", i}, {"text", "drop " + std::to_string(i)}};
    DemoJob out = make("echo", "echo", payload, {});
    out.result = payload;
    return out;
}

DemoJob add(std::size_t i) {
    DemoJob out = make("add", "add", {{"a", i}, {"b", 2 * i}}, {});
    out.result = 3 * i;
    return out;
}

DemoJob sleep() {
    return make("sleep", "sleep", {{"seconds", 0.02}}, {});
}

DemoJob spin() {
    return make("spin", "spin", {{"seconds", 0.01}}, {});
}

DemoJob fail_then_succeed(std::uint64_t times) {
    DemoJob out = make("fail, then succeed", "fail", {{"times", times}},
                       {{"max_attempts", kAttempts}, {"backoff", 0.02}});
    out.attempt = times + 1;
    return out;
}

DemoJob fail_always() {
    DemoJob out = make("fail for good", "fail", {{"times", 100}},
                       {{"max_attempts", kAttempts}, {"backoff", 0.02}});
    out.state = "failed";
    out.attempt = kAttempts;
    return out;
}

// Numbers of JSON may come back as another sort of number.
bool same(const json::value& left, const json::value& right) {
    if (left.is_number() && right.is_number()) {
        return std::abs(left.to_number<double>() - right.to_number<double>()) < 1e-9;
    }
    const json::object* a = left.if_object();
    const json::object* b = right.if_object();
    if (a == nullptr || b == nullptr) return left == right;
    return a->size() == b->size() && std::all_of(a->begin(), a->end(), [&](const auto& member) {
               const json::value* other = b->if_contains(member.key());
               return other != nullptr && same(member.value(), *other);
           });
}

} // namespace

std::vector<DemoJob> demo_plan(std::size_t quick_jobs) {
    std::vector<DemoJob> out;
    const std::size_t stride = std::max<std::size_t>(1, quick_jobs / kOthers);
    for (std::size_t i = 0; i < quick_jobs; ++i) {
        out.push_back(echo(i));
        out.push_back(add(i));
        if (i % stride != 0) continue;
        out.push_back(sleep());
        out.push_back(spin());
        out.push_back(fail_then_succeed(1 + i / stride % (kAttempts - 1)));
        if (i / stride % 4 == 0) out.push_back(fail_always());
    }
    return out;
}

std::string DemoTally::take(const DemoJob& job, const std::string& state, std::uint64_t attempt,
                            const json::value& result, double submitted_at, double finished_at) {
    DemoRow& row = rows_[job.label];
    ++row.jobs;
    ++(state == "succeeded" ? row.succeeded : row.failed);
    row.attempts += attempt;
    row.seconds.push_back(finished_at - submitted_at);
    first_ = first_ == 0 ? submitted_at : std::min(first_, submitted_at);
    last_ = std::max(last_, finished_at);
    std::string wrong;
    if (state != job.state)
        wrong = "ended " + state + " instead of " + job.state;
    else if (attempt != job.attempt) {
        wrong = "was decided by attempt " + std::to_string(attempt) + " instead of " +
                std::to_string(job.attempt);
    } else if (!job.result.is_null() && !same(job.result, result)) {
        wrong = "gave " + json::serialize(result) + " instead of " + json::serialize(job.result);
    }
    row.wrong += wrong.empty() ? 0 : 1;
    return wrong;
}

DemoRow DemoTally::total() const {
    DemoRow out;
    for (const auto& [label, row] : rows_) {
        out.jobs += row.jobs;
        out.succeeded += row.succeeded;
        out.failed += row.failed;
        out.attempts += row.attempts;
        out.wrong += row.wrong;
        out.seconds.insert(out.seconds.end(), row.seconds.begin(), row.seconds.end());
    }
    return out;
}

double DemoTally::jobs_per_second() const {
    const double took = last_ - first_;
    return took > 0 ? static_cast<double>(total().jobs) / took : 0;
}

double quantile(std::vector<double> values, double part) {
    if (values.empty()) return -1;
    const auto rank = static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank),
                     values.end());
    return values[rank];
}

} // namespace penstock::cli
