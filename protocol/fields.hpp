#pragma once
// Reading the fields of one message, and saying what is wrong with them. Codec's own.

#include "protocol/questions.hpp"
#include "protocol/wire.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

// The first mistake of a frame, in words.
class Mistake {
public:
    void add(std::string text) {
        if (text_.empty()) text_ = std::move(text);
    }

    [[nodiscard]] bool none() const { return text_.empty(); }

    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    std::string text_;
};

// Of a field, for words about it; they are made only when something is wrong.
struct Where {
    std::string_view type, key;

    [[nodiscard]] std::string text() const;
};

JobId read_id(Node node, Mistake& mistake, const Where& where);
std::uint64_t read_natural(Node node, std::uint64_t max, Mistake& mistake, const Where& where);
bool read_flag(Node node, Mistake& mistake, const Where& where);
std::string read_text(Node node, std::size_t max, Mistake& mistake, const Where& where);
std::string read_name(Node node, Mistake& mistake, const Where& where);
double read_number(Node node, double max, Mistake& mistake, const Where& where);
std::string tidy_text(std::string_view text); // valid UTF-8, at most kErrorTextMax

// The fields of one map. Absent fields give their default, wrong ones a mistake.
class Fields {
public:
    Fields(Node map, std::string_view type, Mistake& mistake)
        : map_(map), type_(type), mistake_(mistake) {}

    [[nodiscard]] Node node(std::string_view key) const { return map_.find(key); }

    // Absent also if it is nil.
    [[nodiscard]] Node present(std::string_view key) const {
        const Node n = node(key);
        return n.is(Shape::nil) ? Node() : n;
    }

    [[nodiscard]] bool has(std::string_view key) const { return bool(present(key)); }

    [[nodiscard]] JobId id(std::string_view key) const; // required
    [[nodiscard]] std::uint64_t natural(std::string_view key, std::uint64_t max,
                                        std::uint64_t otherwise) const;
    [[nodiscard]] std::uint64_t natural(std::string_view key, std::uint64_t max) const; // required
    [[nodiscard]] bool flag(std::string_view key, bool otherwise) const;
    [[nodiscard]] std::string text(std::string_view key, std::size_t max) const; // "" if absent
    [[nodiscard]] std::string name(std::string_view key) const;                  // "" if absent
    [[nodiscard]] std::string required_name(std::string_view key) const;
    [[nodiscard]] double number(std::string_view key, double max, double otherwise) const;
    [[nodiscard]] Duration duration(std::string_view key, Duration otherwise) const; // seconds
    [[nodiscard]] std::vector<std::string> texts(std::string_view key, std::size_t most) const;
    [[nodiscard]] std::vector<std::string> names(std::string_view key, std::size_t most) const;
    [[nodiscard]] std::vector<std::uint64_t> naturals(std::string_view key) const;
    [[nodiscard]] std::vector<JobId> ids(std::string_view key) const; // none if absent
    [[nodiscard]] Node array(std::string_view key) const; // absent if it is not there, or none
    [[nodiscard]] Bytes raw(std::string_view key) const; // the encoded value; empty if absent
    [[nodiscard]] std::optional<Failure> failure(std::string_view key) const;
    [[nodiscard]] Terms terms() const;
    [[nodiscard]] KindSettings kind_settings() const;

    [[nodiscard]] Where where(std::string_view key) const { return {type_, key}; }

    void wrong(std::string_view key, std::string_view must) const;
    void wrong_part(std::string_view what, std::string_view must) const; // of a field, in words

    [[nodiscard]] Mistake& mistake() const { return mistake_; }

    void rows_are_read(Bytes rows) const { map_.rows_are_read(rows); }

private:
    Node map_;
    std::string_view type_;
    Mistake& mistake_;
};

// How many pairs write_terms will write, and the pairs: only what differs from the defaults.
std::size_t count_terms(const Terms& terms);
void write_terms(Writer& writer, const Terms& terms);
std::size_t count_settings(const KindSettings& settings);
void write_settings(Writer& writer, const KindSettings& settings);
void write_failure(Writer& writer, const Failure& failure);

