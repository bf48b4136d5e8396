#pragma once
// Every message of the wire as a frame, and the decoders by the name of their socket. Shared by the
// tests that feed frames to decoders without looking at what they mean.

#include "protocol/codec.hpp"
#include "protocol/events.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::testing {

// Where the ranges of numbers end.
inline constexpr auto kMost32 = std::numeric_limits<std::uint32_t>::max();
inline constexpr auto kMost64 = std::numeric_limits<std::uint64_t>::max();

enum class Socket {
    ventilator_door,
    sink_door,
    lane,
    control,
    control_answer,
    status,
    status_answer,
    events
};

struct Sample {
    std::string name; // of the message
    Socket socket = Socket::lane;
    std::string frame;
};

struct Outcome {
    std::string error;
    std::size_t messages = 0;
    // What our encoders make of each of them: one or two forms.
    std::vector<std::vector<std::string>> forms;
};

// ---- decoding by socket -------------------------------------------------------------------

inline std::vector<std::string> forms_of(const VentilatorFact& fact) {
    if (const auto* submit = std::get_if<Submit>(&fact)) return {encode(*submit)};
    if (const auto* heartbeat = std::get_if<Heartbeat>(&fact)) return {encode(*heartbeat)};
    if (const auto* bye = std::get_if<Bye>(&fact)) return {encode(*bye)};
    const auto& linked = std::get<Linked<FromSink>>(fact);
    return {encode(linked.head, linked.message)};
}

inline std::vector<std::string> forms_of(const SinkFact& fact) {
    if (const auto* progress = std::get_if<Progress>(&fact)) return {encode(*progress)};
    if (const auto* partial = std::get_if<Partial>(&fact)) return {encode(*partial)};
    if (const auto* result = std::get_if<Result>(&fact)) {
        std::vector<std::string> out = {encode(*result)};
        if (result->rows.size() == 1) out.push_back(encode_plain(*result));
        return out;
    }
    const auto& linked = std::get<Linked<ToSink>>(fact);
    return {encode(linked.head, linked.message)};
}

inline std::vector<std::string> forms_of(const LaneMessage& message) {
    if (const auto* cancel = std::get_if<CancelJob>(&message)) return {encode(*cancel)};
    if (const auto* ping = std::get_if<Ping>(&message)) return {encode(*ping)};
    if (const auto* drain = std::get_if<Drain>(&message)) return {encode(*drain)};
    if (const auto* settled = std::get_if<SettledJobs>(&message)) return {encode(*settled)};
    const auto& batch = std::get<JobBatch>(message);
    std::vector<std::string> out = {encode(batch)};
    if (batch.rows.size() == 1) out.push_back(encode_plain(batch, batch.rows[0]));
    return out;
}

template <class Message>
std::vector<std::string> forms_of(const Asked<Message>& asked) {
    return {encode(asked.request, asked.question)};
}

inline std::vector<std::string> forms_of(const Events& events) {
    return {encode(events)};
}

template <class Message>
Outcome outcome_of(const Decoded<Message>& decoded) {
    Outcome out{decoded.error, decoded.messages.size(), {}};
    if (!out.error.empty()) return out;
    for (const auto& message : decoded.messages) out.forms.push_back(forms_of(message));
    return out;
}

inline Outcome decode_at(Socket socket, Reader& reader, std::string_view frame) {
    switch (socket) {
    case Socket::ventilator_door:
        return outcome_of(decode_ventilator_door(reader, frame));
    case Socket::sink_door:
        return outcome_of(decode_sink_door(reader, frame));
    case Socket::lane:
        return outcome_of(decode_lane(reader, frame));
    case Socket::control:
        return outcome_of(decode_control(reader, frame));
    case Socket::control_answer:
        return outcome_of(decode_control_answer(reader, frame));
    case Socket::status:
        return outcome_of(decode_status(reader, frame));
    case Socket::status_answer:
        return outcome_of(decode_status_answer(reader, frame));
    case Socket::events:
        return outcome_of(decode_events(reader, frame));
    }
    return {"no such socket", 0, {}};
}

inline Outcome decode_at(Socket socket, std::string_view frame) {
    Reader reader;
    return decode_at(socket, reader, frame);
}

// ---- samples ------------------------------------------------------------------------------

