#pragma once
// A dispatcher in virtual time: facts in, messages out, and short words for both.

#include "tests/support/jobs.hpp"
#include "ventilator/dispatcher.hpp"

#include <gtest/gtest.h>
#include <set>

namespace penstock::ventilator {

using namespace penstock::testing;
using Ids = std::vector<std::string>;

struct Sent { // one job on one lane
    LaneId lane = 0;
    JobNumber number = 0;
    std::string id;
    std::uint32_t attempt = 0;
};

class DispatcherTest : public ::testing::Test {
protected:
    DispatcherTest() : DispatcherTest(limits()) {}

    explicit DispatcherTest(const Limits& of_it) : machine(of_it, 42, at(0s)) {
        machine.sink_up(7, 1, false, out);
        step();
    }

    static Limits limits() {
        Limits l;
        l.jobs_max = 100;
        l.bytes_max = 1000;
        return l;
    }

    void step() {
        machine.tick(now, out);
        machine.pump(now, out);
        sent.clear();
        for (const auto& to : out.to_lanes) {
            const auto* batch = std::get_if<JobBatch>(&to.message);
            if (batch == nullptr) continue;
            for (const auto& row : batch->rows) {
                sent.push_back({to.lane, row.number, row.id.text(), row.attempt});
            }
        }
        said = std::exchange(out, {});
    }

    void pass(Duration time) {
        now += time;
        step();
    }

    LaneId join_up(const Join& j) {
        const Joined joined = machine.join(j, now, out);
        EXPECT_EQ(joined.error, "");
        machine.lane_up(joined.lane, now);
        step();
        return joined.lane;
    }

    void submit_stored(Terms t, std::initializer_list<const char*> ids) {
        const JobNumber first = next_number;
        next_number += ids.size();
        machine.on(submit(std::move(t), ids), now, out);
        step();
        tell(Stored{{{first, static_cast<std::uint32_t>(ids.size())}}, {}, {}});
    }

    // Stored while nothing is dispatched, so that all of them are there when it is.
    void submit_stored_together(std::initializer_list<std::pair<Terms, std::initializer_list<const char*>>> all) {
        const JobNumber first = next_number;
        for (const auto& [t, ids] : all) {
            next_number += ids.size();
            machine.on(submit(t, ids), now, out);
            step();
        }
        machine.sink_down();
        tell(Stored{{{first, static_cast<std::uint32_t>(next_number - first)}}, {}, {}});
        machine.sink_up(7, 1, false, out);
        step();
    }

    void tell(const FromSink& message) {
        machine.on(message, now, out);
        step();
    }

    void settle(const Sent& job) { tell(Settled{{{job.number, 1, job.attempt, 1000}}, {}}); }

    void fail(const Sent& job) { tell(Settled{{}, {{job.number, job.attempt, 1000, true}}}); }

    [[nodiscard]] std::vector<std::string> sent_ids() const {
        std::vector<std::string> ids;
        for (const auto& each : sent) ids.push_back(each.id);
        return ids;
    }

    [[nodiscard]] std::size_t cancels() const {
        std::size_t n = 0;
        for (const auto& to : said.to_lanes) n += std::holds_alternative<CancelJob>(to.message);
        return n;
    }

    Instant now = at(0s);
    Outbox out, said;
    Dispatcher machine;
    std::vector<Sent> sent;
    JobNumber next_number = 1;
};

} // namespace penstock::ventilator
