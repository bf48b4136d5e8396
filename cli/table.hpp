#pragma once
// Columns of text. Pure: what it is drawn on stays outside.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

enum class Align { left, right };

struct Column {
    std::string title;
    Align align = Align::left;
};

class Table {
public:
    explicit Table(std::vector<Column> columns);

    // REQUIRES: one cell per column.
    void add(std::vector<std::string> cells);

    [[nodiscard]] bool empty() const { return rows_.empty(); }

    // The titles, then the rows; every line ends with a newline and none with a space.
    [[nodiscard]] std::string header() const;
    [[nodiscard]] std::string body() const;

private:
    [[nodiscard]] std::vector<std::size_t> widths() const;
    [[nodiscard]] std::string line(const std::vector<std::string>& cells,
                                   const std::vector<std::size_t>& wide) const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

// Header in bold where stdout is a terminal.
void print_table(const Table& table);

// How people read them: "1,234,567", "850 us", "12.3 ms", "4.2 s", "3 min", "2.5 h".
std::string count_text(std::uint64_t value);
std::string duration_text(double seconds);

} // namespace penstock::cli
