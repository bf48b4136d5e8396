// The numbered link from sink to ventilator, and what SDK workers tell the ventilator.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"
#include "protocol/rows.hpp"

namespace penstock {
namespace {

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
        write_link_head(w, "stored", head, 3u + !m.refused.empty() + !m.unknown.empty());
        w.key("rows").array(m.rows.size());
        for (const auto& r : m.rows) w.array(2).natural(r.first).natural(r.count);
        numbers("duplicates", m.duplicates);
        numbers("conflicts", m.conflicts);
        if (!m.refused.empty()) numbers("refused", m.refused);
        if (m.unknown.empty()) return;
        w.key("unknown").array(m.unknown.size());
        for (const auto& r : m.unknown) w.array(2).natural(r.first).natural(r.count);
    }

    void operator()(const Settled& m) {
        out.reserve(96 + 16 * (m.rows.size() + m.failed.size()));
        write_link_head(w, "settled", head, 2);
        write_settled_rows(w, m.rows);
        w.key("failed").array(m.failed.size());
        for (const auto& r : m.failed) {
            w.array(4).natural(r.number).natural(r.attempt).natural(r.run_us).boolean(r.retryable);
        }
    }

    void operator()(const Returned& m) {
        write_link_head(w, "returned", head, 1);
        write_settled_rows(w, m.rows);
    }

    void operator()(const Open& m) {
        write_link_head(w, "open", head, 1).key("rows").array(m.rows.size());
        for (const auto& r : m.rows) w.array(2).natural(r.number).natural(r.deaths);
    }

    void operator()(const Cancel& m) {
        write_link_head(w, "cancel", head, 1);
        numbers("numbers", m.numbers);
    }

    void operator()(const Take& m) {
        std::size_t room = 128;
        for (const auto& row : m.rows) room += row.payload.size() + 80;
        out.reserve(room);
        write_link_head(w, "take", head, 1 + count_terms(m.terms));
        write_terms(w, m.terms);
        w.key("rows").array(m.rows.size());
        for (const auto& row : m.rows) {
            w.array(row.runs ? 6 : 5).id(row.id).bytes(row.payload);
            w.natural(row.attempt).natural(row.deaths);
            w.natural(static_cast<std::uint64_t>(row.age / std::chrono::milliseconds(1)));
            if (row.runs) w.boolean(true);
        }
    }

    void operator()(const Kinds& m) { write_kinds(write_link_head(w, "kinds", head, 1), m); }

    void operator()(const Confirm&) { write_link_head(w, "confirm", head, 0); }

    void operator()(const Resend&) { write_link_head(w, "resend", head, 0); }
};

constexpr std::string_view kNumber = "the number of a row";
constexpr std::string_view kCount = "the count of a row";
constexpr std::string_view kAttempt = "the attempt of a row";
constexpr std::string_view kDeaths = "the deaths of a row";
constexpr std::string_view kRunTime = "the run time of a row";
constexpr std::uint64_t kAgeMax = static_cast<std::uint64_t>(kSecondsMax) * 1000; // milliseconds

std::vector<SettledRow> read_settled_rows(const Fields& f) {
    std::vector<SettledRow> out;
    RowReader rows(f, "rows", 4, kLinkRowsMax);
    out.reserve(rows.size());
    while (rows.next()) {
        SettledRow& row = out.emplace_back();
        row.first = rows.natural(UINT64_MAX, kNumber);
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
        row.number = rows.natural(UINT64_MAX, kNumber);
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
        if (rows.elements() > 5) row.runs = rows.flag("the flag of a row");
    }
    return m;
}

} // namespace

std::optional<FromSink> read_from_sink(const Fields& f, std::string_view type) {
    if (type == "stored") {
        Stored m;
        m.rows = read_ranges(f, "rows");
        m.duplicates = f.naturals("duplicates");
        m.conflicts = f.naturals("conflicts");
        m.refused = f.naturals("refused");
        if (f.has("unknown")) m.unknown = read_ranges(f, "unknown");
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
            const JobNumber n = rows.natural(UINT64_MAX, kNumber);
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

std::string encode(const LinkHead& head, const FromSink& message) {
    std::string out;
    std::visit(FromSinkEncoder{head, out}, message);
    return out;
}

std::string encode(const Heartbeat& m) {
    std::string out;
    Writer w(out);
    w.map(5u + (m.epoch != 0)).key("type").text("heartbeat").key("worker").text(m.worker);
    w.key("running").array(m.running.size());
    for (const auto n : m.running) w.natural(n);
    w.key("cpu").number(m.cpu_seconds).key("rss").natural(m.rss_bytes);
    if (m.epoch != 0) w.key("epoch").natural(m.epoch);
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

} // namespace penstock
