// Submit, and what lanes carry: the messages that hold jobs.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"
#include "protocol/row_writer.hpp"
#include "protocol/rows.hpp"

namespace penstock {

void read_submit(const Fields& f, Node map, std::vector<VentilatorFact>& out) {
    Submit submit;
    submit.terms = f.terms();
    submit.apart = f.flag("apart", false);
    submit.part = static_cast<std::uint32_t>(f.natural("part", UINT32_MAX, 0));
    if (f.has("rows")) {
        RowReader rows(f, "rows", 2, kRowsMax);
        submit.rows.reserve(rows.size());
        while (rows.next()) {
            SubmitRow& row = submit.rows.emplace_back();
            row.id = rows.id("the id of a row");
            row.payload = rows.bytes("the payload of a row");
            if (row.payload.size() > kPayloadBytesMax) {
                f.wrong("rows", "of payloads of at most 16 MiB");
            }
        }
    } else {
        if (!map.find("payload")) f.wrong("payload", "there");
        submit.rows.push_back({f.id("id"), f.raw("payload")});
        if (submit.rows.back().payload.size() > kPayloadBytesMax) {
            f.wrong("payload", "at most 16 MiB");
        }
    }
    if (f.mistake().none()) out.emplace_back(std::move(submit));
}

namespace {

template <class Row>
std::size_t bodies(const Row& row) {
    return row.id.wire().size() + row.payload.size();
}

} // namespace

std::string encode(const Submit& m) {
    std::string out;
    std::size_t room = 128;
    for (const auto& row : m.rows) room += RowWriter::most(2, bodies(row));
    out.reserve(room);
    Writer w(out);
    const std::size_t pairs = 2u + m.apart + (m.part > 0);
    w.map(pairs + count_terms(m.terms)).key("type").text("submit");
    write_terms(w, m.terms);
    if (m.apart) w.key("apart").boolean(true);
    if (m.part > 0) w.key("part").natural(m.part);
    w.key("rows").array(m.rows.size());
    RowWriter rows(out);
    for (const auto& row : m.rows) rows.row(2, bodies(row)).id(row.id).bytes(row.payload);
    rows.done();
    return out;
}

std::uint64_t body_digest(const Terms& terms, Bytes payload) {
    Terms same = terms;
    same.delay = same.ttl = Duration(0);
    std::string text;
    Writer w(text);
    write_terms(w, same);
    text += payload;
    std::uint64_t h = 14695981039346656037ull; // FNV-1a
    for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    return h;
}

namespace {

// Ranges among other things: first, count, first, count, ...
void write_pairs(Writer& w, std::string_view key, const std::vector<Range>& ranges) {
    w.key(key).array(2 * ranges.size());
    for (const Range& range : ranges) w.natural(range.first).natural(range.count);
}

std::vector<Range> read_pairs(const Fields& f, std::string_view key) {
    const std::vector<std::uint64_t> numbers = f.naturals(key);
    std::vector<Range> out;
    for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
        if (numbers[i + 1] > UINT32_MAX) f.wrong(key, "pairs of a number and a count");
        out.push_back({numbers[i], static_cast<std::uint32_t>(numbers[i + 1])});
    }
    if (numbers.size() % 2 != 0) f.wrong(key, "pairs of a number and a count");
    return out;
}

} // namespace

std::string encode(const JobBatch& m) {
    std::string out;
    std::size_t room = 128;
    for (const auto& row : m.rows) room += RowWriter::most(4, bodies(row));
    out.reserve(room);
    Writer w(out);
    const std::size_t pairs =
        5u + !m.content_type.empty() + m.together + (m.queued_us > 0) + !m.settled.empty();
    w.map(pairs).key("type").text("job");
    w.key("epoch").natural(m.epoch).key("kind").text(m.kind);
    w.key("timeout").number(seconds(m.timeout));
    if (!m.content_type.empty()) w.key("content_type").text(m.content_type);
    if (m.together) w.key("together").boolean(true);
    if (m.queued_us > 0) w.key("queued").natural(m.queued_us);
    if (!m.settled.empty()) write_pairs(w, "settled", m.settled);
    w.key("rows").array(m.rows.size());
    RowWriter rows(out);
    for (const auto& row : m.rows) {
        rows.row(4, bodies(row)).natural(row.number).id(row.id).natural(row.attempt);
        rows.bytes(row.payload);
    }
    rows.done();
    return out;
}

