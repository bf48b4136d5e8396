#include "protocol/wire.hpp"

#include "protocol/check.hpp"

#include <bit>
#include <msgpack.hpp>

namespace penstock {
namespace {

constexpr std::size_t kFrameDepthMax = kEnvelopeDepthMax + kDepthMax;

// Collects tokens. Every visit_* answers false to stop: that is how limits are kept.
class Collector : public msgpack::null_visitor {
public:
    Collector(std::vector<Token>& tokens, Reader::Values values, std::string& error)
        : tokens_(tokens), step_over_(values == Reader::Values::step_over), error_(error) {}

    bool visit_nil() { return scalar(Shape::nil); }

    bool visit_boolean(bool v) { return natural(Shape::boolean, v ? 1 : 0); }

    bool visit_positive_integer(std::uint64_t v) { return natural(Shape::natural, v); }

    bool visit_negative_integer(std::int64_t v) {
        return natural(Shape::integer, static_cast<std::uint64_t>(v));
    }

    bool visit_float32(float v) { return visit_float64(v); }

    bool visit_float64(double v) {
        Token* t = add(Shape::real);
        if (t != nullptr) t->real = v;
        return ok();
    }

    bool visit_str(const char* p, std::uint32_t n) {
        if (hidden_ == 0 && in_key_ && depth_ == message_depth_) key_ = {p, n};
        return span(Shape::text, p, n);
    }

    bool visit_bin(const char* p, std::uint32_t n) { return span(Shape::bytes, p, n); }

    bool visit_ext(const char* p, std::uint32_t n) { return span(Shape::ext, p, n); }

    bool start_array(std::uint32_t n) { return open(Shape::array, n); }

    bool end_array() { return close(); }

    bool start_map(std::uint32_t n) { return open(Shape::map, n); }

    bool end_map() { return close(); }

    bool start_map_key() {
        if (depth_ == message_depth_ && hidden_ == 0) in_key_ = true;
        return true;
    }

    bool end_map_key() {
        if (depth_ != message_depth_ || hidden_ != 0) return true;
        in_key_ = false;
        if (step_over_ && (key_ == "payload" || key_ == "value")) {
            add(Shape::opaque);
            hidden_ = 1;
        }
        key_ = {};
        return ok();
    }

    bool end_map_value() {
        if (depth_ == message_depth_) hidden_ = 0;
        return true;
    }

    void parse_error(std::size_t, std::size_t offset) {
        fail("is not msgpack at byte " + std::to_string(offset));
    }

    void insufficient_bytes(std::size_t, std::size_t) { fail("ends in the middle of a value"); }

    [[nodiscard]] bool ok() const { return error_.empty(); }

private:
    void fail(std::string text) {
        if (error_.empty()) error_ = std::move(text);
    }

    Token* add(Shape shape) {
        if (hidden_ != 0) return nullptr;
        if (tokens_.size() >= kTokensMax) {
            fail("has more than " + std::to_string(kTokensMax) + " elements");
            return nullptr;
        }
        Token& t = tokens_.emplace_back();
        t.shape = shape;
        t.next = static_cast<std::uint32_t>(tokens_.size());
        return &t;
    }

    bool scalar(Shape shape) {
        add(shape);
        return ok();
    }

    bool natural(Shape shape, std::uint64_t v) {
        if (Token* t = add(shape)) t->natural = v;
        return ok();
    }

    bool span(Shape shape, const char* p, std::uint32_t n) {
        if (Token* t = add(shape)) {
            t->data = p;
            t->size = n;
        }
        return ok();
    }

    bool open(Shape shape, std::uint32_t n) {
        if (tokens_.empty() && shape == Shape::array) message_depth_ = 2; // an array of messages
        if (Token* t = add(shape)) {
            t->size = n;
            if (open_count_ < kFrameDepthMax) {
                open_[open_count_++] = static_cast<std::uint32_t>(tokens_.size() - 1);
            }
        }
        // Whatever is taken as a value fits into every message that carries one.
        const std::size_t most = hidden_ != 0 ? message_depth_ + kDepthMax : kFrameDepthMax;
        if (++depth_ > most) fail("is nested deeper than " + std::to_string(kDepthMax));
        return ok();
    }

    bool close() {
        --depth_;
        if (hidden_ == 0 && open_count_ > 0) {
            tokens_[open_[--open_count_]].next = static_cast<std::uint32_t>(tokens_.size());
        }
        return true;
    }

    std::vector<Token>& tokens_;
    bool step_over_;
    std::string& error_;
    std::array<std::uint32_t, kFrameDepthMax> open_{};
    std::size_t open_count_ = 0;
    std::size_t depth_ = 0;
    std::size_t message_depth_ = 1;
    int hidden_ = 0; // inside a value that is stepped over
    bool in_key_ = false;
    std::string_view key_;
};

// Walks a value and keeps nothing: only where it ends.
struct Walker : msgpack::null_visitor {
    std::size_t depth = 0;

    bool start_array(std::uint32_t) { return ++depth <= kDepthMax; }

    bool end_array() { return --depth, true; }

    bool start_map(std::uint32_t) { return ++depth <= kDepthMax; }

