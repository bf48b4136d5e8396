#pragma once
// The rows of a batch, read in place: one pass from the frame into the message. Codec's own.
//
// As tokens rows cost three times as much. Rows that end their frame, as those of submit, store, job
// and result do, nobody has looked at before: to step over them took 3 % of every role.

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

    // Enters the next row. False at the end and after a mistake. Bytes behind the last row are one too,
    // which only this finds: read until it says false.
    bool next();

    [[nodiscard]] std::uint32_t elements() const { return elements_; } // of this row

    // Each reads the next element of this row. `what` is for words about a mistake.
    JobId id(std::string_view what) {
        Bytes uuid;
        if (!has_more() || !scanner_.short_bytes(uuid)) return any_id(what);
        ++taken_;
        return uuid.size() == 16 ? JobId::uuid(uuid.data()) : no_id(what);
    }
    std::uint64_t natural(std::uint64_t max, std::string_view what) {
        std::uint64_t value = 0;
        if (!has_more() || !scanner_.short_natural(value)) return any_natural(max, what);
        ++taken_;
        return value <= max ? value : no_natural(max, what);
    }
    std::uint32_t small(std::string_view what) {
        return static_cast<std::uint32_t>(natural(UINT32_MAX, what));
    }
    bool flag(std::string_view what);
    Bytes bytes(std::string_view what) { // bin or str
        Bytes value;
        if (!has_more() || !scanner_.short_bytes(value)) return any_bytes(what);
        ++taken_;
        return value;
    }
    std::string name(std::string_view what);
    std::string tidy_text(); // "" if it is none
    void skip();             // whatever it is

private:
    RowReader(const Fields& fields, std::string_view key, std::uint32_t least, std::size_t most,
              Bytes encoded);
    [[nodiscard]] bool has_more() const { return taken_ < elements_; }
    bool take(Head& out); // the next element of this row
    // Of forms that are rare.
    JobId any_id(std::string_view what);
    std::uint64_t any_natural(std::uint64_t max, std::string_view what);
    Bytes any_bytes(std::string_view what);
    JobId no_id(std::string_view what);
    std::uint64_t no_natural(std::uint64_t max, std::string_view what);
    void wrong(std::string_view what, std::string_view must);

    const Fields& fields_;
    std::string_view key_;
    Bytes encoded_;
    Scanner scanner_;
    std::size_t size_ = 0, entered_ = 0;
    std::uint32_t least_;
    std::uint32_t elements_ = 0, taken_ = 0; // of this row
};

} // namespace penstock
