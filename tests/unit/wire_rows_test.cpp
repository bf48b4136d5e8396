// RowWriter and Writer against msgpack-c: all three write the same bytes.

#include "protocol/row_writer.hpp"
#include "protocol/wire.hpp"

#include <array>
#include <gtest/gtest.h>
#include <msgpack.hpp>

namespace penstock {
namespace {

struct Row {
    JobId id;
    std::uint64_t number = 0;
    std::string text, payload;

    [[nodiscard]] std::size_t bodies() const {
        return id.wire().size() + text.size() + payload.size();
    }
};

const std::vector<std::size_t> kSizes = {0, 1, 31, 32, 255, 256, 65'535, 65'536, 70'000};

std::vector<Row> rows_of_all_forms() {
    std::vector<std::uint64_t> numbers = {0, UINT64_MAX};
    for (int bits = 7; bits < 64; ++bits) { // both sides of where another form begins
        const std::uint64_t edge = std::uint64_t{1} << bits;
        numbers.insert(numbers.end(), {edge - 1, edge});
    }
    const std::vector<JobId> ids = {
        JobId::from_uuid(std::array<unsigned char, 16>{0xff, 1, 2, 3}), *JobId::parse("a"),
        *JobId::parse(std::string(31, 'b')), *JobId::parse(std::string(64, 'c'))};
    std::vector<Row> out;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const std::size_t size = kSizes[i % kSizes.size()];
        out.push_back({ids[i % ids.size()], numbers[i], std::string(size, 't'),
                       std::string(kSizes[(i + 3) % kSizes.size()], 'p')});
    }
    return out;
}

std::string by_packer(const std::vector<Row>& rows) {
    msgpack::sbuffer out;
    msgpack::packer<msgpack::sbuffer> p(out);
    const auto size = [](std::string_view text) { return static_cast<std::uint32_t>(text.size()); };
    const auto text = [&](std::string_view t) { p.pack_str(size(t)).pack_str_body(t.data(), size(t)); };
    const auto bytes = [&](std::string_view t) { p.pack_bin(size(t)).pack_bin_body(t.data(), size(t)); };
    for (const Row& r : rows) {
        p.pack_array(6);
        r.id.is_uuid() ? bytes(r.id.wire()) : text(r.id.wire());
        p.pack_uint64(r.number);
        text(r.text);
        bytes(r.payload);
        r.number % 2 == 0 ? p.pack_true() : p.pack_false();
        p.pack_nil();
    }
    return "before" + std::string(out.data(), out.size());
}

std::string by_writer(const std::vector<Row>& rows) {
    std::string out = "before";
    Writer w(out);
    for (const Row& r : rows) {
        w.array(6).id(r.id).natural(r.number).text(r.text).bytes(r.payload);
        w.boolean(r.number % 2 == 0).nil();
    }
    return out;
}

std::string by_row_writer(const std::vector<Row>& rows, std::size_t reserved) {
    std::string out = "before";
    out.reserve(reserved);
    RowWriter w(out);
    for (const Row& r : rows) {
        w.row(6, r.bodies()).id(r.id).natural(r.number).text(r.text).bytes(r.payload);
        w.boolean(r.number % 2 == 0).nil();
    }
    w.done();
    return out;
}

TEST(RowWriter, WritesWhatMsgpackWrites) {
    const std::vector<Row> rows = rows_of_all_forms();
    EXPECT_EQ(by_row_writer(rows, 0), by_packer(rows)) << "room is made when it is needed";
    EXPECT_EQ(by_row_writer(rows, 16u << 20), by_packer(rows));
    for (const Row& row : rows) {
        EXPECT_EQ(by_row_writer({row}, 0), by_packer({row})) << row.number;
        EXPECT_EQ(by_writer({row}), by_packer({row})) << row.number;
    }
}

TEST(RowWriter, ABodyMayBeNowhere) {
    std::string out;
    RowWriter w(out);
    w.row(2, 0).bytes(Bytes()).text({});
    w.done();
    EXPECT_EQ(out, std::string("\x92\xc4\x00\xa0", 4));
}

TEST(RowWriter, NoRowsAreNoBytes) {
    EXPECT_EQ(by_row_writer({}, 0), "before");
    EXPECT_EQ(by_row_writer({}, 1000), "before");
}

} // namespace
} // namespace penstock
