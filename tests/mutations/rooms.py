"""Where mutations are made: what decides about jobs in the dispatcher and the ledger. And what is left
out there, each for a reason that has nothing to do with what finds it."""

import hashlib
import re
from dataclasses import dataclass

import operators
import reading

# By file, the functions in which nothing is changed: they answer questions, or put into words what
# was decided elsewhere. Waits for answers are among the questions.
LEFT_OUT = {
    "ventilator/dispatcher.cpp": ("failure_of",),
    "ventilator/dispatcher_batches.cpp": (),
    "ventilator/dispatcher_claims.cpp": (),
    "ventilator/dispatcher_kinds.cpp": (),
    "ventilator/dispatcher_lanes.cpp": (),
    "ventilator/dispatcher_limits.cpp": (),
    "ventilator/dispatcher_lines.cpp": (),
    "ventilator/dispatcher_lives.cpp": (),
    "ventilator/dispatcher_pump.cpp": ("queued_us", "room", "workers", "oldest_age", "stats"),
    "ventilator/dispatcher_take.cpp": (),
    "ventilator/roster.cpp": (),
    "sink/ledger.cpp": (),
    "sink/ledger_kept.cpp": (),
    "sink/ledger_restored.cpp": (),
    "sink/ledger_questions.cpp": ("ask", "unknown", "is_conflict", "answer", "wait", "release_waits",
                                  "view", "list", "stats"),
    "sink/ledger_results.cpp": (),
    "sink/ledger_retention.cpp": ("ask_for_next",),
    "sink/offers.cpp": (),
    "sink/groups.cpp": ("failure_of",),
    "sink/group_questions.cpp": ("without", "ask_group", "holds", "release_group_waits",
                                 "expire_group_waits", "view"),
}
# Not here at all: ventilator/dispatcher_explain.cpp and sink/ledger_watched.cpp (what people are told
# of a job, its events and pieces), sink/many.cpp, waits.cpp, partials.cpp (questions, and deeds that are
# those of the files above, many times), ventilator/pool.cpp, waiting.cpp and rounds.cpp (whose turn it
# is: fairness, which unit tests measure and no fate of a job depends on).

# Statements that decide nothing, wherever they stand.
IDLE = {
    "a check of the code's own": r"\bPENSTOCK_CHECK\b",
    "a hint to caches or to memory": r"\bprefetch\(|\bask_for_next\(|\.reserve\(|\brows_expected_",
    "how much is done at a time": r"\bconstexpr\b|\bk\w*LooksMax\b",
    "counted, for people to look at":
        r"(\+\+|--)[\w.>-]*\b(submitted|refused|dispatched|redelivered|retried|duplicates|duplicates_|"
        r"stored|settled|delayed|suspects|succeeded|failed|cancelled|expired|quarantined|malformed_|"
        r"unknown_results_|lost_attempts_|workers)$|\bevicted_ \+=|\bkind->slots\b|"
        r"\bkind(->|\.)waiting(_lines)?\[|\bhistogram|Histogram|\bh->",
    "measured, for estimates and turns":
        r"\bmeasure\(|\bobserve\(|\bmeasured\b|\belapsed\b|\bdouble\b|\bcharged?\b|\bpace\b|"
        r"\bnote_times\(|\b(queued|waited|run)(_seconds)?( =|;|$)|\bqueued_us\b|\bcpu_seconds\b|"
        r"\brss_bytes\b|\bstarted = |\bsubmitted = |\bfinished(_wall)? = ",
    "a name, an event or a sentence for people":
        r"\bnote\(|\b(joined|answer)\.error\b|\bset_worker\(|\bnames_\b|\.progress\b",
    "a live piece of a result": r"partials",
}
# Mutants that were drawn and do the same as the code: nothing can find them. By file and what they
# are, so that none stays here when its line has become another.
EQUIVALENT = {
    ("ventilator/dispatcher_limits.cpp", "if (kind.is_looked_at) ;"):
        "a kind that is looked at twice in a pump is held, or not, all the same",
    ("ventilator/dispatcher_lives.cpp", "owes_holds_ = true"):
        "what is held is said behind the stores of all of it, and the sink knows it by then",
}
_IDLE = re.compile("|".join(IDLE.values()), re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    file: str
    line: int
    function: str
    change: operators.Change
    was: str       # the statement that it is in
    is_now: str
    key: str       # of the mutant, whatever else changes in its file

    @property
    def is_equivalent_because(self):
        """Empty: it is not known to be."""
        return EQUIVALENT.get((self.file, self.is_now), "")

    def text(self, root):
        return operators.apply((root / self.file).read_text(), self.change)


def mutants_of(file, text, left_out=()):
    code = reading.code_of(text)
    out, seen = [], {}
    for function in reading.functions(code):
        if function.name.rsplit("::", 1)[-1] in left_out:
            continue
        for change in operators.changes(code, function.body):
            site = reading.around(code, change.where.begin)
            if _IDLE.search(" ".join(code[site.begin:site.end].split())):
                continue
            begin, end = min(site.begin, change.where.begin), max(site.end, change.where.end)
            was = _one_line(text[begin:end])
            now = _one_line(text[begin:change.where.begin] + change.put + text[change.where.end:end])
            key = f"{file} {function.name} {change.operator} {was} => {now}"
            seen[key] = seen.get(key, 0) + 1  # the same words may stand in a function twice
            line = text.count("\n", 0, change.where.begin) + 1
            out.append(Mutant(file, line, function.name, change, was, now, f"{key} {seen[key]}"))
    return out


def _one_line(text):
    return " ".join(re.sub(r"//[^\n]*", "", text).split())


def draw(root, seed):
    """All mutants, in the order in which the seed draws them. Each has its place by what it is: a line
    that is changed elsewhere draws nothing else anew."""
    every = [mutant for file, left_out in LEFT_OUT.items()
             for mutant in mutants_of(file, (root / file).read_text(), left_out)]
    return sorted(every, key=lambda m: hashlib.sha256(f"{seed} {m.key}".encode()).digest())
