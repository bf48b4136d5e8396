// What workers say to the sink: results of attempts, and progress.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"
#include "protocol/row_writer.hpp"
#include "protocol/rows.hpp"

namespace penstock {
namespace {

constexpr std::size_t kFailedRowSize = 7; // id, attempt, run_us, nil, code, message, retryable
constexpr std::string_view kWaited = "the wait of a row";

std::size_t bodies(const ResultRow& row) {
    const std::size_t said =
        row.failure ? row.failure->code.size() + row.failure->message.size() : row.value.size();
    return row.id.wire().size() + said;
}

void write_row(RowWriter& w, const ResultRow& row) {
    const std::size_t size = row.failure ? kFailedRowSize : 4;
    w.row(size + (row.waited_us > 0 ? 1 : 0), bodies(row));
    w.id(row.id).natural(row.attempt).natural(row.run_us);
    if (row.failure) {
        w.nil().text(row.failure->code).text(row.failure->message);
        w.boolean(row.failure->retryable);
    } else {
        w.bytes(row.value);
    }
    if (row.waited_us > 0) w.natural(row.waited_us);
}

// Behind its id.
void read_row(RowReader& rows, const Fields& f, ResultRow& out) {
    out.attempt = rows.small("the attempt of a row");
    out.run_us = rows.natural(UINT64_MAX, "the run time of a row");
    if (rows.elements() < kFailedRowSize) {
        out.value = rows.bytes("the value of a row");
        if (out.value.size() > kPayloadBytesMax) f.wrong("rows", "of values of at most 16 MiB");
        if (rows.elements() > 4) out.waited_us = rows.natural(UINT64_MAX, kWaited);
        return;
    }
    rows.skip(); // where the value would stand
    Failure& failure = out.failure.emplace();
    failure.code = rows.name("the error code of a row");
    failure.message = rows.tidy_text();
    failure.retryable = rows.flag("retryable of a row");
    if (rows.elements() > kFailedRowSize) out.waited_us = rows.natural(UINT64_MAX, kWaited);
}

} // namespace

void read_result(const Fields& f, std::vector<SinkFact>& out) {
    Result result;
    result.epoch = f.natural("epoch", UINT64_MAX);
    result.worker = f.name("worker");
    result.content_type = f.text("content_type", kNameLengthMax);
    result.queued_us = f.natural("queued", UINT64_MAX, 0);
    if (f.has("rows")) {
        RowReader rows(f, "rows", 4, kRowsMax);
        result.rows.reserve(rows.size());
        while (rows.next()) { // made from nothing it would be cleared first, byte by byte
            result.rows.push_back(ResultRow{rows.id("the id of a row")});
            read_row(rows, f, result.rows.back());
        }
    } else {
        ResultRow row;
        row.id = f.id("id");
        row.attempt = static_cast<std::uint32_t>(f.natural("attempt", UINT32_MAX));
        row.run_us = static_cast<std::uint64_t>(f.number("run", kSecondsMax, 0) * 1e6);
        row.waited_us = f.natural("waited", UINT64_MAX, 0);
        row.failure = f.failure("error");
        row.value = f.raw("value");
        if (row.value.size() > kPayloadBytesMax) f.wrong("value", "at most 16 MiB");
        if (row.value.empty()) row.value = Bytes("\xc0", 1); // no value is nil
        result.rows.push_back(std::move(row));
    }
    if (f.mistake().none()) out.emplace_back(std::move(result));
}

void read_progress(const Fields& f, std::vector<SinkFact>& out) {
    Progress p;
    p.id = f.id("id");
    p.attempt = static_cast<std::uint32_t>(f.natural("attempt", UINT32_MAX));
    p.progress = f.number("progress", 1, 0);
    if (f.has("note")) p.note = f.text("note", kErrorTextMax);
    if (f.mistake().none()) out.emplace_back(std::move(p));
}

void read_partial(const Fields& f, Node map, std::vector<SinkFact>& out) {
    Partial p;
    p.id = f.id("id");
    p.attempt = static_cast<std::uint32_t>(f.natural("attempt", UINT32_MAX));
    if (!map.find("value")) f.wrong("value", "there");
    p.value = f.raw("value");
    if (f.mistake().none()) out.emplace_back(std::move(p));
}

std::string encode(const Partial& m) {
    std::string out;
    Writer w(out);
    w.map(4).key("type").text("partial").key("id").text(m.id.text());
    w.key("attempt").natural(m.attempt).key("value").value(m.value);
    return out;
}

std::string encode(const Result& m) {
    std::string out;
    std::size_t room = 96;
    for (const auto& row : m.rows) room += RowWriter::most(kFailedRowSize + 1, bodies(row));
    out.reserve(room);
    Writer w(out);
    const std::size_t pairs = 4u + !m.content_type.empty() + (m.queued_us > 0);
    w.map(pairs).key("type").text("result").key("epoch").natural(m.epoch);
    w.key("worker").text(m.worker);
    if (!m.content_type.empty()) w.key("content_type").text(m.content_type);
    if (m.queued_us > 0) w.key("queued").natural(m.queued_us);
    w.key("rows").array(m.rows.size());
    RowWriter rows(out);
    for (const auto& row : m.rows) write_row(rows, row);
    rows.done();
    return out;
}

std::string encode_plain(const Result& m) {
    const ResultRow& row = m.rows.front();
    std::string out;
    Writer w(out);
    const std::size_t pairs =
        7u + !m.content_type.empty() + (m.queued_us > 0) + (row.waited_us > 0);
    w.map(pairs).key("type").text("result");
    w.key("id").text(row.id.text()).key("attempt").natural(row.attempt);
    w.key("epoch").natural(m.epoch).key("worker").text(m.worker);
    w.key("run").number(static_cast<double>(row.run_us) / 1e6);
    if (!m.content_type.empty()) w.key("content_type").text(m.content_type);
    if (m.queued_us > 0) w.key("queued").natural(m.queued_us);
    if (row.waited_us > 0) w.key("waited").natural(row.waited_us);
    if (row.failure) {
        write_failure(w.key("error"), *row.failure);
    } else {
        w.key("value").value(row.value);
    }
    return out;
}

std::string encode(const Progress& m) {
    std::string out;
    Writer(out)
        .map(5)
        .key("type")
        .text("progress")
        .key("id")
        .text(m.id.text())
        .key("attempt")
        .natural(m.attempt)
        .key("progress")
        .number(m.progress)
        .key("note")
        .text(m.note);
    return out;
}

} // namespace penstock
