// Questions to the sink's status, and their answers.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"
#include "protocol/rows.hpp"

#include <cmath>

namespace penstock {

namespace {

struct QuestionEncoder {
    Request request;
    std::string& out;
    Writer w{out};

    void operator()(const AskStatus& m) {
        write_question_head(w, "status", request, 2);
        w.key("id").id(m.id).key("values").boolean(m.value);
    }

    void operator()(const AskWait& m) {
        write_question_head(w, "wait", request, m.body ? 5 : 4);
        w.key("id").id(m.id).key("until").text(m.until == Until::stored ? "stored" : "finished");
        w.key("timeout").number(seconds(m.timeout)).key("values").boolean(m.value);
        if (m.body) w.key("body").natural(*m.body);
    }

    void operator()(const AskStored& m) {
        write_question_head(w, "stored", request, 2);
        w.key("timeout").number(seconds(m.timeout)).key("rows").array(m.rows.size());
        for (const auto& row : m.rows) {
            w.array(row.body ? 3 : 2).natural(row.request).id(row.id);
            if (row.body) w.natural(*row.body);
        }
    }

    void operator()(const AskList& m) {
        write_question_head(w, "list", request, 5 + (m.state ? 1 : 0));
        if (m.state) w.key("state").text(to_string(*m.state));
        w.key("kind").text(m.kind).key("tag").text(m.tag).key("since").number(m.since);
        w.key("limit").natural(m.limit).key("cursor").natural(m.cursor);
    }

    void operator()(const AskStats&) { write_question_head(w, "stats", request, 0); }

    void operator()(const AskCancel& m) {
        write_question_head(w, "cancel", request, 1);
        w.key("id").id(m.id);
    }

    void operator()(const Hello& m) {
        write_question_head(w, "hello", request, 5);
        w.key("version").natural(static_cast<unsigned>(m.version));
        w.key("instance").natural(m.instance).key("epoch").natural(m.epoch);
        w.key("door").text(m.door).key("got").natural(m.got);
    }

    template <class Other>
    void operator()(const Other& m) {
        write_question(w, request, m);
    }
};

void write_histogram(Writer& w, std::string_view key, const Histogram& h) {
    w.key(key).array(h.counts.size() + 1).number(h.sum);
    for (const auto c : h.counts) w.natural(c);
}

struct AnswerEncoder {
    Request request;
    std::string& out;
    Writer w{out};

    void operator()(const JobAnswer& m) {
        const bool job =
            (m.found == Found::found || m.found == Found::timed_out) && !m.job.id.empty();
        write_question_head(w, "job", request, 1u + !m.why.empty() + job);
        w.key("found").text(to_string(m.found));
        if (!m.why.empty()) w.key("why").text(m.why);
        if (job) write_view(w.key("job"), m.job);
    }

    void operator()(const StoredAnswer& m) {
        write_question_head(w, "stored", request, 1);
        w.key("requests").array(m.requests.size());
        for (const Range& range : m.requests) {
            w.array(2).natural(range.first).natural(range.count);
        }
    }

    void operator()(const ListAnswer& m) {
        write_question_head(w, "list", request, 2);
        w.key("cursor").natural(m.cursor).key("jobs").array(m.jobs.size());
        for (const auto& v : m.jobs) write_view(w, v);
    }

    void operator()(const SinkStats& m) {
        write_question_head(w, "stats", request, 11);
        w.key("open").natural(m.open_jobs).key("finished").natural(m.finished_jobs);
        w.key("bytes").natural(m.bytes).key("waits").natural(m.waits);
        w.key("unknown").natural(m.unknown_results).key("malformed").natural(m.malformed);
        w.key("evicted").natural(m.evicted).key("lost").natural(m.lost_attempts);
        w.key("ventilator").boolean(m.ventilator).key("durability").text(m.durability);
        w.key("kinds").array(m.kinds.size());
        for (const auto& k : m.kinds) {
            w.map(11).key("kind").text(k.kind).key("stored").natural(k.stored);
            w.key("succeeded").natural(k.succeeded).key("failed").natural(k.failed);
            w.key("cancelled").natural(k.cancelled).key("expired").natural(k.expired);
            w.key("quarantined").natural(k.quarantined).key("duplicates").natural(k.duplicates);
            write_histogram(w, "queue", k.queue);
            write_histogram(w, "run", k.run);
            write_histogram(w, "total", k.total);
        }
    }

    void operator()(const CancelAnswer& m) {
        write_question_head(w, "cancel", request, 2);
        w.key("result").text(to_string(m.result)).key("state").text(to_string(m.state));
    }

