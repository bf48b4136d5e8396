#pragma once
// The rows of a batch, read in place: one pass from the frame into the message. Codec's own.
//
// As tokens rows cost three times as much. Reader has stepped over them: they are well-formed, and
// only shapes are looked at here.

#include "protocol/fields.hpp"
#include "protocol/scan.hpp"

#include <string>
#include <string_view>

namespace penstock {

class RowReader {
public:
    // The array behind `key`: of at most `most` arrays, each with at least `least` elements.
    RowReader(const Fields& fields, std::string_view key, std::uint32_t least, std::size_t most);

    // How many there are; 0 after a mistake.
    [[nodiscard]] std::size_t size() const { return size_; }

    // Enters the next row. False at the end, and after a mistake.
    bool next();

    [[nodiscard]] std::uint32_t elements() const { return elements_; } // of this row

    // Each reads the next element of this row. `what` is for words about a mistake.
    JobId id(std::string_view what);
    std::uint64_t natural(std::uint64_t max, std::string_view what);
    std::uint32_t small(std::string_view what) {
        return static_cast<std::uint32_t>(natural(UINT32_MAX, what));
    }
    bool flag(std::string_view what);
    Bytes bytes(std::string_view what); // bin or str
    std::string name(std::string_view what);
    std::string tidy_text(); // "" if it is none
    void skip();             // whatever it is

private:
    RowReader(const Fields& fields, std::string_view key, std::uint32_t least, std::size_t most,
              Bytes encoded);
    bool take(Head& out); // the next element of this row
    void wrong(std::string_view what, std::string_view must);

    const Fields& fields_;
    std::string_view key_;
    Scanner scanner_;
    std::size_t size_ = 0, entered_ = 0;
    std::uint32_t least_;
    std::uint32_t elements_ = 0, taken_ = 0; // of this row
};

} // namespace penstock
