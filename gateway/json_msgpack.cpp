#include "gateway/json_msgpack.hpp"

#include "gateway/json_text.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

#include <openssl/evp.h>

namespace penstock::gateway {
namespace {

void append_bytes(std::string& out, std::string_view bytes) {
    out += "{\"$bin\":\"";
    out += to_base64(bytes);
    out += "\"}";
}

// The first byte of an ext's text is its type.
void append_ext(std::string& out, std::string_view ext) {
    const int type = ext.empty() ? 0 : static_cast<signed char>(ext.front());
    out += "{\"$ext\":[" + std::to_string(type) + ",\"";
    out += to_base64(ext.substr(ext.empty() ? 0 : 1));
    out += "\"]}";
}

void append_key(std::string& out, Node key) {
    if (key.is(Shape::text)) {
        append_json_text(out, key.text());
        return;
    }
    std::string text;
    append_json(text, key);
    append_json_text(out, text);
}

void append_elements(std::string& out, Node list) {
    out += '[';
    Node at = list.first();
    for (std::uint32_t i = 0; i < list.size(); ++i) {
        if (i > 0) out += ',';
        append_json(out, at);
        if (i + 1 < list.size()) at = at.after();
    }
    out += ']';
}

void append_pairs(std::string& out, Node map) {
    out += '{';
    Node key = map.first();
    for (std::uint32_t i = 0; i < map.size(); ++i) {
        if (i > 0) out += ',';
        append_key(out, key);
        out += ':';
        const Node value = key.after();
        append_json(out, value);
        if (i + 1 < map.size()) key = value.after();
    }
    out += '}';
}

} // namespace

std::string to_base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0'); // EVP_EncodeBlock ends it with a NUL
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

void append_json(std::string& out, Node value) {
    if (!value) {
        out += "null";
        return;
    }
    switch (value.shape()) {
    case Shape::nil:
    case Shape::opaque:
        out += "null";
        break;
    case Shape::boolean:
        out += value.natural() != 0 ? "true" : "false";
        break;
    case Shape::natural:
        out += std::to_string(value.natural());
        break;
    case Shape::integer:
        out += std::to_string(value.integer());
        break;
    case Shape::real:
        append_json_number(out, value.real());
        break;
    case Shape::text:
        // A str that is not UTF-8 is bytes that an old library sent.
        if (is_utf8(value.text()))
            append_json_text(out, value.text());
        else
            append_bytes(out, value.text());
        break;
    case Shape::bytes:
        append_bytes(out, value.text());
        break;
    case Shape::ext:
        append_ext(out, value.text());
        break;
    case Shape::array:
        append_elements(out, value);
        break;
    case Shape::map:
        append_pairs(out, value);
        break;
    }
}

std::string json_of(Bytes encoded) {
    Reader reader;
    const Node root = reader.read(encoded, Reader::Values::read);
    std::string out;
    if (root) append_json(out, root);
    return out;
}

bool is_payload(std::string_view bytes) {
    constexpr char kArrayOfOne = static_cast<char>(0x91);
    std::string wrapped(kDepthMax - kPayloadDepthMax, kArrayOfOne);
    wrapped += bytes;
    return !bytes.empty() && is_one_value(wrapped);
}

} // namespace penstock::gateway
