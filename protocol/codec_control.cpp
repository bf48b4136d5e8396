// Questions to the ventilator's control, and their answers.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"

namespace penstock {

void write_question_head(Writer& w, std::string_view type, Request request, std::size_t pairs) {
    w.map(pairs + (request ? 2 : 1)).key("type").text(type);
    if (request) w.key("request").natural(*request);
}

Request read_request(const Fields& f) {
    return f.has("request") ? Request(f.natural("request", UINT64_MAX)) : Request();
}

std::string encode(Request request, const Problem& problem) {
    std::string out;
    Writer w(out);
    write_question_head(w, "problem", request, 1);
    w.key("message").text(problem.message);
    return out;
}

std::string join_frames(const std::vector<std::string>& messages) {
    std::string out;
    Writer(out).array(messages.size());
    for (const auto& m : messages) out += m;
    return out;
}

namespace {

void write_texts(Writer& w, std::string_view key, const std::vector<std::string>& list) {
    w.key(key).array(list.size());
    for (const auto& text : list) w.text(text);
}

struct QuestionEncoder {
    Request request;
    std::string& out;
    Writer w{out};

    void operator()(const Join& m) {
        const std::size_t pairs =
            10u + !m.via.empty() + (m.min_priority > 0) + !m.batching.empty() + m.outbox +
            !m.runs.empty();
        write_question_head(w, "join", request, pairs);
        w.key("version").natural(static_cast<unsigned>(m.version)).key("worker").text(m.worker);
        write_texts(w, "kinds", m.kinds);
        w.key("slots").natural(m.slots).key("batch").boolean(m.batch);
        w.key("heartbeats").boolean(m.heartbeats).key("inproc").boolean(m.same_process);
        write_texts(w, "labels", m.labels);
        w.key("running").array(m.running.size());
        for (const auto n : m.running) w.natural(n);
        w.key("epoch").natural(m.epoch);
        if (!m.via.empty()) w.key("via").text(m.via);
        if (m.min_priority > 0) {
            w.key("min_priority").natural(static_cast<unsigned>(m.min_priority));
        }
        if (m.outbox) w.key("outbox").boolean(true);
        if (!m.runs.empty()) {
            w.key("runs").array(m.runs.size());
            for (const auto& run : m.runs) {
                w.array(4).id(run.id).natural(run.epoch).natural(run.attempt);
                w.natural(run.number);
            }
        }
        if (m.batching.empty()) return;
        w.key("batching").array(m.batching.size());
        for (const auto& b : m.batching) {
            w.map(3).key("kind").text(b.kind).key("max").natural(b.max);
            w.key("wait").number(seconds(b.wait));
        }
    }

    void operator()(const AskRoom&) { write_question_head(w, "room", request, 0); }

    void operator()(const AskWorkers&) { write_question_head(w, "workers", request, 0); }

    void operator()(const AskDispatch&) { write_question_head(w, "stats", request, 0); }

    void operator()(const AskPosition& m) {
        write_question_head(w, "position", request, 1);
        w.key("numbers").array(m.numbers.size());
        for (const auto n : m.numbers) w.natural(n);
    }

    void operator()(const AskExplain& m) {
        write_question_head(w, "explain", request, 1);
        w.key("number").natural(m.number);
    }
};

struct AnswerEncoder {
    Request request;
    std::string& out;
    Writer w{out};

    void operator()(const Lane& m) {
        write_question_head(w, "lane", request, 8);
        w.key("error").text(m.error).key("worker").text(m.worker);
        w.key("endpoint").text(m.endpoint).key("sink").text(m.sink).key("door").text(m.door);
        w.key("window").natural(m.window).key("epoch").natural(m.epoch);
        w.key("ping").number(seconds(m.ping));
    }

    void operator()(const Room& m) {
        write_question_head(w, "room", request, 6);
        w.key("serving").boolean(m.serving).key("why").text(m.why);
        w.key("jobs").natural(m.jobs_free).key("bytes").natural(m.bytes_free);
        w.key("any").boolean(m.takes_any_kind);
        write_texts(w, "kinds", m.kinds);
    }