inline const JobId kUuid = JobId::parse("0190b5f2-7c1e-7a3b-8d4c-1f2e3d4c5b6a").value();
inline const JobId kWord = JobId::parse("report.2024_06-17").value();
inline const Bytes kMapValue("\x82\xa1"
                             "a\x03\xa1"
                             "b\x04",
                             7);
inline const LinkHead kHead{3, 41, 17};

inline Terms full_terms() {
    Terms t;
    t.kind = "resize.image_v2-x";
    t.priority = 9;
    t.delay = std::chrono::milliseconds(1500);
    t.ttl = std::chrono::seconds(60);
    t.timeout = std::chrono::nanoseconds(1);
    t.max_attempts = kAttemptsMax;
    t.backoff = std::chrono::milliseconds(250);
    t.redeliver = false;
    t.tenant = "acme";
    t.content_type = "image/png";
    t.tags = {"a", "b"};
    t.needs = {"gpu", "ssd"};
    return t;
}

inline Terms plain_terms() {
    Terms t;
    t.kind = "add";
    return t;
}

inline JobView full_view() {
    JobView v;
    v.id = kUuid;
    v.kind = "add";
    v.state = State::failed;
    v.attempt = 2;
    v.deaths = 1;
    v.worker = "host-1";
    v.progress = 0.5;
    v.note = "halfway";
    v.submitted_at = 1'800'000'000.25;
    v.started_at = 1'800'000'001;
    v.finished_at = 1'800'000'002;
    v.tags = {"nightly"};
    v.tenant = "acme";
    v.result_bytes = 7;
    v.value = kMapValue;
    v.content_type = "text/plain";
    v.failure = Failure{"handler-error", "it broke", false};
    v.number = 17;
    v.retry_of = kWord;
    v.group = kUuid;
    v.partials = 2;
    v.queue = 0.25;
    v.dispatch = 0.001;
    v.run = 1.5;
    v.back = 0.002;
    return v;
}

inline KindSettings full_settings() {
    return {3, 2.5, true, 4.0, std::chrono::seconds(30)};
}

inline std::vector<Sample> link_samples() {
    const auto to_sink = [](const char* name, const ToSink& m) {
        return Sample{name, Socket::sink_door, encode(kHead, m)};
    };
    const auto from_sink = [](const char* name, const FromSink& m) {
        return Sample{name, Socket::ventilator_door, encode(kHead, m)};
    };
    Store again{1, plain_terms(), {{kUuid, kMapValue, 1, 0}}};
    again.again = true;
    return {
        to_sink("store",
                Store{1, plain_terms(), {{kUuid, kMapValue, 0, 0}, {kWord, kMapValue, 2, 1}}}),
        to_sink("store", again),
        to_sink("started", Started{"host-1", {{1, 1}, {2, 3}}}),
        to_sink("started", Started{"host-1", {{1, 1}}, 2}),
        to_sink("retrying", Retrying{1, 1, std::chrono::milliseconds(73)}),
        to_sink("lost", Lost{"host-1", {{1, 1, true}, {2, 1, false}}}),
        to_sink("final", Final{1, State::expired, {"expired", "too late", false}}),
        to_sink("refused", Refused{"jobs-full", {kUuid, kWord}}),
        to_sink("taken", Taken{9, {kUuid, kWord}}),
        to_sink("kinds", Kinds{{{"add", {}}, {"render", full_settings()}}}),
        to_sink("holds", Holds{{{1, 2}, {5, 1}}}),
        to_sink("holds", Holds{{{1, 2}}, true}),
        to_sink("confirm", Confirm{}),
        to_sink("resend", Resend{}),
        from_sink("stored", Stored{{{1, 2}, {5, 1}}, {7}, {8}}),
        from_sink("stored", Stored{{{1, 2}}, {}, {}, {9, 10}}),
        from_sink("stored", Stored{{}, {}, {}, {}, {{7, 2}}}),
        from_sink("settled", Settled{{{1, 2, 1, 900}}, {{3, 1, 450, true}}}),
        from_sink("returned", Returned{{{1, 2, 1, 900}}}),
        from_sink("open", Open{{{1, 1}, {2, 0}}}),
        from_sink("cancel", Cancel{{4, 9}}),
        from_sink("take", Take{plain_terms(), {{kUuid, kMapValue, 1, 2, std::chrono::seconds(3)}}}),
        from_sink("take", Take{plain_terms(), {{kUuid, kMapValue, 1, 2, std::chrono::seconds(3), true}}}),
        from_sink("kinds", Kinds{{{"render", full_settings()}}}),
        from_sink("confirm", Confirm{}),
        from_sink("resend", Resend{}),
    };
}

