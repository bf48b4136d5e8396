#include "cli/table.hpp"

#include "cli/terminal.hpp"
#include "protocol/check.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace penstock::cli {
namespace {

// Characters, not bytes: every byte of UTF-8 but the first of a character is 10xxxxxx.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
    }));
}

std::string formatted(const char* format, double value) {
    std::array<char, 48> out{};
    std::snprintf(out.data(), out.size(), format, value);
    return out.data();
}

} // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<std::string> cells) {
    PENSTOCK_CHECK(cells.size() == columns_.size());
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths() const {
    std::vector<std::size_t> out;
    for (const Column& column : columns_) out.push_back(width_of(column.title));
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) out[i] = std::max(out[i], width_of(row[i]));
    }
    return out;
}

std::string Table::line(const std::vector<std::string>& cells,
                        const std::vector<std::size_t>& wide) const {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) out += "  ";
        const std::string blank(wide[i] - width_of(cells[i]), ' ');
        out += columns_[i].align == Align::right ? blank + cells[i] : cells[i] + blank;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
}

std::string Table::header() const {
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.push_back(column.title);
    return line(titles, widths());
}

std::string Table::body() const {
    const std::vector<std::size_t> wide = widths();
    std::string out;
    for (const auto& row : rows_) out += line(row, wide);
    return out;
}

void print_table(const Table& table) {
    std::string header = table.header();
    header.pop_back();
    std::printf("%s\n%s", painted(header, Paint::bold, Stream::out).c_str(), table.body().c_str());
}

std::string count_text(std::uint64_t value) {
    std::string out = std::to_string(value);
    for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
    return out;
}

std::string duration_text(double seconds) {
    if (seconds < 0) return "-";
    if (seconds < 1e-3) return formatted("%.0f us", seconds * 1e6);
    if (seconds < 1) return formatted("%.1f ms", seconds * 1e3);
    if (seconds < 120) return formatted("%.1f s", seconds);
    if (seconds < 7200) return formatted("%.0f min", seconds / 60);
    return formatted("%.1f h", seconds / 3600);
}

} // namespace penstock::cli