    void operator()(const Workers& m) {
        write_question_head(w, "workers", request, 1);
        w.key("workers").array(m.workers.size());
        for (const auto& v : m.workers) {
            w.map(13u + (v.min_priority > 0)).key("worker").text(v.worker);
            write_texts(w, "kinds", v.kinds);
            write_texts(w, "labels", v.labels);
            w.key("slots").natural(v.slots).key("window").natural(v.window);
            w.key("outstanding").natural(v.outstanding).key("settled").natural(v.settled);
            w.key("heartbeats").boolean(v.heartbeats).key("draining").boolean(v.draining);
            w.key("silent").boolean(v.silent).key("joined").number(v.joined_seconds_ago);
            w.key("cpu").number(v.cpu_seconds).key("rss").natural(v.rss_bytes);
            if (v.min_priority > 0) {
                w.key("min_priority").natural(static_cast<unsigned>(v.min_priority));
            }
        }
    }

    void operator()(const DispatchStats& m) {
        write_question_head(w, "stats", request, 6);
        w.key("jobs").natural(m.open_jobs).key("bytes").natural(m.open_bytes);
        w.key("malformed").natural(m.malformed).key("duplicates").natural(m.duplicates);
        w.key("workers").natural(m.workers).key("kinds").array(m.kinds.size());
        for (const auto& k : m.kinds) {
            w.map(11 + count_settings(k.settings));
            w.key("kind").text(k.kind).key("queued").natural(k.queued);
            w.key("delayed").natural(k.delayed).key("running").natural(k.running);
            w.key("oldest").number(k.oldest_age_seconds).key("submitted").natural(k.submitted);
            w.key("refused").natural(k.refused).key("dispatched").natural(k.dispatched);
            w.key("redelivered").natural(k.redelivered).key("retried").natural(k.retried);
            w.key("workers").natural(k.workers);
            write_settings(w, k.settings);
        }
    }

    void operator()(const Positions& m) {
        write_question_head(w, "position", request, 1);
        w.key("jobs").array(m.rows.size());
        for (const auto& row : m.rows) {
            w.map(row.start_in < 0 ? 2 : 3).key("number").natural(row.number);
            w.key("position").natural(row.position);
            if (row.start_in >= 0) w.key("start").number(row.start_in);
        }
    }

