#pragma once
// A dispatcher in virtual time with workers that take as long as they are told to: what is
// submitted is stored at once, what a worker has run is settled, and every job's times are noted.

#include "tests/support/jobs.hpp"
#include "ventilator/dispatcher.hpp"

#include <deque>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <vector>

namespace penstock::testing {

class VirtualHouse {
public:
    struct Trip { // of one job
        std::string id;
        Terms terms;
        Duration run{};
        Instant arrived{}, started = kNever, ended = kNever;

        [[nodiscard]] Duration took() const { return ended - arrived; }
    };

    explicit VirtualHouse(Duration ageing = 60s) : machine_(limits(ageing), 42, now_) {
        machine_.sink_up(7, 1, false, out_);
    }

    void worker(const Join& join) {
        const ventilator::Joined joined = machine_.join(join, now_, out_);
        workers_[joined.lane].slots = join.slots;
        machine_.lane_up(joined.lane, now_);
    }

    void weight(const std::string& kind, double weight) {
        KindSettings settings;
        settings.weight = weight;
        set(kind, settings);
    }

    void set(const std::string& kind, const KindSettings& settings) {
        machine_.on(FromSink(Kinds{{{kind, settings}}}), now_, out_);
    }

    // A request of so many jobs that comes in at that time, each of which runs so long.
    void submit(Duration when, Terms terms, int count, std::function<Duration()> run) {
        at(testing::at(when), [this, terms = std::move(terms), count, run = std::move(run)] {
            Submit s{terms, {}};
            for (int i = 0; i < count; ++i) {
                const std::string id = "j" + std::to_string(trips_.size() + 1);
                trips_.push_back({id, terms, run(), now_});
                s.rows.push_back({testing::id(id), Bytes("\xa1p", 2)});
            }
            const JobNumber first = trips_.size() - static_cast<std::size_t>(count) + 1;
            machine_.on(std::move(s), now_, out_);
            step();
            machine_.on(FromSink(Stored{{{first, static_cast<std::uint32_t>(count)}}, {}, {}}),
                        now_, out_);
        });
    }

    void submit(Duration when, const Terms& terms, int count, Duration run) {
        submit(when, terms, count, [run] { return run; });
    }

    void run_until(Duration end) {
        for (;;) {
            const Instant event = events_.empty() ? kNever : events_.top().when;
            const Instant wish = machine_.wake_at();
            const Instant wake = wish > now_ ? wish : kNever; // else it was called just now
            if (std::min(event, wake) > testing::at(end)) break;
            now_ = std::min(event, wake);
            if (event <= wake) {
                const auto deed = events_.top().deed;
                events_.pop();
                deed();
            }
            step();
        }
        now_ = testing::at(end);
        step();
    }

    // Number n is trips()[n - 1].
    [[nodiscard]] const std::vector<Trip>& trips() const { return trips_; }

    // In the order in which they were started.
    [[nodiscard]] const std::vector<std::size_t>& started() const { return started_; }

    [[nodiscard]] ventilator::Dispatcher& machine() { return machine_; }

    [[nodiscard]] Instant now() const { return now_; }

private:
    static constexpr Duration kWay = 100us; // each way

    struct Event {
        Instant when;
        std::uint64_t order;
        std::function<void()> deed;

        bool operator<(const Event& other) const {
            return when != other.when ? when > other.when : order > other.order;
        }
    };

    struct Worker {
        std::uint32_t slots = 1, busy = 0;
        std::deque<JobRow> waiting;
    };

    static ventilator::Limits limits(Duration ageing) {
        ventilator::Limits l;
        l.ageing = ageing;
        return l;
    }

    void at(Instant when, std::function<void()> deed) {
        events_.push({when, ++order_, std::move(deed)});
    }

    void step() {
        machine_.tick(now_, out_);
        machine_.pump(now_, out_);
        for (const auto& to : out_.to_lanes) {
            const auto* batch = std::get_if<JobBatch>(&to.message);
            if (batch == nullptr) continue;
            Worker& w = workers_[to.lane];
            for (const JobRow& row : batch->rows) w.waiting.push_back(row);
            start(w);
        }
        out_ = {};
    }

    void start(Worker& w) {
        while (w.busy < w.slots && !w.waiting.empty()) {
            const JobRow row = w.waiting.front();
            w.waiting.pop_front();
            ++w.busy;
            Trip& trip = trips_[row.number - 1];
            trip.started = now_;
            started_.push_back(row.number - 1);
            at(now_ + trip.run, [this, &w, number = row.number, attempt = row.attempt] {
                --w.busy;
                Trip& ended = trips_[number - 1];
                ended.ended = now_;
                const auto us = static_cast<std::uint64_t>(ended.run.count() / 1000);
                at(now_ + 2 * kWay, [this, number, attempt, us] {
                    machine_.on(FromSink(Settled{{{number, 1, attempt, us}}, {}}), now_, out_);
                });
                start(w);
            });
        }
    }

    Instant now_ = testing::at(0s);
    ventilator::Outbox out_;
    ventilator::Dispatcher machine_;
    std::map<ventilator::LaneId, Worker> workers_;
    std::vector<Trip> trips_;
    std::vector<std::size_t> started_;
    std::priority_queue<Event> events_;
    std::uint64_t order_ = 0;
};

} // namespace penstock::testing
