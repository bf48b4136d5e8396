#pragma once
// A ledger with a group of jobs, and the ways in which these end.

#include "tests/unit/ledger_fixture.hpp"

namespace penstock::sink {

class GroupsTest : public LedgerTest {
protected:
    using LedgerTest::LedgerTest;
    using Names = std::vector<std::string>;

    static OpenGroup group(GroupMode mode, std::initializer_list<const char*> ids) {
        OpenGroup m;
        m.id = id("g");
        m.mode = mode;
        OpenGroup::Part part{terms("echo"), {}};
        for (const char* each : ids) part.rows.push_back({id(each), Bytes("\xc0", 1)});
        m.parts.push_back(std::move(part));
        return m;
    }

    static OpenGroup chord(std::initializer_list<const char*> ids) {
        OpenGroup m = group(GroupMode::all, ids);
        m.then = OpenGroup::Callback{id("then"), terms("sum"), {}};
        m.on_failure = OpenGroup::Callback{id("alas"), terms("tell"), {}};
        return m;
    }

    GroupAnswer open(const OpenGroup& m) {
        ask(m);
        return answer<GroupAnswer>();
    }

    GroupAnswer look(std::uint32_t from = 0) {
        AskGroup question;
        question.id = id("g");
        question.from = from;
        question.value = true;
        ask(question);
        return answer<GroupAnswer>();
    }

    // By a worker, whoever has numbered it.
    void end(const char* job, std::optional<Failure> failure = {}, Bytes value = Bytes("\x07", 1)) {
        machine.on(Result{1, "w", "", {{id(job), 1, 500, failure ? Bytes() : value, failure}}}, now, out);
        step();
        const Settled settled = said.settled;
        for (const FailedRow& row : settled.failed) tell(Final{row.number, State::failed, {}});
    }

    void fail_for_good(const char* job) { end(job, Failure{"handler-error", "no", true}); }

    std::string payload_on_offer(const char* job) {
        for (const Take& take : said.takes) {
            for (const auto& row : take.rows) {
                if (row.id == id(job)) return std::string(row.payload);
            }
        }
        return "not offered";
    }
};

} // namespace penstock::sink
