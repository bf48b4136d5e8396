#pragma once
// Reads the fields of one job, one after the other, and collects what is wrong with them.

#include "gateway/job_request.hpp"

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::gateway {

// What a job is to others. A callback can't have callbacks: the wire has one level of them.
enum class Rank : std::uint8_t { job, callback };

class JobFields {
public:
    // `prefix` stands before the names in errors: "/", "/then/", "?".
    JobFields(std::string prefix, WallTime now, Rank rank = Rank::job)
        : prefix_(std::move(prefix)), now_(now), rank_(rank) {}

    void read(std::string_view key, const boost::json::value& value);
    void payload(std::string encoded) { job_.payload = std::move(encoded); }
    // Of "then" and "on_failure". False: a callback may have none, which is noted.
    [[nodiscard]] bool may_have(std::string_view key);
    void callback(std::string_view key, CheckedJob&& checked);
    [[nodiscard]] JobFields callback_fields(std::string_view key) const;
    CheckedJob finish();

private:
    void wrong(std::string_view key, std::string detail);
    void impossible(std::string_view key, std::string detail);
    double number(std::string_view key, const boost::json::value& value, double max);
    std::uint64_t natural(std::string_view key, const boost::json::value& value,
                          std::uint64_t least, std::uint64_t most);
    Duration duration(std::string_view key, const boost::json::value& value);
    Duration lasting(std::string_view key, const boost::json::value& value); // above 0
    std::string text(std::string_view key, const boost::json::value& value);
    std::optional<WallTime> time(std::string_view key, const boost::json::value& value);
    std::vector<std::string> texts(std::string_view key, const boost::json::value& value,
                                   std::size_t most);
    void kind(const boost::json::value& value);
    void id(const boost::json::value& value);
    void needs(const boost::json::value& value);
    void read_callback(std::string_view key, const boost::json::value& value);
    bool read_when(std::string_view key, const boost::json::value& value);
    bool read_what(std::string_view key, const boost::json::value& value);
    void settle_times();
    void check_callbacks();

    std::string prefix_;
    WallTime now_;
    Rank rank_;
    JobRequest job_;
    std::vector<FieldError> errors_;
    bool only_impossible_ = true; // every field can be read, but they can't be together
    std::optional<WallTime> run_at_, deadline_;
    bool has_delay_ = false, has_ttl_ = false;
};

// A callback's payload, or that of a later step of a chain, gets a member with what came before:
// so it is a map, or nil, which is replaced as a whole.
bool takes_results(std::string_view payload);

} // namespace penstock::gateway