std::string encode_plain(const JobBatch& m, const JobRow& row) {
    std::string out;
    out.reserve(row.payload.size() + 192);
    Writer w(out);
    w.map(8u + !m.content_type.empty() + (m.queued_us > 0)).key("type").text("job");
    // Plain workers see the id as text, whatever its form: it is what they print and send back.
    w.key("id").text(row.id.text()).key("kind").text(m.kind);
    w.key("attempt").natural(row.attempt).key("epoch").natural(m.epoch);
    w.key("number").natural(row.number).key("timeout").number(seconds(m.timeout));
    if (!m.content_type.empty()) w.key("content_type").text(m.content_type);
    if (m.queued_us > 0) w.key("queued").natural(m.queued_us);
    w.key("payload").value(row.payload);
    return out;
}

std::string encode(const CancelJob& m) {
    std::string out;
    Writer(out).map(3).key("type").text("cancel").key("number").natural(m.number).key("id").text(
        m.id.text());
    return out;
}

std::string encode(const Ping&) {
    std::string out;
    Writer(out).map(1).key("type").text("ping");
    return out;
}

std::string encode(const Drain&) {
    std::string out;
    Writer(out).map(1).key("type").text("drain");
    return out;
}

std::string encode(const SettledJobs& m) {
    std::string out;
    Writer w(out);
    w.map(2).key("type").text("settled");
    write_pairs(w, "jobs", m.rows);
    return out;
}

namespace {

void read_job(const Fields& f, std::vector<LaneMessage>& out) {
    JobBatch batch;
    batch.epoch = f.natural("epoch", UINT64_MAX);
    batch.kind = f.required_name("kind");
    batch.timeout = f.duration("timeout", kTimeoutDefault);
    batch.together = f.flag("together", false);
    batch.queued_us = f.natural("queued", UINT64_MAX, 0);
    batch.content_type = f.text("content_type", kNameLengthMax);
    batch.settled = read_pairs(f, "settled");
    if (f.has("rows")) {
        RowReader rows(f, "rows", 4, kRowsMax);
        batch.rows.reserve(rows.size());
        while (rows.next()) {
            JobRow& row = batch.rows.emplace_back();
            row.number = rows.natural(UINT64_MAX, "the number of a row");
            row.id = rows.id("the id of a row");
            row.attempt = rows.small("the attempt of a row");
            row.payload = rows.bytes("the payload of a row");
        }
    } else {
        batch.rows.push_back({f.natural("number", UINT64_MAX, 0), f.id("id"),
                              static_cast<std::uint32_t>(f.natural("attempt", UINT32_MAX)),
                              f.raw("payload")});
    }
    if (f.mistake().none()) out.emplace_back(std::move(batch));
}

} // namespace

Decoded<LaneMessage> decode_lane(Reader& reader, std::string_view frame) {
    Decoded<LaneMessage> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::leave_last_rows);
    if (!root) return {{}, "the frame " + reader.error()};
    for_each_message(root, mistake, [&](Node map, std::string_view type) {
        const Fields f(map, type, mistake);
        if (type == "job") read_job(f, out.messages);
        if (type == "cancel") {
            out.messages.emplace_back(CancelJob{f.natural("number", UINT64_MAX, 0), f.id("id")});
        }
        if (type == "ping") out.messages.emplace_back(Ping{});
        if (type == "drain") out.messages.emplace_back(Drain{});
        if (type == "settled") out.messages.emplace_back(SettledJobs{read_pairs(f, "jobs")});
    });
    look_at_unread(reader, mistake);
    out.error = mistake.take();
    return out;
}

} // namespace penstock
