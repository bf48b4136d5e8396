// RowWriter against Writer, which leaves most forms to msgpack-c: both write the same bytes.

#include "protocol/codec.hpp"
#include "protocol/row_writer.hpp"

#include <array>
#include <gtest/gtest.h>

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

TEST(RowWriter, WritesWhatWriterWrites) {
    const std::vector<Row> rows = rows_of_all_forms();
    EXPECT_EQ(by_row_writer(rows, 0), by_writer(rows)) << "room is made when it is needed";
    EXPECT_EQ(by_row_writer(rows, 16u << 20), by_writer(rows));
    for (const Row& row : rows) EXPECT_EQ(by_row_writer({row}, 0), by_writer({row})) << row.number;
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
