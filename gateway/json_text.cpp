#include "gateway/json_text.hpp"

#include "protocol/codec.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace penstock::gateway {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool is_plain(char c) {
    const auto u = static_cast<unsigned char>(c);
    return u >= 0x20 && u < 0x80 && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
    switch (c) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        break;
    }
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x20) {
        out += c;
        return;
    }
    out += "\\u00";
    out += kHex[u >> 4];
    out += kHex[u & 15];
}

} // namespace

void append_json_text(std::string& out, std::string_view text) {
    out += '"';
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out.append(text.substr(0, plain));
    const std::string_view rest = text.substr(plain);
    const bool readable = rest.empty() || is_utf8(rest);
    for (const char c : rest) {
        if (!readable && static_cast<unsigned char>(c) >= 0x80)
            out += '?';
        else
            append_escaped(out, c);
    }
    out += '"';
}

void append_json_number(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    out += text;
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void JsonText::separate() {
    if (!first_) out_ += ',';
    first_ = false;
}

JsonText& JsonText::open_object() {
    separate();
    out_ += '{';
    first_ = true;
    return *this;
}

JsonText& JsonText::close_object() {
    out_ += '}';
    first_ = false;
    return *this;
}

JsonText& JsonText::open_array() {
    separate();
    out_ += '[';
    first_ = true;
    return *this;
}

JsonText& JsonText::close_array() {
    out_ += ']';
    first_ = false;
    return *this;
}

JsonText& JsonText::key(std::string_view name) {
    separate();
    append_json_text(out_, name);
    out_ += ':';
    first_ = true;
    return *this;
}

JsonText& JsonText::text(std::string_view value) {
    separate();
    append_json_text(out_, value);
    return *this;
}

JsonText& JsonText::natural(std::uint64_t value) {
    separate();
    out_ += std::to_string(value);
    return *this;
}

JsonText& JsonText::number(double value) {
    separate();
    append_json_number(out_, value);
    return *this;
}

JsonText& JsonText::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
    return *this;
}

JsonText& JsonText::null() {
    separate();
    out_ += "null";
    return *this;
}

JsonText& JsonText::raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
}

} // namespace penstock::gateway
