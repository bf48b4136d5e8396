// Groups, chains and jobs with callbacks: what may be written, and what is asked of the sink.

#include "gateway/calendar.hpp"
#include "gateway/group_json.hpp"
#include "gateway/group_request.hpp"
#include "gateway/json_msgpack.hpp"
#include "protocol/codec.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace penstock::gateway {
namespace {

const WallTime kNoon = *parse_rfc3339("2024-05-01T12:00:00Z");

std::variant<GroupRequest, ProblemDetails> read(std::string_view body, GroupForm form) {
    JobParser parser;
    GroupReader reader(body, form, kNoon);
    while (!reader.read_some(parser)) {
        parser.parse_json("[\"somebody else's\"]"); // between the pieces
    }
    return reader.finish();
}

GroupRequest good(std::string_view body, GroupForm form = GroupForm::group) {
    auto out = read(body, form);
    const auto* bad = std::get_if<ProblemDetails>(&out);
    EXPECT_EQ(bad, nullptr) << body << (bad != nullptr ? bad->detail : "");
    return std::get<GroupRequest>(std::move(out));
}

ProblemDetails bad(std::string_view body, GroupForm form = GroupForm::group) {
    auto out = read(body, form);
    EXPECT_TRUE(std::holds_alternative<ProblemDetails>(out)) << body;
    return std::get<ProblemDetails>(std::move(out));
}

std::string first_pointer(const ProblemDetails& problem) {
    return problem.errors.empty() ? "" : problem.errors.front().pointer;
}

std::string of_jobs(std::string_view jobs) {
    return "{\"jobs\":[" + std::string(jobs) + "]}";
}

TEST(GatewayGroup, KeepsTheOrderOfItsJobs) {
    const GroupRequest group = good(of_jobs(
        R"({"kind":"a","payload":1},{"kind":"a","payload":2},{"kind":"b"},{"kind":"a"})"));
    ASSERT_EQ(group.jobs, 4u);
    ASSERT_EQ(group.parts.size(), 3u) << "only neighbours share a part";
    EXPECT_EQ(json_of(group.parts[0].payload(group.parts[0].rows[1])), "2");
    EXPECT_EQ(group.parts[2].rows[0].index, 3u);
}

TEST(GatewayGroup, TakesItsFieldsInAnyOrder) {
    const GroupRequest group = good(R"( { "mode" : "first" , "then":{"kind":"sum","payload":{}},
        "jobs" : [ {"kind":"a"} ] , "on_failure" : {"kind":"alarm"}, "id":"g-1" } )");
    EXPECT_EQ(group.mode, GroupMode::first);
    EXPECT_EQ(group.then->terms.kind, "sum");
    EXPECT_EQ(group.on_failure->terms.kind, "alarm");
    EXPECT_EQ(group.id.text(), "g-1");
}

TEST(GatewayGroup, AChainIsAGroupInSteps) {
    const std::string body = of_jobs(R"({"kind":"a","payload":[1]},{"kind":"b"},)"
                                     R"({"kind":"c","payload":{"x":1}})");
    EXPECT_EQ(good(body, GroupForm::chain).mode, GroupMode::chain);
    EXPECT_EQ(first_pointer(bad(R"({"mode":"all","jobs":[{"kind":"a"}]})", GroupForm::chain)),
              "/mode");
    EXPECT_EQ(first_pointer(bad(of_jobs(R"({"kind":"a"},{"kind":"b","payload":[1]})"),
                                GroupForm::chain)),
              "/jobs/1/payload");
}

TEST(GatewayGroup, NamesWhatIsWrongByPointer) {
    const ProblemDetails problem =
        bad(R"({"jobs":[{"kind":"a"},{"kind":"a","priority":11,"delay":-1},{"kind":"a","ttl":0},3],
            "then":{"kind":"b","payload":[1]},"mode":"some","x":1})");
    std::vector<std::string> pointers;
    for (const auto& error : problem.errors) pointers.push_back(error.pointer);
    EXPECT_EQ(pointers,
              (std::vector<std::string>{"/jobs/1/priority", "/jobs/1/delay", "/jobs/2/ttl",
                                        "/jobs/3", "/then/payload", "/mode", "/x"}));
    EXPECT_EQ(problem.slug, Slug::invalid_request);
}

