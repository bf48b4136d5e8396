// `http` beside its limits (worker_kinds_test.cpp): what goes out, what comes back, what is tried
// again.

#include "protocol/limits.hpp"
#include "tests/unit/worker_fake_site.hpp"
#include "tests/unit/worker_kinds_fixture.hpp"

#include <functional>

namespace penstock::testing {
namespace {

class HttpTest : public KindsTest {
protected:
    using Field = std::function<void(Writer&)>;
    FakeSite site;

    void SetUp() override {
        KindsOptions options;
        options.allow_urls = {site.url("/")};
        serve(options, 4);
    }

    GotRow fetch(const std::string& path, const std::vector<Field>& fields = {}) {
        std::string payload;
        Writer w(payload);
        w.map(fields.size() + 1);
        text("url", site.url(path))(w);
        for (const auto& field : fields) field(w);
        return run_job("http", payload);
    }

    static Field header(const std::string& name, const std::string& content) {
        return [=](Writer& w) { w.key("headers").map(1).text(name).text(content); };
    }

    static Field body(const std::string& bytes) {
        return [=](Writer& w) { w.key("body").bytes(bytes); };
    }

    static Field base64(const std::string& encoded) {
        return [=](Writer& w) { w.key("body").map(1).key("$bin").text(encoded); };
    }

    static Field yes(const char* key) {
        return [=](Writer& w) { w.key(key).boolean(true); };
    }

    static Field post() { return text("method", "POST"); }

    static Field alone() { return text("result", "body"); }