    void operator()(const Explanation& m) {
        write_question_head(w, "explain", request, 4u + (m.start_in >= 0));
        w.key("known").boolean(m.known).key("why").text(m.why).key("text").text(m.text);
        w.key("position").natural(m.position);
        if (m.start_in >= 0) w.key("start").number(m.start_in);
    }
};

Join read_join(const Fields& f) {
    Join m;
    m.version = static_cast<int>(f.natural("version", 1'000'000, kProtocolVersion));
    m.worker = f.name("worker");
    m.kinds = f.names("kinds", 1'000);
    m.slots = static_cast<std::uint32_t>(f.natural("slots", kSlotsMax, 1));
    if (m.slots == 0) f.wrong("slots", "at least 1");
    if (m.kinds.empty()) f.wrong("kinds", "an array of at least one kind");
    m.batch = f.flag("batch", false);
    m.heartbeats = f.flag("heartbeats", false);
    m.same_process = f.flag("inproc", false);
    m.labels = f.texts("labels", kLabelsMax);
    m.running = f.naturals("running");
    m.epoch = f.natural("epoch", UINT64_MAX, 0);
    m.via = f.text("via", kEndpointLengthMax);
    m.min_priority = static_cast<int>(f.natural("min_priority", kPriorityMax, 0));
    m.outbox = f.flag("outbox", false);
    for_each_element(f.array("runs"), [&](Node row) {
        if (!row.is(Shape::array) || row.size() < 4) {
            return f.wrong("runs", "an array of [id, epoch, attempt, number]");
        }
        Join::Run run;
        const Node id = row.first(), epoch = id.after(), attempt = epoch.after();
        const Node number = attempt.after();
        run.number = read_natural(number, UINT64_MAX, f.mistake(), f.where("runs"));
        run.id = read_id(id, f.mistake(), f.where("runs"));
        run.epoch = read_natural(epoch, UINT64_MAX, f.mistake(), f.where("runs"));
        run.attempt = static_cast<std::uint32_t>(
            read_natural(attempt, UINT32_MAX, f.mistake(), f.where("runs")));
        m.runs.push_back(std::move(run));
    });
    for_each_element(f.array("batching"), [&](Node node) {
        const Fields b(node, "join", f.mistake());
        m.batching.push_back({b.required_name("kind"),
                              static_cast<std::uint32_t>(b.natural("max", kBatchMax)),
                              b.duration("wait", Duration(0))});
        if (m.batching.back().max == 0) f.wrong_part("`max` of `batching`", "at least 1");
    });
    return m;
}

Lane read_lane(const Fields& f) {
    Lane m;
    m.error = f.text("error", kErrorTextMax);
    m.worker = f.name("worker");
    m.endpoint = f.text("endpoint", 256);
    m.sink = f.text("sink", 256);
    m.door = f.text("door", 256);
    m.window = static_cast<std::uint32_t>(f.natural("window", UINT32_MAX, 1));
    m.epoch = f.natural("epoch", UINT64_MAX, 0);
    m.ping = f.duration("ping", m.ping);
    return m;
}

WorkerView read_worker_view(const Fields& v) {
    WorkerView out;
    out.worker = v.name("worker");
    out.kinds = v.names("kinds", 1'000);
    out.labels = v.texts("labels", kLabelsMax);
    out.min_priority = static_cast<int>(v.natural("min_priority", kPriorityMax, 0));
    out.slots = static_cast<std::uint32_t>(v.natural("slots", UINT32_MAX, 0));
    out.window = static_cast<std::uint32_t>(v.natural("window", UINT32_MAX, 0));
    out.outstanding = static_cast<std::uint32_t>(v.natural("outstanding", UINT32_MAX, 0));
    out.settled = v.natural("settled", UINT64_MAX, 0);
    out.heartbeats = v.flag("heartbeats", false);
    out.draining = v.flag("draining", false);
    out.silent = v.flag("silent", false);
    out.joined_seconds_ago = v.number("joined", 1e12, 0);
    out.cpu_seconds = v.number("cpu", 1e12, 0);
    out.rss_bytes = v.natural("rss", UINT64_MAX, 0);
    return out;
}

DispatchKind read_dispatch_kind(const Fields& k) {
    DispatchKind out;
    out.kind = k.name("kind");
    out.queued = k.natural("queued", UINT64_MAX, 0);
    out.delayed = k.natural("delayed", UINT64_MAX, 0);
    out.running = k.natural("running", UINT64_MAX, 0);
    out.oldest_age_seconds = k.number("oldest", 1e12, 0);
    out.submitted = k.natural("submitted", UINT64_MAX, 0);
    out.refused = k.natural("refused", UINT64_MAX, 0);
    out.dispatched = k.natural("dispatched", UINT64_MAX, 0);
    out.redelivered = k.natural("redelivered", UINT64_MAX, 0);
    out.retried = k.natural("retried", UINT64_MAX, 0);
    out.workers = static_cast<std::uint32_t>(k.natural("workers", UINT32_MAX, 0));
    out.settings = k.kind_settings();
    return out;
}

DispatchStats read_dispatch_stats(const Fields& f) {
    DispatchStats m;
    m.open_jobs = f.natural("jobs", UINT64_MAX, 0);
    m.open_bytes = f.natural("bytes", UINT64_MAX, 0);
    m.malformed = f.natural("malformed", UINT64_MAX, 0);
    m.duplicates = f.natural("duplicates", UINT64_MAX, 0);
    m.workers = static_cast<std::uint32_t>(f.natural("workers", UINT32_MAX, 0));
    for_each_element(f.node("kinds"), [&](Node kind) {
        m.kinds.push_back(read_dispatch_kind(Fields(kind, "stats", f.mistake())));
    });
    return m;
}

Positions read_positions(const Fields& f) {
    Positions m;
    for_each_element(f.array("jobs"), [&](Node node) {
        const Fields p(node, "position", f.mistake());
        Positions::Row& row = m.rows.emplace_back();
        row.number = p.natural("number", UINT64_MAX);
        row.position = p.natural("position", UINT64_MAX, 0);
        if (p.has("start")) row.start_in = p.number("start", 1e12, 0);
    });
    return m;
}

// A page of a list at a time: each of them is looked for by the thread that decides.
AskPosition read_position(const Fields& f) {
    AskPosition m{f.naturals("numbers")};
    if (m.numbers.size() > kListMax) f.wrong("numbers", "an array of at most 1000 numbers");
    return m;
}

} // namespace

std::string encode(Request request, const ControlQuestion& question) {
    std::string out;
    std::visit(QuestionEncoder{request, out}, question);
    return out;
}

std::string encode(Request request, const ControlAnswer& answer) {
    std::string out;
    std::visit(AnswerEncoder{request, out}, answer);
    return out;
}

Decoded<Asked<ControlQuestion>> decode_control(Reader& reader, std::string_view frame) {
    Decoded<Asked<ControlQuestion>> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::step_over);
    if (!root) return {{}, "the frame " + reader.error()};
    for_each_message(root, mistake, [&](Node map, std::string_view type) {
        const Fields f(map, type, mistake);
        const Request request = read_request(f);
        if (type == "join")
            out.messages.push_back({request, read_join(f)});
        else if (type == "room")
            out.messages.push_back({request, AskRoom{}});
        else if (type == "workers")
            out.messages.push_back({request, AskWorkers{}});
        else if (type == "stats")
            out.messages.push_back({request, AskDispatch{}});
        else if (type == "position")
            out.messages.push_back({request, read_position(f)});
        else if (type == "explain")
            out.messages.push_back({request, AskExplain{f.natural("number", UINT64_MAX)}});
        else
            mistake.add("`type` must be join, room, workers, stats, position or explain here");
    });
    out.error = mistake.take();
    return out;
}

Decoded<Asked<ControlAnswer>> decode_control_answer(Reader& reader, std::string_view frame) {
    Decoded<Asked<ControlAnswer>> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::step_over);
    if (!root) return {{}, "the frame " + reader.error()};
    for_each_message(root, mistake, [&](Node map, std::string_view type) {
        const Fields f(map, type, mistake);
        const Request request = read_request(f);
        if (type == "lane") out.messages.push_back({request, read_lane(f)});
        if (type == "room") {
            Room room{f.flag("serving", false),
                      f.text("why", kErrorTextMax),
                      f.natural("jobs", UINT64_MAX, 0),
                      f.natural("bytes", UINT64_MAX, 0),
                      f.flag("any", true),
                      f.names("kinds", 1'000'000)};
            out.messages.push_back({request, std::move(room)});
        }
        if (type == "workers") {
            Workers workers;
            for_each_element(f.node("workers"), [&](Node view) {
                workers.workers.push_back(read_worker_view(Fields(view, type, mistake)));
            });
            out.messages.push_back({request, std::move(workers)});
        }
        if (type == "stats") out.messages.push_back({request, read_dispatch_stats(f)});
        if (type == "position") out.messages.push_back({request, read_positions(f)});
        if (type == "explain") {
            Explanation m{f.flag("known", false), f.name("why"), f.text("text", kErrorTextMax),
                          f.natural("position", UINT64_MAX, 0), -1};
            if (f.has("start")) m.start_in = f.number("start", 1e12, 0);
            out.messages.push_back({request, std::move(m)});
        }
        if (type == "problem") mistake.add(f.text("message", kErrorTextMax));
    });
    out.error = mistake.take();
    return out;
}

} // namespace penstock