inline std::vector<Sample> job_samples() {
    const JobBatch batch{3,
                         "add",
                         std::chrono::seconds(60),
                         "text/plain",
                         {{1, kUuid, 1, kMapValue}, {2, kWord, 4, Bytes("\xc0", 1)}}};
    JobBatch together = batch;
    together.together = true;
    together.queued_us = 1500;
    JobBatch settling = batch;
    settling.settled = {{1, 2}, {5, 1}};
    const Result result{
        3,
        "host-1",
        "text/plain",
        {{kUuid, 1, 450, kMapValue, {}}, {kWord, 2, 9, {}, Failure{"bad-input", "no", false}}}};
    Result waited = result;
    waited.queued_us = 1500;
    waited.rows[0].waited_us = waited.rows[1].waited_us = 700;
    Submit piece{full_terms(), {{kUuid, kMapValue}}};
    piece.part = 8000;
    Submit apart{plain_terms(), {{kUuid, kMapValue}, {kWord, kMapValue}}};
    apart.apart = true;
    Result failed = result, succeeded = result;
    succeeded.rows.pop_back();
    failed.rows.erase(failed.rows.begin());
    return {
        {"submit", Socket::ventilator_door,
         encode(Submit{full_terms(), {{kUuid, kMapValue}, {kWord, kMapValue}}})},
        {"submit", Socket::ventilator_door, encode(piece)},
        {"submit", Socket::ventilator_door, encode(apart)},
        {"heartbeat", Socket::ventilator_door, encode(Heartbeat{"host-1", {1, 2}, 1.5, 4096})},
        {"heartbeat", Socket::ventilator_door, encode(Heartbeat{"host-1", {1, 2}, 1.5, 4096, 3})},
        {"bye", Socket::ventilator_door, encode(Bye{"host-1", {7, 8}})},
        {"job", Socket::lane, encode(batch)},
        {"job", Socket::lane, encode(together)},
        {"job", Socket::lane, encode(settling)},
        {"job", Socket::lane, encode_plain(batch, batch.rows[0])},
        {"cancel", Socket::lane, encode(CancelJob{1, kUuid})},
        {"ping", Socket::lane, encode(Ping{})},
        {"drain", Socket::lane, encode(Drain{})},
        {"settled", Socket::lane, encode(SettledJobs{{{1, 2}, {5, 1}}})},
        {"result", Socket::sink_door, encode(result)},
        {"result", Socket::sink_door, encode(waited)},
        {"result", Socket::sink_door, encode_plain(succeeded)},
        {"result", Socket::sink_door, encode_plain(failed)},
        {"partial", Socket::sink_door, encode(Partial{kUuid, 1, kMapValue})},
        {"progress", Socket::sink_door, encode(Progress{kUuid, 1, 0.5, "halfway"})},
    };
}

inline std::vector<Sample> control_samples() {
    const auto ask = [](const char* name, const ControlQuestion& q) {
        return Sample{name, Socket::control, encode(Request(7), q)};
    };
    const auto answer = [](const char* name, const ControlAnswer& a) {
        return Sample{name, Socket::control_answer, encode(Request(7), a)};
    };
    const Join join{1, "host-1", {"add", "echo"}, 4, true, true, false, {"gpu"}, {1, 2}, 3, "", 0, {}, false, {}};
    const Lane lane{
        "",   "host-1", "tcp://*:20001",        "tcp://127.0.0.1:5557", "tcp://127.0.0.1:5555",
        1004, 3,        std::chrono::seconds(5)};
    const WorkerView view{"host-1", {"add"}, {"gpu"}, 4,    8,   2,      100,
                          true,     false,   true,    12.5, 3.5, 1 << 20, 5};
    const DispatchKind kind{"add", 1, 2, 3, 0.5, 10, 1, 9, 1, 2, 1, full_settings()};
    Join batching = join;
    batching.min_priority = 5;
    batching.batching = {{"add", 16, std::chrono::milliseconds(20)}};
    Join keeping = join;
    keeping.outbox = true;
    keeping.runs = {{kUuid, 3, 1, 1}, {kWord, 2, 4, 9}};
    return {
        ask("join", join),
        ask("join", batching),
        ask("join", keeping),
        ask("position", AskPosition{{4, 9}}),
        ask("explain", AskExplain{4}),
        answer("position", Positions{{{4, 17, 2.5}, {9, 0, -1}}}),
        answer("explain", Explanation{true, "rate", "It waits for its kind's rate.", 17, 2.5}),
        ask("room", AskRoom{}),
        ask("workers", AskWorkers{}),
        ask("stats", AskDispatch{}),
        answer("lane", lane),
        answer("room", Room{true, "", 1000, 2000, false, {"add"}}),
        answer("workers", Workers{{view}}),
        answer("stats", DispatchStats{1, 2, 3, 4, 5, {kind}}),
    };
}

