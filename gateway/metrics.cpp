#include "gateway/metrics.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

namespace penstock::gateway {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Families = std::vector<MetricFamily>;
using Labels = std::vector<ClientMetric::Label>;

constexpr const char* kVersion = "0.1.0";
constexpr double kInfinity = std::numeric_limits<double>::infinity();

MetricFamily& add_family(Families& out, std::string name, std::string help, MetricType type) {
    return out.emplace_back(MetricFamily{"penstock_" + std::move(name), std::move(help), type, {}});
}

void add_value(MetricFamily& family, Labels labels, double value) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    if (family.type == MetricType::Counter)
        metric.counter.value = value;
    else
        metric.gauge.value = value;
}

void add_plain(Families& out, std::string name, std::string help, MetricType type, double value) {
    add_value(add_family(out, std::move(name), std::move(help), type), {}, value);
}

// One value for each kind.
template <class Kind, class Member>
void add_kinds(Families& out, std::string name, std::string help, MetricType type,
               const std::vector<Kind>& kinds, Member member) {
    MetricFamily& family = add_family(out, std::move(name), std::move(help), type);
    for (const Kind& kind : kinds) {
        add_value(family, {{"kind", kind.kind}}, static_cast<double>(kind.*member));
    }
}

void add_dispatch(Families& out, const DispatchStats& stats) {
    using K = DispatchKind;
    const auto counter = MetricType::Counter;
    const auto gauge = MetricType::Gauge;
    const auto& kinds = stats.kinds;
    add_kinds(out, "jobs_submitted_total", "Jobs that reached the ventilator.", counter, kinds,
              &K::submitted);
    add_kinds(out, "jobs_refused_total", "Jobs that were not taken.", counter, kinds, &K::refused);
    add_kinds(out, "jobs_dispatched_total", "Attempts handed to workers.", counter, kinds,
              &K::dispatched);
    add_kinds(out, "jobs_redelivered_total", "Attempts after the death of a worker.", counter,
              kinds, &K::redelivered);
    add_kinds(out, "jobs_retried_total", "Attempts after a failure.", counter, kinds, &K::retried);
    add_kinds(out, "queue_depth", "Jobs that wait for a worker.", gauge, kinds, &K::queued);
    add_kinds(out, "jobs_delayed", "Jobs whose time has not come.", gauge, kinds, &K::delayed);
    add_kinds(out, "queue_oldest_age_seconds", "Age of the job that waits longest.", gauge, kinds,
              &K::oldest_age_seconds);
    add_kinds(out, "jobs_running", "Jobs that workers hold.", gauge, kinds, &K::running);
    add_plain(out, "workers", "Workers that have joined.", gauge, stats.workers);
    add_plain(out, "open_bytes", "Bytes of open jobs.", gauge,
              static_cast<double>(stats.open_bytes));
}

void add_sink_histogram(Families& out, std::string name, std::string help, const SinkStats& stats,
                        Histogram SinkKind::*member) {
    MetricFamily& family = add_family(out, std::move(name), std::move(help), MetricType::Histogram);
    for (const SinkKind& kind : stats.kinds) {
        const Histogram& from = kind.*member;
        if (from.counts.size() != kHistogramBounds.size() + 1) continue; // of another version
        ClientMetric& metric = family.metric.emplace_back();
        metric.label = {{"kind", kind.kind}};
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < from.counts.size(); ++i) {
            below += from.counts[i];
            const double bound = i < kHistogramBounds.size() ? kHistogramBounds[i] : kInfinity;
            metric.histogram.bucket.push_back({below, bound});
        }
        metric.histogram.sample_count = below;
        metric.histogram.sample_sum = from.sum;
    }
}

void add_sink(Families& out, const SinkStats& stats) {
    using K = SinkKind;
    const auto counter = MetricType::Counter;
    const auto& kinds = stats.kinds;
    add_kinds(out, "jobs_stored_total", "Jobs that the sink has stored.", counter, kinds,
              &K::stored);
    add_kinds(out, "jobs_succeeded_total", "Jobs that succeeded.", counter, kinds, &K::succeeded);
    add_kinds(out, "jobs_failed_total", "Jobs that failed for good.", counter, kinds, &K::failed);
    add_kinds(out, "jobs_cancelled_total", "Jobs that were cancelled.", counter, kinds,
              &K::cancelled);
    add_kinds(out, "jobs_expired_total", "Jobs that did not start in time.", counter, kinds,
              &K::expired);
    add_kinds(out, "jobs_quarantined_total", "Jobs that killed their workers.", counter, kinds,
              &K::quarantined);
    add_kinds(out, "jobs_duplicates_total", "Jobs and results that were known already.", counter,
              kinds, &K::duplicates);
    add_sink_histogram(out, "job_queue_seconds", "From submit to the first start.", stats,
                       &K::queue);
    add_sink_histogram(out, "job_run_seconds", "Run time of the handler.", stats, &K::run);
    add_sink_histogram(out, "job_total_seconds", "From submit to outcome.", stats, &K::total);
    add_plain(out, "finished_jobs", "Outcomes that are kept.", MetricType::Gauge,
              static_cast<double>(stats.finished_jobs));
    add_plain(out, "stored_bytes", "Bytes that the sink holds.", MetricType::Gauge,
              static_cast<double>(stats.bytes));
}

