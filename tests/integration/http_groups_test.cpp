// Groups, chains and callbacks over HTTP, through real processes.

#include "tests/integration/http_fixture.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <memory>

namespace penstock::testing {
namespace {

// The first string that stands behind this key.
std::string text_in(const std::string& body, const std::string& key) {
    const std::string start = "\"" + key + "\":\"";
    const auto at = body.find(start);
    if (at == std::string::npos) return {};
    const auto from = at + start.size();
    return body.substr(from, body.find('"', from) - from);
}

class HttpGroups : public HttpTest {
protected:
    void SetUp() override {
        HttpTest::SetUp();
        worker_ = std::make_unique<Process>(house_.worker({"--slots", "4"}));
        ASSERT_TRUE(eventually([&] { return house_.workers() == 1; }));
    }

    std::string result_of(const std::string& id) {
        return house_.get("/v1/jobs/" + id + "/result?wait=15").body;
    }

    std::unique_ptr<Process> worker_;
};

TEST_F(HttpGroups, AnswersResultsInTheOrderOfTheJobs) {
    const HttpAnswer answer = post("/v1/groups?wait=15", R"({"jobs":[
        {"kind":"sleep","payload":{"seconds":0.2},"id":"slow"},
        {"kind":"add","payload":{"a":1,"b":2},"id":"quick"}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(text_in(answer.body, "state"), "succeeded");
    const auto slow = answer.body.find(R"("id":"slow")"), quick = answer.body.find(R"("id":"quick")");
    EXPECT_LT(slow, quick) << answer.body;
    EXPECT_TRUE(holds(answer.body, R"("id":"quick","state":"succeeded","result":3)")) << answer.body;
}

TEST_F(HttpGroups, TheCallbackGetsTheResults) {
    const HttpAnswer answer = post("/v1/groups", R"({"jobs":[
        {"kind":"add","payload":{"a":1,"b":2}},{"kind":"add","payload":{"a":3,"b":4}}],
        "then":{"kind":"echo"}})");
    ASSERT_EQ(answer.status, 202) << answer.body;
    EXPECT_TRUE(holds(answer.headers, "/v1/groups/" + text_in(answer.body, "id")));
    EXPECT_EQ(result_of(text_in(answer.body, "then")), "[3,7]");
}

TEST_F(HttpGroups, ACallbacksPayloadKeepsWhatItHas) {
    const HttpAnswer answer = post("/v1/groups", R"({"jobs":[{"kind":"add","payload":{"a":1,"b":2}}],
        "then":{"kind":"echo","payload":{"to":"me"}}})");
    EXPECT_EQ(result_of(text_in(answer.body, "then")), R"({"to":"me","results":[3]})");
}

TEST_F(HttpGroups, TheOtherCallbackHearsOfAFailure) {
    const HttpAnswer answer = post("/v1/groups", R"({"jobs":[
        {"kind":"fail","payload":{"times":9},"id":"bad"},{"kind":"add","payload":{"a":1,"b":2}}],
        "then":{"kind":"echo","id":"cheer"},"on_failure":{"kind":"echo","id":"alarm"}})");
    ASSERT_EQ(answer.status, 202) << answer.body;
    const std::string heard = result_of("alarm");
    EXPECT_TRUE(holds(heard, R"("id":"bad")") && holds(heard, R"("state":"failed")")) << heard;
    EXPECT_TRUE(holds(house_.get("/v1/jobs/cheer?wait=15").body, "not-needed"));
}

