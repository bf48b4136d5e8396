"""Figures of scheduling: decisions of the dispatcher alone, and how late jobs are bound to workers.

README.md says what they mean together.
"""

import json
import time

from found import Figure, Ratio, Section
from house import STEP_SECONDS, Failed
from pipeline import Client, Penstock

FEW, MANY = 1_000, 1_000_000  # jobs that wait
DECISIONS = 2_000_000
QUICK_DECISIONS = 300_000
WORKERS = 4  # of one slot
FLOOD, SINGLE = 20_000, 400  # jobs of one tenant, all at once; of another, one after the other
SLEEP_SECONDS = 0.005        # each of them


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


def tenants(programs):
    """Milliseconds of one tenant's jobs, sorted: alone, and while another one's flood waits."""
    def job_of(tenant):
        return {"kind": "sleep", "tenant": tenant, "payload": {"seconds": SLEEP_SECONDS}}

    def one_after_the_other():
        took = []
        for _ in range(SINGLE):
            began = time.monotonic()
            job = client.ask("POST", "/v1/jobs?wait=60", job_of("few"))
            took.append((time.monotonic() - began) * 1e3)
            if job["state"] != "succeeded":
                raise Failed(f"a job came to {job}")
        return sorted(took)

    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, WORKERS, gateway=True,
                            worker_flags=["--slots", 1])
        client = Client(penstock.at.http)
        one_after_the_other()  # how long these take is known then
        alone = one_after_the_other()
        client.submit_many([job_of("flood")] * FLOOD)
        return alone, one_after_the_other()


def measure(programs, plan, found):
    few, many = decisions(programs, plan, FEW), decisions(programs, plan, MANY)
    found.add("sched_decisions_s", many["decisions_s"])
    found.add("sched_few_decisions_s", few["decisions_s"])
    found.add("sched_job_us", many["whole_us"])
    found.add("sched_position_p50_us", many["position_p50_us"])
    found.add("sched_position_p99_us", many["position_p99_us"])
    found.add("sched_makespan_ratio", late_binding(programs)["ratio"])
    for name, took in zip(("alone", "flooded"), tenants(programs)):
        found.add(f"sched_tenant_{name}_p50_ms", took[len(took) // 2])
        found.add(f"sched_tenant_{name}_p99_ms", took[len(took) * 99 // 100])


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
        *(Figure(f"sched_tenant_alone_{part}_ms", f"a tenant alone, {part}", "ms",
                 "400 jobs that sleep 5 ms, posted one after the other, on 4 workers of one slot: "
                 "from the request to the outcome", "", 2, ours=False) for part in ("p50", "p99")),
        *(Figure(f"sched_tenant_flooded_{part}_ms", f"beside another one's flood, {part}", "ms",
                 "The same while 20,000 such jobs of another tenant wait",
                 "More tenants: a turn is one of as many", 2,
                 ratio_to=f"sched_tenant_alone_{part}_ms") for part in ("p50", "p99")),
    ),
    ratios=(
        Ratio("sched_depth_ratio", "a decision, 1,000,000 waiting / 1,000",
              "sched_few_decisions_s", "sched_decisions_s",
              "What a decision costs beside many waiting jobs, by what it costs beside few",
              "Work done: it is mostly what misses the caches"),
    ))
