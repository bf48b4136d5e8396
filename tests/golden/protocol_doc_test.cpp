// docs/PROTOCOL.md is input: every hex block in it is decoded, encoded again, and held against the
// words below it.

#include "tests/support/frames.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <sstream>

namespace penstock {
namespace {

using namespace penstock::testing;

struct Block {
    int line = 0;
    std::string type, socket;
    bool is_ours = true; // the form that Penstock itself sends
    std::string frame;
    std::string meaning; // without white space
};

const std::map<std::string, Socket> kSocketByName = {
    {"ventilator-door", Socket::ventilator_door},
    {"sink-door", Socket::sink_door},
    {"lane", Socket::lane},
    {"control", Socket::control},
    {"control-answer", Socket::control_answer},
    {"status", Socket::status},
    {"status-answer", Socket::status_answer},
    {"events", Socket::events},
};

std::string without_space(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (std::isspace(static_cast<unsigned char>(c)) == 0) out.push_back(c);
    }
    return out;
}

std::string from_hex(const std::string& text) {
    std::string out;
    const std::string digits = without_space(text);
    EXPECT_EQ(digits.size() % 2, 0u) << text;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        unsigned byte = 0;
        const auto* at = digits.data() + i;
        EXPECT_EQ(std::from_chars(at, at + 2, byte, 16).ptr, at + 2) << text;
        out.push_back(static_cast<char>(byte));
    }
    return out;
}

// The body of the fenced block whose first line was just read.
std::string body_of(std::istream& in, int& line) {
    std::string out, text;
    while (std::getline(in, text) && ++line > 0 && text != "```") out += text + "\n";
    return out;
}

std::vector<Block> read_blocks() {
    std::ifstream in(std::string(PENSTOCK_SOURCE_DIR) + "/docs/PROTOCOL.md");
    EXPECT_TRUE(in) << "docs/PROTOCOL.md can't be read";
    std::vector<Block> out;
    std::string text;
    int line = 0;
    while (std::getline(in, text)) {
        ++line;
        if (!text.starts_with("```hex ")) continue;
        Block block;
        block.line = line;
        std::istringstream info(text.substr(7));
        std::string mark;
        info >> block.type >> block.socket >> mark;
        block.is_ours = mark.empty();
        EXPECT_TRUE(mark.empty() || mark == "other") << "line " << line;
        block.frame = from_hex(body_of(in, line));
        std::getline(in, text);
        ++line;
        EXPECT_EQ(text, "```text") << "line " << line << ": no words below the block";
        block.meaning = without_space(body_of(in, line));
        out.push_back(std::move(block));
    }
    return out;
}

std::string to_hex(std::string_view bytes) {
    constexpr auto kHex = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
        out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
    }
    return out;
}

// As PROTOCOL.md writes values, without white space.
std::string spell(Node node) {
    std::string out;
    switch (node.shape()) {
    case Shape::nil:
        return "nil";
    case Shape::boolean:
        return node.natural() != 0 ? "true" : "false";
    case Shape::natural:
        return std::to_string(node.natural());
    case Shape::integer:
        return std::to_string(node.integer());
    case Shape::real: {
        std::array<char, 64> buffer{};
        const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), node.real());
        return {buffer.data(), end.ptr};
    }
    case Shape::text:
        return '"' + without_space(std::string(node.text())) + '"';
    case Shape::bytes:
        return "h'" + to_hex(node.text()) + "'";
    case Shape::array:
    case Shape::map: {
        const bool is_map = node.is(Shape::map);
        const std::uint32_t count = node.size() * (is_map ? 2 : 1);
        Node at = node.first();
        for (std::uint32_t i = 0; i < count; ++i) {
            if (i > 0) out += is_map && i % 2 == 1 ? ":" : ",";
            out += spell(at);
            if (i + 1 < count) at = at.after();
        }
        return is_map ? "{" + out + "}" : "[" + out + "]";
    }
    default:
        return "?";
    }
}

const std::vector<Block>& blocks() {
    static const std::vector<Block> all = read_blocks();
    return all;
}

// ---- the tests ----------------------------------------------------------------------------

TEST(ProtocolDocument, ShowsEveryMessageOfTheWire) {
    EXPECT_GE(blocks().size(), 50u);
    std::vector<Sample> wish = all_samples();
    wish.push_back({"problem", Socket::control_answer, ""});
    wish.push_back({"problem", Socket::status_answer, ""});
    for (const Sample& sample : wish) {
        const bool shown = std::any_of(blocks().begin(), blocks().end(), [&](const Block& block) {
            return block.is_ours && block.type == sample.name &&
                   kSocketByName.at(block.socket) == sample.socket;
        });
        EXPECT_TRUE(shown) << sample.name << " of socket " << static_cast<int>(sample.socket);
    }
}

TEST(ProtocolDocument, EveryBlockIsAMessageOfItsType) {
    for (const Block& block : blocks()) {
        ASSERT_TRUE(kSocketByName.contains(block.socket)) << "line " << block.line;
        Reader reader;
        const Node root = reader.read(block.frame, Reader::Values::read);
        ASSERT_TRUE(root) << "line " << block.line << ": the frame " << reader.error();
        const Node type = root.find("type"), message = root.find("message");
        ASSERT_TRUE(type.is(Shape::text)) << "line " << block.line;
        EXPECT_EQ(type.text(), block.type) << "line " << block.line;
        const Outcome out = decode_at(kSocketByName.at(block.socket), block.frame);
        if (block.type == "problem") {
            ASSERT_TRUE(message.is(Shape::text)) << "line " << block.line;
            EXPECT_EQ(out.error, message.text()) << "line " << block.line;
        } else {
            EXPECT_EQ(out.error, "") << "line " << block.line;
            EXPECT_EQ(out.messages, 1u) << "line " << block.line;
        }
    }
}

TEST(ProtocolDocument, PenstockSendsThemByteForByte) {
    for (const Block& block : blocks()) {
        if (!block.is_ours) continue;
        const Outcome out = decode_at(kSocketByName.at(block.socket), block.frame);
        if (block.type == "problem") {
            EXPECT_EQ(encode(std::nullopt, Problem{out.error}), block.frame);
            continue;
        }
        ASSERT_EQ(out.forms.size(), 1u) << "line " << block.line;
        const auto& forms = out.forms[0];
        EXPECT_NE(std::find(forms.begin(), forms.end(), block.frame), forms.end())
            << "line " << block.line << ": " << block.type << " is sent as\n"
            << to_hex(forms.back());
    }
}

TEST(ProtocolDocument, TheWordsBelowABlockAreWhatItSays) {
    for (const Block& block : blocks()) {
        Reader reader;
        const Node root = reader.read(block.frame, Reader::Values::read);
        ASSERT_TRUE(root) << "line " << block.line;
        EXPECT_EQ(spell(root), block.meaning) << "line " << block.line;
    }
}

TEST(ProtocolDocument, ItsBodyDigestIsOurs) {
    Terms add;
    add.kind = "add";
    const std::uint64_t digest = body_digest(add, kMapValue);
    const bool shown = std::any_of(blocks().begin(), blocks().end(), [&](const Block& block) {
        return block.type == "wait" &&
               block.meaning.find("\"body\":" + std::to_string(digest)) != std::string::npos;
    });
    EXPECT_TRUE(shown);
}

} // namespace
} // namespace penstock
