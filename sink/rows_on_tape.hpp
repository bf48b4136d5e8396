#pragma once
// Rows of the store as they stand on a tape: those that a sink began with. Members are taken apart, so
// that one that is added and not named here does not compile.

#include "record/elements.hpp"
#include "sink/changes.hpp"

namespace penstock::sink {

template <class Io, record::Is<Changes::Part> T>
void elements(Io& io, T& row) {
    auto& [from, size] = row;
    io(from), io(size);
}

template <class Io, record::Is<Changes::Epochs> T>
void elements(Io& io, T& row) {
    auto& [epoch, instance, numbers] = row;
    io(epoch), io(instance), io(numbers);
}

template <class Io, record::Is<Changes::KeptTerms> T>
void elements(Io& io, T& row) {
    auto& [key, terms] = row;
    io(key), io(terms);
}

template <class Io, record::Is<Changes::Kind> T>
void elements(Io& io, T& row) {
    auto& [kind, settings, was_set] = row;
    io(kind), io(settings), io(was_set);
}

template <class Io, record::Is<Changes::GroupRow> T>
void elements(Io& io, T& row) {
    auto& [first_order, id, mode, state, ending, members, winner, then_order, on_failure_order,
           then_id, on_failure_id, body, submitted, finished] = row;
    io(first_order), io(id), io(mode), io(state), io(ending), io(members), io(winner);
    io(then_order), io(on_failure_order), io(then_id), io(on_failure_id), io(body);
    io(submitted), io(finished);
}

template <class Io, record::Is<Changes::Job> T>
void elements(Io& io, T& row) {
    auto& [order, id, terms, payload, submitted, begun, epoch, number, custody, cancelling, group,
           retry_of] = row;
    io(order), io(id), io(terms), io(payload), io(submitted), io(begun), io(epoch), io(number);
    io(custody), io(cancelling), io(group), io(retry_of);
}

template <class Io, record::Is<Changes::Attempt> T>
void elements(Io& io, T& row) {
    auto& [order, attempt, how, suspect, worker, at, run_seconds, failure, token] = row;
    io(order), io(attempt), io(how), io(suspect), io(worker), io(at), io(run_seconds), io(failure);
    io(token);
}

template <class Io, record::Is<Changes::Outcome> T>
void elements(Io& io, T& row) {
    auto& [order, state, value, content_type, failure, attempt, worker, note, started, finished,
           queued_seconds, waited_seconds, run_seconds] = row;
    io(order), io(state), io(value), io(content_type), io(failure), io(attempt), io(worker);
    io(note), io(started), io(finished), io(queued_seconds), io(waited_seconds), io(run_seconds);
}

// All but `bytes`.
template <class Io, record::Is<Changes> T>
void elements(Io& io, T& changes) {
    auto& [epochs, terms, kinds, groups, jobs, attempts, outcomes, jobs_gone, groups_gone, terms_gone,
           bytes] = changes;
    io(epochs), io(terms), io(kinds), io(groups), io(jobs), io(attempts), io(outcomes);
    io(jobs_gone), io(groups_gone), io(terms_gone);
    static_cast<void>(bytes);
}

} // namespace penstock::sink