// The head of a question or an answer; `pairs` counts what follows it.
void write_question_head(Writer& writer, std::string_view type, Request request, std::size_t pairs);
Request read_request(const Fields& fields);

// Parts of the link's codec: codec_link.cpp, codec_to_sink.cpp, codec_to_ventilator.cpp. `pairs` counts
// what follows the head. Readers leave `type`s of others alone.
Writer& write_link_head(Writer& writer, std::string_view type, const LinkHead& head,
                        std::size_t pairs);
std::vector<Range> read_ranges(const Fields& fields, std::string_view key); // rows of two
void write_kinds(Writer& writer, const Kinds& kinds);
Kinds read_kinds(const Fields& fields);
std::optional<ToSink> read_to_sink(const Fields& fields, std::string_view type);
std::optional<FromSink> read_from_sink(const Fields& fields, std::string_view type);
void write_ids(Writer& writer, std::string_view key, const std::vector<JobId>& ids);

// One decoder each, for the doors in codec_link.cpp.
void read_submit(const Fields& fields, Node map, std::vector<VentilatorFact>& out);
void read_result(const Fields& fields, std::vector<SinkFact>& out);
void read_progress(const Fields& fields, std::vector<SinkFact>& out);
void read_partial(const Fields& fields, Node map, std::vector<SinkFact>& out);

// A job as an answer shows it (codec_views.cpp), and what is asked about groups and about many
// jobs (codec_groups.cpp): parts of the status codec. Readers leave `type`s of others alone.
void write_view(Writer& writer, const JobView& view);
JobView read_view(Node node, const Fields& parent);
std::optional<StatusQuestion> read_group_question(const Fields& fields, std::string_view type);
std::optional<StatusAnswer> read_group_answer(const Fields& fields, std::string_view type);
void write_question(Writer& writer, Request request, const AskKind& question);
void write_question(Writer& writer, Request request, const AskRetry& question);
void write_question(Writer& writer, Request request, const AskPartials& question);
void write_question(Writer& writer, Request request, const AskMany& question);
void write_question(Writer& writer, Request request, const OpenGroup& question);
void write_question(Writer& writer, Request request, const AskGroup& question);
void write_question(Writer& writer, Request request, const CancelGroup& question);
void write_answer(Writer& writer, Request request, const KindAnswer& answer);
void write_answer(Writer& writer, Request request, const PartialsAnswer& answer);
void write_answer(Writer& writer, Request request, const ManyAnswer& answer);
void write_answer(Writer& writer, Request request, const GroupAnswer& answer);

// Nothing, if `list` is not an array.
template <class Each>
void for_each_element(Node list, Each each) {
    if (!list.is(Shape::array)) return;
    Node at = list.first();
    for (std::uint32_t i = 0; i < list.size(); ++i) {
        each(at);
        if (i + 1 < list.size()) at = at.after();
    }
}

// Of a frame whose last rows were left, when all of its messages were read.
inline void look_at_unread(const Reader& reader, Mistake& mistake) {
    if (!mistake.none()) return;
    if (const std::string wrong = reader.unread(); !wrong.empty()) mistake.add("the frame " + wrong);
}

// Calls `each(map, type)` for every message of the frame.
template <class Each>
void for_each_message(Node root, Mistake& mistake, Each each) {
    const bool many = root.is(Shape::array);
    const std::uint32_t count = many ? root.size() : 1;
    Node at = many ? root.first() : root;
    for (std::uint32_t i = 0; i < count && mistake.none(); ++i) {
        const Node type = at.find("type");
        if (!at.is(Shape::map)) {
            mistake.add("a message must be a map");
        } else if (!type.is(Shape::text)) {
            mistake.add("a message needs `type`, a string");
        } else {
            each(at, type.text());
        }
        if (i + 1 < count) at = at.after();
    }
}

} // namespace penstock
