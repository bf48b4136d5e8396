"""Figures of scheduling: decisions of the dispatcher alone, and how late jobs are bound to workers.

README.md says what they mean together.
"""

import json

from found import Figure, Ratio, Section
from house import STEP_SECONDS, Penstock

FEW, MANY = 1_000, 1_000_000  # jobs that wait
DECISIONS = 2_000_000
QUICK_DECISIONS = 300_000
WORKERS = 4  # of one slot


def decisions(programs, plan, queued):
    with programs.house() as house:
        run = house.start("decisions", [
            programs.bench + "decisions", "--queued", queued, "--decisions",
            QUICK_DECISIONS if plan.quick else DECISIONS])
        return json.loads(run.rest(STEP_SECONDS))


def late_binding(programs):
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, WORKERS, gateway=False,
                            worker_flags=["--slots", 1])
        run = house.start("late-binding", [
            programs.bench + "late-binding", *penstock.flags(), "--workers", WORKERS])
        return json.loads(run.rest(STEP_SECONDS))


def measure(programs, plan, found):
    few, many = decisions(programs, plan, FEW), decisions(programs, plan, MANY)
    found.add("sched_decisions_s", many["decisions_s"])
    found.add("sched_few_decisions_s", few["decisions_s"])
    found.add("sched_job_us", many["whole_us"])
    found.add("sched_position_p50_us", many["position_p50_us"])
    found.add("sched_position_p99_us", many["position_p99_us"])
    found.add("sched_makespan_ratio", late_binding(programs)["ratio"])


SCHED = Section(
    "sched", "Scheduling: the dispatcher alone, and jobs of very different length", measure,
    figures=(
        Figure("sched_decisions_s", "decisions, 1,000,000 jobs waiting", "jobs/s",
               "Jobs a second that the dispatcher picks and writes into messages, by its CPU time, "
               "with a million waiting in 50 kinds with 10 priorities; none shares a turn with "
               "another",
               "Throughput: nothing is sent, and jobs that come in and leave are not counted"),
        Figure("sched_few_decisions_s", "decisions, 1,000 jobs waiting", "jobs/s",
               "The same with a thousand"),
        Figure("sched_job_us", "CPU of a job in the dispatcher", "µs/job",
               "Coming in, being given out and leaving, a million waiting; the making of ids for "
               "the jobs is in it", digits=3),
        Figure("sched_position_p50_us", "position, p50", "µs",
               "Asking where one of a million waiting jobs stands, of the dispatcher alone",
               digits=2),
        Figure("sched_position_p99_us", "position, p99", "µs", "The 99th of a hundred", digits=2),
        Figure("sched_makespan_ratio", "makespan / bound", "times",
               "400 jobs that sleep, 90 % of them 5 ms and 10 % 200 ms in a fixed order, on 4 "
               "workers of one slot, shipped defaults: until the last outcome is known, by what it "
               "would take if no slot ever waited",
               "Jobs that use a CPU: these sleep, so that four workers fit on any machine",
               digits=3),
    ),
    ratios=(
        Ratio("sched_depth_ratio", "a decision, 1,000,000 waiting / 1,000",
              "sched_few_decisions_s", "sched_decisions_s",
              "What a decision costs beside many waiting jobs, by what it costs beside few",
              "Work done: it is mostly what misses the caches"),
    ))
