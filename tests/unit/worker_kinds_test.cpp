// The built-in kinds, run by a worker between a ventilator and a sink that the test plays.

#include "tests/unit/worker_fake_site.hpp"
#include "tests/unit/worker_kinds_fixture.hpp"
#include "workers/kinds/allowed_urls.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace penstock::testing {
namespace {

using worker::AllowedUrls;

std::size_t threads_of_this_process() {
    std::ifstream status("/proc/self/status");
    std::string word;
    std::size_t count = 0;
    while (status >> word) {
        if (word == "Threads:") status >> count;
    }
    return count;
}

TEST_F(KindsTest, echo_answers_the_payload_to_the_byte) {
    const std::string odd("\xcd\x00\x01", 3); // 1, not in its shortest form
    EXPECT_EQ(run_job("echo", odd).value, odd);
}

TEST_F(KindsTest, add_keeps_integers_whole) {
    EXPECT_EQ(value(run_job("add", map(number("a", 3), number("b", -7)))).integer(), -4);
    EXPECT_EQ(value(run_job("add", map(number("a", 3), real("b", 0.5)))).real(), 3.5);
    const Node large = value(run_job("add", map(number("a", INT64_MAX), number("b", 1))));
    EXPECT_EQ(large.real(), 9223372036854775808.0);
}

TEST_F(KindsTest, add_says_what_it_needs) {
    const auto row = run_job("add", map(number("a", 3)));
    EXPECT_EQ(code_of(row), "bad-payload");
    EXPECT_FALSE(row.failure->retryable);
    EXPECT_EQ(code_of(run_job("add", integer_value(3))), "bad-payload");
    EXPECT_EQ(code_of(run_job("add", map(text("a", "3"), number("b", 1)))), "bad-payload");
}

TEST_F(KindsTest, sleep_and_spin_take_their_time) {
    EXPECT_GE(run_job("sleep", map(real("seconds", 0.02))).run_us, 20'000u);
    EXPECT_GE(run_job("spin", map(real("seconds", 0.02))).run_us, 20'000u);
    EXPECT_EQ(code_of(run_job("sleep", map(real("seconds", -1)))), "bad-payload");
    EXPECT_EQ(code_of(run_job("spin", map())), "bad-payload");
}

TEST_F(KindsTest, sleep_and_spin_end_when_they_are_cancelled) {
    serve({}, 1);
    for (const auto* kind : {"sleep", "spin"}) {
        pipeline.send_jobs(kind, 1, next, 1, map(number("seconds", 60)));
        pipeline.heartbeat_with(1);
        pipeline.send(encode(CancelJob{next, FakePipeline::id_of(next)}));
        EXPECT_EQ(code_of(pipeline.results(1)[0]), "cancelled");
        ++next;
    }
}

TEST_F(KindsTest, fail_fails_as_often_as_it_was_asked) {
    EXPECT_EQ(code_of(run_job("fail", map(number("times", 1)))), "asked-to-fail");
    EXPECT_EQ(value(run_job("fail", map(number("times", 0)))).integer(), 1);
}

TEST_F(KindsTest, only_the_kinds_that_were_asked_for_are_there) {
    KindsOptions options;
    options.kinds = {"add"};
    serve(options, 1);
    EXPECT_EQ(code_of(run_job("echo", integer_value(1))), "unknown-kind");
    options.kinds = {"sing"};
    worker::Worker other{worker::Options()};
    EXPECT_THROW(worker::register_kinds(other, options), transport::StartError);
}

TEST_F(KindsTest, exec_runs_what_the_operator_named) {
    KindsOptions options;
    options.allow_exec = {{"upper", "tr a-z A-Z; echo done >&2; exit 3"}};
    serve(options, 1);
    const Node result = value(run_job("exec", map(text("name", "upper"), text("input", "hello"))));
    EXPECT_EQ(result.find("status").integer(), 3);
    EXPECT_EQ(result.find("output").text(), "HELLO");
    EXPECT_EQ(result.find("error").text(), "done\n");
    EXPECT_EQ(code_of(run_job("exec", map(text("name", "rm -rf /")))), "command-not-allowed");
}

TEST_F(KindsTest, exec_moves_more_than_a_pipe_holds) {
    KindsOptions options;
    options.allow_exec = {{"cat", "cat"}, {"deaf", "exit 0"}, {"endless", "yes"}};
    serve(options, 1);
    const std::string much(1u << 20, 'x');
    const auto row = run_job("exec", map(text("name", "cat"), text("input", much)));
    EXPECT_EQ(value(row).find("output").text(), much);
    const auto deaf = run_job("exec", map(text("name", "deaf"), text("input", much)));
    EXPECT_EQ(value(deaf).find("status").integer(), 0);
    EXPECT_EQ(code_of(run_job("exec", map(text("name", "endless")))), "result-too-large");
}

TEST_F(KindsTest, exec_is_killed_with_all_its_children_when_it_is_cancelled) {
    KindsOptions options;
    options.allow_exec = {{"family", "sleep 60 & sleep 60"}};
    serve(options, 1);
    pipeline.send_jobs("exec", 1, 1, 1, map(text("name", "family")));
    pipeline.heartbeat_with(1);
    pipeline.send(encode(CancelJob{1, FakePipeline::id_of(1)}));
    EXPECT_EQ(code_of(pipeline.results(1)[0]), "cancelled");
}

TEST_F(KindsTest, http_fetches_what_is_allowed) {
    FakeSite site;
    KindsOptions options;
    options.allow_urls = {site.url("/api")};
    serve(options, 4);
    const Node result = value(run_job("http", map(text("url", site.url("/api/hello")))));
    EXPECT_EQ(result.find("status").natural(), 200u);
    EXPECT_EQ(result.find("body").text(), "GET /api/hello ");
    EXPECT_EQ(result.find("headers").find("content-type").text(), "text/plain");

    const auto posted = run_job("http", map(text("url", site.url("/api/post")),
                                            text("method", "POST"), text("body", "data")));
    EXPECT_EQ(value(posted).find("body").text(), "POST /api/post data");
    EXPECT_EQ(code_of(run_job("http", map(text("url", site.url("/secret"))))), "url-not-allowed");
}

TEST_F(KindsTest, http_checks_every_redirect) {
    FakeSite site;
    KindsOptions options;
    options.allow_urls = {site.url("/api")};
    serve(options, 4);
    const auto near = run_job("http", map(text("url", site.url("/api/to?/api/end"))));
    EXPECT_EQ(value(near).find("body").text(), "GET /api/end ");
    const auto far = run_job("http", map(text("url", site.url("/api/to?/secret"))));
    EXPECT_EQ(code_of(far), "url-not-allowed");
    const auto loop = run_job("http", map(text("url", site.url("/api/round"))));
    EXPECT_EQ(code_of(loop), "too-many-redirects");
}

TEST_F(KindsTest, http_refuses_what_it_can_not_send) {
    FakeSite site;
    KindsOptions options;
    options.allow_urls = {site.url("/")};
    serve(options, 1);
    const auto with_header = [&](const char* name, const char* content) {
        return map(text("url", site.url("/x")),
                   [=](Writer& w) { w.key("headers").map(1).text(name).text(content); });
    };
    EXPECT_EQ(code_of(run_job("http", with_header("x", "a\r\nb: c"))), "bad-payload");
    EXPECT_EQ(code_of(run_job("http", with_header("Host", "internal"))), "bad-payload");
    EXPECT_EQ(code_of(run_job("http", with_header("x-trace", "1"))), "");
    EXPECT_EQ(code_of(run_job("http", integer_value(1))), "bad-payload");
}

TEST_F(KindsTest, many_slow_requests_share_one_thread) {
    FakeSite site;
    KindsOptions options;
    options.kinds = {"http"};
    options.allow_urls = {site.url("/")};
    constexpr int kRequests = 500;
    serve(options, kRequests);
    pipeline.send_jobs("http", 1, 1, kRequests, map(text("url", site.url("/hold"))));
    site.wait_for_held(kRequests);
    EXPECT_LE(threads_of_this_process(), 15u); // zmq, monitors, the site, the test, the worker
    site.release();
    for (const auto& row : pipeline.results(kRequests)) EXPECT_EQ(code_of(row), "");
}

TEST_F(KindsTest, a_slow_request_can_be_cancelled) {
    FakeSite site;
    KindsOptions options;
    options.allow_urls = {site.url("/")};
    serve(options, 1);
    pipeline.send_jobs("http", 1, 1, 1, map(text("url", site.url("/hold"))));
    site.wait_for_held(1);
    pipeline.send(encode(CancelJob{1, FakePipeline::id_of(1)}));
    EXPECT_EQ(code_of(pipeline.results(1)[0]), "cancelled");
}

TEST(AllowedUrls, compares_what_the_parser_understood) {
    const AllowedUrls allowed({"https://api.example.com/v1/", "http://10.0.0.1:8080"});
    EXPECT_TRUE(allowed.admit("https://api.example.com/v1/users"));
    EXPECT_TRUE(allowed.admit("HTTPS://API.example.com:443/v1/users?x=1"));
    EXPECT_TRUE(allowed.admit("http://10.0.0.1:8080/anything"));
    for (const auto* url : {
             "http://api.example.com/v1/users",             // another scheme
             "https://api.example.com:8443/v1/users",       // another port
             "https://api.example.com.evil.org/v1/users",   // another host
             "https://api.example.com@evil.org/v1/users",   // a user name
             "https://user:pw@api.example.com/v1/users",    // likewise
             "https://evil.org\\@api.example.com/v1/users", // a host that parsers disagree on
             "https://api.example.com/v1/../admin",         // out of the path
             "https://api.example.com/v1/%2e%2e/admin",     // likewise
             "https://api.example.com/v1/..%2fadmin",       // likewise
             "https://api.example.com/v10/users",           // another segment
             "file:///etc/passwd",
             "gopher://10.0.0.1:8080/",
             "",
         }) {
        EXPECT_FALSE(allowed.admit(url)) << url;
    }
    EXPECT_FALSE(AllowedUrls({}).admit("http://127.0.0.1/"));
    EXPECT_THROW(AllowedUrls({"ftp://x/"}), transport::StartError);
}

} // namespace
} // namespace penstock::testing
