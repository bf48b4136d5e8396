// Bodies that name many jobs; positions; why a job waits.

#include "gateway/group_json.hpp"
#include "gateway/job_json.hpp"
#include "gateway/many_request.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace penstock::gateway {
namespace {

std::variant<WhichJobs, ProblemDetails> which(std::string_view body) {
    JobParser parser;
    return read_which_jobs(parser, body);
}

std::vector<AskMany> questions(std::string_view body) {
    auto read = which(body);
    EXPECT_TRUE(std::holds_alternative<WhichJobs>(read)) << body;
    return questions_of(std::get<WhichJobs>(read), AskMany::Deed::purge, true);
}

std::string pointer(std::string_view body) {
    auto read = which(body);
    EXPECT_TRUE(std::holds_alternative<ProblemDetails>(read)) << body;
    return std::get<ProblemDetails>(read).errors.at(0).pointer;
}

TEST(GatewayMany, NamesJobsByIdOrByFilter) {
    const auto by_id = questions(R"({"ids":["a","b","a"]})");
    ASSERT_EQ(by_id.size(), 1u);
    EXPECT_EQ(by_id[0].ids.size(), 2u) << "each once";
    EXPECT_TRUE(by_id[0].dry_run);
    const auto by_filter = questions(R"({"filter":{"state":"failed","kind":"k","tag":"t"}})");
    ASSERT_EQ(by_filter.size(), 1u);
    EXPECT_EQ(by_filter[0].state, State::failed);
    EXPECT_EQ(by_filter[0].kind, "k");
}

TEST(GatewayMany, NoIdsAreNoJobsAndNotAllOfThem) {
    EXPECT_TRUE(questions(R"({"ids":[]})").empty());
    EXPECT_EQ(questions(R"({"filter":{}})").size(), 1u);
}

TEST(GatewayMany, ManyIdsAreManyQuestions) {
    std::string body = R"({"ids":["j0")";
    for (int i = 1; i < 2'500; ++i) body += ",\"j" + std::to_string(i) + "\"";
    const auto asked = questions(body + "]}");
    ASSERT_EQ(asked.size(), 3u);
    EXPECT_EQ(asked[2].ids.size(), 500u);
}

TEST(GatewayMany, NamesWhatIsWrong) {
    EXPECT_EQ(pointer("{}"), "");
    EXPECT_EQ(pointer("[]"), "");
    EXPECT_EQ(pointer(R"({"ids":[],"filter":{}})"), "");
    EXPECT_EQ(pointer(R"({"ids":["a","b c"]})"), "/ids/1");
    EXPECT_EQ(pointer(R"({"ids":"a"})"), "/ids");
    EXPECT_EQ(pointer(R"({"filter":{"state":"done"}})"), "/filter/state");
    EXPECT_EQ(pointer(R"({"filter":{"kind":""}})"), "/filter/kind");
    EXPECT_EQ(pointer(R"({"filter":{"age":1}})"), "/filter/age");
    EXPECT_EQ(std::get<ProblemDetails>(which("{")).slug, Slug::malformed_json);
}

TEST(GatewayMany, ReadsWhatIsWaitedFor) {
    JobParser parser;
    const auto wait = std::get<WaitRequest>(
        read_wait_many(parser, R"({"ids":["a","b","a"],"mode":"any","timeout":2.5})"));
    EXPECT_EQ(wait.ids.size(), 2u);
    EXPECT_EQ(wait.mode, WaitRequest::Mode::any);
    EXPECT_EQ(wait.timeout, std::chrono::milliseconds(2500));
    const auto long_one =
        std::get<WaitRequest>(read_wait_many(parser, R"({"ids":["a"],"timeout":1e9})"));
    EXPECT_EQ(long_one.timeout, std::chrono::seconds(300));
    for (const char* body : {R"({})", R"({"ids":["a"],"mode":"some"})", R"({"ids":[1]})",
                             R"({"ids":["a"],"timeout":-1})", R"({"ids":["a"],"x":1})"}) {
        EXPECT_TRUE(std::holds_alternative<ProblemDetails>(read_wait_many(parser, body))) << body;
    }
}

// ---- places -------------------------------------------------------------------------------

JobView queued(JobNumber number) {
    JobView job;
    job.id = *JobId::parse("j" + std::to_string(number));
    job.kind = "k";
    job.number = number;
    return job;
}

TEST(GatewayPlaces, OnlyQueuedJobsHaveOne) {
    std::vector<JobView> jobs = {queued(1), queued(2), queued(0)};
    jobs[1].state = State::running;
    EXPECT_EQ(numbers_to_ask(jobs), std::vector<JobNumber>{1});
    const Places places = places_of({{{1, 7, 2.5}, {2, 1, 1}, {3, 0, -1}}}, 100);
    EXPECT_EQ(places.size(), 2u);
    EXPECT_EQ(place_of(places, jobs[0])->position, 7u);
    EXPECT_EQ(place_of(places, jobs[1]), nullptr) << "it has started meanwhile";
    EXPECT_EQ(place_of(places, queued(9)), nullptr);
}

TEST(GatewayPlaces, StandInAStatusAndInAList) {
    const Places places = places_of({{{1, 7, 2.5}, {2, 8, -1}}}, 100);
    ListAnswer list;
    list.jobs = {queued(1), queued(2)};
    const auto jobs = boost::json::parse(jobs_json(list, places)).at("jobs").as_array();
    EXPECT_EQ(jobs[0].at("position").as_int64(), 7);
    EXPECT_EQ(jobs[0].at("estimated_start").as_string(), "1970-01-01T00:01:42.500000Z");
    EXPECT_EQ(jobs[1].at("position").as_int64(), 8);
    EXPECT_FALSE(jobs[1].as_object().contains("estimated_start")) << "nobody can say";
}

TEST(GatewayExplain, SaysWhyAJobWaits) {
    Explanation said;
    said.known = true;
    said.why = "position";
    said.text = "Two jobs are before it.";
    said.position = 3;
    said.start_in = 1.5;
    const auto json = boost::json::parse(explanation_json(queued(1), &said, 100));
    EXPECT_EQ(json.at("why").as_string(), "position");
    EXPECT_EQ(json.at("position").as_int64(), 3);
    EXPECT_EQ(json.at("estimated_start").as_string(), "1970-01-01T00:01:41.500000Z");
}

TEST(GatewayExplain, KnowsWhatNoVentilatorCanSay) {
    const auto why = [](const JobView& job, const Explanation* said) {
        return boost::json::parse(explanation_json(job, said, 0)).at("why").as_string();
    };
    const Explanation nobodys;
    EXPECT_EQ(why(queued(1), nullptr), "ventilator-away");
    EXPECT_EQ(why(queued(0), &nobodys), "unowned");
    JobView callback = queued(0);
    callback.group = *JobId::parse("g");
    EXPECT_EQ(why(callback, &nobodys), "group");
    JobView finished = queued(1);
    finished.state = State::failed;
    EXPECT_EQ(why(finished, &nobodys), "finished");
}

TEST(GatewayRetry, SaysWhyNot) {
    const JobId id = *JobId::parse("j");
    EXPECT_EQ(not_retried(id, {Found::unknown, "", {}}).slug, Slug::job_not_found);
    EXPECT_EQ(not_retried(id, {Found::refused, "not-finished", {}}).slug, Slug::not_finished);
    EXPECT_EQ(not_retried(id, {Found::conflict, "", {}}).slug, Slug::id_conflict);
    EXPECT_EQ(not_retried(id, {Found::refused, "jobs-full", {}}).slug, Slug::jobs_full);
}

} // namespace
} // namespace penstock::gateway