    bool end_map() { return --depth, true; }
};

// The size of the one value at the head of `bytes`; 0 if there is none.
std::size_t value_size(std::string_view bytes) {
    if (bytes.empty()) return 0;
    Walker walker;
    std::size_t offset = 0;
    return msgpack::parse(bytes.data(), bytes.size(), offset, walker) ? offset : 0;
}

struct Appender {
    std::string& out;

    void write(const char* p, std::size_t n) { out.append(p, n); }
};

using Packer = msgpack::packer<Appender>;

// msgpack claims 4-byte sizes; ours are bounded well below that.
std::uint32_t narrow(std::size_t n) {
    PENSTOCK_CHECK(n <= 0xffffffffu);
    return static_cast<std::uint32_t>(n);
}

} // namespace

Node Reader::read(std::string_view frame, Values values) {
    if (tokens_.capacity() > kTokensKept) tokens_ = {};
    tokens_.clear();
    error_.clear();
    frame_ = frame;
    if (frame.empty()) {
        error_ = "is empty";
        return {};
    }
    Collector collector(tokens_, values, error_);
    std::size_t offset = 0;
    const bool parsed = msgpack::parse(frame.data(), frame.size(), offset, collector);
    if (error_.empty() && !parsed) error_ = "is not msgpack";
    if (error_.empty() && offset != frame.size()) error_ = "has bytes behind its value";
    return error_.empty() ? Node(this, 0) : Node();
}

bool is_one_value(std::string_view bytes) {
    return !bytes.empty() && value_size(bytes) == bytes.size();
}




std::uint64_t Node::natural() const {
    PENSTOCK_CHECK(is(Shape::natural) || is(Shape::boolean));
    return token().natural;
}

std::int64_t Node::integer() const {
    PENSTOCK_CHECK(is(Shape::natural) || is(Shape::integer));
    return token().integer;
}

double Node::real() const {
    switch (shape()) {
    case Shape::real:
        return token().real;
    case Shape::integer:
        return static_cast<double>(token().integer);
    default:
        return static_cast<double>(token().natural);
    }
}

std::string_view Node::text() const {
    PENSTOCK_CHECK(is(Shape::text) || is(Shape::bytes) || is(Shape::ext));
    return {token().data, token().size};
}

Node Node::first() const {
    const bool has_one = (is(Shape::array) || is(Shape::map)) && size() > 0;
    return has_one ? Node(reader_, index_ + 1) : Node();
}


Node Node::find_key(std::string_view key) const {
    if (!is(Shape::map)) return {};
    Node at = first();
    for (std::uint32_t i = 0; i < size(); ++i) {
        if (at.is(Shape::text) && at.text() == key) return at;
        if (i + 1 < size()) at = at.after().after();
    }
    return {};
}

Node Node::find(std::string_view key) const {
    const Node at = find_key(key);
    return at ? at.after() : Node();
}

Bytes Node::raw_after() const {
    const std::string_view frame = reader_->frame_;
    const char* start = text().data() + text().size();
    const auto rest = frame.substr(static_cast<std::size_t>(start - frame.data()));
    return rest.substr(0, value_size(rest));
}

Writer& Writer::map(std::size_t pairs) {
    Appender a{out_};
    Packer(a).pack_map(narrow(pairs));
    return *this;
}

Writer& Writer::array(std::size_t elements) {
    Appender a{out_};
    Packer(a).pack_array(narrow(elements));
    return *this;
}

Writer& Writer::key(std::string_view name) {
    return text(name);
}

Writer& Writer::nil() {
    Appender a{out_};
    Packer(a).pack_nil();
    return *this;
}

Writer& Writer::boolean(bool value) {
    Appender a{out_};
    Packer p(a);
    value ? p.pack_true() : p.pack_false();
    return *this;
}

Writer& Writer::natural(std::uint64_t value) {
    Appender a{out_};
    Packer(a).pack_uint64(value);
    return *this;
}

Writer& Writer::integer(std::int64_t value) {
    Appender a{out_};
    Packer(a).pack_int64(value);
    return *this;
}

Writer& Writer::real(double value) {
    // pack_double would write 1.0 as the integer 1, and a worker may care which it gets.
    const auto bits = std::bit_cast<std::uint64_t>(value);
    out_.push_back('\xcb');
    for (int shift = 56; shift >= 0; shift -= 8) out_.push_back(static_cast<char>(bits >> shift));
    return *this;
}

Writer& Writer::number(double value) {
    Appender a{out_};
    Packer(a).pack_double(value); // does just that
    return *this;
}

Writer& Writer::text(std::string_view value) {
    Appender a{out_};
    Packer p(a);
    p.pack_str(narrow(value.size()));
    p.pack_str_body(value.data(), narrow(value.size()));
    return *this;
}

Writer& Writer::bytes(std::string_view value) {
    Appender a{out_};
    Packer p(a);
    p.pack_bin(narrow(value.size()));
    p.pack_bin_body(value.data(), narrow(value.size()));
    return *this;
}

Writer& Writer::id(const JobId& value) {
    return value.is_uuid() ? bytes(value.wire()) : text(value.wire());
}

Writer& Writer::value(Bytes encoded) {
    if (!is_one_value(encoded)) return bytes(encoded);
    out_.append(encoded);
    return *this;
}

} // namespace penstock
