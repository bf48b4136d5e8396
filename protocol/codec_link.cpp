// What both directions of the numbered link share, and the two doors it ends at.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"
#include "protocol/rows.hpp"

namespace penstock {

Writer& write_link_head(Writer& w, std::string_view type, const LinkHead& head, std::size_t pairs) {
    w.map(4 + pairs).key("type").text(type);
    w.key("epoch").natural(head.epoch).key("seq").natural(head.seq);
    return w.key("got").natural(head.got);
}

void write_kinds(Writer& w, const Kinds& m) {
    w.key("kinds").array(m.rows.size());
    for (const auto& row : m.rows) {
        w.map(1 + count_settings(row.settings)).key("kind").text(row.kind);
        write_settings(w, row.settings);
    }
}

std::vector<Range> read_ranges(const Fields& f, std::string_view key) {
    std::vector<Range> out;
    RowReader rows(f, key, 2, kLinkRowsMax);
    while (rows.next()) {
        const JobNumber first = rows.natural(UINT64_MAX, "the number of a row");
        out.push_back({first, rows.small("the count of a row")});
    }
    return out;
}

Kinds read_kinds(const Fields& f) {
    Kinds m;
    for_each_element(f.array("kinds"), [&](Node node) {
        const Fields k(node, "kinds", f.mistake());
        m.rows.push_back({k.required_name("kind"), k.kind_settings()});
    });
    return m;
}

namespace {

LinkHead read_head(const Fields& f) {
    return {f.natural("epoch", UINT64_MAX), f.natural("seq", UINT64_MAX),
            f.natural("got", UINT64_MAX)};
}

} // namespace

Decoded<VentilatorFact> decode_ventilator_door(Reader& reader, std::string_view frame) {
    Decoded<VentilatorFact> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::leave_last_rows);
    if (!root) return {{}, "the frame " + reader.error()};
    for_each_message(root, mistake, [&](Node map, std::string_view type) {
        const Fields f(map, type, mistake);
        if (type == "submit") {
            read_submit(f, map, out.messages);
        } else if (type == "heartbeat") {
            out.messages.emplace_back(Heartbeat{f.required_name("worker"), f.naturals("running"),
                                                f.number("cpu", 1e12, 0),
                                                f.natural("rss", UINT64_MAX, 0),
                                                f.natural("epoch", UINT64_MAX, 0)});
        } else if (type == "bye") {
            out.messages.emplace_back(Bye{f.required_name("worker"), f.naturals("waiting")});
        } else if (auto message = read_from_sink(f, type)) {
            out.messages.emplace_back(Linked<FromSink>{read_head(f), std::move(*message)});
        }
    });
    look_at_unread(reader, mistake);
    out.error = mistake.take();
    return out;
}

Decoded<SinkFact> decode_sink_door(Reader& reader, std::string_view frame) {
    Decoded<SinkFact> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::leave_last_rows);
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
    look_at_unread(reader, mistake);
    out.error = mistake.take();
    return out;
}

} // namespace penstock
