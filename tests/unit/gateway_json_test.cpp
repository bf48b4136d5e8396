// JSON and msgpack, there and back; answers as JSON.

#include "gateway/job_json.hpp"
#include "gateway/job_request.hpp"
#include "gateway/json_msgpack.hpp"
#include "gateway/metrics.hpp"

#include <boost/json/parse.hpp>
#include <bit>
#include <charconv>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace penstock::gateway {
namespace {

std::string there_and_back(const std::string& json) {
    std::string packed;
    JsonReader reader;
    const auto read = reader.read(json);
    append_msgpack(packed, *std::get<boost::json::value*>(read));
    return json_of(packed);
}

TEST(GatewayJson, ComesBackTheSame) {
    for (const char* json :
         {"null", "true", "0", "-1", "18446744073709551615", "-9223372036854775808", "1.5",
          "1e+300", R"("a\"b\\c\n\u0001é")", "[]", "{}", R"({"a":[1,{"b":null}],"c":"d"})"}) {
        EXPECT_EQ(there_and_back(json), json);
    }
    EXPECT_EQ(there_and_back("1.0"), "1.0"); // a real stays one
}

// What Python prints of any double is the shortest text that is nearest to it: a result that was sent
// back has the same digits.
TEST(GatewayJson, NoDigitOfADoubleIsLost) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 20'000; ++i) {
        const double number = std::bit_cast<double>(random());
        if (!std::isfinite(number)) continue;
        char text[32];
        const auto end = std::to_chars(text, text + sizeof text, number).ptr;
        std::string packed, wanted;
        JsonReader reader;
        const auto read = reader.read({text, end});
        append_msgpack(packed, *std::get<boost::json::value*>(read));
        if (std::string_view(text, end).find_first_of(".e") == std::string_view::npos) continue; // an integer
        Writer(wanted).real(number);
        ASSERT_EQ(packed, wanted) << std::string(text, end);
    }
    EXPECT_EQ(there_and_back("[0.12345678901234568,-0.1,1e-310]"), "[0.12345678901234568,-0.1,1e-310]");
}

TEST(GatewayJson, ANumberThatNoDoubleReachesIsRefused) {
    JsonReader reader;
    for (const char* text : {"[1e999]", "[-1e999]", "1.7976931348623159e308"}) {
        const auto read = reader.read(text);
        ASSERT_TRUE(std::holds_alternative<BadJson>(read)) << text;
        EXPECT_EQ(std::get<BadJson>(read).what, "exponent overflow");
    }
    EXPECT_EQ(there_and_back("1.7976931348623157e308"), "1.7976931348623157e+308");
    EXPECT_EQ(there_and_back("1e-999"), "0.0");
}

TEST(GatewayJson, ShowsWhatJsonHasNot) {
    std::string packed;
    Writer(packed).array(3).bytes("\xff").real(std::nan("")).map(1).natural(7).text("\xff");
    EXPECT_EQ(json_of(packed), R"([{"$bin":"/w=="},null,{"7":{"$bin":"/w=="}}])");
    EXPECT_EQ(json_of(std::string("\xd4\x05\x01", 3)), R"({"$ext":[5,"AQ=="]})");
}

TEST(GatewayJson, TakesPayloadsThatStillFitWhenWrapped) {
    EXPECT_TRUE(is_payload(std::string(kPayloadDepthMax - 1, '\x91') + '\xc0'));
    EXPECT_FALSE(is_payload(std::string(kDepthMax, '\x91') + '\xc0'));
    EXPECT_FALSE(is_payload(""));
    EXPECT_FALSE(is_payload("\xc0\xc0"));
    EXPECT_FALSE(is_payload(std::string("\xdd\xff\xff\xff\xff", 5)));
}

JobView finished_job() {
    JobView job;
    job.id = *JobId::parse("j");
    job.kind = "k";
    job.state = State::succeeded;
    job.submitted_at = job.finished_at = 1;
    Writer(job.value).array(1).natural(3);
    return job;
}

TEST(GatewayJson, ShowsAJob) {
    std::string out;
    JsonText json(out);
    append_job(json, finished_job());
    EXPECT_EQ(out, R"({"id":"j","kind":"k","state":"succeeded","attempt":0,)"
                   R"("submitted_at":"1970-01-01T00:00:01.000000Z",)"
                   R"("finished_at":"1970-01-01T00:00:01.000000Z","result":[3]})");
    EXPECT_NO_THROW(boost::json::parse(out));
}