TEST_F(HttpGroups, EachStepOfAChainGetsTheOneBefore) {
    const HttpAnswer answer = post("/v1/chains?wait=15", R"({"jobs":[
        {"kind":"add","payload":{"a":1,"b":2}},{"kind":"echo","payload":{"x":1}},{"kind":"echo"}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(holds(answer.body, R"("result":{"x":1,"previous":3}},)")) << answer.body;
    EXPECT_EQ(text_in(answer.body, "mode"), "chain");
}

TEST_F(HttpGroups, AChainEndsWhereAStepFails) {
    const HttpAnswer answer = post("/v1/chains?wait=15", R"({"jobs":[
        {"kind":"fail","payload":{"times":9}},{"kind":"echo"}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(text_in(answer.body, "state"), "failed");
    EXPECT_TRUE(holds(answer.body, "previous-failed")) << answer.body;
}

TEST_F(HttpGroups, TheFirstSuccessCancelsTheRest) {
    const HttpAnswer answer = post("/v1/groups?wait=15", R"({"mode":"first","jobs":[
        {"kind":"sleep","payload":{"seconds":60},"id":"long"},
        {"kind":"add","payload":{"a":1,"b":2}}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(text_in(answer.body, "state"), "succeeded");
    EXPECT_TRUE(holds(house_.get("/v1/jobs/long?wait=15").body, "cancelled"));
}

TEST_F(HttpGroups, ResultsComeAsLinesInOrder) {
    const HttpAnswer made = post("/v1/groups", R"({"jobs":[
        {"kind":"sleep","payload":{"seconds":0.3},"id":"first"},
        {"kind":"echo","payload":[1],"id":"second"},{"kind":"fail","payload":{"times":9},"id":"third"}]})");
    ASSERT_EQ(made.status, 202) << made.body;
    const HttpAnswer lines = house_.get("/v1/groups/" + text_in(made.body, "id") + "/results");
    ASSERT_EQ(lines.status, 200) << lines.body;
    EXPECT_TRUE(holds(lines.headers, "application/x-ndjson"));
    EXPECT_LT(lines.body.find("first"), lines.body.find("second"));
    EXPECT_TRUE(holds(lines.body, "{\"id\":\"second\",\"state\":\"succeeded\",\"result\":[1]}\n"))
        << lines.body;
    EXPECT_TRUE(holds(lines.body, R"({"id":"third","state":"failed","error":{)")) << lines.body;
}

TEST_F(HttpGroups, AJobMayHaveACallbackByEveryWayIn) {
    const HttpAnswer one = post(
        "/v1/jobs?wait=15", R"({"kind":"add","payload":{"a":1,"b":2},"then":{"kind":"echo","id":"t1"}})");
    ASSERT_EQ(one.status, 200) << one.body;
    EXPECT_TRUE(holds(one.body, R"("result":3)")) << one.body;
    EXPECT_EQ(result_of("t1"), "[3]");
    const HttpAnswer raw = post("/v1/kinds/add/jobs?then=echo", R"({"a":3,"b":4})");
    ASSERT_EQ(raw.status, 202) << raw.body;
    EXPECT_EQ(result_of(text_in(raw.body, "then")), "[7]");
    const HttpAnswer bulk = post("/v1/jobs/bulk", R"([{"kind":"add","payload":{"a":5,"b":6}},
        {"kind":"add","id":"b2","payload":{"a":7,"b":8},"then":{"kind":"echo","id":"t3"}}, 3])");
    ASSERT_EQ(bulk.status, 202) << bulk.body;
    EXPECT_TRUE(holds(bulk.body, R"("b2",null])")) << bulk.body;
    EXPECT_EQ(result_of("t3"), "[15]");
}

TEST_F(HttpGroups, TheSameGroupOfOtherMembersIsAConflict) {
    const auto status = [&](const std::string& member, const std::string& callback) {
        return post("/v1/groups", R"({"id":"g","jobs":[{"kind":"echo","id":")" + member +
                                      R"("}],"then":{"kind":"echo","id":")" + callback + "\"}}")
            .status;
    };
    EXPECT_EQ(status("m1", "c1"), 202);
    EXPECT_EQ(status("m1", "c1"), 202);
    EXPECT_EQ(status("m2", "c1"), 422);
    EXPECT_EQ(status("m1", "c2"), 422);
    EXPECT_EQ(house_.get("/v1/jobs/m2").status, 404);
}

TEST_F(HttpGroups, TheSameGroupTwiceIsOne) {
    const std::string body =
        R"({"id":"g","jobs":[{"kind":"echo","payload":1}],"then":{"kind":"echo"}})";
    const HttpAnswer first = post("/v1/groups", body), second = post("/v1/groups", body);
    EXPECT_EQ(first.status, 202) << first.body;
    EXPECT_EQ(second.body, first.body);
    EXPECT_EQ(post("/v1/groups", R"({"id":"g","jobs":[{"kind":"echo","payload":2}]})").status, 422);
    const std::string job = R"({"kind":"echo","id":"j","payload":1,"then":{"kind":"echo"}})";
    EXPECT_EQ(post("/v1/jobs", job).body, post("/v1/jobs", job).body);
}

