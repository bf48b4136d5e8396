#pragma once
// What a request's header must look like before anything is done for it: one framing, one Host,
// and no web page of another site behind it.

#include "gateway/head.hpp"
#include "gateway/problem.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::gateway {

constexpr std::size_t kHeaderBytesMax = 8 * 1024; // request line included
constexpr std::size_t kUriBytesMax = 4 * 1024;
constexpr std::uint64_t kSkippedBodyMax = 64 * 1024; // a refused body that is read all the same

// Over the raw bytes up to and including the empty line: obsolete folds, bare line ends and control
// characters are refused, since servers disagree about what they mean.
std::optional<ProblemDetails> check_raw_header(std::string_view raw);
// For a header that has not ended within kHeaderBytesMax.
ProblemDetails too_large(std::string_view raw);

// Framing: Transfer-Encoding, doubled fields, Host, Expect.
std::optional<ProblemDetails> check_framing(const Head& head);

// Whether so much of a body that nobody wants is skipped, for the sake of the connection; if not, the
// connection ends. `expects`: it comes only if it is asked for, so nobody knows what comes next.
constexpr bool skips_body(std::uint64_t unread, bool expects) {
    return unread > 0 && unread <= kSkippedBodyMax && !expects;
}

enum class HostRule {
    any,   // probes
    named, // loopback, an address, a name without dots, or a public host: a page that has bound its
           // own name to our address (DNS rebinding) can have none of these
    own,   // loopback or a public host: GETs that change something
};
std::optional<ProblemDetails> check_site(const Head& head, HostRule rule,
                                         const std::vector<std::string>& public_hosts);

} // namespace penstock::gateway
