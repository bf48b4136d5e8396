// What a client may write in a job, and what it is told when it may not.

#include "gateway/bulk.hpp"
#include "gateway/calendar.hpp"
#include "gateway/job_request.hpp"
#include "gateway/json_msgpack.hpp"
#include "protocol/codec.hpp"

#include <gtest/gtest.h>

namespace penstock::gateway {
namespace {

const WallTime kNoon = *parse_rfc3339("2024-05-01T12:00:00Z");

CheckedJob read(std::string_view json) {
    return JobParser().parse(json, kNoon);
}

JobRequest good(std::string_view json) {
    auto checked = read(json);
    EXPECT_TRUE(std::holds_alternative<JobRequest>(checked)) << json;
    return std::get<JobRequest>(std::move(checked));
}

ProblemDetails bad(std::string_view json) {
    auto checked = read(json);
    EXPECT_TRUE(std::holds_alternative<ProblemDetails>(checked)) << json;
    return std::get<ProblemDetails>(std::move(checked));
}

TEST(GatewayJob, KeepsTheDefaultsThatNobodyNames) {
    const JobRequest job = good(R"({"kind":"echo","payload":{"a":3}})");
    Terms standard;
    standard.kind = "echo";
    EXPECT_EQ(job.terms, standard);
    EXPECT_EQ(json_of(job.payload), R"({"a":3})");
    EXPECT_FALSE(job.id);
}

TEST(GatewayJob, TakesEveryField) {
    const JobRequest job = good(R"({"kind":"k","id":"mine-1","priority":9,"delay":1.5,"ttl":60,
        "timeout":5,"max_attempts":3,"backoff":0.5,"redeliver":false,"tags":["a","b"],
        "tenant":"t"})");
    EXPECT_EQ(job.id->text(), "mine-1");
    EXPECT_EQ(job.terms.priority, 9);
    EXPECT_EQ(job.terms.delay, std::chrono::milliseconds(1500));
    EXPECT_EQ(job.terms.max_attempts, 3u);
    EXPECT_FALSE(job.terms.redeliver);
    EXPECT_EQ(job.terms.tags, (std::vector<std::string>{"a", "b"}));
}

TEST(GatewayJob, CountsCalendarTimesFromTheTimeThatItIsTold) {
    const JobRequest job = good(
        R"({"kind":"k","run_at":"2024-05-01T12:00:10Z","deadline":"2024-05-01T14:01:00+02:00"})");
    EXPECT_EQ(job.terms.delay, std::chrono::seconds(10));
    EXPECT_EQ(job.terms.ttl, std::chrono::seconds(60));
}

TEST(GatewayJob, RefusesADeadlineThatHasPassed) {
    EXPECT_EQ(bad(R"({"kind":"k","deadline":"2024-05-01T11:00:00Z"})").errors.front().pointer,
              "/deadline");
}

TEST(GatewayJob, RefusesWhatWouldExpireBeforeItMayStart) {
    const auto pointer = [](const char* json) { return bad(json).errors.at(0).pointer; };
    EXPECT_EQ(pointer(R"({"kind":"k","delay":5,"ttl":5})"), "/ttl");
    EXPECT_EQ(pointer(R"({"kind":"k","run_at":"2024-05-01T12:00:10Z","ttl":9})"), "/ttl");
    EXPECT_EQ(pointer(R"({"kind":"k","run_at":"2024-05-01T12:00:10Z","deadline":"2024-05-01T12:00:09Z"})"),
              "/deadline");
    EXPECT_EQ(good(R"({"kind":"k","delay":5,"ttl":5.1})").terms.delay, std::chrono::seconds(5));
}

TEST(GatewayJob, RefusesTimesThatNoDurationReaches) {
    EXPECT_EQ(bad(R"({"kind":"k","deadline":"2528-01-16T10:01:00Z"})").errors.front().detail,
              "must be within 10 years");
    EXPECT_EQ(bad(R"({"kind":"k","run_at":"9999-01-16T10:01:00Z"})").errors.front().detail,
              "must be within 10 years");
}

TEST(GatewayJob, RefusesAContentTypeThatTheWireCouldNotCarry) {
    Head head;
    JobParser parser;
    JobRequest job;
    head.content_type = "image/png";
    EXPECT_FALSE(read_raw_payload(head, "bytes", parser, job));
    head.content_type = "image/pn\xff";
    EXPECT_EQ(read_raw_payload(head, "bytes", parser, job)->slug, Slug::unsupported_media_type);
}

TEST(GatewayJob, NamesEveryMistake) {
    const ProblemDetails problem =
        bad(R"({"kind":"a b","prioritty":1,"priority":10,"tags":[1],"redeliver":"yes"})");
    std::vector<std::string> pointers;
    for (const auto& error : problem.errors) pointers.push_back(error.pointer);
    EXPECT_EQ(pointers, (std::vector<std::string>{"/kind", "/prioritty", "/priority", "/tags/0",
                                                  "/redeliver"}));
}

TEST(GatewayJob, NeedsEachLabelOnce) {
    EXPECT_EQ(good(R"({"kind":"k","needs":["gpu","big","gpu"]})").terms.needs,
              (std::vector<std::string>{"big", "gpu"}));
    EXPECT_EQ(bad(R"({"kind":"k","needs":["gpu",""]})").errors.front().pointer, "/needs/1");
    const auto number = bad(R"({"kind":"k","needs":[1]})").errors;
    ASSERT_EQ(number.size(), 1u) << "one mistake, one error";
    EXPECT_EQ(number.front().pointer, "/needs/0");
    EXPECT_EQ(bad(R"({"kind":"k","needs":"gpu"})").errors.front().pointer, "/needs");
}

TEST(GatewayJob, RefusesTimesThatLeaveNoTime) {
    EXPECT_EQ(bad(R"({"kind":"k","ttl":0})").errors.front().pointer, "/ttl");
    EXPECT_EQ(bad(R"({"kind":"k","timeout":0})").errors.front().pointer, "/timeout");
    EXPECT_EQ(bad(R"({"kind":"k","delay":-1})").errors.front().pointer, "/delay");
}

TEST(GatewayJob, SaysWhereTheJsonIsWrong) {
    const ProblemDetails problem = bad("{\"kind\": \"k\",\n \"payload\": [1,}");
    EXPECT_EQ(problem.slug, Slug::malformed_json);
    EXPECT_NE(problem.detail.find("line 2"), std::string::npos) << problem.detail;
}

TEST(GatewayJob, RefusesWhatIsNoJob) {
    for (const char* text : {"", "[]", "3", "{}", "{\"kind\":\"k\"} x", "{\"kind\":\"k\""}) {
        EXPECT_TRUE(std::holds_alternative<ProblemDetails>(read(text))) << text;
    }
    EXPECT_EQ(bad(R"({"kind":"k","id":"no spaces"})").errors.front().pointer, "/id");
    EXPECT_EQ(bad("{\"kind\":\"k\",\"payload\":" + std::string(100, '[')).slug,
              Slug::malformed_json);
}

TEST(GatewayJob, ReadsTheSameJobFromMsgpack) {
    std::string body;
    Writer w(body);
    w.map(3).key("kind").text("k").key("priority").natural(7).key("payload").bytes("\x01\x02");
    const auto job = std::get<JobRequest>(read_job_msgpack(body, kNoon));
    EXPECT_EQ(job.terms.priority, 7);
    EXPECT_EQ(json_of(job.payload), R"({"$bin":"AQI="})");
    EXPECT_EQ(std::get<ProblemDetails>(read_job_msgpack("\xc1", kNoon)).slug,
              Slug::malformed_msgpack);
}

TEST(GatewayJob, ReadsOptionsFromAQuery) {
    const auto job = std::get<JobRequest>(read_job_options(
        "k", {{"priority", "2"}, {"tag", "a"}, {"tag", "b"}, {"id", "7"}, {"wait", "3"}}, kNoon));
    EXPECT_EQ(job.terms.priority, 2);
    EXPECT_EQ(job.terms.tags.size(), 2u);
    EXPECT_EQ(job.id->text(), "7");
    const auto wrong = std::get<ProblemDetails>(
        read_job_options("k", {{"priority", "high"}, {"payload", "1"}}, kNoon));
    EXPECT_EQ(wrong.errors.size(), 2u);
}

TEST(GatewayJob, MakesAPayloadOfAQuery) {
    const std::string payload = payload_of_query(
        {{"a", "3"}, {"b", "true"}, {"c", "null"}, {"d", "x"}, {"e", "007"}, {"wait", "5"}});
    EXPECT_EQ(json_of(payload), R"({"a":3,"b":true,"c":null,"d":"x","e":"007"})");
}

// ---- bulk ---------------------------------------------------------------------------------

class GatewayBulk : public testing::Test {
protected:
    std::variant<Bulk, ProblemDetails> read_all(std::string_view body, BulkForm form) {
        return read_bulk(body, form, {parser_, ids_, kNoon, std::nullopt});
    }

