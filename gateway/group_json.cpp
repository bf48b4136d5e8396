#include "gateway/group_json.hpp"

#include "gateway/calendar.hpp"
#include "gateway/job_json.hpp"

namespace penstock::gateway {
namespace {

struct Reason {
    std::string_view why;
    std::string text;
};

// What the sink alone knows, or what is left to say when nobody else does.
Reason reason_without_ventilator(const JobView& job, bool is_there) {
    const std::string state(to_string(job.state));
    if (is_final(job.state)) return {"finished", "It has finished: its state is " + state + "."};
    if (!is_there) {
        return {"ventilator-away", "The ventilator does not answer. The job is stored, and goes on "
                                   "when one is back."};
    }
    if (!job.group.empty()) {
        return {"group", "It waits for the jobs of the group " + job.group.text() + "."};
    }
    return {"unowned", "It is stored, and no ventilator has taken it yet."};
}

} // namespace

void append_group(JsonText& json, const GroupAnswer& group) {
    json.key("id").text(group.id.text()).key("mode").text(to_string(group.mode));
    json.key("state").text(to_string(group.state)).key("members").natural(group.members);
    json.key("finished").natural(group.finished).key("succeeded").natural(group.succeeded);
    json.key("submitted_at").text(to_rfc3339(group.submitted_at));
    if (group.finished_at > 0) json.key("finished_at").text(to_rfc3339(group.finished_at));
    if (!group.then.empty()) json.key("then").text(group.then.text());
    if (!group.on_failure.empty()) json.key("on_failure").text(group.on_failure.text());
}

void append_member(JsonText& json, const JobView& job) {
    json.open_object().key("id").text(job.id.text()).key("state").text(to_string(job.state));
    append_outcome(json, job);
    json.close_object();
}

std::string accepted_json(const GroupRequest& request) {
    std::string out;
    out.reserve(request.jobs * 40 + 128);
    JsonText json(out);
    json.open_object().key("id").text(request.id.text()).key("ids").open_array();
    for (const auto& part : request.parts) {
        for (const auto& row : part.rows) json.text(row.id.text());
    }
    json.close_array();
    if (request.then) json.key("then").text(request.then->id->text());
    if (request.on_failure) json.key("on_failure").text(request.on_failure->id->text());
    json.close_object();
    return out;
}

std::string explanation_json(const JobView& job, const Explanation* said, double now) {
    std::string out;
    JsonText json(out);
    json.open_object().key("id").text(job.id.text()).key("state").text(to_string(job.state));
    if (said == nullptr || !said->known || is_final(job.state)) {
        const Reason reason = reason_without_ventilator(job, said != nullptr);
        json.key("why").text(reason.why).key("text").text(reason.text);
    } else {
        json.key("why").text(said->why).key("text").text(said->text);
        if (said->position > 0) json.key("position").natural(said->position);
        if (said->start_in >= 0) {
            json.key("start_in").number(said->start_in);
            json.key("estimated_start").text(to_rfc3339(now + said->start_in));
        }
    }
    json.close_object();
    return out;
}

ProblemDetails no_group(const JobId& id, const GroupAnswer& answer) {
    ProblemDetails out;
    if (answer.found == Found::starting) {
        out = problem(Slug::starting, "Open jobs are still coming in. Ask again.");
    } else if (answer.found == Found::refused) {
        out = problem(slug_of_refusal(answer.why), "The sink holds as many waits as it may (" +
                                                       answer.why + "). Ask again.");
    } else {
        out = problem(Slug::group_not_found, "No group has the id `" + id.text() +
                                                 "`: it was never submitted, or is not kept any "
                                                 "more.");
    }
    out.id = id;
    return out;
}

ProblemDetails group_not_stored(const JobId& id, const GroupAnswer* answer) {
    ProblemDetails out;
    if (answer == nullptr) {
        out = problem(Slug::outcome_unknown, "It is not known whether the jobs were stored. Ask "
                                             "for the group, or submit it again with this id.");
    } else if (answer->found == Found::conflict) {
        const std::string which = answer->why.empty() ? "" : " (" + answer->why + ")";
        out = problem(Slug::id_conflict, "An id is taken by another group or job" + which +
                                             ". Nothing was submitted: choose another id, or "
                                             "submit the same body.");
    } else if (answer->found == Found::starting) {
        out = problem(Slug::starting, "The sink is starting. Nothing was accepted: try again.");
    } else {
        out = problem(slug_of_refusal(answer->why),
                      "The sink did not take the jobs (" + answer->why + "). None is stored.");
    }
    out.id = id;
    return out;
}

} // namespace penstock::gateway
