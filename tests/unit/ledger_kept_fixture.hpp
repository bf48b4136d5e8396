#pragma once
// A ledger whose process dies, and the one that begins with what was kept of it.

#include "tests/support/kept_rows.hpp"
#include "tests/unit/ledger_fixture.hpp"

namespace penstock::sink {

class KeptTest : public LedgerTest {
protected:
    KeptTest() { restart(); }

    // What changed is safe.
    void commit() { disk.write(machine.take_changes()); }

    // kill -9 of the sink; the same ventilator says hello to the next one.
    void restart(std::uint64_t ventilator = 99) {
        machine.~Ledger();
        new (&machine) Ledger(limits, 43 + restarts++, now.at);
        machine.restore(disk.read(), now);
        machine.restored(now);
        Hello hello;
        hello.instance = ventilator;
        hello.epoch = epoch;
        greeting = machine.hello(hello, restarts);
        EXPECT_EQ(greeting.error, "");
        epoch = greeting.epoch;
        machine.set_ventilator_up(true);
        step();
        commit();
    }

    void store_again(const char* job, JobNumber number) {
        Store m;
        m.first = number;
        m.again = true;
        m.terms = terms("echo");
        m.rows.push_back({id(job), Bytes("\xa1p", 2), 0, 0});
        tell(m);
    }

    testing::KeptRows disk;
    Limits limits;
    HelloAnswer greeting;
    Epoch epoch = 0;
    std::uint64_t restarts = 0;
};

} // namespace penstock::sink
