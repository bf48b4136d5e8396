// The numbered link between ventilator and sink, both ways, and the two doors it ends at.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"
#include "protocol/rows.hpp"

namespace penstock {

namespace {

// `pairs` counts what follows the head.
Writer& write_head(Writer& w, std::string_view type, const LinkHead& head, std::size_t pairs) {
    w.map(4 + pairs).key("type").text(type);
    return w.key("epoch")
        .natural(head.epoch)
        .key("seq")
        .natural(head.seq)
        .key("got")
        .natural(head.got);
}

LinkHead read_head(const Fields& f) {
    return {f.natural("epoch", UINT64_MAX), f.natural("seq", UINT64_MAX),
            f.natural("got", UINT64_MAX)};
}

void write_kinds(Writer& w, const Kinds& m) {
    w.key("kinds").array(m.rows.size());
    for (const auto& row : m.rows) {
        w.map(1 + count_settings(row.settings)).key("kind").text(row.kind);
        write_settings(w, row.settings);
    }
}

Kinds read_kinds(const Fields& f) {
    Kinds m;
    for_each_element(f.array("kinds"), [&](Node node) {
        const Fields k(node, "kinds", f.mistake());
        m.rows.push_back({k.required_name("kind"), k.kind_settings()});
    });
    return m;
}

std::vector<JobId> read_ids(const Fields& f) {
    std::vector<JobId> out;
    const Node ids = f.node("ids");
    if (!ids.is(Shape::array)) f.wrong("ids", "an array of ids");
    for_each_element(ids, [&](Node at) { out.push_back(read_id(at, f.mistake(), f.where("ids"))); });
    return out;
}

struct ToSinkEncoder {
    const LinkHead& head;
    std::string& out;
    Writer w{out};

    void operator()(const Store& m) {
        std::size_t room = 128;
        for (const auto& row : m.rows) room += row.payload.size() + 80;
        out.reserve(room);
        write_head(w, "store", head, 2 + count_terms(m.terms)).key("first").natural(m.first);
        write_terms(w, m.terms);
        w.key("rows").array(m.rows.size());
        for (const auto& row : m.rows) {
            const bool used = row.attempt != 0 || row.deaths != 0;
            w.array(used ? 4 : 2).id(row.id).bytes(row.payload);
            if (used) w.natural(row.attempt).natural(row.deaths);
        }
    }

    void operator()(const Started& m) {
        write_head(w, "started", head, 2).key("worker").text(m.worker);
        w.key("rows").array(m.rows.size());
        for (const auto& row : m.rows) w.array(2).natural(row.number).natural(row.attempt);
    }

    void operator()(const Retrying& m) {
        write_head(w, "retrying", head, 3).key("number").natural(m.number);
        w.key("attempt").natural(m.attempt).key("delay").number(seconds(m.delay));
    }

    void operator()(const Lost& m) {
        write_head(w, "lost", head, 2).key("worker").text(m.worker);
        w.key("rows").array(m.rows.size());
        for (const auto& row : m.rows) {
            w.array(3).natural(row.number).natural(row.attempt).boolean(row.suspect);
        }
    }

    void operator()(const Final& m) {
        write_head(w, "final", head, 3).key("number").natural(m.number);
        w.key("outcome").text(to_string(m.outcome)).key("error");
        write_failure(w, m.failure);
    }

    void operator()(const Refused& m) {
        write_head(w, "refused", head, 2).key("reason").text(m.reason);
        w.key("ids").array(m.ids.size());
        for (const auto& id : m.ids) w.id(id);
    }

    void operator()(const Taken& m) {
        write_head(w, "taken", head, 2).key("first").natural(m.first);
        w.key("ids").array(m.ids.size());
        for (const auto& id : m.ids) w.id(id);
    }

    void operator()(const Kinds& m) { write_kinds(write_head(w, "kinds", head, 1), m); }

    void operator()(const Confirm&) { write_head(w, "confirm", head, 0); }

