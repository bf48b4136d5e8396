#include "protocol/wire.hpp"

#include "protocol/check.hpp"
#include "protocol/scan.hpp"

#include <bit>
#include <cstring>
#include <msgpack.hpp>
#include <utility>

namespace penstock {
namespace {

constexpr std::size_t kFrameDepthMax = kEnvelopeDepthMax + kDepthMax;

// What is carried as it came.
bool is_carried(std::string_view key) {
    return key == "payload" || key == "value";
}

// What is read in place (rows.hpp).
bool is_rows(std::string_view key) {
    return key == "rows" || key == "failed";
}

constexpr const char* kBytesBehind = "has bytes behind its value";

std::string words(Scanned result, std::ptrdiff_t at) {
    if (result == Scanned::ends) return "ends in the middle of a value";
    if (result == Scanned::deep) return "is nested deeper than " + std::to_string(kDepthMax);
    return "is not msgpack at byte " + std::to_string(at);
}

// Turns one frame into tokens. What it is in the middle of stands in open_.
class Tokenizer {
public:
    Tokenizer(std::string_view frame, Reader::Values values, std::vector<Token>& tokens)
        : begin_(frame.data()), scanner_(frame.data(), frame.data() + frame.size()),
          step_over_(values != Reader::Values::read),
          leave_last_rows_(values == Reader::Values::leave_last_rows), tokens_(tokens) {}

    // "" or what is wrong with the frame.
    std::string run() {
        do {
            if (tokens_.size() >= kTokensMax) {
                return "has more than " + std::to_string(kTokensMax) + " elements";
            }
            const Scanned result = next_is_opaque_ ? opaque() : one();
            if (result != Scanned::ok) return words(result);
            finish_value();
        } while (depth_ > 0);
        return scanner_.left() == 0 ? "" : kBytesBehind;
    }

    // What the frame ends with, if that was left to others.
    [[nodiscard]] Bytes left() const { return left_; }

private:
    struct Open {
        std::uint64_t left = 0; // values to come
        std::uint32_t token = 0;
        bool is_map = false;
    };

    Token& add(Shape shape) {
        Token& token = tokens_.emplace_back();
        token.shape = shape;
        token.next = static_cast<std::uint32_t>(tokens_.size());
        return token;
    }

    Scanned one() {
        Head head;
        if (const Scanned result = scanner_.next(head); result != Scanned::ok) return result;
        Token& token = add(head.shape);
        switch (head.shape) {
        case Shape::text:
        case Shape::bytes:
        case Shape::ext:
            token.data = head.body.data();
            token.size = static_cast<std::uint32_t>(head.body.size());
            break;
        case Shape::array:
        case Shape::map:
            token.size = static_cast<std::uint32_t>(head.number);
            return enter(head);
        default:
            token.number = head.number;
        }
        const bool is_key = depth_ == message_depth_ && top().is_map && top().left % 2 == 0;
        if (is_key && step_over_ && head.shape == Shape::text) {
            const bool is_of_rows = is_rows(head.body);
            next_is_opaque_ = is_of_rows || is_carried(head.body);
            next_is_left_ =
                is_of_rows && leave_last_rows_ && message_depth_ == 1 && top().left == 2;
        }
        return Scanned::ok;
    }

    Scanned enter(const Head& head) {
        const bool is_map = head.shape == Shape::map;
        if (tokens_.size() == 1 && !is_map) message_depth_ = 2; // an array of messages
        if (depth_ == kFrameDepthMax) return Scanned::deep;
        open_[depth_++] = {is_map ? 2 * head.number : head.number,
                           static_cast<std::uint32_t>(tokens_.size() - 1), is_map};
        opened_ = true;
        return Scanned::ok;
    }

    Scanned opaque() {
        next_is_opaque_ = false;
        const char* const start = scanner_.at();
        if (next_is_left_) {
            left_ = {start, scanner_.left()};
            add_opaque(start, left_.size());
            scanner_.pass_all();
            return Scanned::ok;
        }
        // Whatever is taken as a value fits into every message that carries one.
        const Scanned result = scanner_.skip(kDepthMax);
        add_opaque(start, static_cast<std::size_t>(scanner_.at() - start));
        return result;
    }

    void add_opaque(const char* start, std::size_t size) {
        Token& token = add(Shape::opaque);
        token.data = start;
        token.size = static_cast<std::uint32_t>(size);
    }

    // One value is there: those that it was the last of are too.
    void finish_value() {
        if (!std::exchange(opened_, false) && depth_ > 0) --top().left;
        while (depth_ > 0 && top().left == 0) {
            tokens_[top().token].next = static_cast<std::uint32_t>(tokens_.size());
            if (--depth_ > 0) --top().left;
        }
    }

    Open& top() { return open_[depth_ - 1]; }

