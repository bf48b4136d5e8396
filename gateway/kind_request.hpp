#pragma once
// What is to hold for a kind, as a client asks for it, checked: a JSON object to an AskKind. Every
// mistake is named, not only the first.

#include "gateway/problem.hpp"
#include "protocol/questions.hpp"

#include <boost/json/value.hpp>
#include <string>
#include <variant>

namespace penstock::gateway {

std::variant<AskKind, ProblemDetails> read_kind_settings(const std::string& kind,
                                                         const boost::json::value& wish);

// As an answer shows them: what is absent is not set.
std::string settings_json(const KindSettings& settings);

} // namespace penstock::gateway