    void operator()(const HelloAnswer& m) {
        write_question_head(w, "hello", request, 4u + !m.door.empty() + m.remembers);
        w.key("error").text(m.error).key("sink").natural(m.sink_epoch);
        w.key("epoch").natural(m.epoch).key("got").natural(m.got);
        if (!m.door.empty()) w.key("door").text(m.door);
        if (m.remembers) w.key("remembers").boolean(true);
    }

    template <class Other>
    void operator()(const Other& m) {
        write_answer(w, request, m);
    }
};

AskWait read_wait(const Fields& f) {
    AskWait m;
    m.id = f.id("id");
    const std::string until = f.text("until", 32);
    if (until == "stored")
        m.until = Until::stored;
    else if (!until.empty() && until != "finished")
        f.wrong("until", "stored or finished");
    m.timeout = from_seconds(f.number("timeout", kWaitSecondsMax, 30));
    m.value = f.flag("values", false);
    if (f.has("body")) m.body = f.natural("body", UINT64_MAX);
    return m;
}

AskStored read_stored(const Fields& f) {
    AskStored m;
    m.timeout = from_seconds(f.number("timeout", kWaitSecondsMax, 30));
    RowReader rows(f, "rows", 2, kRowsMax);
    m.rows.reserve(rows.size());
    while (rows.next()) {
        auto& row = m.rows.emplace_back();
        row.request = rows.natural(UINT64_MAX, "the request of a row");
        row.id = rows.id("the id of a row");
        if (rows.elements() > 2) row.body = rows.natural(UINT64_MAX, "the body of a row");
    }
    return m;
}

StoredAnswer read_stored_answer(const Fields& f) {
    StoredAnswer m;
    RowReader ranges(f, "requests", 2, kRowsMax);
    while (ranges.next()) {
        const std::uint64_t first = ranges.natural(UINT64_MAX, "the first of a range");
        const auto count = ranges.natural(kRowsMax, "the count of a range");
        m.requests.push_back({first, static_cast<std::uint32_t>(count)});
    }
    return m;
}

AskList read_list(const Fields& f) {
    AskList m;
    if (f.has("state")) {
        m.state = parse_state(f.text("state", 32));
        if (!m.state) f.wrong("state", "the name of a state");
    }
    m.kind = f.text("kind", kNameLengthMax);
    m.tag = f.text("tag", kNameLengthMax);
    m.since = f.number("since", 1e12, 0);
    m.limit = static_cast<std::uint32_t>(f.natural("limit", kListMax, 100));
    m.cursor = f.natural("cursor", UINT64_MAX, 0);
    return m;
}

Hello read_hello(const Fields& f) {
    Hello m;
    m.version = static_cast<int>(f.natural("version", 1'000'000, kProtocolVersion));
    m.instance = f.natural("instance", UINT64_MAX);
    m.epoch = f.natural("epoch", UINT64_MAX, 0);
    m.door = f.text("door", kEndpointLengthMax);
    m.got = f.natural("got", UINT64_MAX, 0);
    return m;
}

JobAnswer read_job_answer(const Fields& f) {
    JobAnswer m;
    m.found = parse_found(f.text("found", 32)).value_or(Found::unknown);
    m.why = f.text("why", kErrorTextMax);
    if (f.has("job")) m.job = read_view(f.node("job"), f);
    return m;
}

Histogram read_histogram(Node list) {
    Histogram h;
    bool is_sum = true; // the sum stands first
    for_each_element(list, [&](Node n) {
        if (is_sum) {
            const double sum = n.is(Shape::real) || n.is(Shape::natural) ? n.real() : 0;
            h.sum = std::isfinite(sum) && sum >= 0 ? sum : 0; // like every number of the wire
        } else {
            h.counts.push_back(n.is(Shape::natural) ? n.natural() : 0);
        }
        is_sum = false;
    });
    return h;
}

SinkStats read_stats(const Fields& f) {
    SinkStats m;
    m.open_jobs = f.natural("open", UINT64_MAX, 0);
    m.finished_jobs = f.natural("finished", UINT64_MAX, 0);
    m.bytes = f.natural("bytes", UINT64_MAX, 0);
    m.waits = f.natural("waits", UINT64_MAX, 0);
    m.unknown_results = f.natural("unknown", UINT64_MAX, 0);
    m.malformed = f.natural("malformed", UINT64_MAX, 0);
    m.evicted = f.natural("evicted", UINT64_MAX, 0);
    m.lost_attempts = f.natural("lost", UINT64_MAX, 0);
    m.ventilator = f.flag("ventilator", false);
    m.durability = f.text("durability", 32);
    for_each_element(f.node("kinds"), [&](Node node) {
        const Fields k(node, "stats", f.mistake());
        SinkKind kind;
        kind.kind = k.name("kind");
        kind.stored = k.natural("stored", UINT64_MAX, 0);
        kind.succeeded = k.natural("succeeded", UINT64_MAX, 0);
        kind.failed = k.natural("failed", UINT64_MAX, 0);
        kind.cancelled = k.natural("cancelled", UINT64_MAX, 0);
        kind.expired = k.natural("expired", UINT64_MAX, 0);
        kind.quarantined = k.natural("quarantined", UINT64_MAX, 0);
        kind.duplicates = k.natural("duplicates", UINT64_MAX, 0);
        kind.queue = read_histogram(node.find("queue"));
        kind.run = read_histogram(node.find("run"));
        kind.total = read_histogram(node.find("total"));
        m.kinds.push_back(std::move(kind));
    });
    return m;
}

CancelAnswer read_cancel_answer(const Fields& f) {
    CancelAnswer m;
    const std::string result = f.text("result", 32);
    for (const CancelResult each : {CancelResult::cancelled, CancelResult::telling_worker,
                                    CancelResult::finished, CancelResult::unknown}) {
        if (result == to_string(each)) m.result = each;
    }
    m.state = parse_state(f.text("state", 32)).value_or(State::queued);
    return m;
}

} // namespace

std::string encode(Request request, const StatusQuestion& question) {
    std::string out;
    std::visit(QuestionEncoder{request, out}, question);
    return out;
}

std::string encode(Request request, const StatusAnswer& answer) {
    std::string out;
    std::visit(AnswerEncoder{request, out}, answer);
    return out;
}

Decoded<Asked<StatusQuestion>> decode_status(Reader& reader, std::string_view frame) {
    Decoded<Asked<StatusQuestion>> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::step_over);
    if (!root) return {{}, "the frame " + reader.error()};
    for_each_message(root, mistake, [&](Node map, std::string_view type) {
        const Fields f(map, type, mistake);
        const Request request = read_request(f);
        if (type == "status") {
            out.messages.push_back({request, AskStatus{f.id("id"), f.flag("values", false)}});
        } else if (type == "wait") {
            out.messages.push_back({request, read_wait(f)});
        } else if (type == "stored") {
            out.messages.push_back({request, read_stored(f)});
        } else if (type == "list") {
            out.messages.push_back({request, read_list(f)});
        } else if (type == "stats") {
            out.messages.push_back({request, AskStats{}});
        } else if (type == "cancel") {
            out.messages.push_back({request, AskCancel{f.id("id")}});
        } else if (type == "hello") {
            out.messages.push_back({request, read_hello(f)});
        } else if (auto other = read_group_question(f, type)) {
            out.messages.push_back({request, std::move(*other)});
        } else {
            mistake.add("`type` must be status, wait, stored, list, stats, cancel, hello, kind, "
                        "retry, partials, many, group, members or cancel_group here");
        }
    });
    out.error = mistake.take();
    return out;
}

