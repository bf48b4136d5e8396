#pragma once
// Answers of the ventilator and the sink as JSON.

#include "gateway/json_text.hpp"
#include "gateway/places.hpp"
#include "gateway/problem.hpp"
#include "gateway/reply.hpp"
#include "protocol/questions.hpp"

#include <optional>
#include <string>

namespace penstock::gateway {

// One object. `place` is where it stands in the queue, if anybody knows.
void append_job(JsonText& json, const JobView& job, const Place* place = nullptr);
void append_outcome(JsonText& json, const JobView& job); // its members `result` or `error`, if any
std::string jobs_json(const ListAnswer& list, const Places& places = {});
std::string workers_json(const Workers& workers);
std::string kinds_json(const Room& room, const DispatchStats& dispatch, const SinkStats& sink);
// Seconds under which a share `q` of all values lie, spread evenly within a bucket; the last bound
// if it is above all. Nothing if there are no values.
std::optional<double> quantile(const Histogram& histogram, double q);
std::string stats_json(const DispatchStats& dispatch, const SinkStats& sink);

enum class ResultForm { json, msgpack };
// The result itself, with its own content type. REQUIRES: job.value is there.
Reply result_reply(JobView&& job, ResultForm form);
// Why there is no result: the job finished otherwise, or the result is not kept.
// REQUIRES: job.state is final.
ProblemDetails no_result(const JobView& job);
// Why there is no job to be seen, or to be run again.
ProblemDetails not_found(const JobId& id, const JobAnswer& answer);
// Of a job or a group that was to be cancelled.
ProblemDetails already_finished(const JobId& id, State state);
ProblemDetails not_retried(const JobId& id, const JobAnswer& answer);

} // namespace penstock::gateway
