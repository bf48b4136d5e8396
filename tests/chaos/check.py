"""Compares what the client was told, what is recorded, and what workers did.

lost        answered 202, and the sink does not know it, or its file; an outcome that was seen, and
            nobody has it any more. A job that is merely unfinished is none: it is open
double      an id with two outcomes: two in the file, or one that changed after it was seen, or after
            it was answered as cancelled
phantom     an outcome of a job that was never submitted, or was certainly not accepted; one that no
            run of a worker explains
twice       a job that was submitted again by its id or key, and has become two
open        known, and not final after everything was healed
strange     an answer that none of these jobs may get
"""

from collections import Counter
from dataclasses import dataclass, field

FAULTS = ("lost", "double", "phantom", "twice", "open", "strange")


@dataclass
class Verdict:
    lost: list = field(default_factory=list)
    double: list = field(default_factory=list)
    phantom: list = field(default_factory=list)
    twice: list = field(default_factory=list)
    open: list = field(default_factory=list)
    strange: list = field(default_factory=list)
    figures: dict = field(default_factory=dict)

    @property
    def good(self):
        return not any(getattr(self, fault) for fault in FAULTS)


def check(history, at_sink, in_file=None):
    """at_sink: outcome by id, None for a job without one. in_file: a list of outcomes by id, where
    there is a file. Each fault is a sentence."""
    verdict = Verdict(strange=list(history.strange))
    recorded = {id: {outcome} for id, outcome in at_sink.items() if outcome is not None}
    known = set(at_sink)
    if in_file is not None:
        known |= set(in_file)
        _compare_file(verdict, recorded, in_file)
    _find_lost(verdict, history, recorded, at_sink, in_file)
    _find_double(verdict, history, recorded)
    jobs = _jobs_by_id(verdict, history)
    _find_phantoms(verdict, history, recorded, known, jobs)
    _find_twice(verdict, history, known, jobs)
    for id in sorted(known - set(recorded)):
        verdict.open.append(f"{id} has no outcome; its runs: {_runs_of(history, id)}")
    verdict.figures = _figures(history, recorded)
    return verdict


def _compare_file(verdict, recorded, in_file):
    for id, outcomes in in_file.items():
        if len(outcomes) > 1:
            verdict.double.append(f"{id} has {len(outcomes)} outcomes in the file: {outcomes}")
        if outcomes:
            recorded.setdefault(id, set()).update(outcomes)
    for id in recorded:
        if not in_file.get(id):
            verdict.lost.append(f"{id} has an outcome that is not in the file")


def _find_lost(verdict, history, recorded, at_sink, in_file):
    places = [("the sink", at_sink)] + ([("the file", in_file)] if in_file is not None else [])
    for id in sorted(history.accepted):
        without = [place for place, known in places if id not in known]
        if without:
            verdict.lost.append(f"{id} was accepted, and not known to {' nor to '.join(without)}; "
                                f"its runs: {_runs_of(history, id)}")
    for id in sorted((set(history.seen) | history.cancelled) - set(recorded)):
        told = sorted(history.seen.get(id, ())) or "cancelled"
        verdict.lost.append(f"{id} had the outcome {told}, and has none now")


def _runs_of(history, id):
    return [f"{nonce} {run.how or '-'}" for nonce, run in history.runs.items() if run.id == id]


def _find_double(verdict, history, recorded):
    for id, outcomes in recorded.items():
        all_known = outcomes | history.seen.get(id, set())
        if len(all_known) > 1:
            verdict.double.append(f"{id} has several outcomes: {sorted(all_known)}")
    for id in sorted(history.cancelled):
        others = [o for o in recorded.get(id, ()) if not o.startswith("cancelled:")]
        if others:
            verdict.double.append(f"{id} was cancelled, said the answer, and is {others}")


def _jobs_by_id(verdict, history):
    """Which job an id is, by the client's log and by what workers read in its payload."""
    jobs = {}
    for job, (id, _) in history.tried.items():
        if id != "-":
            jobs.setdefault(id, set()).add(job)
    for job, ids in history.took.items():
        for id in ids:
            jobs.setdefault(id, set()).add(job)
    for run in history.runs.values():
        jobs.setdefault(run.id, set()).add(run.job)
    for id, several in jobs.items():
        if len(several) > 1:
            verdict.phantom.append(f"{id} is several jobs: {sorted(several)}")
    return jobs


def _find_phantoms(verdict, history, recorded, known, jobs):
    for nonce, run in history.runs.items():
        if run.job not in history.tried:
            verdict.phantom.append(f"{nonce} ran {run.id}, job {run.job}, which nobody submitted")
    for id in sorted(known):
        numbers = jobs.get(id, set())
        if id not in history.accepted and numbers & history.refused:
            verdict.phantom.append(f"{id} is known, though it was certainly not accepted")
        if not numbers and not _may_be_unnamed(history, recorded.get(id, set())):
            verdict.phantom.append(f"{id} is known, and nobody submitted it")
    for id, outcomes in recorded.items():
        for outcome in outcomes:
            why = _unexplained(history, id, outcome)
            if why:
                verdict.phantom.append(f"{id} {outcome}: {why}")


def _may_be_unnamed(history, outcomes):
    """A job whose id the gateway made and nobody heard of, and that never ran."""
    unnamed = any(history.tried[job][0] == "-" for job in history.unknown)
    return unnamed and not any(o.startswith("succeeded") for o in outcomes)


def _unexplained(history, id, outcome):
    state, said = outcome.split(":", 1)
    if state == "succeeded":
        nonce, how = said, "ok"
    elif said.startswith("chaos:"):
        nonce, how = said.split(":", 1)[1], "failed"
    else:
        return None  # no worker's: cancelled, quarantined, ...
    run = history.runs.get(nonce)
    if run is None or run.id != id:
        return "no worker ran that"
    return None if run.how == how else f"that run ended {run.how or 'with its worker'}"


def _find_twice(verdict, history, known, jobs):
    ids_of = {}
    for id in known:
        for job in jobs.get(id, ()):
            ids_of.setdefault(job, set()).add(id)
    for job, ids in history.took.items():
        ids_of.setdefault(job, set()).update(ids)
    for job, ids in sorted(ids_of.items()):
        if len(ids) > 1:
            verdict.twice.append(f"job {job} has become {len(ids)}: {sorted(ids)}")


def _figures(history, recorded):
    runs = Counter(run.id for run in history.runs.values())
    often = Counter(min(runs.get(id, 0), 4) for id in recorded)
    return {
        "submitted": len(history.tried),
        "accepted": len(history.accepted),
        "refused": len(history.refused),
        "unknown": len(history.unknown - set(history.took)),
        "outcomes": len(recorded),
        "states": dict(Counter(o.split(":")[0] for all in recorded.values() for o in all)),
        "codes": dict(Counter(o.split(":")[1] for all in recorded.values() for o in all
                              if not o.startswith("succeeded"))),
        "runs": len(history.runs),
        "runs_cut": sum(not run.how for run in history.runs.values()),
        "run_more_than_once": sum(count for times, count in often.items() if times > 1),
        "jobs_by_runs": {str(times): often[times] for times in sorted(often)},
        "outcomes_seen": history.looks,
        "cancelled_at_once": len(history.cancelled),
    }