inline OpenGroup full_group() {
    OpenGroup m;
    m.id = kUuid;
    m.mode = GroupMode::first;
    m.parts = {{plain_terms(), {{kUuid, kMapValue}, {kWord, kMapValue}}}};
    m.then = OpenGroup::Callback{kWord, plain_terms(), kMapValue};
    m.on_failure = OpenGroup::Callback{kWord, plain_terms(), kMapValue};
    m.body = 12345;
    return m;
}

inline std::vector<Sample> status_samples() {
    const auto ask = [](const char* name, const StatusQuestion& q) {
        return Sample{name, Socket::status, encode(Request(7), q)};
    };
    const auto answer = [](const char* name, const StatusAnswer& a) {
        return Sample{name, Socket::status_answer, encode(Request(7), a)};
    };
    SinkKind kind{"add", 1, 2, 3, 4, 5, 6, 7, {{1, 2}, 0.5}, {{3}, 1.5}, {{4}, 2.5}};
    SinkStats stats;
    stats.kinds = {kind};
    return {
        ask("status", AskStatus{kUuid, true}),
        ask("wait", AskWait{kWord, Until::stored, std::chrono::seconds(5), true, 12345}),
        ask("stored", AskStored{std::chrono::seconds(5), {{8, kUuid, {}}, {9, kWord, 12345}}}),
        ask("list", AskList{State::failed, "add", "nightly", 1.5, 10, 99}),
        ask("stats", AskStats{}),
        ask("cancel", AskCancel{kUuid}),
        ask("hello", Hello{1, 77, 3, "tcp://127.0.0.1:5555", 17}),
        ask("kind", AskKind{"render", full_settings(), {"rate"}}),
        ask("retry", AskRetry{kUuid, kWord}),
        ask("partials", AskPartials{kUuid, 3, std::chrono::seconds(5)}),
        ask("many", AskMany{AskMany::Deed::purge, true, {kUuid}, State::failed, "add", "t", 9}),
        ask("group", full_group()),
        ask("members", AskGroup{kUuid, AskGroup::Until::next, std::chrono::seconds(5), 2, 10, true}),
        ask("cancel_group", CancelGroup{kUuid}),
        answer("kind", KindAnswer{full_settings()}),
        answer("partials", PartialsAnswer{Found::found, 4, false, {{1, true, std::string(kMapValue)}}}),
        answer("many", ManyAnswer{3, 12, {kUuid}}),
        answer("group", GroupAnswer{Found::found, "", kUuid, GroupMode::first, State::running, 3, 1, 2, 1.5, 2.5, kWord, kWord, 1, {full_view()}}),
        answer("job", JobAnswer{Found::found, "", full_view()}),
        answer("stored", StoredAnswer{{{8, 2}, {12, 1}}}),
        answer("list", ListAnswer{{full_view(), full_view()}, 12}),
        answer("stats", stats),
        answer("cancel", CancelAnswer{CancelResult::telling_worker, State::running}),
        answer("hello", HelloAnswer{"", 5, 3, 41, "tcp://s:5557"}),
        answer("hello", HelloAnswer{"", 6, 3, 0, "", true}),
    };
}

inline std::vector<Sample> event_samples() {
    const Event full{kUuid, Event::What::progress, "add", 2, 0.5, "halfway", kWord, {"nightly"}};
    const Events events{77, 41, 1.5, {full, {kWord, Event::What::stored, "add", 0, -1, "", {}, {}}}};
    return {{"events", Socket::events, encode(events)},
            {"events", Socket::events, encode(Events{77, 43, 2.5, {}})}};
}

inline std::vector<Sample> all_samples() {
    std::vector<Sample> out;
    for (auto list : {link_samples(), job_samples(), control_samples(), status_samples(),
                      event_samples()}) {
        for (auto& each : list) out.push_back(std::move(each));
    }
    return out;
}

} // namespace penstock::testing
