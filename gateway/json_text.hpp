#pragma once
// Writes JSON text piece by piece into a string. Commas are its business; balance is the caller's.

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::gateway {

// Appends `text` in quotes. Bytes that are not UTF-8 become question marks.
void append_json_text(std::string& out, std::string_view text);
// The shortest form that reads back as the same double and as no integer; NaN and Inf are null.
void append_json_number(std::string& out, double value);

class JsonText {
public:
    explicit JsonText(std::string& out) : out_(out) {}

    JsonText& open_object();
    JsonText& close_object();
    JsonText& open_array();
    JsonText& close_array();
    JsonText& key(std::string_view name);
    JsonText& text(std::string_view value);
    JsonText& natural(std::uint64_t value);
    JsonText& number(double value);
    JsonText& boolean(bool value);
    JsonText& null();
    JsonText& raw(std::string_view json); // one JSON value as it is

private:
    void separate();

    std::string& out_;
    bool first_ = true; // nothing stands before the next element or key
};

} // namespace penstock::gateway
