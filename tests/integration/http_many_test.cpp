// What concerns many jobs, and why a job waits, over HTTP and from the command line.

#include "tests/integration/http_fixture.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace penstock::testing {
namespace {

class HttpMany : public HttpTest {
protected:
    void submit(const std::string& job) {
        const HttpAnswer answer = post("/v1/jobs", job);
        ASSERT_EQ(answer.status, 202) << answer.body;
    }

    std::string run(std::vector<std::string> words) {
        words.insert(words.begin(), PENSTOCK_BINARY);
        words.insert(words.end(), {"--gateway", "http://" + house_.http()});
        Process program(words, {});
        EXPECT_EQ(program.wait(), 0) << program.output();
        return program.output();
    }

};

TEST_F(HttpMany, AQueuedJobHasAPlace) {
    for (const char* id : {"one", "two", "three"}) {
        submit(R"({"kind":"echo","id":")" + std::string(id) + R"("})");
    }
    ASSERT_TRUE(eventually([&] {
        return holds(house_.get("/v1/jobs/three").body, R"("state":"queued","attempt":0,"position":3)");
    })) << house_.get("/v1/jobs/three").body;
    EXPECT_TRUE(holds(house_.get("/v1/jobs/one").body, R"("position":1)"));
    const std::string list = house_.get("/v1/jobs").body;
    EXPECT_TRUE(holds(list, R"("position":2)") && holds(list, R"("position":3)")) << list;
    EXPECT_TRUE(holds(run({"status", "one", "two"}), "queued #2"));
}

TEST_F(HttpMany, SaysWhyAJobIsNotRunning) {
    submit(R"({"kind":"echo","id":"lonely"})");
    submit(R"({"kind":"echo","id":"later","delay":60})");
    ASSERT_TRUE(eventually([&] {
        return holds(house_.get("/v1/jobs/lonely/explain").body, R"("why":"no-worker")");
    })) << house_.get("/v1/jobs/lonely/explain").body;
    EXPECT_TRUE(holds(house_.get("/v1/jobs/later/explain").body, R"("why":"delayed")"));
    EXPECT_EQ(house_.get("/v1/jobs/nobodys/explain").status, 404);
    EXPECT_TRUE(holds(run({"explain", "lonely"}), "lonely is queued: "));
}

TEST_F(HttpMany, WithoutAVentilatorAStatusIsAnsweredAllTheSame) {
    submit(R"({"kind":"echo","id":"j"})");
    ventilator_.reset();
    EXPECT_TRUE(holds(house_.get("/v1/jobs/j").body, R"("state":"queued")"));
    ASSERT_TRUE(eventually([&] {
        return holds(house_.get("/v1/jobs/j/explain").body, "ventilator-away");
    })) << house_.get("/v1/jobs/j/explain").body;
}

TEST_F(HttpMany, CancelsAndForgetsWhatFits) {
    for (int i = 0; i < 30; ++i) {
        submit(R"({"kind":"echo","tags":["even"],"id":"e)" + std::to_string(i) + "\"}");
        submit(R"({"kind":"echo","tags":["odd"],"id":"o)" + std::to_string(i) + "\"}");
    }
    const std::string odd = R"({"filter":{"tag":"odd"}})";
    EXPECT_EQ(post("/v1/jobs/cancel?dry_run", odd).body, R"({"matched":30,"dry_run":true})");
    EXPECT_EQ(post("/v1/jobs/cancel", odd).body, R"({"matched":30})");
    EXPECT_TRUE(holds(house_.get("/v1/jobs/o3").body, R"("state":"cancelled")"));
    EXPECT_TRUE(holds(house_.get("/v1/jobs/e3").body, R"("state":"queued")"));
    EXPECT_EQ(post("/v1/jobs/purge", R"({"ids":["o1","e1","nobodys"]})").body, R"({"matched":1})")
        << "only finished ones";
    EXPECT_EQ(house_.get("/v1/jobs/o1").status, 404);
    EXPECT_EQ(run({"purge", "--state", "cancelled"}), "29 jobs forgotten\n");
    EXPECT_EQ(run({"cancel", "--kind", "echo", "--dry-run"}), "30 jobs would be cancelled\n");
}

TEST_F(HttpMany, NoIdsAreNoJobs) {
    submit(R"({"kind":"echo","id":"j"})");
    EXPECT_EQ(post("/v1/jobs/cancel", R"({"ids":[]})").body, R"({"matched":0})");
    EXPECT_EQ(post("/v1/jobs/cancel", "{}").status, 400);
    EXPECT_TRUE(holds(house_.get("/v1/jobs/j").body, R"("state":"queued")"));
}

TEST_F(HttpMany, AFinishedJobRunsAgainAsANewOne) {
    submit(R"({"kind":"echo","id":"j","payload":7})");
    EXPECT_EQ(post("/v1/jobs/j/retry", "").status, 409);
    house_.http_request("DELETE", "/v1/jobs/j", nullptr, "");
    const HttpAnswer again = post("/v1/jobs/j/retry", "");
    ASSERT_EQ(again.status, 202) << again.body;
    EXPECT_TRUE(holds(again.body, R"("retry_of":"j")"));
    const auto location = again.headers.find("/v1/jobs/");
    ASSERT_NE(location, std::string::npos);
    const std::string path = again.headers.substr(location, again.headers.find('\r', location) - location);
    const Process worker = house_.worker({"--slots", "1"});
    EXPECT_EQ(house_.get(path + "/result?wait=15").body, "7");
    EXPECT_TRUE(holds(house_.get("/v1/jobs/j").body, R"("state":"cancelled")"));
    EXPECT_EQ(post("/v1/jobs/nobodys/retry", "").status, 404);
    EXPECT_TRUE(holds(post("/v1/jobs/retry", R"({"filter":{"state":"cancelled"}})").body,
                      R"({"matched":1,"ids":[)"));
}

TEST_F(HttpMany, WaitsForAnyAndForAll) {
    submit(R"({"kind":"echo","id":"a"})");
    submit(R"({"kind":"echo","id":"b","delay":60})");
    const std::string open =
        post("/v1/jobs/wait", R"({"ids":["a","b","nobodys"],"timeout":0})").body;
    EXPECT_EQ(open, R"({"done":[],"pending":["a","b","nobodys"]})");
    const Process worker = house_.worker({"--slots", "1"});
    const std::string any = post("/v1/jobs/wait", R"({"ids":["b","a"],"mode":"any"})").body;
    EXPECT_TRUE(holds(any, R"({"done":[{"id":"a")") && holds(any, R"("pending":["b"])")) << any;
    house_.http_request("DELETE", "/v1/jobs/b", nullptr, "");
    const std::string all = post("/v1/jobs/wait", R"({"ids":["b","a"]})").body;
    EXPECT_TRUE(holds(all, R"("pending":[]})")) << all;
}

TEST_F(HttpMany, NeedsAreMetOrExplained) {
    const Process plain = house_.worker({"--slots", "1"});
    submit(R"({"kind":"add","id":"j","payload":{"a":1,"b":2},"needs":["gpu"]})");
    ASSERT_TRUE(eventually([&] {
        return holds(house_.get("/v1/jobs/j/explain").body, "gpu");
    })) << house_.get("/v1/jobs/j/explain").body;
    const Process gpu = house_.worker({"--slots", "1", "--labels", "gpu,big"});
    EXPECT_EQ(house_.get("/v1/jobs/j/result?wait=15").body, "3");
}

} // namespace
} // namespace penstock::testing
