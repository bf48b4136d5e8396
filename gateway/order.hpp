#pragma once
// What sessions give to the hub, and what they get back.

#include "gateway/bulk.hpp"
#include "gateway/call.hpp"
#include "protocol/questions.hpp"

#include <string>
#include <variant>
#include <vector>

namespace penstock::gateway {

struct SubmitOne { // and hold the wait at the sink
    Terms terms;
    std::string payload;
    AskWait wait; // with the id
};

struct SubmitMany { // and wait until each one is stored
    std::vector<Group> groups;
    Duration timeout{0};
};

using Question = std::variant<SubmitOne, SubmitMany, StatusQuestion, ControlQuestion>;

struct Order {
    Promise promise;
    Question question;
    Duration patience{0}; // then the promise is kept with `silent`
};

} // namespace penstock::gateway