TEST(GatewayGroup, RefusesWhatCanNotBelongTogether) {
    const ProblemDetails twice = bad(of_jobs(R"({"kind":"a","id":"x"},{"kind":"a","id":"x"})"));
    EXPECT_EQ(twice.slug, Slug::invalid_group);
    EXPECT_EQ(first_pointer(twice), "/jobs/1/id");
    const ProblemDetails cycle =
        bad(R"({"jobs":[{"kind":"a","id":"x"}],"then":{"kind":"b","id":"x"}})");
    EXPECT_EQ(cycle.slug, Slug::invalid_group);
    EXPECT_EQ(first_pointer(cycle), "/then/id");
    EXPECT_EQ(bad(R"({"jobs":[]})").slug, Slug::invalid_group);
    EXPECT_EQ(first_pointer(bad("{}")), "/jobs");
    const ProblemDetails inner = bad(of_jobs(R"({"kind":"a","then":{"kind":"b"}})"));
    EXPECT_EQ(inner.slug, Slug::invalid_group);
    EXPECT_EQ(first_pointer(inner), "/jobs/0/then");
}

TEST(GatewayGroup, RefusesABodyThatIsNoJson) {
    for (const char* body :
         {"", "[", "[]", "{", "{\"jobs\"", "{\"jobs\":", "{\"jobs\":[", "{\"jobs\":[{}",
          "{\"jobs\":[{\"kind\":\"a\"},]}", "{\"jobs\":[{\"kind\":\"a\"}}", "{\"jobs\":[]} x",
          "{\"jobs\":[{\"kind\":\"a\"}]", "{\"jobs\":[],\"jobs\":[]}", "{\"jo", "{jobs:[]}",
          "{\"mode\":\"all\" \"jobs\":[]}", "{\"mode\":\"all\",}", "{\"jobs\":[{\"kind\":\"a\"}]]"}) {
        EXPECT_EQ(bad(body).slug, Slug::malformed_json) << body;
    }
    EXPECT_EQ(first_pointer(bad("{\"jobs\":3}")), "/jobs");
}

TEST(GatewayGroup, SaysWhereTheJsonIsWrong) {
    const ProblemDetails problem = bad("{\"jobs\":[\n {\"kind\":\"a\"},\n {\"kind\":nope}]}");
    EXPECT_NE(problem.detail.find("line 3, column 10"), std::string::npos) << problem.detail;
}

TEST(GatewayGroup, ReadsAHundredThousandJobsInPieces) {
    std::string body = "{\"jobs\":[";
    for (int i = 0; i < 100'000; ++i) {
        body += "{\"kind\":\"a\",\"payload\":{\"i\":" + std::to_string(i) + "}},";
    }
    body.back() = ']';
    body += '}';
    JobParser parser;
    GroupReader reader(body, GroupForm::group, kNoon);
    std::size_t pieces = 1;
    while (!reader.read_some(parser)) ++pieces;
    EXPECT_GT(pieces, body.size() / (256 * 1024));
    const auto group = std::get<GroupRequest>(reader.finish());
    EXPECT_EQ(group.jobs, 100'000u);
    ASSERT_EQ(group.parts.size(), 1u);
    EXPECT_EQ(json_of(group.parts[0].payload(group.parts[0].rows.back())), R"({"i":99999})");
}

TEST(GatewayGroup, IsNotLargerThanAFrame) {
    const std::string large = "{\"x\":\"" + std::string(9'000'000, 'x') + "\"}";
    std::string body = "{\"jobs\":[";
    for (int i = 0; i < 7; ++i) {
        body += "{\"kind\":\"a\",\"payload\":" + large + "}" + (i < 6 ? "," : "]");
    }
    good(body + "}");
    EXPECT_EQ(bad(body + ",\"then\":{\"kind\":\"a\",\"payload\":" + large + "}}").slug,
              Slug::body_too_large);
}

TEST(GatewayGroup, StopsReadingAtManyMistakes) {
    std::string body = "{\"jobs\":[";
    for (int i = 0; i < 1000; ++i) body += "{\"kind\":1},";
    body += "{]}";
    EXPECT_EQ(bad(body).errors.size(), 20u) << "and the end is never read";
}

// ---- names --------------------------------------------------------------------------------

GroupRequest named(const std::string& body, const std::optional<std::string>& key) {
    static FreshIds ids;
    GroupRequest group = good(body);
    name_jobs(group, ids, kNoon, key);
    return group;
}

TEST(GatewayGroup, TheSameKeyMakesTheSameGroup) {
    const std::string body = R"({"jobs":[{"kind":"a"},{"kind":"a","id":"mine"}],)"
                             R"("then":{"kind":"b"}})";
    const GroupRequest first = named(body, "key"), second = named(body, "key");
    EXPECT_EQ(first.id, second.id);
    EXPECT_EQ(first.body, second.body);
    EXPECT_EQ(first.parts[0].rows[0].id, second.parts[0].rows[0].id);
    EXPECT_EQ(first.parts[0].rows[1].id.text(), "mine");
    EXPECT_EQ(*first.then->id, *second.then->id);
    EXPECT_FALSE(named(body, std::nullopt).id == named(body, std::nullopt).id);
}

TEST(GatewayGroup, TheKeyIsOneOfTheTenantOfItsFirstJob) {
    const auto id_for = [](const std::string& first, const std::string& second) {
        return named(R"({"jobs":[{"kind":"a","tenant":")" + first +
                         R"("},{"kind":"a","tenant":")" + second + "\"}]}",
                     "key")
            .id;
    };
    EXPECT_EQ(id_for("ann", "ben"), id_for("ann", "cleo"));
    EXPECT_NE(id_for("ann", "ben").text(), id_for("ben", "ann").text());
}