    void operator()(const Resend&) { write_head(w, "resend", head, 0); }
};

void write_settled_rows(Writer& w, const std::vector<SettledRow>& rows) {
    w.key("rows").array(rows.size());
    for (const auto& r : rows) {
        w.array(4).natural(r.first).natural(r.count).natural(r.attempt).natural(r.run_us);
    }
}

struct FromSinkEncoder {
    const LinkHead& head;
    std::string& out;
    Writer w{out};

    void numbers(std::string_view key, const std::vector<JobNumber>& list) {
        w.key(key).array(list.size());
        for (const auto n : list) w.natural(n);
    }

    void operator()(const Stored& m) {
        out.reserve(96 + 12 * (m.rows.size() + m.duplicates.size() + m.conflicts.size()));
        write_head(w, "stored", head, 3).key("rows").array(m.rows.size());
        for (const auto& r : m.rows) w.array(2).natural(r.first).natural(r.count);
        numbers("duplicates", m.duplicates);
        numbers("conflicts", m.conflicts);
    }

    void operator()(const Settled& m) {
        out.reserve(96 + 16 * (m.rows.size() + m.failed.size()));
        write_head(w, "settled", head, 2);
        write_settled_rows(w, m.rows);
        w.key("failed").array(m.failed.size());
        for (const auto& r : m.failed) {
            w.array(4).natural(r.number).natural(r.attempt).natural(r.run_us).boolean(r.retryable);
        }
    }

    void operator()(const Returned& m) {
        write_head(w, "returned", head, 1);
        write_settled_rows(w, m.rows);
    }

    void operator()(const Open& m) {
        write_head(w, "open", head, 1).key("rows").array(m.rows.size());
        for (const auto& r : m.rows) w.array(2).natural(r.number).natural(r.deaths);
    }

    void operator()(const Cancel& m) {
        write_head(w, "cancel", head, 1);
        numbers("numbers", m.numbers);
    }

    void operator()(const Take& m) {
        std::size_t room = 128;
        for (const auto& row : m.rows) room += row.payload.size() + 80;
        out.reserve(room);
        write_head(w, "take", head, 1 + count_terms(m.terms));
        write_terms(w, m.terms);
        w.key("rows").array(m.rows.size());
        for (const auto& row : m.rows) {
            w.array(5).id(row.id).bytes(row.payload).natural(row.attempt).natural(row.deaths);
            w.natural(static_cast<std::uint64_t>(row.age / std::chrono::milliseconds(1)));
        }
    }

    void operator()(const Kinds& m) { write_kinds(write_head(w, "kinds", head, 1), m); }

    void operator()(const Confirm&) { write_head(w, "confirm", head, 0); }

