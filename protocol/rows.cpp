#include "protocol/rows.hpp"

#include "protocol/codec.hpp"

namespace penstock {
namespace {

constexpr std::string_view kIdForm = "1-64 characters of [A-Za-z0-9._-], or the 16 bytes of a UUID";

} // namespace

RowReader::RowReader(const Fields& fields, std::string_view key, std::uint32_t least,
                     std::size_t most)
    : RowReader(fields, key, least, most, fields.raw(key)) {}

RowReader::RowReader(const Fields& fields, std::string_view key, std::uint32_t least,
                     std::size_t most, Bytes encoded)
    : fields_(fields), key_(key), encoded_(encoded),
      scanner_(encoded.data(), encoded.data() + encoded.size()),
      least_(least) {
    Head array;
    const bool is_array = scanner_.next(array) == Scanned::ok && array.shape == Shape::array;
    if (!is_array || array.number > most) {
        fields.wrong(key, "an array of at most " + std::to_string(most) + " rows");
    } else if (array.number > scanner_.left()) { // so that nothing is reserved for a claim
        fields.wrong(key, "as many rows as it says");
    } else {
        size_ = array.number;
    }
}

bool RowReader::next() {
    while (taken_ < elements_ && size_ > 0) skip();
    if (entered_ == size_) {
        if (scanner_.left() > 0)
            fields_.mistake().add("the frame has bytes behind its value");
        else
            fields_.rows_are_read(encoded_);
        return false;
    }
    std::uint64_t elements = 0; // fewer than any row has
    Head row;
    if (!scanner_.short_array(elements) && scanner_.next(row) == Scanned::ok &&
        row.shape == Shape::array) {
        elements = row.number;
    }
    if (elements < least_) {
        fields_.wrong(key_, "rows of at least " + std::to_string(least_) + " elements");
        size_ = entered_ = 0;
        return false;
    }
    ++entered_;
    elements_ = static_cast<std::uint32_t>(elements);
    taken_ = 0;
    return true;
}

void RowReader::wrong(std::string_view what, std::string_view must) {
    fields_.wrong_part(what, must);
    size_ = entered_ = 0;
    elements_ = taken_ = 0;
}

bool RowReader::take(Head& out) {
    if (taken_ == elements_) return false;
    ++taken_;
    return scanner_.next(out) == Scanned::ok;
}

JobId RowReader::any_id(std::string_view what) {
    Head e;
    if (take(e)) {
        if (e.shape == Shape::bytes) {
            if (e.body.size() == 16) return JobId::uuid(e.body.data());
        } else if (e.shape == Shape::text) {
            if (auto id = JobId::parse(e.body)) return std::move(*id);
        }
    }
    return no_id(what);
}

JobId RowReader::no_id(std::string_view what) {
    wrong(what, kIdForm);
    return {};
}

std::uint64_t RowReader::any_natural(std::uint64_t max, std::string_view what) {
    Head e;
    if (take(e) && e.shape == Shape::natural && e.number <= max) return e.number;
    return no_natural(max, what);
}

std::uint64_t RowReader::no_natural(std::uint64_t max, std::string_view what) {
    wrong(what, "a whole number from 0 to " + std::to_string(max));
    return 0;
}

bool RowReader::flag(std::string_view what) {
    Head e;
    if (take(e) && e.shape == Shape::boolean) return e.number != 0;
    wrong(what, "true or false");
    return false;
}

Bytes RowReader::any_bytes(std::string_view what) {
    Head e;
    if (take(e) && (e.shape == Shape::bytes || e.shape == Shape::text)) return e.body;
    wrong(what, "bin: one encoded msgpack value");
    return {};
}

std::string RowReader::name(std::string_view what) {
    Head e;
    if (take(e) && e.shape == Shape::text && is_name(e.body)) return std::string(e.body);
    wrong(what, "1-128 characters of [A-Za-z0-9._-]");
    return {};
}

std::string RowReader::tidy_text() {
    if (!has_more()) return {};
    const Scanner before = scanner_;
    Head e;
    if (scanner_.next(e) == Scanned::ok && e.shape == Shape::text) {
        ++taken_;
        return penstock::tidy_text(e.body);
    }
    scanner_ = before; // it may hold others
    skip();
    return {};
}

void RowReader::skip() {
    ++taken_;
    if (scanner_.skip(kDepthMax) != Scanned::ok) wrong(key_, "whole");
}

} // namespace penstock