TEST(GatewayGroup, AnotherBodyIsAConflict) {
    const auto body_of = [](const std::string& rest) {
        return *named("{\"id\":\"g\",\"jobs\":[{\"kind\":\"a\",\"payload\":1}" + rest, {}).body;
    };
    EXPECT_EQ(body_of("]}"), body_of("]}"));
    EXPECT_NE(body_of("]}"), body_of(",{\"kind\":\"a\"}]}"));
    EXPECT_NE(body_of("]}"), body_of("],\"mode\":\"first\"}"));
    EXPECT_NE(body_of("],\"then\":{\"kind\":\"b\"}}"), body_of("],\"on_failure\":{\"kind\":\"b\"}}"));
}

TEST(GatewayGroup, OtherIdsAreAnotherBody) {
    const auto body_of = [](const std::string& job, const std::string& callbacks = "") {
        return *named("{\"id\":\"g\",\"jobs\":[{\"kind\":\"a\"" + job + "}]" + callbacks + "}", {}).body;
    };
    EXPECT_EQ(body_of(R"(,"id":"x")"), body_of(R"(,"id":"x")"));
    EXPECT_NE(body_of(R"(,"id":"x")"), body_of(R"(,"id":"y")"));
    EXPECT_NE(body_of(R"(,"id":"x")"), body_of(""));
    for (const std::string which : {"then", "on_failure"}) {
        const auto called = [&](const std::string& id) {
            return body_of("", ",\"" + which + R"(":{"kind":"b","id":")" + id + "\"}");
        };
        EXPECT_EQ(called("x"), called("x"));
        EXPECT_NE(called("x"), called("y"));
    }
}

TEST(GatewayGroup, IsAskedAsItWasWritten) {
    const GroupRequest group = named(R"({"jobs":[{"kind":"a","payload":7,"needs":["gpu"]}],)"
                                     R"("then":{"kind":"b","priority":9}})",
                                     {});
    const std::string frame = encode(std::nullopt, StatusQuestion(question_of(group)));
    Reader reader;
    const auto decoded = decode_status(reader, frame);
    ASSERT_EQ(decoded.error, "");
    const auto& question = std::get<OpenGroup>(decoded.messages.front().question);
    ASSERT_EQ(question.parts.size(), 1u);
    EXPECT_EQ(question.parts[0].terms.needs, std::vector<std::string>{"gpu"});
    EXPECT_EQ(json_of(question.parts[0].rows[0].payload), "7");
    EXPECT_EQ(question.then->terms.priority, 9);
    EXPECT_EQ(json_of(question.then->payload), "null") << "absent: the results themselves";
}

// ---- a job with callbacks -----------------------------------------------------------------

TEST(GatewayCallbacks, AJobWithThemIsAGroupOfOne) {
    JobParser parser;
    auto job = std::get<JobRequest>(parser.parse(
        R"({"kind":"a","id":"x","payload":3,"then":{"kind":"b"},"on_failure":{"kind":"c"}})",
        kNoon));
    GroupRequest group = group_of(std::move(job));
    EXPECT_EQ(group.jobs, 1u);
    EXPECT_EQ(group.parts[0].rows[0].id.text(), "x");
    EXPECT_EQ(kinds_of(group), (std::set<std::string>{"a", "b", "c"}));
}

ProblemDetails bad_job(std::string_view json) {
    auto checked = JobParser().parse(json, kNoon);
    EXPECT_TRUE(std::holds_alternative<ProblemDetails>(checked)) << json;
    return std::get<ProblemDetails>(std::move(checked));
}

TEST(GatewayCallbacks, MistakesInThemAreNamed) {
    EXPECT_EQ(first_pointer(bad_job(R"({"kind":"a","then":{"kind":"b","priority":11}})")),
              "/then/priority");
    EXPECT_EQ(first_pointer(bad_job(R"({"kind":"a","on_failure":{}})")), "/on_failure/kind");
    EXPECT_EQ(first_pointer(bad_job(R"({"kind":"a","then":[]})")), "/then");
    EXPECT_EQ(first_pointer(bad_job(R"({"kind":"a","id":"x","then":{"kind":"b","id":"x"}})")),
              "/then/id");
}

TEST(GatewayCallbacks, HaveNoneOfTheirOwn) {
    const ProblemDetails deep =
        bad_job(R"({"kind":"a","then":{"kind":"b","then":{"kind":"c"}}})");
    EXPECT_EQ(status_of(deep.slug), 422);
    EXPECT_EQ(first_pointer(deep), "/then/then");
}

TEST(GatewayCallbacks, ComeFromMsgpackAndFromAQueryToo) {
    std::string body;
    Writer w(body);
    w.map(2).key("kind").text("a").key("then").map(2).key("kind").text("b");
    w.key("payload").map(1).key("bytes").bytes("\xff");
    const auto packed = std::get<JobRequest>(read_job_msgpack(body, kNoon));
    EXPECT_EQ(json_of(packed.then->payload), R"({"bytes":{"$bin":"/w=="}})");
    const auto options = std::get<JobRequest>(
        read_job_options("k", {{"then", "b"}, {"needs", "gpu,big,gpu"}}, kNoon));
    EXPECT_EQ(options.then->terms.kind, "b");
    EXPECT_EQ(options.terms.needs, (std::vector<std::string>{"big", "gpu"}));
}

// ---- answers ------------------------------------------------------------------------------

TEST(GatewayGroup, ShowsItselfAndItsMembers) {
    GroupAnswer group;
    group.id = *JobId::parse("g");
    group.state = State::succeeded;
    group.members = group.finished = group.succeeded = 2;
    group.submitted_at = 1;
    std::string out;
    JsonText json(out);
    json.open_object();
    append_group(json, group);
    json.close_object();
    EXPECT_EQ(out, R"({"id":"g","mode":"all","state":"succeeded","members":2,"finished":2,)"
                   R"("succeeded":2,"submitted_at":"1970-01-01T00:00:01.000000Z"})");
    JobView failed;
    failed.id = *JobId::parse("j");
    failed.state = State::failed;
    failed.failure = Failure{"handler-error", "it broke", true};
    std::string line;
    JsonText member(line);
    append_member(member, failed);
    EXPECT_EQ(boost::json::parse(line).at("error").at("code").as_string(), "handler-error");
}

TEST(GatewayGroup, SaysWhichIdsItGave) {
    const GroupRequest group = named(R"({"id":"g","jobs":[{"kind":"a","id":"x"},{"kind":"b"}],)"
                                     R"("then":{"kind":"c","id":"t"}})",
                                     {});
    const auto json = boost::json::parse(accepted_json(group));
    EXPECT_EQ(json.at("id").as_string(), "g");
    EXPECT_EQ(json.at("ids").as_array().size(), 2u);
    EXPECT_EQ(json.at("ids").at(0).as_string(), "x");
    EXPECT_EQ(json.at("then").as_string(), "t");
}

TEST(GatewayGroup, SaysWhyItIsNotStored) {
    const JobId id = *JobId::parse("g");
    const auto slug = [&](Found found, const char* why) {
        GroupAnswer answer;
        answer.found = found;
        answer.why = why;
        return group_not_stored(id, &answer).slug;
    };
    EXPECT_EQ(slug(Found::conflict, ""), Slug::id_conflict);
    EXPECT_EQ(slug(Found::refused, "jobs-full"), Slug::jobs_full);
    EXPECT_EQ(slug(Found::starting, ""), Slug::starting);
    EXPECT_EQ(group_not_stored(id, nullptr).slug, Slug::outcome_unknown);
    EXPECT_EQ(no_group(id, {}).slug, Slug::group_not_found);
}

} // namespace
} // namespace penstock::gateway
