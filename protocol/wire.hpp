#pragma once
// msgpack in and out. Reader turns one frame into a flat list of tokens that point into the frame:
// no objects are built, nothing is allocated from a size that the sender claims, and the values
// named `payload`, `value`, `rows` and `failed` are stepped over, not looked into: the first two
// are carried as they came, the others are read by RowReader. Writer appends to a string.
//
// Only wire.cpp includes msgpack. Limits: protocol/limits.hpp.

#include "protocol/message.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

enum class Shape : std::uint8_t {
    nil,
    boolean,
    integer, // negative
    natural, // 0 and above
    real,
    text,
    bytes,
    array,
    map,
    ext,
    opaque, // a value that was stepped over
};

struct Token {
    Shape shape = Shape::nil;
    std::uint32_t size = 0; // bytes of text, bytes and ext; elements of array; pairs of map
    std::uint32_t next = 0; // index of the token behind this whole value

    union {
        std::uint64_t number = 0; // natural and boolean; the bits of integer and real
        const char* data;         // of text, bytes, ext and opaque
    };
};

class Reader;

// One value of a frame. Cheap to copy; valid until the reader reads another frame.
class Node {
public:
    Node() = default; // absent

    explicit operator bool() const { return reader_ != nullptr; }

    [[nodiscard]] Shape shape() const;

    [[nodiscard]] bool is(Shape s) const { return reader_ != nullptr && shape() == s; }

    [[nodiscard]] std::uint32_t size() const;
    [[nodiscard]] std::uint64_t natural() const; // REQUIRES: that shape
    [[nodiscard]] std::int64_t integer() const;  // REQUIRES: integer or natural
    [[nodiscard]] double real() const;           // of real, integer, natural and boolean
    [[nodiscard]] std::string_view text() const; // REQUIRES: text, bytes or ext

    [[nodiscard]] Node first() const; // first element, or first key; absent if there is none
    [[nodiscard]] Node after() const; // the value behind this one. REQUIRES: there is one
    [[nodiscard]] Node find(std::string_view key) const;     // in a map; absent if not there
    [[nodiscard]] Node find_key(std::string_view key) const; // the key itself
    // The encoded bytes of the value behind this key. REQUIRES: this is a key of a map.
    [[nodiscard]] Bytes raw_after() const;
    // These are whole, and nothing stands behind them.
    void rows_are_read(Bytes rows) const;

private:
    friend class Reader;

    Node(const Reader* reader, std::uint32_t index) : reader_(reader), index_(index) {}

    [[nodiscard]] const Token& token() const;

    const Reader* reader_ = nullptr;
    std::uint32_t index_ = 0;
};

class Reader {
public:
    // What to do with those four. `leave_last_rows`: rows that the frame ends with are not stepped
    // over either: whoever reads them finds their end, and whoever called asks unread() then.
    enum class Values { step_over, leave_last_rows, read };

    // The whole of `frame` as one value; an absent node, and error() says why, if it isn't one.
    // `frame` must live as long as the nodes are used.
    Node read(std::string_view frame, Values values);

    [[nodiscard]] const std::string& error() const { return error_; }

    // What is wrong with the last rows, if they were left and nobody has read them to their end; "" if
    // nothing is.
    [[nodiscard]] std::string unread() const;

private:
    friend class Node;
    mutable Bytes left_; // the last rows, and all that stands behind them, until they are read
    std::vector<Token> tokens_;
    std::string_view frame_;
    std::string error_;
};

// Read for every field of every job: in the header so that they cost a load each.
inline const Token& Node::token() const { return reader_->tokens_[index_]; }
inline Shape Node::shape() const { return token().shape; }
inline std::uint32_t Node::size() const { return token().size; }
inline void Node::rows_are_read(Bytes rows) const {
    if (reader_->left_.data() == rows.data()) reader_->left_ = {};
}
inline Node Node::after() const { return Node(reader_, token().next); }

// True if `bytes` are exactly one msgpack value within the limits.
bool is_one_value(std::string_view bytes);

class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}

    Writer& map(std::size_t pairs);
    Writer& array(std::size_t elements) {
        return elements < 16 ? byte(0x90u | elements) : long_array(elements);
    }
    Writer& key(std::string_view name); // whole lower-case words
    Writer& nil();
    Writer& boolean(bool value);
    Writer& natural(std::uint64_t value) { return value < 128 ? byte(value) : large(value); }
    Writer& integer(std::int64_t value);
    Writer& real(double value);   // always a float: 1.0 stays one
    Writer& number(double value); // as an integer if it is whole: durations and times
    Writer& text(std::string_view value);
    Writer& bytes(std::string_view value) {
        return value.size() > 0xff ? long_bytes(value) : short_bytes(value.data(), value.size());
    }
    Writer& id(const JobId& value); // bin 16 for a UUID, str else
    // One encoded value as it is; if it isn't one, it goes out as bin, so that a frame stays whole.
    Writer& value(Bytes encoded);

private:
    // The short forms are written in place: rows consist of them. The others are msgpack-c's.
    Writer& byte(std::uint64_t value) {
        out_.push_back(static_cast<char>(value));
        return *this;
    }
    Writer& long_array(std::size_t elements);
    Writer& large(std::uint64_t value);
    Writer& short_bytes(const char* data, std::size_t size);
    Writer& long_bytes(std::string_view value);

    std::string& out_;
};

} // namespace penstock