TEST_F(HttpGroups, NothingIsSubmittedIfOneCanNotBe) {
    const HttpAnswer unknown = post(
        "/v1/groups", R"({"jobs":[{"kind":"echo","id":"good"},{"kind":"nobodys","id":"bad"}]})");
    EXPECT_EQ(unknown.status, 422) << unknown.body;
    post("/v1/jobs?wait=15", R"({"kind":"echo","id":"taken"})");
    const HttpAnswer taken =
        post("/v1/groups", R"({"jobs":[{"kind":"echo","id":"good"},{"kind":"echo","id":"taken"}]})");
    EXPECT_EQ(taken.status, 422) << taken.body;
    EXPECT_EQ(house_.get("/v1/jobs/good").status, 404);
}

TEST_F(HttpGroups, CancelsWhatIsOpen) {
    post("/v1/groups", R"({"id":"g","jobs":[{"kind":"sleep","payload":{"seconds":60}},
        {"kind":"echo","id":"later","delay":60}],"then":{"kind":"echo","id":"never"}})");
    EXPECT_EQ(house_.http_request("DELETE", "/v1/groups/g", nullptr, "").status, 202);
    const HttpAnswer group = house_.get("/v1/groups/g?wait=15");
    EXPECT_EQ(text_in(group.body, "state"), "cancelled") << group.body;
    EXPECT_TRUE(holds(house_.get("/v1/jobs/never?wait=15").body, R"("state":"cancelled")"));
    for (const char* path : {"", "/results", "/events"}) {
        const HttpAnswer nobodys = house_.get("/v1/groups/nobodys" + std::string(path));
        EXPECT_EQ(nobodys.status, 404) << path;
        EXPECT_TRUE(holds(nobodys.body, "/problems/group-not-found")) << nobodys.body;
    }
}

TEST_F(HttpGroups, TwentyThousandJobsAreOneGroup) {
    constexpr int kJobs = 20'000;
    std::string body = "{\"jobs\":[";
    for (int i = 0; i < kJobs; ++i) {
        body += (i > 0 ? "," : "") + std::string(R"({"kind":"add","payload":{"b":0,"a":)") +
                std::to_string(i) + "}}";
    }
    const HttpAnswer answer = post("/v1/groups", body + "]}");
    ASSERT_EQ(answer.status, 202) << answer.body.substr(0, 500);
    const HttpAnswer lines = house_.get("/v1/groups/" + text_in(answer.body, "id") + "/results");
    std::size_t at = 0;
    for (int i = 0; i < kJobs; ++i) {
        while (at < lines.body.size() && lines.body[at] == '\n') ++at; // it was slow for a moment
        const auto end = lines.body.find('\n', at);
        ASSERT_NE(end, std::string::npos) << "after " << i << " lines";
        const std::string line = lines.body.substr(at, end - at);
        ASSERT_TRUE(line.ends_with("\"result\":" + std::to_string(i) + "}")) << line;
        at = end + 1;
    }
    EXPECT_EQ(at, lines.body.size());
}

TEST_F(HttpGroups, TheProgramSubmitsAndWaits) {
    const std::string file = ::testing::TempDir() + "group-" + std::to_string(house_.port(0));
    std::ofstream(file) << "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n";
    const auto run = [&](std::vector<std::string> words) {
        words.insert(words.begin(), PENSTOCK_BINARY);
        words.insert(words.end(), {"--gateway", "http://" + house_.http()});
        Process program(words, {});
        EXPECT_EQ(program.wait(), 0) << program.output();
        return program.output();
    };
    EXPECT_EQ(run({"group", file, "--kind", "add", "--wait", "15"}), "3\n7\n");
    std::string id = run({"group", file, "--kind", "add", "--then", "echo"});
    id.pop_back();
    EXPECT_TRUE(holds(run({"results", id, "--json"}), R"("result":7})"));
    std::ofstream(file) << R"({"kind":"add","payload":{"a":1,"b":2}})" << "\n{\"kind\":\"echo\"}\n";
    EXPECT_EQ(run({"chain", file, "--wait", "15"}), "3\n3\n");
}

} // namespace
} // namespace penstock::testing
