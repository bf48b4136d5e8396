#include "record/tape.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <zlib.h>

namespace penstock::record {
namespace {

constexpr std::size_t kHeadBytes = 8;            // of a record
constexpr std::size_t kFlushBytes = 256u << 10;  // of a turn that is long
constexpr std::uint64_t kStoppedBytes = 64;      // room for the record that says so

void put(char* at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) at[i] = static_cast<char>(value >> (8 * i));
}

std::uint32_t get(const char* at) {
    std::uint32_t value = 0;
    for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(at[i]);
    return value;
}

std::uint64_t value_of(Sort sort) {
    return static_cast<std::uint64_t>(sort);
}

} // namespace

std::uint32_t crc_of(std::string_view bytes) {
    if (bytes.empty()) return 0;
    return static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string to_string(const Said& said) {
    std::string out;
    for (const Count& count : said.counts) {
        out += (out.empty() ? "" : ", ") + std::to_string(count.much) + " " + count.sort;
    }
    if (out.empty()) return "nothing";
    std::array<char, 16> crc{};
    std::snprintf(crc.data(), crc.size(), " [%08x]", said.crc);
    return out + crc.data();
}

// ---- writing ------------------------------------------------------------------------------

Tape::Tape(const Recording& recording, const Header& header)
    : recording_(recording), last_(header.begun) {
    add(value_of(Sort::header), 8, [&](Writer& w) {
        w.natural(kVersion).text(header.role).integer(header.begun.at.time_since_epoch().count());
        w.integer(header.begun.wall.time_since_epoch().count()).natural(header.seed);
        w.boolean(header.has_payloads).array(header.limits.size());
        for (const std::uint64_t limit : header.limits) w.natural(limit);
        w.text(header.durability);
    });
    flush();
}

void Tape::at(Now now) {
    if (now.at == last_.at && now.wall == last_.wall) return;
    const auto later = (now.at - last_.at).count();
    const auto by_the_wall = (now.wall - last_.wall).count();
    last_ = now;
    add(value_of(Sort::time), 2, [&](Writer& w) { w.integer(later).integer(by_the_wall); });
}

void Tape::add(std::uint64_t sort, std::size_t elements, std::string_view encoded) {
    if (is_stopped_) return;
    const std::size_t from = begin();
    Writer(buffer_).array(1 + elements).natural(sort);
    buffer_ += encoded;
    finish(from);
}

void Tape::add(std::uint64_t sort, const Said& said) {
    add(sort, 2, [&](Writer& w) {
        w.natural(said.crc).array(2 * said.counts.size());
        for (const Count& count : said.counts) w.text(count.sort).natural(count.much);
    });
}

std::size_t Tape::begin() {
    const std::size_t from = buffer_.size();
    buffer_.append(kHeadBytes, '\0');
    return from;
}

void Tape::finish(std::size_t from) {
    const std::string_view body = std::string_view(buffer_).substr(from + kHeadBytes);
    if (written_ + buffer_.size() + kStoppedBytes > recording_.bytes_max || body.size() >= kRecordBytesMax) {
        buffer_.resize(from);
        return stop("it has reached its greatest size of " + std::to_string(recording_.bytes_max) + " bytes");
    }
    put(buffer_.data() + from, static_cast<std::uint32_t>(body.size()));
    put(buffer_.data() + from + 4, crc_of(body));
    if (buffer_.size() >= kFlushBytes) flush();
}

void Tape::flush() {
    if (buffer_.empty()) return;
    written_ += buffer_.size();
    const bool taken = recording_.append(buffer_);
    buffer_.clear();
    if (!taken && !std::exchange(is_stopped_, true)) recording_.stopped("it can't be written");
}

void Tape::stop(const std::string& why) {
    is_stopped_ = true;
    const std::size_t from = begin();
    Writer(buffer_).array(1).natural(value_of(Sort::stopped));
    const std::string_view body = std::string_view(buffer_).substr(from + kHeadBytes);
    put(buffer_.data() + from, static_cast<std::uint32_t>(body.size()));
    put(buffer_.data() + from + 4, crc_of(body));
    flush();
    recording_.stopped(why);
}

// ---- reading ------------------------------------------------------------------------------

TapeReader::TapeReader(std::istream& in) : in_(in) {
    if (!read_record()) throw TapeError("it is no tape: it has no header");
    read_header();
}

void TapeReader::read_header() {
    if (sort_ != value_of(Sort::header)) fail("it does not begin with a header");
    const std::uint64_t version = natural();
    if (version != kVersion) {
        throw TapeError("it is of version " + std::to_string(version) + " of the format; this program "
                        "reads version " + std::to_string(kVersion));
    }
    header_.role = text();
    now_.at = Instant(Duration(integer()));
    now_.wall = WallTime(std::chrono::microseconds(integer()));
    header_.begun = now_;
    header_.seed = natural();
    header_.has_payloads = flag();
    const Node limits = element(Shape::array, "a list of limits");
    Node at = limits.first();
    for (std::uint32_t i = 0; i < limits.size(); ++i) {
        if (!at.is(Shape::natural)) fail("a limit is no number");
        header_.limits.push_back(at.natural());
        if (i + 1 < limits.size()) at = at.after();
    }
    header_.durability = text();
}

const Header& TapeReader::header_of(const std::string& role) const {
    if (header_.role != role) {
        throw TapeError("it is not of a " + role + ": it says '" + header_.role + "'");
    }
    return header_;
}

bool TapeReader::read_record() {
    byte_ = next_byte_;
    std::array<char, kHeadBytes> head{};
    in_.read(head.data(), head.size());
    const auto got = in_.gcount();
    if (got == 0) return false;
    const std::uint32_t size = get(head.data());
    number_ = next_number_++;
    if (size >= kRecordBytesMax) fail("it says that it is too large");
    is_torn_ = got < static_cast<std::streamsize>(head.size());
    // In pieces: a size that is wrong must not be believed before the bytes are there.
    body_.clear();
    while (!is_torn_ && body_.size() < size) {
        const std::size_t have = body_.size(), more = std::min<std::size_t>(size - have, 1u << 20);
        body_.resize(have + more);
        in_.read(body_.data() + have, static_cast<std::streamsize>(more));
        is_torn_ = in_.gcount() < static_cast<std::streamsize>(more);
    }
    if (is_torn_) return false;
    next_byte_ += kHeadBytes + size;
    if (crc_of(body_) != get(head.data() + 4)) {
        fail(number_ == 0 ? "it is no tape, or it is damaged" : "it is damaged: its CRC does not fit");
    }
    const Node root = reader_.read(body_, Reader::Values::read);
    if (!root.is(Shape::array) || root.size() == 0) fail("it is no array");
    at_ = root.first();
    left_ = root.size();
    sort_ = natural();
    return true;
}

bool TapeReader::next() {
    while (!is_stopped_ && read_record()) {
        if (sort_ == value_of(Sort::time)) {
            now_.at += Duration(integer());
            now_.wall += std::chrono::microseconds(integer());
        } else if (sort_ == value_of(Sort::stopped)) {
            is_stopped_ = true;
        } else {
            return true;
        }
    }
    return false;
}

Node TapeReader::element(const char* what) {
    if (left_ == 0) fail(std::string(what) + " is missing");
    const Node node = at_;
    if (--left_ > 0) at_ = at_.after();
    return node;
}

Node TapeReader::element(Shape shape, const char* what) {
    const Node node = element(what);
    if (!node.is(shape)) fail(std::string(what) + " is missing");
    return node;
}

std::uint64_t TapeReader::natural() {
    return element(Shape::natural, "a number").natural();
}

std::int64_t TapeReader::integer() {
    const Node node = element("a number");
    if (!node.is(Shape::natural) && !node.is(Shape::integer)) fail("a number is missing");
    return node.integer();
}

double TapeReader::real() {
    return element(Shape::real, "a number").real();
}

std::string_view TapeReader::bytes() {
    const Node node = element("a string of bytes");
    if (!node.is(Shape::bytes) && !node.is(Shape::text)) fail("a string of bytes is missing");
    return node.text();
}

std::string TapeReader::text() {
    return std::string(bytes());
}

bool TapeReader::flag() {
    return element(Shape::boolean, "a flag").natural() != 0;
}

Said TapeReader::said() {
    Said out;
    out.crc = static_cast<std::uint32_t>(natural());
    const Node list = element("what was said");
    if (!list.is(Shape::array) || list.size() % 2 != 0) fail("what was said is missing");
    Node at = list.first();
    for (std::uint32_t i = 0; i < list.size(); i += 2) {
        const Node much = at.after();
        if (!at.is(Shape::text) || !much.is(Shape::natural)) fail("what was said is missing");
        out.counts.push_back({std::string(at.text()), much.natural()});
        if (i + 2 < list.size()) at = much.after();
    }
    return out;
}

void TapeReader::fail(const std::string& what) const {
    throw TapeError("record " + std::to_string(number_) + ", at byte " + std::to_string(byte_) + ": " +
                    what);
}

} // namespace penstock::record