void add_workers(Families& out, const Workers& workers) {
    MetricFamily& used =
        add_family(out, "worker_slots_used", "Slots in use, by worker.", MetricType::Gauge);
    for (const auto& w : workers.workers) {
        add_value(used, {{"worker", w.worker}}, std::min(w.outstanding, w.slots));
    }
}

void add_http(Families& out, const std::vector<const HttpDurations*>& threads) {
    MetricFamily& family = add_family(out, "http_request_duration_seconds",
                                      "From the header to the answer.", MetricType::Histogram);
    for (std::size_t route = 0; route < kRoutes; ++route) {
        for (std::size_t status = 0; status < HttpDurations::kStatuses.size(); ++status) {
            ClientMetric metric;
            metric.label = {{"route", std::string(to_string(static_cast<Route>(route)))},
                            {"status", std::to_string(HttpDurations::kStatuses[status])}};
            std::uint64_t below = 0, nanoseconds = 0;
            for (std::size_t i = 0; i <= HttpDurations::kBounds.size(); ++i) {
                for (const auto* thread : threads) below += thread->cell(route, status).counts[i];
                const bool last = i == HttpDurations::kBounds.size();
                metric.histogram.bucket.push_back(
                    {below, last ? kInfinity : HttpDurations::kBounds[i]});
            }
            if (below == 0) continue;
            for (const auto* thread : threads) {
                nanoseconds += thread->cell(route, status).nanoseconds;
            }
            metric.histogram.sample_count = below;
            metric.histogram.sample_sum = static_cast<double>(nanoseconds) * 1e-9;
            family.metric.push_back(std::move(metric));
        }
    }
}

void add_process(Families& out) {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t total = 0, resident = 0;
    statm >> total >> resident;
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    const double cpu = static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
    MetricFamily& memory = out.emplace_back(
        MetricFamily{"process_resident_memory_bytes", "Resident memory.", MetricType::Gauge, {}});
    add_value(memory, {}, static_cast<double>(resident) * page);
    MetricFamily& seconds = out.emplace_back(
        MetricFamily{"process_cpu_seconds_total", "CPU time used.", MetricType::Counter, {}});
    add_value(seconds, {}, cpu);
}

} // namespace

void HttpDurations::observe(Route route, int status, Duration took) {
    const auto known = std::find(kStatuses.begin(), kStatuses.end() - 1, status);
    const auto column = static_cast<std::size_t>(known - kStatuses.begin()); // the last is "0"
    Cell& cell = cells_[static_cast<std::size_t>(route) * kStatuses.size() + column];
    const auto bucket = static_cast<std::size_t>(
        std::lower_bound(kBounds.begin(), kBounds.end(), seconds(took)) - kBounds.begin());
    const auto add = [](std::atomic<std::uint64_t>& to, std::uint64_t more) {
        to.store(to.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    };
    add(cell.counts[bucket], 1);
    add(cell.nanoseconds, static_cast<std::uint64_t>(took.count()));
}

std::string metrics_text(const MetricsInput& input) {
    Families families;
    MetricFamily& build = add_family(families, "build_info", "The version.", MetricType::Gauge);
    add_value(build, {{"version", kVersion}}, 1);
    add_plain(families, "http_connections", "Open HTTP connections.", MetricType::Gauge,
              static_cast<double>(input.connections));
    add_dispatch(families, input.board.dispatch);
    add_sink(families, input.board.sink);
    add_workers(families, input.workers);
    add_http(families, input.http);
    add_process(families);
    // A family without a sample is only noise.
    std::erase_if(families, [](const MetricFamily& f) { return f.metric.empty(); });
    return prometheus::TextSerializer().Serialize(families);
}

} // namespace penstock::gateway