    Bulk good_bulk(std::string_view body, BulkForm form) {
        auto read = read_all(body, form);
        EXPECT_TRUE(std::holds_alternative<Bulk>(read)) << body;
        return std::get<Bulk>(std::move(read));
    }

    JobParser parser_;
    FreshIds ids_;
};

TEST_F(GatewayBulk, GroupsJobsThatShareTheirTerms) {
    const Bulk bulk = good_bulk("{\"kind\":\"a\",\"payload\":1}\n{\"kind\":\"b\"}\n\n"
                                "{\"kind\":\"a\",\"payload\":[2]}",
                                BulkForm::lines);
    ASSERT_EQ(bulk.groups.size(), 2u);
    const Group& a = bulk.groups.front();
    ASSERT_EQ(a.rows.size(), 2u);
    EXPECT_EQ(json_of(a.payload(a.rows[1])), "[2]");
    EXPECT_EQ(a.rows[1].index, 2u);
}

TEST_F(GatewayBulk, KeepsTheGoodLinesOfABadBody) {
    const Bulk bulk = good_bulk("{\"kind\":\"a\"}\nnonsense\n{\"kind\":1}\r\n{\"kind\":\"a\"}\n",
                                BulkForm::lines);
    EXPECT_EQ(bulk.jobs, 4u);
    ASSERT_EQ(bulk.bad.size(), 2u);
    EXPECT_EQ(bulk.bad[0].index, 1u);
    EXPECT_EQ(bulk.bad[0].problem.slug, Slug::malformed_json);
    EXPECT_EQ(bulk.bad[1].index, 2u);
}

TEST_F(GatewayBulk, ReadsAnArray) {
    const Bulk bulk =
        good_bulk(R"( [ {"kind":"a","payload":"],{"} , {"kind":"a"},3 ] )", BulkForm::array);
    EXPECT_EQ(bulk.jobs, 3u);
    EXPECT_EQ(bulk.bad.size(), 1u);
    EXPECT_EQ(good_bulk("[]", BulkForm::array).jobs, 0u);
}

TEST_F(GatewayBulk, RefusesAnArrayThatIsNoJson) {
    for (const char* body : {"", "{}", "[", "[{}", "[{},", "[{},]", "[{}]]", "[{}}", "[{} {}]",
                             "[,]", "[\"a]", "[{}] x"}) {
        EXPECT_TRUE(std::holds_alternative<ProblemDetails>(read_all(body, BulkForm::array)))
            << body;
    }
}

TEST_F(GatewayBulk, DerivesIdsFromAnIdempotencyKey) {
    const BulkContext context{parser_, ids_, kNoon, "key"};
    const auto read = [&] {
        return std::get<Bulk>(
            read_bulk("[{\"kind\":\"a\"},{\"kind\":\"a\"}]", BulkForm::array, context));
    };
    const Bulk first = read(), second = read();
    EXPECT_EQ(first.groups[0].rows[0].id, second.groups[0].rows[0].id);
    EXPECT_FALSE(first.groups[0].rows[0].id == first.groups[0].rows[1].id);
    EXPECT_TRUE(first.groups[0].rows[0].body.has_value());
}

// ---- ids and times ------------------------------------------------------------------------

TEST(GatewayIds, AKeyNamesOneJobPerTenant) {
    EXPECT_EQ(id_of_key("", "k"), id_of_key("", "k"));
    EXPECT_FALSE(id_of_key("a", "k") == id_of_key("", "k"));
    // SHA-256 of NUL and "k", with the marks of a UUIDv8.
    const std::string text = id_of_key("", "k").text();
    EXPECT_EQ(text[14], '8');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
}

TEST(GatewayCalendar, ReadsAndWritesRfc3339) {
    EXPECT_EQ(to_rfc3339(*parse_rfc3339("2024-02-29T23:59:59.25+01:00")),
              "2024-02-29T22:59:59.250000Z");
    for (const char* text :
         {"", "2024-02-30T00:00:00Z", "2024-05-01", "2024-05-01T12:00:00", "2024-05-01T25:00:00Z",
          "2024-05-01T12:00:00Zx", "-024-05-01T12:00:00Z"}) {
        EXPECT_FALSE(parse_rfc3339(text)) << text;
    }
}

TEST(GatewayCalendar, WritesDatesOfHttp) {
    EXPECT_EQ(to_http_date(kNoon), "Wed, 01 May 2024 12:00:00 GMT");
}

} // namespace
} // namespace penstock::gateway
