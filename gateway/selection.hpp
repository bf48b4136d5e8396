#pragma once
// Which events a client wants to see. Pure.

#include "gateway/head.hpp"
#include "gateway/problem.hpp"
#include "protocol/events.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace penstock::gateway {

struct Selection { // all that is not empty must fit
    JobId job, group;
    std::string kind, tag;
    std::optional<Event::What> what;

    [[nodiscard]] bool fits(const Event& event) const;
};

// ?kind=, ?tag= and ?state=, which takes the name of any event.
std::variant<Selection, ProblemDetails> read_selection(const std::vector<Parameter>& query);

} // namespace penstock::gateway
