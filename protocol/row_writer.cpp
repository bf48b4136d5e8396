#include "protocol/row_writer.hpp"

#include <algorithm>

namespace penstock {

// Not in the header: a compiler that sees that no more than 255 bytes are copied does so with
// `rep movs`, which costs more than all else that is done for a row.
RowWriter& RowWriter::body(std::string_view value) {
    at_ = std::copy(value.begin(), value.end(), at_); // memcpy may not be asked for none of nothing
    return *this;
}

RowWriter& RowWriter::text(std::string_view value) {
    const std::size_t size = value.size();
    if (size < 32) {
        byte(0xa0u | size);
    } else if (size <= 0xff) {
        head(0xd9, size, 1);
    } else if (size <= 0xffff) {
        head(0xda, size, 2);
    } else {
        head(0xdb, size, 4);
    }
    return body(value);
}

RowWriter& RowWriter::rare_natural(std::uint64_t value) {
    if (value <= 0xff) return head(0xcc, value, 1);
    if (value <= 0xffff) return head(0xcd, value, 2);
    return head(0xcf, value, 8);
}

void RowWriter::long_bytes_head(std::size_t size) {
    if (size <= 0xffff) {
        head(0xc5, size, 2);
    } else {
        head(0xc6, size, 4);
    }
}

RowWriter::RowWriter(std::string& out) : out_(out) {
    const std::size_t before = out.size();
    out.resize(out.capacity());
    begin_at(before);
}

void RowWriter::make_room(std::size_t more) {
    const std::size_t before = written();
    out_.resize(std::max(before + more, before + before / 2));
    begin_at(before);
}

void RowWriter::begin_at(std::size_t size) {
    at_ = out_.data() + size;
    end_ = out_.data() + out_.size();
}

} // namespace penstock
