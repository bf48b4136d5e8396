#include "record/about.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <type_traits>

namespace penstock::record {
namespace {

constexpr std::size_t kTextMax = 2000; // of one line

bool is_of_the_link(std::string_view key) { // and zero, where nothing is sent
    return key == "epoch" || key == "seq" || key == "got";
}

// A view that is of no bytes is printed as what it stands for.
void print(Node node, std::string& out, bool is_message) {
    if (out.size() > kTextMax) return;
    std::array<char, 40> number{};
    switch (node.shape()) {
    case Shape::nil:
        out += "null";
        break;
    case Shape::boolean:
        out += node.natural() != 0 ? "true" : "false";
        break;
    case Shape::natural:
        out += std::to_string(node.natural());
        break;
    case Shape::integer:
        out += std::to_string(node.integer());
        break;
    case Shape::real:
        std::snprintf(number.data(), number.size(), "%g", node.real());
        out += number.data();
        break;
    case Shape::text:
        out.append("\"").append(node.text()).append("\"");
        break;
    case Shape::bytes:
        if (const auto id = JobId::from_uuid(node.text()))
            out += id->text();
        else
            out += "<" + std::to_string(node.size()) + " bytes>";
        break;
    case Shape::array:
    case Shape::map: {
        const bool is_map = node.is(Shape::map);
        out += is_map ? "{" : "[";
        Node at = node.first();
        bool first = true;
        for (std::uint32_t i = 0; i < node.size(); ++i) {
            const Node value = is_map ? at.after() : at;
            const bool is_shown = !is_message || !is_map || !at.is(Shape::text) ||
                                  !is_of_the_link(at.text());
            if (is_shown) {
                if (!std::exchange(first, false)) out += ", ";
                if (is_map && at.is(Shape::text)) out.append(at.text()).append(": ");
                print(value, out, false);
            }
            if (i + 1 < node.size()) at = value.after();
        }
        out += is_map ? "}" : "]";
        break;
    }
    case Shape::ext:
    case Shape::opaque:
        out += "<" + std::to_string(node.size()) + " bytes>";
    }
}

std::string text_of(Bytes encoded, bool is_message) {
    Reader reader;
    const Node root = reader.read(encoded, Reader::Values::read);
    if (!root) return "<" + std::to_string(encoded.size()) + " bytes>";
    std::string out;
    print(root, out, is_message);
    if (out.size() > kTextMax) out.resize(kTextMax), out += " ...";
    return out;
}

template <class T, class... All>
constexpr bool is_one_of = (std::is_same_v<T, All> || ...);

} // namespace

std::string value_text(Bytes encoded) {
    return text_of(encoded, false);
}

template <class Rows>
bool About::keep_rows(Rows& rows) const {
    std::erase_if(rows, [this](const auto& row) {
        if constexpr (requires { row.id; })
            return !is(row.id);
        else
            return !has(row.number);
    });
    return !rows.empty();
}

bool About::keep_ranges(std::vector<Range>& ranges) const {
    std::vector<Range> kept;
    for (const Range& range : ranges) {
        for (auto at = numbers_.lower_bound(range.first);
             at != numbers_.end() && *at - range.first < range.count; ++at) {
            kept.push_back({*at, 1});
        }
    }
    ranges = std::move(kept);
    return !ranges.empty();
}

bool About::keep_settled(std::vector<SettledRow>& rows) const {
    std::vector<SettledRow> kept;
    for (const SettledRow& row : rows) {
        for (auto at = numbers_.lower_bound(row.first);
             at != numbers_.end() && *at - row.first < row.count; ++at) {
            kept.push_back({*at, 1, row.attempt, row.run_us});
        }
    }
    rows = std::move(kept);
    return !rows.empty();
}

bool About::keep_numbers(std::vector<JobNumber>& numbers) const {
    std::erase_if(numbers, [this](JobNumber n) { return !has(n); });
    return !numbers.empty();
}

template <class M>
bool About::keep(M& m) {
    if constexpr (std::is_same_v<M, Store>) {
        for (std::size_t i = 0; i < m.rows.size(); ++i) {
            if (!is(m.rows[i].id)) continue;
            m.first += i;
            numbers_.insert(m.first);
            m.rows = {m.rows[i]};
            return true;
        }
        return false;
    } else if constexpr (std::is_same_v<M, Taken>) {
        const auto at = std::find(m.ids.begin(), m.ids.end(), id_);
        if (at == m.ids.end()) return false;
        m.first += static_cast<JobNumber>(at - m.ids.begin());
        numbers_.insert(m.first);
        m.ids = {id_};
        return true;
    } else if constexpr (std::is_same_v<M, Stored>) {
        const bool rows = keep_ranges(m.rows), duplicates = keep_numbers(m.duplicates);
        const bool conflicts = keep_numbers(m.conflicts), refused = keep_numbers(m.refused);
        const bool unknown = keep_ranges(m.unknown);
        return rows || duplicates || conflicts || refused || unknown;
    } else if constexpr (std::is_same_v<M, Settled>) {
        const bool rows = keep_settled(m.rows), failed = keep_rows(m.failed);
        return rows || failed;
    } else if constexpr (std::is_same_v<M, Returned>) {
        return keep_settled(m.rows);
    } else if constexpr (is_one_of<M, Holds, SettledJobs>) {
        return keep_ranges(m.rows);
    } else if constexpr (std::is_same_v<M, JobBatch>) {
        const bool rows = keep_rows(m.rows), settled = keep_ranges(m.settled);
        return rows || settled;
    } else if constexpr (std::is_same_v<M, Refused>) {
        std::erase_if(m.ids, [this](const JobId& id) { return !is(id); });
        return !m.ids.empty();
    } else if constexpr (std::is_same_v<M, Heartbeat>) {
        return keep_numbers(m.running);
    } else if constexpr (std::is_same_v<M, Bye>) {
        return keep_numbers(m.waiting);
    } else if constexpr (std::is_same_v<M, Join>) {
        const bool runs = keep_rows(m.runs), running = keep_numbers(m.running);
        return runs || running;
    } else if constexpr (is_one_of<M, Cancel, AskPosition>) {
        return keep_numbers(m.numbers);
    } else if constexpr (is_one_of<M, Submit, Take, Result, Started, Lost, Open, AskStored>) {
        return keep_rows(m.rows);
    } else if constexpr (is_one_of<M, JobAnswer>) {
        return is(m.job.id);
    } else if constexpr (requires { m.id; }) {
        return is(m.id);
    } else if constexpr (requires { m.number; }) {
        return has(m.number);
    } else {
        return false;
    }
}

std::optional<std::string> About::words(const ToSink& message) {
    ToSink mine = message;
    if (!std::visit([this](auto& m) { return keep(m); }, mine)) return std::nullopt;
    return text_of(encode(LinkHead{}, mine), true);
}

std::optional<std::string> About::words(const FromSink& message) {
    FromSink mine = message;
    if (!std::visit([this](auto& m) { return keep(m); }, mine)) return std::nullopt;
    return text_of(encode(LinkHead{}, mine), true);
}

std::optional<std::string> About::words(const LaneMessage& message) {
    LaneMessage mine = message;
    if (!std::visit([this](auto& m) { return keep(m); }, mine)) return std::nullopt;
    return text_of(std::visit([](const auto& m) { return encode(m); }, mine), false);
}

std::optional<std::string> About::words(const VentilatorFact& fact) {
    if (const auto* linked = std::get_if<Linked<FromSink>>(&fact)) return words(linked->message);
    return std::visit(
        [this](auto mine) -> std::optional<std::string> {
            if constexpr (std::is_same_v<decltype(mine), Linked<FromSink>>)
                return std::nullopt;
            else
                return keep(mine) ? std::optional(text_of(encode(mine), false)) : std::nullopt;
        },
        fact);
}

std::optional<std::string> About::words(const SinkFact& fact) {
    if (const auto* linked = std::get_if<Linked<ToSink>>(&fact)) return words(linked->message);
    return std::visit(
        [this](auto mine) -> std::optional<std::string> {
            if constexpr (std::is_same_v<decltype(mine), Linked<ToSink>>)
                return std::nullopt;
            else
                return keep(mine) ? std::optional(text_of(encode(mine), false)) : std::nullopt;
        },
        fact);
}

std::optional<std::string> About::words(const ControlQuestion& question) {
    ControlQuestion mine = question;
    if (!std::visit([this](auto& m) { return keep(m); }, mine)) return std::nullopt;
    return text_of(encode(std::nullopt, mine), false);
}

std::optional<std::string> About::words(const StatusQuestion& question) {
    StatusQuestion mine = question;
    if (!std::visit([this](auto& m) { return keep(m); }, mine)) return std::nullopt;
    return text_of(encode(std::nullopt, mine), false);
}

std::optional<std::string> About::words(const StatusAnswer& answer) {
    StatusAnswer mine = answer;
    if (!std::visit([this](auto& m) { return keep(m); }, mine)) return std::nullopt;
    return text_of(encode(std::nullopt, mine), false);
}

} // namespace penstock::record
