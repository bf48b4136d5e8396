#pragma once
// A tape: everything that one of the two machines was given, in order and with the times that it was
// told, so that the same machine can be given it again (docs/REPLAY.md).
//
// How it is laid out. A record is four bytes of size and four of CRC-32, both little-endian, then so
// many bytes: one msgpack array whose first element says what it is. The first record is the header:
// the version, the role, and what the machine was made with. `time` stands in front of what happens at
// another time than what stands before it. What is protocol is encoded as on the wire. What the machine
// said is not recorded but its CRC is, and how much of each sort: `said`, once a turn of the loop that
// said something, and `heard` behind each call that answers. A tape is only appended to, and goes to the
// operating system once a turn: after a kill -9 it ends in the middle of a turn, at worst of a record.
//
// Bytes of payloads and results are covered (record/mask.hpp) unless somebody asks for them.
//
// Neither class owns a file, a clock or a thread.

#include "protocol/time.hpp"
#include "protocol/wire.hpp"

#include <cstdint>
#include <functional>
#include <istream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::record {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kRecordBytesMax = std::size_t{1} << 31;

// What a record is. Those of a role begin at kFirstOfRole (ventilator/recorded.hpp, sink/recorded.hpp).
enum class Sort : std::uint8_t { header, time, said, heard, stopped };
constexpr std::uint64_t kFirstOfRole = 16;

struct Header {
    std::string role;
    Now begun{};
    std::uint64_t seed = 0;
    bool has_payloads = false;
    std::vector<std::uint64_t> limits; // of the machine, in the order of its struct
    std::string durability;
};

// How much of one sort was said: "store" 3.
struct Count {
    std::string sort;
    std::uint64_t much = 0;
    bool operator==(const Count&) const = default;
};

// What the machine said in one turn, or answered to one question.
struct Said {
    std::uint32_t crc = 0;
    std::vector<Count> counts;
    bool operator==(const Said&) const = default;
};

std::string to_string(const Said& said); // for people: "3 store, 1 lost [0f3a99c1]"

std::uint32_t crc_of(std::string_view bytes);

// Takes what is written; false: it can't any more.
using Append = std::function<bool(std::string_view)>;

// What a role is told about recording.
struct Recording {
    Append append; // none: nothing is recorded
    std::uint64_t bytes_max = 1ull << 30;
    bool payloads = false;    // what they say, not only how much
    std::uint64_t key = 0;    // of the mask (record/mask.hpp)
    // Told, once, why there will be no more. Nobody is stopped by that but the tape.
    std::function<void(const std::string&)> stopped = [](const std::string&) {};
};

class Tape {
public:
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;

    Tape(const Recording& recording, const Header& header);

    // What follows happens at this time.
    void at(Now now);
    void at(Instant now) { at(Now{now, last_.wall}); }

    // One record. `write` gets a Writer and says as many elements as it said it would.
    template <class Write>
    void add(std::uint64_t sort, std::size_t elements, Write write) {
        if (is_stopped_) return;
        const std::size_t from = begin();
        Writer writer(buffer_);
        writer.array(1 + elements).natural(sort);
        write(writer);
        finish(from);
    }

    void add(std::uint64_t sort, std::size_t elements, std::string_view encoded);
    void add(std::uint64_t sort, const Said& said);
    void add(Sort sort, const Said& said) { add(static_cast<std::uint64_t>(sort), said); }

    // To whoever appends. Once a turn; a long one does it by itself.
    void flush();

    [[nodiscard]] bool is_stopped() const { return is_stopped_; }

private:
    std::size_t begin();
    void finish(std::size_t from);
    void stop(const std::string& why);

    const Recording recording_;
    std::string buffer_;
    std::uint64_t written_ = 0;
    Now last_{};
    bool is_stopped_ = false;
};

// What can't be read, where, and why.
struct TapeError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class TapeReader {
public:
    // Reads the header. Throws TapeError, as next() does.
    explicit TapeReader(std::istream& in);

    [[nodiscard]] const Header& header() const { return header_; }
    [[nodiscard]] const Header& header_of(const std::string& role) const; // throws if it is another's

    // False: that was the last. Times are taken note of and not shown.
    bool next();

    [[nodiscard]] std::uint64_t sort() const { return sort_; }
    [[nodiscard]] std::uint64_t number() const { return number_; } // of the record; the header's is 0
    [[nodiscard]] Now now() const { return now_; }

    // The elements behind the sort, each once and in order. Throws TapeError if it is none such.
    std::uint64_t natural();
    std::int64_t integer();
    double real();
    std::string_view bytes(); // until the next record
    std::string text();
    bool flag();
    Said said();

    // It ends in the middle of a record: whoever wrote it was killed.
    [[nodiscard]] bool is_torn() const { return is_torn_; }
    // It ends with its greatest size.
    [[nodiscard]] bool is_stopped() const { return is_stopped_; }

    [[noreturn]] void fail(const std::string& what) const;

private:
    bool read_record();
    void read_header();
    Node element(const char* what);
    Node element(Shape shape, const char* what);

    std::istream& in_;
    Header header_;
    std::string body_;
    Reader reader_;
    Node at_;               // the next element
    std::uint32_t left_ = 0; // elements
    std::uint64_t sort_ = 0, number_ = 0, next_number_ = 0, byte_ = 0, next_byte_ = 0;
    Now now_{};
    bool is_torn_ = false, is_stopped_ = false;
};

} // namespace penstock::record
