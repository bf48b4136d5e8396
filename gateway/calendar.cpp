#include "gateway/calendar.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace penstock::gateway {
namespace {

using std::chrono::days;
using std::chrono::microseconds;
using std::chrono::year_month_day;

// Takes digits and marks from the head of a text; anything unexpected makes it bad.
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    int digits(std::size_t count) {
        int value = 0;
        if (rest_.size() < count) return bad();
        const char* end = rest_.data() + count;
        const auto result = std::from_chars(rest_.data(), end, value);
        if (result.ec != std::errc() || result.ptr != end || rest_.front() == '-') return bad();
        rest_.remove_prefix(count);
        return value;
    }

    char one_of(std::string_view marks) {
        if (rest_.empty() || marks.find(rest_.front()) == std::string_view::npos) {
            bad();
            return '\0';
        }
        const char mark = rest_.front();
        rest_.remove_prefix(1);
        return mark;
    }

    microseconds fraction() {
        if (rest_.empty() || rest_.front() != '.') return microseconds(0);
        rest_.remove_prefix(1);
        std::int64_t value = 0, unit = 1'000'000;
        std::size_t count = 0;
        for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count) {
            unit /= 10;
            value += unit * (rest_[count] - '0');
        }
        if (count == 0) bad();
        rest_.remove_prefix(count);
        return microseconds(value);
    }

    [[nodiscard]] bool good() const { return good_ && rest_.empty(); }

private:
    int bad() {
        good_ = false;
        return 0;
    }

    std::string_view rest_;
    bool good_ = true;
};

std::string printed(const char* format, auto... values) {
    std::array<char, 64> text{};
    const int size = std::snprintf(text.data(), text.size(), format, values...);
    return std::string(text.data(), static_cast<std::size_t>(size));
}

} // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
    Scanner s(text);
    const int year = s.digits(4);
    s.one_of("-");
    const int month = s.digits(2);
    s.one_of("-");
    const int day = s.digits(2);
    s.one_of("Tt ");
    const int hour = s.digits(2);
    s.one_of(":");
    const int minute = s.digits(2);
    s.one_of(":");
    const int second = s.digits(2);
    const microseconds fraction = s.fraction();
    const char zone = s.one_of("Zz+-");
    std::chrono::minutes offset(0);
    if (zone == '+' || zone == '-') {
        const int hours = s.digits(2);
        s.one_of(":");
        offset = std::chrono::hours(hours) + std::chrono::minutes(s.digits(2));
        if (zone == '-') offset = -offset;
    }
    const year_month_day date{std::chrono::year(year),
                              std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day))};
    // 60 is a leap second.
    if (!s.good() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second) + fraction - offset;
}

std::string to_rfc3339(WallTime at) {
    const auto day = std::chrono::floor<days>(at);
    const year_month_day date(day);
    const std::chrono::hh_mm_ss time(at - day);
    return printed("%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", int(date.year()), unsigned(date.month()),
                   unsigned(date.day()), int(time.hours().count()), int(time.minutes().count()),
                   int(time.seconds().count()), int(time.subseconds().count()));
}

std::string to_rfc3339(double unix_seconds) {
    return to_rfc3339(WallTime(microseconds(static_cast<std::int64_t>(unix_seconds * 1e6 + 0.5))));
}

std::string to_http_date(WallTime at) {
    static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<days>(at);
    const year_month_day date(day);
    const std::chrono::hh_mm_ss time(at - day);
    return printed("%s, %02u %s %04d %02d:%02d:%02d GMT",
                   kDays[std::chrono::weekday(day).c_encoding()], unsigned(date.day()),
                   kMonths[unsigned(date.month()) - 1], int(date.year()), int(time.hours().count()),
                   int(time.minutes().count()), int(time.seconds().count()));
}

} // namespace penstock::gateway
