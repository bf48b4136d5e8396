// The numbered link from ventilator to sink.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"
#include "protocol/row_writer.hpp"
#include "protocol/rows.hpp"

namespace penstock {
namespace {

std::size_t bodies(const Store::Row& row) {
    return row.id.wire().size() + row.payload.size();
}

struct ToSinkEncoder {
    const LinkHead& head;
    std::string& out;
    Writer w{out};

    void operator()(const Store& m) {
        std::size_t room = 192;
        for (const auto& row : m.rows) room += RowWriter::most(4, bodies(row));
        out.reserve(room);
        write_link_head(w, "store", head, 2u + m.again + count_terms(m.terms));
        w.key("first").natural(m.first);
        if (m.again) w.key("again").boolean(true);
        write_terms(w, m.terms);
        w.key("rows").array(m.rows.size());
        RowWriter rows(out);
        for (const auto& row : m.rows) {
            const bool used = row.attempt != 0 || row.deaths != 0;
            rows.row(used ? 4 : 2, bodies(row)).id(row.id).bytes(row.payload);
            if (used) rows.natural(row.attempt).natural(row.deaths);
        }
        rows.done();
    }

    void operator()(const Started& m) {
        write_link_head(w, "started", head, 2u + (m.token != 0)).key("worker").text(m.worker);
        if (m.token != 0) w.key("token").natural(m.token);
        w.key("rows").array(m.rows.size());
        for (const auto& row : m.rows) w.array(2).natural(row.number).natural(row.attempt);
    }

    void operator()(const Retrying& m) {
        write_link_head(w, "retrying", head, 3).key("number").natural(m.number);
        w.key("attempt").natural(m.attempt).key("delay").number(seconds(m.delay));
    }

    void operator()(const Lost& m) {
        write_link_head(w, "lost", head, 2).key("worker").text(m.worker);
        w.key("rows").array(m.rows.size());
        for (const auto& row : m.rows) {
            w.array(3).natural(row.number).natural(row.attempt).boolean(row.suspect);
        }
    }

    void operator()(const Final& m) {
        write_link_head(w, "final", head, 3).key("number").natural(m.number);
        w.key("outcome").text(to_string(m.outcome)).key("error");
        write_failure(w, m.failure);
    }

    void operator()(const Refused& m) {
        write_link_head(w, "refused", head, 2).key("reason").text(m.reason);
        write_ids(w, "ids", m.ids);
    }

    void operator()(const Taken& m) {
        write_link_head(w, "taken", head, 2).key("first").natural(m.first);
        write_ids(w, "ids", m.ids);
    }

    void operator()(const Kinds& m) { write_kinds(write_link_head(w, "kinds", head, 1), m); }

    void operator()(const Holds& m) {
        write_link_head(w, "holds", head, 1u + m.more).key("rows").array(m.rows.size());
        for (const auto& r : m.rows) w.array(2).natural(r.first).natural(r.count);
        if (m.more) w.key("more").boolean(true);
    }

    void operator()(const Confirm&) { write_link_head(w, "confirm", head, 0); }

    void operator()(const Resend&) { write_link_head(w, "resend", head, 0); }
};

constexpr std::string_view kNumber = "the number of a row";
constexpr std::string_view kAttempt = "the attempt of a row";
constexpr std::string_view kDeaths = "the deaths of a row";

Store read_store(const Fields& f) {
    Store m;
    m.first = f.natural("first", UINT64_MAX);
    m.again = f.flag("again", false);
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
        row.number = rows.natural(UINT64_MAX, kNumber);
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

std::vector<JobId> read_ids(const Fields& f) {
    if (!f.has("ids")) f.wrong("ids", "an array of ids");
    return f.ids("ids");
}

} // namespace

std::optional<ToSink> read_to_sink(const Fields& f, std::string_view type) {
    if (type == "store") return read_store(f);
    if (type == "started") {
        Started m{f.required_name("worker"), {}, f.natural("token", UINT64_MAX, 0)};
        RowReader rows(f, "rows", 2, kLinkRowsMax);
        while (rows.next()) {
            const JobNumber n = rows.natural(UINT64_MAX, kNumber);
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
    if (type == "holds") return Holds{read_ranges(f, "rows"), f.flag("more", false)};
    if (type == "confirm") return Confirm{};
    if (type == "resend") return Resend{};
    return std::nullopt;
}

std::string encode(const LinkHead& head, const ToSink& message) {
    std::string out;
    std::visit(ToSinkEncoder{head, out}, message);
    return out;
}

} // namespace penstock