    std::string head_of_request(const std::vector<Field>& fields) {
        return std::string(value(fetch("/head", fields)).find("body").text());
    }
};

::testing::AssertionResult has(const std::string& head, const std::string& line) {
    if (head.find("\r\n" + line + "\r\n") != std::string::npos)
        return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << line << " is not in " << head;
}

TEST_F(HttpTest, the_other_side_is_told_which_job_and_attempt_it_is) {
    const std::string head = head_of_request({header("Penstock-Group", "g-1")});
    EXPECT_TRUE(has(head, "Penstock-Job: job-1"));
    EXPECT_TRUE(has(head, "Penstock-Attempt: 1"));
    EXPECT_TRUE(has(head, "Penstock-Group: g-1"));
}

TEST_F(HttpTest, a_payload_can_not_write_what_frames_the_request_or_names_the_job) {
    for (const auto* name : {"host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade",
                             "Penstock-Job", "penstock-attempt"}) {
        EXPECT_EQ(code_of(fetch("/x", {header(name, "0")})), "bad-payload") << name;
    }
}

TEST_F(HttpTest, bytes_go_out_as_they_are_and_say_so) {
    const std::string bytes("\x00\xff\r\n", 4);
    const auto row = fetch("/type?image/x-odd", {post(), body(bytes), alone()});
    EXPECT_EQ(value(row).text(), bytes);
    EXPECT_TRUE(
        has(head_of_request({post(), body(bytes)}), "Content-Type: application/octet-stream"));
    EXPECT_TRUE(has(head_of_request({post(), body(bytes), header("Content-Type", "image/png")}),
                    "Content-Type: image/png"));
    EXPECT_TRUE(has(head_of_request({post(), text("body", "words")}),
                    "Content-Type: text/plain; charset=utf-8"));
}

TEST_F(HttpTest, bytes_can_be_said_in_json) {
    for (const auto& [encoded, bytes] :
         std::vector<std::pair<std::string, std::string>>{{"AP8=", std::string("\x00\xff", 2)},
                                                          {"AP8A", std::string("\x00\xff\x00", 3)},
                                                          {"AA==", std::string("\x00", 1)},
                                                          {"", ""}}) {
        const auto row = fetch("/type?a/b", {post(), base64(encoded), alone()});
        EXPECT_EQ(value(row).text(), bytes) << encoded;
    }
    for (const auto* wrong : {"AP8", "A*8=", "AP8=\n\n\n\n"}) {
        EXPECT_EQ(code_of(fetch("/x", {post(), base64(wrong)})), "bad-payload") << wrong;
    }
}

TEST_F(HttpTest, nothing_is_asked_before_a_large_body_and_an_empty_one_has_a_length) {
    const std::string large = head_of_request({post(), body(std::string(2u << 20, 'x'))});
    EXPECT_EQ(large.find("Expect"), std::string::npos) << large;
    EXPECT_TRUE(has(large, "Content-Length: 2097152"));
    EXPECT_TRUE(has(head_of_request({post()}), "Content-Length: 0"));
}

TEST_F(HttpTest, a_body_alone_keeps_its_content_type) {
    const std::string bytes("\xff\xd8", 2);
    const auto row = fetch("/type?Image/JPEG;q=1", {post(), body(bytes), alone()});
    EXPECT_EQ(value(row).text(), bytes);
    EXPECT_EQ(row.content_type, "Image/JPEG;q=1");
    const auto odd =
        fetch("/type?" + std::string(kNameLengthMax + 1, 'x'), {post(), body(bytes), alone()});
    EXPECT_EQ(odd.content_type, "application/octet-stream");
    EXPECT_EQ(value(fetch("/type?Text/HTML;q=1", {post(), body("<p>"), alone()})).text(), "<p>");
}

TEST_F(HttpTest, json_alone_is_the_value_that_it_says) {
    const std::string json = R"({"label": "cat", "scores": [1, -2, 0.5, null, true]})";
    for (const auto* type :
         {"application/json;x", "Application/JSON", "application/problem+json"}) {
        const auto row = fetch(std::string("/type?") + type, {post(), body(json), alone()});
        const Node result = value(row);
        EXPECT_EQ(result.find("label").text(), "cat");
        EXPECT_EQ(result.find("scores").size(), 5u);
        EXPECT_EQ(result.find("scores").first().after().integer(), -2);
        EXPECT_EQ(row.content_type, "");
    }
}

TEST_F(HttpTest, json_that_is_none_fails_the_attempt) {
    const std::string deep(kDepthMax, '[');
    for (const std::string& json : {std::string("{"), deep + std::string(kDepthMax, ']')}) {
        const auto row = fetch("/type?application/json", {post(), body(json), alone()});
        EXPECT_EQ(code_of(row), "bad-response");
    }
}

TEST_F(HttpTest, a_status_says_whether_to_try_again) {
    for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
        const auto row = fetch("/status?" + std::to_string(status));
        EXPECT_EQ(code_of(row), "http-" + std::to_string(status));
        EXPECT_TRUE(row.failure && row.failure->retryable) << status;
    }
    for (const int status : {400, 401, 404, 410, 415, 422, 501, 505}) {
        const auto row = fetch("/status?" + std::to_string(status));
        EXPECT_EQ(code_of(row), "http-" + std::to_string(status));
        EXPECT_FALSE(!row.failure || row.failure->retryable) << status;
    }
    EXPECT_EQ(value(fetch("/status?201")).find("status").natural(), 201u);
}

TEST_F(HttpTest, a_refusal_says_who_and_why_without_the_query) {
    const auto row = fetch("/status?422", {post(), text("body", "too small")});
    ASSERT_TRUE(row.failure);
    EXPECT_EQ(row.failure->message, site.url("/status") + " answered 422: said too small");
    const auto moved = fetch("/to?/status?422");
    ASSERT_TRUE(moved.failure);
    EXPECT_TRUE(moved.failure->message.starts_with(site.url("/status") + " answered 422"))
        << moved.failure->message << " names who answered, not who sent it there";
    const std::string wide = "\xe2\x82\xac"; // three bytes: an excerpt must not end inside of it
    std::string many = "x";                  // so that the 200th byte is within a character
    for (int i = 0; i < 100; ++i) many += wide;
    const auto cut = fetch("/status?422", {post(), text("body", many)});
    ASSERT_TRUE(cut.failure);
    EXPECT_TRUE(cut.failure->message.ends_with(wide)) << cut.failure->message;
}

TEST_F(HttpTest, any_status_is_a_result_for_those_who_ask) {
    const auto row = fetch("/status?503", {yes("any_status")});
    ASSERT_EQ(code_of(row), "");
    const Node result = value(row);
    EXPECT_EQ(result.find("status").natural(), 503u);
    EXPECT_EQ(result.find("body").text(), "said ");
}

TEST_F(HttpTest, a_server_that_is_not_there_may_be_tried_again) {
    std::string gone;
    {
        const FakeSite other;
        gone = other.url("/");
    }
    KindsOptions options;
    options.allow_urls = {gone};
    serve(options, 1);
    const auto row = run_job("http", map(text("url", gone)));
    EXPECT_EQ(code_of(row), "http-error");
    EXPECT_TRUE(row.failure && row.failure->retryable);
}

TEST_F(HttpTest, what_it_does_not_know_is_refused) {
    EXPECT_EQ(code_of(fetch("/x", {text("result", "headers")})), "bad-payload");
    EXPECT_EQ(code_of(fetch("/x", {text("any_status", "yes")})), "bad-payload");
    EXPECT_EQ(code_of(fetch("/x", {number("body", 3)})), "bad-payload");
}

} // namespace
} // namespace penstock::testing
