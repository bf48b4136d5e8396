#pragma once
// What is said of groups, of many jobs, and of why a job waits, as JSON.

#include "gateway/group_request.hpp"
#include "gateway/json_text.hpp"
#include "gateway/places.hpp"
#include "protocol/questions.hpp"

#include <string>

namespace penstock::gateway {

// The members of an open object: id, mode, state, counts, times, callbacks.
void append_group(JsonText& json, const GroupAnswer& group);
// {id, state, result | error}
void append_member(JsonText& json, const JobView& job);
// Of a group that was stored: {id, ids, then?, on_failure?}.
std::string accepted_json(const GroupRequest& request);
// Why a job is not running. `said` is what the ventilator says; null: it does not answer.
std::string explanation_json(const JobView& job, const Explanation* said, double now);

// The wire says how a group is; a client may come with the id of something that is none.
ProblemDetails no_group(const JobId& id, const GroupAnswer& answer);
// Why a group is not stored. `answer` is null after silence.
ProblemDetails group_not_stored(const JobId& id, const GroupAnswer* answer);

} // namespace penstock::gateway
