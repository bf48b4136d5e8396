#pragma once
// Where ids of jobs come from when their submitter doesn't choose one.

#include "protocol/job_id.hpp"
#include "protocol/time.hpp"

#include <cstdint>
#include <random>
#include <string_view>

namespace penstock::gateway {

// UUIDv7s of one thread. Seeded from the operating system.
class FreshIds {
public:
    FreshIds();
    JobId next(WallTime now);

private:
    std::mt19937_64 random_;
};

// The same key of the same tenant is the same job: the first 128 bits of
// SHA-256(tenant, NUL, key), as a UUIDv8.
JobId id_of_key(std::string_view tenant, std::string_view key);

} // namespace penstock::gateway
