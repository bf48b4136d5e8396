#pragma once
// A ledger in virtual time: facts and questions in, settlements and answers out.

#include "sink/ledger.hpp"
#include "tests/support/jobs.hpp"

#include <gtest/gtest.h>

namespace penstock::sink {

using namespace penstock::testing;

class LedgerTest : public ::testing::Test {
protected:
    explicit LedgerTest(const Limits& limits) : machine(limits, 42, at(0s)) {
        Hello hello;
        hello.instance = 99;
        EXPECT_EQ(machine.hello(hello, 1).epoch, 1u);
        machine.set_ventilator_up(true);
    }

    LedgerTest() : LedgerTest(Limits()) {}

    void step() {
        machine.tick(now, out);
        said = std::exchange(out, {});
    }

    void pass(Duration time) {
        since += time;
        now = both_at(since);
        step();
    }

    void store(Terms t, std::initializer_list<const char*> ids) {
        Store m;
        m.first = next_number;
        m.terms = std::move(t);
        for (const char* each : ids) m.rows.push_back({id(each), Bytes("\xa1p", 2), 0, 0});
        next_number += ids.size();
        tell(m);
    }

    void tell(const ToSink& message) {
        machine.on(message, now, out);
        step();
    }

    void succeed(const char* job, std::uint32_t attempt) {
        machine.on(Result{1, "w", "", {{id(job), attempt, 500, Bytes("\x07", 1), {}}}}, now, out);
        step();
    }

    void fail(const char* job, std::uint32_t attempt) {
        const Failure failure{"handler-error", "no", true};
        machine.on(Result{1, "w", "", {{id(job), attempt, 500, {}, failure}}}, now, out);
        step();
    }

    void ask(const StatusQuestion& question) {
        machine.ask(3, Request(17), question, now, out);
        step();
    }

    // A ventilator was killed, and another one says hello.
    void next_ventilator() {
        Hello hello;
        hello.instance = ++instance;
        EXPECT_EQ(machine.hello(hello, 1).error, "");
        next_number = 1;
        step();
    }

    // Of all that was offered in the last step, in order.
    [[nodiscard]] std::vector<std::string> offered() const {
        std::vector<std::string> ids;
        for (const Take& take : said.takes) {
            for (const auto& row : take.rows) ids.push_back(row.id.text());
        }
        return ids;
    }

    // The ventilator takes what was offered in the last step; its answer is on its way.
    [[nodiscard]] Taken taken() {
        Taken m{next_number, {}};
        for (const std::string& each : offered()) m.ids.push_back(id(each));
        next_number += m.ids.size();
        return m;
    }

    void take_all() {
        while (!offered().empty()) tell(taken());
    }

    template <class Answer>
    Answer answer() {
        EXPECT_EQ(said.replies.size(), 1u);
        EXPECT_EQ(said.replies.at(0).asker, 3u);
        EXPECT_EQ(said.replies.at(0).request, Request(17));
        return std::get<Answer>(said.replies.at(0).answer);
    }

    JobView status(const char* job) {
        ask(AskStatus{id(job), true});
        return answer<JobAnswer>().job;
    }

    static AskWait until(Until what, const char* job) {
        AskWait wait;
        wait.id = id(job);
        wait.until = what;
        wait.timeout = 5s;
        wait.value = true;
        return wait;
    }

    Duration since = 0s;
    Now now = both_at(0s);
    Outbox out, said;
    Ledger machine;
    JobNumber next_number = 1;
    std::uint64_t instance = 99;
};

} // namespace penstock::sink
