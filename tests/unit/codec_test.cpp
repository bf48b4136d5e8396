// Every message there and back, at the ends of its ranges.

#include "protocol/fields.hpp"
#include "protocol/retry_policy.hpp"
#include "tests/support/frames.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace penstock {
namespace {

using namespace penstock::testing;
using namespace std::chrono_literals;

bool is_same_head(const LinkHead& a, const LinkHead& b) {
    return a.epoch == b.epoch && a.seq == b.seq && a.got == b.got;
}

template <class Message>
const Message& only(const std::vector<Message>& messages) {
    EXPECT_EQ(messages.size(), 1u);
    return messages.at(0);
}

template <class T>
T via_ventilator_door(const std::string& frame) {
    static Reader reader; // what was decoded points into the frame, not into the reader
    auto decoded = decode_ventilator_door(reader, frame);
    EXPECT_EQ(decoded.error, "");
    return std::get<T>(only(decoded.messages));
}

template <class T>
T via_sink_door(const std::string& frame) {
    static Reader reader;
    auto decoded = decode_sink_door(reader, frame);
    EXPECT_EQ(decoded.error, "");
    return std::get<T>(only(decoded.messages));
}

template <class T>
T via_lane(const std::string& frame) {
    static Reader reader;
    auto decoded = decode_lane(reader, frame);
    EXPECT_EQ(decoded.error, "");
    return std::get<T>(only(decoded.messages));
}

template <class T>
T to_sink_and_back(const T& message) {
    static std::string frame;
    frame = encode(kHead, ToSink{message});
    const auto linked = via_sink_door<Linked<ToSink>>(frame);
    EXPECT_TRUE(is_same_head(linked.head, kHead));
    return std::get<T>(linked.message);
}

template <class T>
T from_sink_and_back(const T& message) {
    const std::string frame = encode(kHead, FromSink{message});
    const auto linked = via_ventilator_door<Linked<FromSink>>(frame);
    EXPECT_TRUE(is_same_head(linked.head, kHead));
    return std::get<T>(linked.message);
}

template <class T>
T control_and_back(Request request, const ControlQuestion& question) {
    Reader reader;
    const auto decoded = decode_control(reader, encode(request, question));
    EXPECT_EQ(decoded.error, "");
    EXPECT_EQ(only(decoded.messages).request, request);
    return std::get<T>(decoded.messages[0].question);
}

template <class T>
T status_and_back(Request request, const StatusQuestion& question) {
    Reader reader;
    const auto decoded = decode_status(reader, encode(request, question));
    EXPECT_EQ(decoded.error, "");
    EXPECT_EQ(only(decoded.messages).request, request);
    return std::get<T>(decoded.messages[0].question);
}

template <class T>
T answer_and_back(const StatusAnswer& answer) {
    Reader reader;
    const auto decoded = decode_status_answer(reader, encode(std::nullopt, answer));
    EXPECT_EQ(decoded.error, "");
    EXPECT_EQ(only(decoded.messages).request, std::nullopt);
    return std::get<T>(decoded.messages[0].question);
}

// ---- the whole list -----------------------------------------------------------------------

TEST(Codec, EveryMessageIsEncodedAgainAsItWas) {
    for (const Sample& sample : all_samples()) {
        const Outcome out = decode_at(sample.socket, sample.frame);
        ASSERT_EQ(out.error, "") << sample.name;
        ASSERT_EQ(out.forms.size(), 1u) << sample.name;
        const auto& forms = out.forms[0];
        EXPECT_NE(std::find(forms.begin(), forms.end(), sample.frame), forms.end()) << sample.name;
    }
}

TEST(Codec, SeveralMessagesTravelAsOneArray) {
    for (const Sample& sample : all_samples()) {
        const std::string frame = join_frames({sample.frame, sample.frame, sample.frame});
        const Outcome out = decode_at(sample.socket, frame);
        EXPECT_EQ(out.error, "") << sample.name;
        EXPECT_EQ(out.messages, 3u) << sample.name;
    }
    EXPECT_EQ(decode_at(Socket::lane, join_frames({})).messages, 0u);
}

// ---- jobs ---------------------------------------------------------------------------------

TEST(Codec, SubmitKeepsAllTerms) {
    const std::string frame =
        encode(Submit{full_terms(), {{kUuid, kMapValue}, {kWord, Bytes("\xc0", 1)}}});
    const auto m = via_ventilator_door<Submit>(frame);
    EXPECT_EQ(m.terms, full_terms());
    ASSERT_EQ(m.rows.size(), 2u);
    EXPECT_EQ(m.rows[0].id, kUuid);
    EXPECT_EQ(m.rows[0].payload, kMapValue);
    EXPECT_EQ(m.rows[1].id, kWord);
}

TEST(Codec, TermsThatAreStandardAreLeftOut) {
    EXPECT_EQ(count_terms(plain_terms()), 1u);
    EXPECT_EQ(count_terms(full_terms()), 12u);
    const std::string frame = encode(Submit{plain_terms(), {}});
    EXPECT_EQ(via_ventilator_door<Submit>(frame).terms, plain_terms());
}

TEST(Codec, AnyDurationIsTheSameAtEveryPeer) {
    Chance chance(5);
    for (int i = 0; i < 20'000; ++i) {
        Terms t = plain_terms();
        // What a person or a client wrote, as a number of seconds of any size.
        t.timeout = from_seconds(1e-9 + kSecondsMax * chance.unit() / double(1u << (i % 31)));
        const std::string once = encode(Submit{t, {}});
        const Terms there = via_ventilator_door<Submit>(once).terms;
        EXPECT_EQ(encode(Submit{there, {}}), once);
        EXPECT_EQ(body_digest(there, kMapValue), body_digest(t, kMapValue));
    }
}

TEST(Codec, JobRowsKeepTheirNumbers) {
    const JobBatch batch{kMost64, "add", 10s, "", {{kMost64, kUuid, kMost32, kMapValue}}};
    for (const auto& frame : {encode(batch), encode_plain(batch, batch.rows[0])}) {
        const auto m = via_lane<JobBatch>(frame);
        EXPECT_EQ(m.epoch, kMost64);
        EXPECT_EQ(m.kind, "add");
        EXPECT_EQ(m.timeout, 10s);
        EXPECT_EQ(m.content_type, "");
        ASSERT_EQ(m.rows.size(), 1u);
        EXPECT_EQ(m.rows[0].number, kMost64);
        EXPECT_EQ(m.rows[0].id, kUuid);
        EXPECT_EQ(m.rows[0].attempt, kMost32);
        EXPECT_EQ(m.rows[0].payload, kMapValue);
    }
}

TEST(Codec, LaneMessages) {
    const auto cancel = via_lane<CancelJob>(encode(CancelJob{kMost64, kWord}));
    EXPECT_EQ(cancel.number, kMost64);
    EXPECT_EQ(cancel.id, kWord);
    via_lane<Ping>(encode(Ping{}));
    via_lane<Drain>(encode(Drain{}));
}

TEST(Codec, ResultsInBothForms) {
    Result result{kMost64, "host-1", "text/plain", {{kUuid, kMost32, 1'500'000, kMapValue, {}}}};
    for (const auto& frame : {encode(result), encode_plain(result)}) {
        const auto m = via_sink_door<Result>(frame);
        EXPECT_EQ(m.epoch, kMost64);
        EXPECT_EQ(m.worker, "host-1");
        EXPECT_EQ(m.content_type, "text/plain");
        EXPECT_EQ(m.rows.at(0).id, kUuid);
        EXPECT_EQ(m.rows[0].attempt, kMost32);
        EXPECT_EQ(m.rows[0].run_us, 1'500'000u);
        EXPECT_EQ(m.rows[0].value, kMapValue);
        EXPECT_FALSE(m.rows[0].failure);
    }
}

TEST(Codec, FailuresInBothForms) {
    const Failure why{"bad-input", "no \xc3\xa9", false};
    const Result result{1, "w", "", {{kWord, 2, 0, {}, why}}};
    for (const auto& frame : {encode(result), encode_plain(result)}) {
        const auto m = via_sink_door<Result>(frame);
        EXPECT_EQ(m.rows.at(0).failure, why);
    }
}

TEST(Codec, HeartbeatByeAndProgress) {
    const auto h =
        via_ventilator_door<Heartbeat>(encode(Heartbeat{"w", {1, kMost64}, 1e9, kMost64}));
    EXPECT_EQ(h.worker, "w");
    EXPECT_EQ(h.running, (std::vector<JobNumber>{1, kMost64}));
    EXPECT_EQ(h.cpu_seconds, 1e9);
    EXPECT_EQ(h.rss_bytes, kMost64);
    const auto bye = via_ventilator_door<Bye>(encode(Bye{"w", {3}}));
    EXPECT_EQ(bye.worker, "w");
    EXPECT_EQ(bye.waiting, std::vector<JobNumber>{3});
    const auto p = via_sink_door<Progress>(encode(Progress{kWord, 3, 1.0, "done"}));
    EXPECT_EQ(p.id, kWord);
    EXPECT_EQ(p.attempt, 3u);
    EXPECT_EQ(p.progress, 1.0);
    EXPECT_EQ(p.note, "done");
}

// ---- the link -----------------------------------------------------------------------------

TEST(Codec, TheLinkToTheSink) {
    const auto store = to_sink_and_back(Store{kMost64, full_terms(), {{kUuid, kMapValue, 7, 2}}});
    EXPECT_EQ(store.first, kMost64);
    EXPECT_EQ(store.terms, full_terms());
    EXPECT_EQ(store.rows.at(0).id, kUuid);
    EXPECT_EQ(store.rows[0].payload, kMapValue);
    EXPECT_EQ(store.rows[0].attempt, 7u);
    EXPECT_EQ(store.rows[0].deaths, 2u);
    const auto started = to_sink_and_back(Started{"w", {{kMost64, kMost32}}});
    EXPECT_EQ(started.worker, "w");
    EXPECT_EQ(started.rows.at(0).number, kMost64);
    EXPECT_EQ(started.rows[0].attempt, kMost32);
    const auto retrying = to_sink_and_back(Retrying{kMost64, 3, 1ns});
    EXPECT_EQ(retrying.number, kMost64);
    EXPECT_EQ(retrying.attempt, 3u);
    EXPECT_EQ(retrying.delay, 1ns);
    const auto lost = to_sink_and_back(Lost{"w", {{1, 2, true}, {3, 4, false}}});
    EXPECT_EQ(lost.worker, "w");
    EXPECT_TRUE(lost.rows.at(0).suspect);
    EXPECT_FALSE(lost.rows.at(1).suspect);
    EXPECT_EQ(lost.rows[1].number, 3u);
    EXPECT_EQ(lost.rows[1].attempt, 4u);
}

TEST(Codec, FinalAndRefused) {
    for (const State s :
         {State::succeeded, State::failed, State::cancelled, State::expired, State::quarantined}) {
        const auto m = to_sink_and_back(Final{4, s, {"code", "words", false}});
        EXPECT_EQ(m.number, 4u);
        EXPECT_EQ(m.outcome, s);
        EXPECT_EQ(m.failure, (Failure{"code", "words", false}));
    }
    EXPECT_EQ(to_sink_and_back(Final{}).failure, Failure{}); // an empty code: nothing new is said
    const auto refused = to_sink_and_back(Refused{"jobs-full", {kUuid, kWord}});
    EXPECT_EQ(refused.reason, "jobs-full");
    EXPECT_EQ(refused.ids, (std::vector<JobId>{kUuid, kWord}));
}

TEST(Codec, TheLinkFromTheSink) {
    const auto stored = from_sink_and_back(Stored{{{kMost64, kMost32}}, {1}, {2, 3}});
    EXPECT_EQ(stored.rows, (std::vector<Range>{{kMost64, kMost32}}));
    EXPECT_EQ(stored.duplicates, std::vector<JobNumber>{1});
    EXPECT_EQ(stored.conflicts, (std::vector<JobNumber>{2, 3}));
    const std::vector<SettledRow> rows = {{kMost64, kMost32, kMost32, kMost64}};
    const auto settled = from_sink_and_back(Settled{rows, {{5, 6, 7, false}}});
    EXPECT_EQ(settled.rows, rows);
    EXPECT_EQ(settled.failed.at(0).number, 5u);
    EXPECT_EQ(settled.failed[0].attempt, 6u);
    EXPECT_EQ(settled.failed[0].run_us, 7u);
    EXPECT_FALSE(settled.failed[0].retryable);
    EXPECT_EQ(from_sink_and_back(Returned{rows}).rows, rows);
    const auto open = from_sink_and_back(Open{{{8, 3}}});
    EXPECT_EQ(open.rows.at(0).number, 8u);
    EXPECT_EQ(open.rows[0].deaths, 3u);
    EXPECT_EQ(from_sink_and_back(Cancel{{kMost64}}).numbers, std::vector<JobNumber>{kMost64});
}

TEST(Codec, AWorkerWithAllItsJobsFitsIntoOneMessageOfTheLink) {
    Lost lost{"w", {}};
    for (JobNumber n = 1; n <= kSlotsMax + kPrefetchMax; ++n) lost.rows.push_back({n, 1, false});
    EXPECT_EQ(to_sink_and_back(lost).rows.size(), kSlotsMax + kPrefetchMax);
}

// ---- questions and answers ----------------------------------------------------------------

TEST(Codec, Questions) {
    const auto join = control_and_back<Join>(
        kMost64, Join{1, "w", {"a", "b"}, kSlotsMax, true, true, true, {"gpu"}, {1}, kMost64, "tcp://v:5556", 5, {{"a", 16, 20ms}}, false, {}});
    EXPECT_EQ(join.version, 1);
    EXPECT_EQ(join.worker, "w");
    EXPECT_EQ(join.kinds, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(join.slots, kSlotsMax);
    EXPECT_TRUE(join.batch && join.heartbeats && join.same_process);
    EXPECT_EQ(join.labels, std::vector<std::string>{"gpu"});
    EXPECT_EQ(join.running, std::vector<JobNumber>{1});
    EXPECT_EQ(join.epoch, kMost64);
    EXPECT_EQ(join.via, "tcp://v:5556");
    EXPECT_EQ(join.min_priority, 5);
    EXPECT_EQ(join.batching, (std::vector<Batching>{{"a", 16, 20ms}}));
    EXPECT_FALSE(join.outbox);
    EXPECT_TRUE(join.runs.empty());
    const auto wait = status_and_back<AskWait>(
        0, AskWait{kUuid, Until::stored, from_seconds(kWaitSecondsMax), true, kMost64});
    EXPECT_EQ(wait.id, kUuid);
    EXPECT_EQ(wait.until, Until::stored);
    EXPECT_EQ(wait.timeout, 300s);
    EXPECT_TRUE(wait.value);
    EXPECT_EQ(wait.body, kMost64);
    EXPECT_EQ(status_and_back<AskWait>({}, AskWait{kWord, {}, 0s, false, {}}).body, std::nullopt);
    const auto list =
        status_and_back<AskList>({}, AskList{State::quarantined, "k", "t", 2e9, kListMax, kMost64});
    EXPECT_EQ(list.state, State::quarantined);
    EXPECT_EQ(list.kind, "k");
    EXPECT_EQ(list.tag, "t");
    EXPECT_EQ(list.since, 2e9);
    EXPECT_EQ(list.limit, kListMax);
    EXPECT_EQ(list.cursor, kMost64);
    EXPECT_EQ(status_and_back<AskStatus>(1, AskStatus{kWord, true}).id, kWord);
    EXPECT_EQ(status_and_back<AskCancel>(1, AskCancel{kUuid}).id, kUuid);
}

TEST(Codec, Hello) {
    const auto hello = status_and_back<Hello>({}, Hello{1, kMost64, 2, "tcp://h:1", kMost64});
    EXPECT_EQ(hello.instance, kMost64);
    EXPECT_EQ(hello.epoch, 2u);
    EXPECT_EQ(hello.door, "tcp://h:1");
    EXPECT_EQ(hello.got, kMost64);
    const auto answer = answer_and_back<HelloAnswer>(HelloAnswer{"fenced", 5, 6, 7, "tcp://s:5557"});
    EXPECT_EQ(answer.error, "fenced");
    EXPECT_EQ(answer.sink_epoch, 5u);
    EXPECT_EQ(answer.epoch, 6u);
    EXPECT_EQ(answer.got, 7u);
    EXPECT_EQ(answer.door, "tcp://s:5557");
}

TEST(Codec, AJobsViewKeepsEverything) {
    const auto answer = answer_and_back<JobAnswer>(JobAnswer{Found::found, "", full_view()});
    const JobView& v = answer.job;
    const JobView wish = full_view();
    EXPECT_EQ(v.id, wish.id);
    EXPECT_EQ(v.state, wish.state);
    EXPECT_EQ(v.attempt, wish.attempt);
    EXPECT_EQ(v.deaths, wish.deaths);
    EXPECT_EQ(v.worker, wish.worker);
    EXPECT_EQ(v.progress, wish.progress);
    EXPECT_EQ(v.note, wish.note);
    EXPECT_EQ(v.submitted_at, wish.submitted_at);
    EXPECT_EQ(v.started_at, wish.started_at);
    EXPECT_EQ(v.finished_at, wish.finished_at);
    EXPECT_EQ(v.tags, wish.tags);
    EXPECT_EQ(v.tenant, wish.tenant);
    EXPECT_EQ(v.result_bytes, wish.result_bytes);
    EXPECT_EQ(v.value, wish.value);
    EXPECT_EQ(v.content_type, wish.content_type);
    EXPECT_EQ(v.failure, wish.failure);
}

TEST(Codec, EveryFoundAndEveryStateHasItsName) {
    for (const Found f : {Found::found, Found::unknown, Found::starting, Found::refused,
                          Found::conflict, Found::timed_out}) {
        EXPECT_EQ(answer_and_back<JobAnswer>(JobAnswer{f, "why", {}}).found, f);
    }
    for (std::size_t i = 0; i < kStates; ++i) {
        const auto state = static_cast<State>(i);
        EXPECT_EQ(parse_state(to_string(state)), state);
    }
    for (const auto c : {CancelResult::cancelled, CancelResult::telling_worker,
                         CancelResult::finished, CancelResult::unknown}) {
        EXPECT_EQ(answer_and_back<CancelAnswer>(CancelAnswer{c, State::failed}).result, c);
    }
}

TEST(Codec, AProblemIsTheErrorOfItsFrame) {
    Reader reader;
    const std::string frame = encode(Request(4), Problem{"it was so"});
    EXPECT_EQ(decode_control_answer(reader, frame).error, "it was so");
    EXPECT_EQ(decode_status_answer(reader, frame).error, "it was so");
}

} // namespace
} // namespace penstock