    void operator()(const Resend&) { write_head(w, "resend", head, 0); }
};

constexpr std::string_view kNumber = "the number of a row";
constexpr std::string_view kCount = "the count of a row";
constexpr std::string_view kAttempt = "the attempt of a row";
constexpr std::string_view kDeaths = "the deaths of a row";
constexpr std::string_view kRunTime = "the run time of a row";
constexpr std::uint64_t kAgeMax = static_cast<std::uint64_t>(kSecondsMax) * 1000; // milliseconds

JobNumber number(RowReader& rows) {
    return rows.natural(UINT64_MAX, kNumber);
}

Store read_store(const Fields& f) {
    Store m;
    m.first = f.natural("first", UINT64_MAX);
    m.terms = f.terms();
    RowReader rows(f, "rows", 2, kRowsMax);
    m.rows.reserve(rows.size());
    while (rows.next()) {
        Store::Row& row = m.rows.emplace_back();
        row.id = rows.id("the id of a row");
        row.payload = rows.bytes("the payload of a row");
        if (rows.elements() < 4) continue;
        row.attempt = rows.small(kAttempt);
        row.deaths = rows.small(kDeaths);
    }
    return m;
}

// Rows about jobs are bounded by what may happen to the jobs of one worker, or of one burst of
// results: refusing such a message would only have it sent again.
Lost read_lost(const Fields& f) {
    Lost m{f.required_name("worker"), {}};
    RowReader rows(f, "rows", 3, kLinkRowsMax);
    while (rows.next()) {
        Lost::Row& row = m.rows.emplace_back();
        row.number = number(rows);
        row.attempt = rows.small(kAttempt);
        row.suspect = rows.flag("the flag of a row");
    }
    return m;
}

Final read_final(const Fields& f) {
    Final m;
    m.number = f.natural("number", UINT64_MAX);
    const auto outcome = parse_state(f.text("outcome", 32));
    if (!outcome || !is_final(*outcome)) f.wrong("outcome", "a final state");
    m.outcome = outcome.value_or(State::failed);
    if (!f.has("error")) return m;
    const Node error = f.node("error");
    if (!error.is(Shape::map)) f.wrong("error", "a map of `code`, `message` and `retryable`");
    const auto text = [&error](std::string_view key) {
        const Node n = error.find(key);
        return n.is(Shape::text) ? tidy_text(n.text()) : std::string();
    };
    const Node retryable = error.find("retryable");
    m.failure = {text("code"), text("message"),
                 !retryable.is(Shape::boolean) || retryable.natural() != 0};
    return m;
}

std::optional<ToSink> read_to_sink(const Fields& f, std::string_view type) {
    if (type == "store") return read_store(f);
    if (type == "started") {
        Started m{f.required_name("worker"), {}};
        RowReader rows(f, "rows", 2, kLinkRowsMax);
        while (rows.next()) {
            const JobNumber n = number(rows);
            m.rows.push_back({n, rows.small(kAttempt)});
        }
        return m;
    }
    if (type == "retrying") {
        return Retrying{f.natural("number", UINT64_MAX),
                        static_cast<std::uint32_t>(f.natural("attempt", UINT32_MAX)),
                        f.duration("delay", Duration(0))};
    }
    if (type == "lost") return read_lost(f);
    if (type == "final") return read_final(f);
    if (type == "refused") {
        std::string reason = f.required_name("reason");
        return Refused{std::move(reason), read_ids(f)};
    }
    if (type == "taken") return Taken{f.natural("first", UINT64_MAX), read_ids(f)};
    if (type == "kinds") return read_kinds(f);
    if (type == "confirm") return Confirm{};
    if (type == "resend") return Resend{};
    return std::nullopt;
}

std::vector<SettledRow> read_settled_rows(const Fields& f) {
    std::vector<SettledRow> out;
    RowReader rows(f, "rows", 4, kLinkRowsMax);
    out.reserve(rows.size());
    while (rows.next()) {
        SettledRow& row = out.emplace_back();
        row.first = number(rows);
        row.count = rows.small(kCount);
        row.attempt = rows.small(kAttempt);
        row.run_us = rows.natural(UINT64_MAX, kRunTime);
    }
    return out;
}

std::vector<FailedRow> read_failed_rows(const Fields& f) {
    std::vector<FailedRow> out;
    RowReader rows(f, "failed", 4, kLinkRowsMax);
    while (rows.next()) {
        FailedRow& row = out.emplace_back();
        row.number = number(rows);
        row.attempt = rows.small(kAttempt);
        row.run_us = rows.natural(UINT64_MAX, kRunTime);
        row.retryable = rows.flag("the flag of a row");
    }
    return out;
}

Take read_take(const Fields& f) {
    Take m;
    m.terms = f.terms();
    RowReader rows(f, "rows", 5, kRowsMax);
    m.rows.reserve(rows.size());
    while (rows.next()) {
        Take::Row& row = m.rows.emplace_back();
        row.id = rows.id("the id of a row");
        row.payload = rows.bytes("the payload of a row");
        row.attempt = rows.small(kAttempt);
        row.deaths = rows.small(kDeaths);
        row.age = std::chrono::milliseconds(rows.natural(kAgeMax, "the age of a row"));
    }
    return m;
}

std::optional<FromSink> read_from_sink(const Fields& f, std::string_view type) {
    if (type == "stored") {
        Stored m;
        RowReader rows(f, "rows", 2, kLinkRowsMax);
        while (rows.next()) {
            const JobNumber first = number(rows);
            m.rows.push_back({first, rows.small(kCount)});
        }
        m.duplicates = f.naturals("duplicates");
        m.conflicts = f.naturals("conflicts");
        return m;
    }
    if (type == "settled") {
        return Settled{read_settled_rows(f), read_failed_rows(f)};
    }
    if (type == "returned") return Returned{read_settled_rows(f)};
    if (type == "open") {
        Open m;
        RowReader rows(f, "rows", 2, kLinkRowsMax);
        while (rows.next()) {
            const JobNumber n = number(rows);
            m.rows.push_back({n, rows.small(kDeaths)});
        }
        return m;
    }
    if (type == "cancel") return Cancel{f.naturals("numbers")};
    if (type == "take") return read_take(f);
    if (type == "kinds") return read_kinds(f);
    if (type == "confirm") return Confirm{};
    if (type == "resend") return Resend{};
    return std::nullopt;
}

} // namespace

std::string encode(const LinkHead& head, const ToSink& message) {
    std::string out;
    std::visit(ToSinkEncoder{head, out}, message);
    return out;
}

std::string encode(const LinkHead& head, const FromSink& message) {
    std::string out;
    std::visit(FromSinkEncoder{head, out}, message);
    return out;
}

std::string encode(const Heartbeat& m) {
    std::string out;
    Writer w(out);
    w.map(5).key("type").text("heartbeat").key("worker").text(m.worker);
    w.key("running").array(m.running.size());
    for (const auto n : m.running) w.natural(n);
    w.key("cpu").number(m.cpu_seconds).key("rss").natural(m.rss_bytes);
    return out;
}

std::string encode(const Bye& m) {
    std::string out;
    Writer w(out);
    w.map(3).key("type").text("bye").key("worker").text(m.worker);
    w.key("waiting").array(m.waiting.size());
    for (const auto n : m.waiting) w.natural(n);
    return out;
}

Decoded<VentilatorFact> decode_ventilator_door(Reader& reader, std::string_view frame) {
    Decoded<VentilatorFact> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::step_over);
    if (!root) return {{}, "the frame " + reader.error()};
    for_each_message(root, mistake, [&](Node map, std::string_view type) {
        const Fields f(map, type, mistake);
        if (type == "submit") {
            read_submit(f, map, out.messages);
        } else if (type == "heartbeat") {
            out.messages.emplace_back(Heartbeat{f.required_name("worker"), f.naturals("running"),
                                                f.number("cpu", 1e12, 0),
                                                f.natural("rss", UINT64_MAX, 0)});
        } else if (type == "bye") {
            out.messages.emplace_back(Bye{f.required_name("worker"), f.naturals("waiting")});
        } else if (auto message = read_from_sink(f, type)) {
            out.messages.emplace_back(Linked<FromSink>{read_head(f), std::move(*message)});
        }
    });
    out.error = mistake.take();
    return out;
}

Decoded<SinkFact> decode_sink_door(Reader& reader, std::string_view frame) {
    Decoded<SinkFact> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::step_over);
    if (!root) return {{}, "the frame " + reader.error()};
    for_each_message(root, mistake, [&](Node map, std::string_view type) {
        const Fields f(map, type, mistake);
        if (type == "result") {
            read_result(f, out.messages);
        } else if (type == "progress") {
            read_progress(f, out.messages);
        } else if (type == "partial") {
            read_partial(f, map, out.messages);
        } else if (auto message = read_to_sink(f, type)) {
            out.messages.emplace_back(Linked<ToSink>{read_head(f), std::move(*message)});
        }
    });
    out.error = mistake.take();
    return out;
}

} // namespace penstock
