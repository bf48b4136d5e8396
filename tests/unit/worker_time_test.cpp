// An attempt's timeout, as the built-in kinds keep it themselves: they end what they started, also if
// nobody can tell them to.

#include "tests/unit/worker_fake_pipeline.hpp"
#include "tests/unit/worker_fake_site.hpp"
#include "workers/kinds/kinds.hpp"

namespace penstock::testing {
namespace {

class KindsTimeTest : public ::testing::Test {
protected:
    void serve(const worker::KindsOptions& options) {
        run.emplace(pipeline, 1);
        worker::register_kinds(run->worker, options);
        run->start();
        pipeline.next_join(1);
    }

    GotRow run_job(const std::string& kind, const char* key, const std::string& value,
                   Duration timeout) {
        std::string payload;
        Writer(payload).map(1).key(key).text(value);
        JobBatch batch;
        batch.epoch = 1;
        batch.kind = kind;
        batch.timeout = timeout;
        batch.rows.push_back({1, FakePipeline::id_of(1), 1, payload});
        pipeline.send(encode(batch));
        return pipeline.results(1)[0];
    }

    FakePipeline pipeline{Carrier::tcp};
    std::optional<RunningWorker> run;
};

TEST_F(KindsTimeTest, exec_kills_a_command_that_takes_too_long) {
    worker::KindsOptions options;
    options.allow_exec = {{"family", "sleep 600 & sleep 600"}};
    serve(options);
    const auto row = run_job("exec", "name", "family", 50ms);
    EXPECT_EQ(row.failure.value().code, "timeout");
    EXPECT_TRUE(row.failure->retryable);
}

TEST_F(KindsTimeTest, http_gives_up_a_request_that_takes_too_long) {
    FakeSite site;
    worker::KindsOptions options;
    options.allow_urls = {site.url("/")};
    serve(options);
    const auto row = run_job("http", "url", site.url("/hold"), 50ms);
    EXPECT_EQ(row.failure.value().code, "timeout");
    EXPECT_TRUE(row.failure->retryable);
}

} // namespace
} // namespace penstock::testing
