#pragma once
// Many jobs in one body: a JSON array or lines of JSON, read one job at a time.

#include "gateway/ids.hpp"
#include "gateway/job_request.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock::gateway {

constexpr std::size_t kBulkJobsMax = 1'000'000;

enum class BulkForm { array, lines };

// Jobs that share their terms. Payloads stand one behind the other in one string.
struct Group {
    struct Row {
        JobId id;
        std::size_t offset = 0, size = 0;
        std::size_t index = 0;             // of the job in the body, from 0
        std::optional<std::uint64_t> body; // its digest, where the client chose the id
    };

    Terms terms;
    std::string payloads;
    std::vector<Row> rows;

    [[nodiscard]] std::string_view payload(const Row& row) const {
        return std::string_view(payloads).substr(row.offset, row.size);
    }
};

struct CallbackJob { // one with callbacks: a group of one
    std::size_t index = 0;
    JobId id;
    bool chosen = false; // the client chose the id, by itself or by a key
    JobRequest job;
};

struct BadJob {
    std::size_t index = 0;
    ProblemDetails problem;
};

struct Bulk {
    std::vector<Group> groups;
    std::vector<CallbackJob> with_callbacks;
    std::size_t jobs = 0; // good and bad ones
    std::vector<BadJob> bad;
};

struct BulkContext {
    JobParser& parser;
    FreshIds& ids;
    WallTime now;
    std::optional<std::string> idempotency_key; // job i has the key "KEY/i"
};

// A problem if the body as a whole can't be read: what isn't JSON around the jobs, too many jobs.
std::variant<Bulk, ProblemDetails> read_bulk(std::string_view body, BulkForm form,
                                             const BulkContext& context);

} // namespace penstock::gateway
