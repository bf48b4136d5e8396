#include "tests/fuzz/http_bodies.hpp"

#include "gateway/admission.hpp"
#include "gateway/bulk.hpp"
#include "gateway/group_request.hpp"
#include "gateway/json_msgpack.hpp"
#include "gateway/kind_request.hpp"
#include "gateway/many_request.hpp"
#include "protocol/codec.hpp"
#include "tests/fuzz/choices.hpp"

namespace penstock::fuzz {
namespace {

using namespace penstock::gateway;

constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

JobParser& parser() {
    static JobParser one;
    return one;
}

FreshIds& fresh_ids() {
    static FreshIds ids;
    return ids;
}

std::string type_of(const Head& head) {
    return head.content_type ? media_type(*head.content_type) : "";
}

// ---- what others must understand ----------------------------------------------------------

void check_submit(const Terms& terms, std::vector<SubmitRow> rows) {
    const std::size_t count = rows.size();
    const std::string frame = encode(Submit{terms, std::move(rows)});
    Reader reader;
    auto decoded = decode_ventilator_door(reader, frame);
    require(decoded.error.empty(), "the ventilator understands a job that the gateway took");
    const auto& read = std::get<Submit>(decoded.messages.at(0));
    require(read.terms == terms, "the ventilator hears the terms that the client wrote");
    require(read.rows.size() == count, "the ventilator hears of every job");
}

void check_question(const StatusQuestion& question) {
    const std::string frame = encode(Request(7), question);
    Reader reader;
    require(decode_status(reader, frame).error.empty(),
            "the sink understands a question that the gateway took");
}

// What came in as JSON goes out as the same JSON.
void check_json(const std::string& payload) {
    const std::string text = json_of(payload);
    const auto parsed = parser().parse_json(text);
    require(std::holds_alternative<boost::json::value*>(parsed), "a payload is JSON again");
    std::string again;
    append_msgpack(again, *std::get<boost::json::value*>(parsed));
    require(again == payload, "a payload is the same JSON again");
}

int take_group(GroupRequest&& request, const std::optional<std::string>& key) {
    name_jobs(request, fresh_ids(), kNow, key);
    check_question(question_of(request));
    return 202;
}

int take_job(JobRequest&& job) {
    check_submit(job.terms, {{job.id.value_or(fresh_ids().next(kNow)), job.payload}});
    if (!job.has_callbacks()) return 202;
    if (!job.id) job.id = fresh_ids().next(kNow);
    return take_group(group_of(std::move(job)), std::nullopt);
}

// ---- by command ---------------------------------------------------------------------------

struct Answerer {
    const Head& head;
    std::string_view body;

    int refused(const ProblemDetails& problem) const {
        std::string text;
        append_problem(text, problem);
        const auto parsed = parser().parse_json(text);
        require(std::holds_alternative<boost::json::value*>(parsed), "a problem is JSON");
        return status_of(problem.slug);
    }

    // Each reader says a problem or what it read; `take` gets that.
    template <class Read, class Take>
    int either(Read&& read, Take take) const {
        if (const auto* bad = std::get_if<ProblemDetails>(&read)) return refused(*bad);
        return take(std::get<0>(std::move(read)));
    }

    int operator()(const SubmitJob&) const {
        const bool packed = is_msgpack_type(type_of(head));
        return either(packed ? read_job_msgpack(body, kNow) : parser().parse(body, kNow),
                      [&](JobRequest&& job) {
                          if (!packed) check_json(job.payload);
                          return take_job(std::move(job));
                      });
    }

    int operator()(const SubmitRaw& command) const {
        return either(read_job_options(command.kind, head.query, kNow), [&](JobRequest&& job) {
            const auto bad = read_raw_payload(head, std::string(body), parser(), job);
            return bad ? refused(*bad) : take_job(std::move(job));
        });
    }

    int operator()(const RunKind& command) const {
        JobRequest job;
        job.terms.kind = command.kind;
        job.payload = payload_of_query(head.query);
        check_json(job.payload);
        return take_job(std::move(job));
    }

    int operator()(const SubmitBulk&) const {
        const std::string type = type_of(head);
        const bool array = type.empty() || type == kJson || type.ends_with("+json");
        const BulkContext context{parser(), fresh_ids(), kNow, head.idempotency_key};
        const auto form = array ? BulkForm::array : BulkForm::lines;
        return either(read_bulk(body, form, context), [&](Bulk&& bulk) {
            std::size_t jobs = bulk.bad.size() + bulk.with_callbacks.size();
            for (const Group& group : bulk.groups) {
                std::vector<SubmitRow> rows;
                for (const auto& row : group.rows) rows.push_back({row.id, group.payload(row)});
                jobs += rows.size();
                check_submit(group.terms, std::move(rows));
            }
            require(jobs == bulk.jobs, "every job of a bulk is good or bad");
            for (const BadJob& bad : bulk.bad) refused(bad.problem);
            for (CallbackJob& each : bulk.with_callbacks) {
                each.job.id = each.id;
                take_job(std::move(each.job));
            }
            return 202;
        });
    }

    int operator()(const SubmitGroup& command) const {
        GroupReader reader(body, command.form, kNow);
        while (!reader.read_some(parser())) {
        }
        return either(reader.finish(), [&](GroupRequest&& request) {
            return take_group(std::move(request), head.idempotency_key);
        });
    }

    int operator()(const DoMany& command) const {
        return either(read_which_jobs(parser(), body), [&](WhichJobs&& which) {
            for (const auto& each : questions_of(which, command.deed, command.dry_run)) {
                check_question(each);
            }
            return 200;
        });
    }

    int operator()(const WaitMany&) const {
        return either(read_wait_many(parser(), body), [&](WaitRequest&& request) {
            for (const JobId& id : request.ids) {
                check_question(AskWait{id, Until::finished, request.timeout, true, {}});
            }
            return 200;
        });
    }

    int operator()(const SetKind& command) const {
        const auto parsed = parser().parse_json(body);
        if (const auto* bad = std::get_if<BadJson>(&parsed)) {
            return refused(malformed_json(body, *bad));
        }
        return either(read_kind_settings(command.kind, *std::get<boost::json::value*>(parsed)),
                      [&](AskKind&& wish) {
                          check_question(wish);
                          return 200;
                      });
    }

    int operator()(const ListJobs& command) const {
        check_question(command.question);
        return 200;
    }

    template <class Plain>
    int operator()(const Plain&) const { // its body is not looked at
        return 200;
    }
};

} // namespace

int answer_body(const Command& command, const Head& head, std::string_view body) {
    const Answerer answerer{head, body};
    if (is_submission(command) && head.idempotency_key) {
        const auto bad = check_idempotency_key(*head.idempotency_key);
        if (bad) return answerer.refused(*bad);
    }
    return std::visit(answerer, command);
}

} // namespace penstock::fuzz
