#pragma once
// What the sink tells whoever listens, as it happens: from a PUB socket, so it may be lost, and
// it is never a truth. Numbers show what is missing; the truth is asked for.

#include "protocol/codec.hpp"
#include "protocol/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

struct Event { // of one job
    enum class What : std::uint8_t {
        stored,
        running,  // on a worker; not said of jobs that are over at once
        retrying, // an attempt failed, another one follows
        lost,     // an attempt's worker has gone: the job waits again
        progress,
        partial, // a piece of the result is there to be asked for
        succeeded,
        failed,
        cancelled,
        expired,
        quarantined,
    };

    JobId id;
    What what = What::stored;
    std::string kind;
    std::uint32_t attempt = 0;
    double progress = -1; // 0-1; < 0: not said
    std::string note;
    JobId group;
    std::vector<std::string> tags;

    bool operator==(const Event&) const = default;
};

constexpr std::size_t kEventKinds = 11;
std::string_view to_string(Event::What what);
std::optional<Event::What> parse_event(std::string_view text);

// The end of a job has the name of its state.
constexpr bool is_final(Event::What what) {
    return what >= Event::What::succeeded;
}

constexpr Event::What event_of(State outcome) { // REQUIRES: is_final(outcome)
    return static_cast<Event::What>(static_cast<int>(Event::What::succeeded) +
                                    static_cast<int>(outcome) -
                                    static_cast<int>(State::succeeded));
}

// What happened in one burst: event i has number first + i. Numbers are of one life of the sink,
// from 1, and leave nothing out; without events it says who speaks, and what number comes next.
struct Events {
    std::uint64_t life = 0;
    std::uint64_t first = 1;
    double at = 0; // unix seconds
    std::vector<Event> rows;
};

std::string encode(const Events& message);
Decoded<Events> decode_events(Reader& reader, std::string_view frame);

} // namespace penstock