Decoded<Asked<StatusAnswer>> decode_status_answer(Reader& reader, std::string_view frame) {
    Decoded<Asked<StatusAnswer>> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::read);
    if (!root) return {{}, "the frame " + reader.error()};
    for_each_message(root, mistake, [&](Node map, std::string_view type) {
        const Fields f(map, type, mistake);
        const Request request = read_request(f);
        if (type == "job") out.messages.push_back({request, read_job_answer(f)});
        if (type == "stored") out.messages.push_back({request, read_stored_answer(f)});
        if (type == "list") {
            ListAnswer list;
            list.cursor = f.natural("cursor", UINT64_MAX, 0);
            for_each_element(f.node("jobs"), [&](Node n) { list.jobs.push_back(read_view(n, f)); });
            out.messages.push_back({request, std::move(list)});
        }
        if (type == "stats") out.messages.push_back({request, read_stats(f)});
        if (type == "cancel") out.messages.push_back({request, read_cancel_answer(f)});
        if (type == "hello") {
            out.messages.push_back(
                {request,
                 HelloAnswer{f.text("error", kErrorTextMax), f.natural("sink", UINT64_MAX, 0),
                             f.natural("epoch", UINT64_MAX, 0), f.natural("got", UINT64_MAX, 0),
                             f.text("door", kEndpointLengthMax), f.flag("remembers", false)}});
        }
        if (auto other = read_group_answer(f, type)) {
            out.messages.push_back({request, std::move(*other)});
        }
        if (type == "problem") mistake.add(f.text("message", kErrorTextMax));
    });
    out.error = mistake.take();
    return out;
}

} // namespace penstock
