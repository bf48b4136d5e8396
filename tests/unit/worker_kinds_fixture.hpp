#pragma once
// A worker with the built-in kinds, between a ventilator and a sink that the test plays.

#include "tests/unit/worker_fake_pipeline.hpp"
#include "workers/kinds/kinds.hpp"

#include <memory>
#include <string>

namespace penstock::testing {

using worker::KindsOptions;

class KindsTest : public ::testing::Test {
protected:
    FakePipeline pipeline{Carrier::tcp};
    std::unique_ptr<RunningWorker> run;
    JobNumber next = 1;
    Reader reader;
    std::string kept;

    void serve(const KindsOptions& options, std::uint32_t slots) {
        run = std::make_unique<RunningWorker>(pipeline, slots);
        worker::register_kinds(run->worker, options);
        run->start();
        pipeline.next_join(1);
    }

    GotRow run_job(const std::string& kind, const std::string& payload) {
        if (!run) serve({}, 2);
        pipeline.send_jobs(kind, 1, next++, 1, payload);
        return pipeline.results(1)[0];
    }

    static std::string code_of(const GotRow& row) { return row.failure ? row.failure->code : ""; }

    // A value of the row; it lives until the next call.
    Node value(const GotRow& row) {
        EXPECT_EQ(code_of(row), "") << (row.failure ? row.failure->message : "");
        kept = row.value;
        return reader.read(kept, Reader::Values::read);
    }

    template <class... Fields>
    static std::string map(Fields... fields) {
        std::string out;
        Writer w(out);
        w.map(sizeof...(fields));
        (fields(w), ...);
        return out;
    }

    static auto text(const char* key, std::string value) {
        return [=](Writer& w) { w.key(key).text(value); };
    }

    static auto number(const char* key, std::int64_t value) {
        return [=](Writer& w) { w.key(key).integer(value); };
    }

    static auto real(const char* key, double value) {
        return [=](Writer& w) { w.key(key).real(value); };
    }
};

} // namespace penstock::testing
