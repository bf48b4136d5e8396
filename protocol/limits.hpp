#pragma once
// Every cap of the wire in one table. At each of them new work is refused with a reason;
// accepted work never is.

#include <cstddef>
#include <cstdint>

namespace penstock {

constexpr int kProtocolVersion = 1;

constexpr std::size_t kIdLengthMax = 64;
constexpr std::size_t kEndpointLengthMax = 256;
constexpr std::size_t kNameLengthMax = 128; // kinds, workers, tags, tenants, content types
constexpr std::size_t kTagsMax = 16;
constexpr std::size_t kLabelsMax = 100; // of a worker
constexpr std::size_t kNeedsMax = 16;   // labels that a job asks for
constexpr std::size_t kErrorTextMax = 4096; // longer messages of handlers are cut

constexpr std::size_t kPayloadBytesMax = 16u << 20; // a payload, a result
constexpr std::size_t kBulkBytesMax = 64u << 20;    // an HTTP bulk body
// One frame: a bulk body plus its envelope. libzmq drops the connection above it.
constexpr std::size_t kFrameBytesMax = kBulkBytesMax + (1u << 20);

constexpr std::size_t kDepthMax = 64;         // nesting of a value, in msgpack and in JSON
constexpr std::size_t kEnvelopeDepthMax = 3;  // around a value: array of messages, message, job
constexpr std::size_t kTokensMax = 4'000'000; // decoded elements of one frame
constexpr std::size_t kTokensKept = 500'000;  // whose memory a reader keeps for the next frame
constexpr std::size_t kRowsMax = 65'536;      // jobs in one frame
constexpr std::size_t kLinkRowsMax = 500'000; // rows about jobs, in one message of the link
constexpr std::size_t kListMax = 1'000;       // jobs in one page of a list

constexpr std::size_t kGroupMembersMax = 1'000'000;
constexpr std::uint32_t kBatchMax = 10'000; // jobs in one call of a handler
constexpr double kRateMax = 1e9;            // a second

constexpr int kPriorityMax = 9;
constexpr std::uint32_t kAttemptsMax = 1'000;
constexpr double kSecondsMax = 10.0 * 365 * 86400; // any duration on the wire
constexpr double kWaitSecondsMax = 300;

constexpr std::uint32_t kSlotsMax = 100'000;
constexpr std::uint32_t kPrefetchMax = 4'000;
constexpr std::uint32_t kDeathsMax = 3; // then the job is quarantined

} // namespace penstock