TEST(GatewayJson, GivesAResultItsOwnType) {
    EXPECT_EQ(result_reply(finished_job(), ResultForm::json).body, "[3]");
    EXPECT_EQ(result_reply(finished_job(), ResultForm::msgpack).body, finished_job().value);
    JobView picture = finished_job();
    picture.value.clear();
    Writer(picture.value).bytes("png");
    picture.content_type = "image/png";
    const Reply reply = result_reply(std::move(picture), ResultForm::json);
    EXPECT_EQ(reply.content_type, "image/png");
    EXPECT_EQ(reply.body, "png");
}

TEST(GatewayJson, LetsNoContentTypeEndAHeader) {
    JobView job = finished_job();
    job.value.clear();
    Writer(job.value).bytes("x");
    job.content_type = "text/html\r\nSet-Cookie: a=b";
    EXPECT_EQ(result_reply(std::move(job), ResultForm::json).content_type,
              "application/octet-stream");
}

TEST(GatewayJson, SaysWhyThereIsNoResult) {
    JobView job = finished_job();
    job.state = State::failed;
    job.failure = Failure{"handler-error", "it broke", true};
    const Reply reply = to_reply(no_result(job));
    EXPECT_EQ(reply.status, 424);
    const auto json = boost::json::parse(reply.body);
    EXPECT_EQ(json.at("error").at("code").as_string(), "handler-error");
    EXPECT_EQ(json.at("state").as_string(), "failed");
    job.state = State::succeeded;
    EXPECT_EQ(to_reply(no_result(job)).status, 410);
}

TEST(GatewayJson, EveryProblemIsJson) {
    for (int i = 0; i <= static_cast<int>(Slug::outcome_unknown); ++i) {
        ProblemDetails details = problem(static_cast<Slug>(i), "a \"detail\"");
        details.errors.push_back({"/a", "b"});
        details.known_kinds = {"k"};
        details.id = JobId::parse("j");
        details.extra = "\"x\":1";
        const Reply reply = to_reply(details);
        const auto json = boost::json::parse(reply.body);
        EXPECT_EQ(json.at("status").as_int64(), reply.status);
    }
}

TEST(GatewayStats, ReadsQuantilesOffAHistogram) {
    Histogram histogram;
    EXPECT_FALSE(quantile(histogram, 0.5)); // of a sink that counts otherwise
    histogram.counts.resize(kHistogramBounds.size() + 1);
    EXPECT_FALSE(quantile(histogram, 0.5));
    histogram.counts[1] = 98; // 0.5 to 1 ms
    histogram.counts.back() = 2;
    EXPECT_DOUBLE_EQ(*quantile(histogram, 0.49), 0.00075);
    EXPECT_DOUBLE_EQ(*quantile(histogram, 0.99), 60);
}

TEST(GatewayStats, SaysHowLongJobsOfAKindTake) {
    SinkStats sink;
    sink.kinds.resize(2);
    sink.kinds[0].kind = "done";
    sink.kinds[0].total.counts.resize(kHistogramBounds.size() + 1);
    sink.kinds[0].total.counts[0] = 2;
    sink.kinds[1].kind = "open";
    const auto kinds = boost::json::parse(stats_json({}, sink)).at("kinds").as_array();
    EXPECT_DOUBLE_EQ(kinds[0].at("total_p50").as_double(), 0.00025);
    EXPECT_DOUBLE_EQ(kinds[0].at("total_p99").as_double(), 0.000495);
    EXPECT_FALSE(kinds[1].as_object().contains("total_p50"));
}

TEST(GatewayMetrics, WritesWhatWasCounted) {
    HttpDurations durations;
    durations.observe(Route::jobs, 202, std::chrono::milliseconds(2));
    Board board;
    DispatchKind kind;
    kind.kind = "echo";
    kind.queued = 3;
    board.dispatch.kinds.push_back(kind);
    const std::vector<const HttpDurations*> threads = {&durations};
    const std::string text = metrics_text({board, Workers{}, threads, 1});
    EXPECT_NE(text.find("penstock_queue_depth{kind=\"echo\"} 3"), std::string::npos);
    EXPECT_NE(text.find("penstock_http_request_duration_seconds_count{route=\"/v1/jobs\","
                        "status=\"202\"} 1"),
              std::string::npos)
        << text;
}

} // namespace
} // namespace penstock::gateway