    [[nodiscard]] std::string words(Scanned result) const {
        return penstock::words(result, scanner_.at() - begin_);
    }

    const char* const begin_;
    Scanner scanner_;
    const bool step_over_;
    const bool leave_last_rows_;
    std::vector<Token>& tokens_;
    std::array<Open, kFrameDepthMax> open_;
    std::size_t depth_ = 0;
    std::size_t message_depth_ = 1;
    bool opened_ = false; // the value just read is a container: what it holds comes now
    bool next_is_opaque_ = false;
    bool next_is_left_ = false;
    Bytes left_;
};

// The size of the one value at the head of `bytes`; 0 if there is none.
std::size_t value_size(std::string_view bytes) {
    Scanner scanner(bytes.data(), bytes.data() + bytes.size());
    return scanner.skip(kDepthMax) == Scanned::ok ? bytes.size() - scanner.left() : 0;
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
    left_ = {};
    frame_ = frame;
    if (frame.empty()) {
        error_ = "is empty";
        return {};
    }
    Tokenizer tokenizer(frame, values, tokens_);
    error_ = tokenizer.run();
    left_ = tokenizer.left();
    return error_.empty() ? Node(this, 0) : Node();
}

std::string Reader::unread() const {
    if (left_.data() == nullptr) return "";
    Scanner scanner(left_.data(), left_.data() + left_.size());
    const Scanned result = scanner.skip(kDepthMax);
    if (result != Scanned::ok) return words(result, scanner.at() - frame_.data());
    return scanner.left() == 0 ? "" : kBytesBehind;
}

bool is_one_value(std::string_view bytes) {
    return !bytes.empty() && value_size(bytes) == bytes.size();
}

std::uint64_t Node::natural() const {
    PENSTOCK_CHECK(is(Shape::natural) || is(Shape::boolean));
    return token().number;
}

std::int64_t Node::integer() const {
    PENSTOCK_CHECK(is(Shape::natural) || is(Shape::integer));
    return static_cast<std::int64_t>(token().number);
}

double Node::real() const {
    switch (shape()) {
    case Shape::real:
        return std::bit_cast<double>(token().number);
    case Shape::integer:
        return static_cast<double>(static_cast<std::int64_t>(token().number));
    default:
        return static_cast<double>(token().number);
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

// Asked for every field of every message, most of which are absent.
Node Node::find_key(std::string_view key) const {
    if (!is(Shape::map)) return {};
    const auto& tokens = reader_->tokens_;
    std::uint32_t at = index_ + 1;
    for (std::uint32_t i = 0; i < size(); ++i) {
        const Token& t = tokens[at];
        if (t.shape == Shape::text && t.size == key.size() &&
            std::memcmp(t.data, key.data(), key.size()) == 0) {
            return Node(reader_, at);
        }
        at = tokens[t.next].next;
    }
    return {};
}

Node Node::find(std::string_view key) const {
    const Node at = find_key(key);
    return at ? at.after() : Node();
}

Bytes Node::raw_after() const {
    const std::string_view frame = reader_->frame_;
    const char* const start = text().data() + text().size();
    const Bytes rest = frame.substr(static_cast<std::size_t>(start - frame.data()));
    const Token& value = reader_->tokens_[token().next];
    return rest.substr(0, value.shape == Shape::opaque ? value.size : value_size(rest));
}

Writer& Writer::map(std::size_t pairs) {
    Appender a{out_};
    Packer(a).pack_map(narrow(pairs));
    return *this;
}

Writer& Writer::long_array(std::size_t elements) {
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

Writer& Writer::large(std::uint64_t value) {
    if (value - 0x10000 <= 0xffffffff - 0x10000) { // numbers of jobs, mostly
        const auto swapped = __builtin_bswap32(static_cast<std::uint32_t>(value));
        byte(0xce);
        out_.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
        return *this;
    }
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

Writer& Writer::long_bytes(std::string_view value) {
    Appender a{out_};
    Packer p(a);
    p.pack_bin(narrow(value.size()));
    p.pack_bin_body(value.data(), narrow(value.size()));
    return *this;
}

// Not in the header: a compiler that sees that no more than 255 bytes are copied does so with
// `rep movs`, which costs more than all else that is done for a row. Nor is it put together on the
// stack and copied as one: a load that spans two stores waits until both are in the cache.
Writer& Writer::short_bytes(const char* data, std::size_t size) {
    byte(0xc4).byte(size);
    out_.append(data, size);
    return *this;
}

Writer& Writer::id(const JobId& value) {
    if (!value.is_uuid()) return text(value.wire());
    byte(0xc4).byte(16);
    out_.append(value.wire().data(), 16);
    return *this;
}

Writer& Writer::value(Bytes encoded) {
    if (!is_one_value(encoded)) return bytes(encoded);
    out_.append(encoded);
    return *this;
}

} // namespace penstock
