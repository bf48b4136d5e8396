"""Every figure of bench/run. To add one: measure it in a function, and put it into a Section.

A function measures one round and tells Found what it saw; bench/run interleaves the rounds of all
sections. README.md says what the figures mean together.
"""

import json
import shutil
import subprocess

from bounds import BOUNDS
from death import DEATH
from durable import STORE
from found import Count, Figure, Ratio, Roles, Section
from house import STEP_SECONDS, Failed, House, Sampler, free_ports, wait_until_listening
from pipeline import Penstock
from retention import RETENTION
from scale import SCALE
from scheduling import SCHED

PAYLOAD_BYTES = 100
RAW_WORKERS = 2
PENSTOCK_WORKERS = 2


class Programs:
    def __init__(self, build):
        self.penstock = f"{build}/penstock"
        self.bench = f"{build}/bench/bench-"
        self.logs = f"{build}/bench/logs"

    def house(self):
        return House(self.logs)


# ---- throughput -----------------------------------------------------------------------------


def raw_pipeline(programs, jobs, batch):
    """PUSH -> 2 PULL workers -> PUSH -> PULL sink, `batch` jobs a message."""
    messages = max(1, jobs // batch)
    first = free_ports()
    lane, out = (f"tcp://127.0.0.1:{first + i}" for i in range(2))
    raw = programs.bench + "raw"
    size = ["--messages", messages, "--bytes", PAYLOAD_BYTES * batch]
    with programs.house() as house:
        sink = house.start("raw-sink", [raw, "sink", "--from", out, *size])
        workers = [house.start(f"raw-worker-{i}", [raw, "worker", "--from", lane, "--to", out])
                   for i in range(RAW_WORKERS)]
        source = house.start(
            "raw-source", [raw, "source", "--to", lane, "--workers", RAW_WORKERS, *size])
        started = json.loads(source.line(STEP_SECONDS))
        ended = json.loads(sink.line(STEP_SECONDS))
        cpu = {"source": started["cpu_seconds"], "sink": ended["cpu_seconds"],
               "workers": sum(w.cpu_seconds() for w in workers)}
    done = messages * batch
    return {"jobs_s": done / (ended["end_ns"] - started["start_ns"]) * 1e9,
            "cpu_us_per_job": {role: used / done * 1e6 for role, used in cpu.items()}}


def penstock_pipeline(programs, fresh_jobs, jobs, batch, in_flight):
    """Stored, settled, fenced: first submit -> all outcomes known. Then values are compared. First by
    processes that have only just begun, then by the same ones."""
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, PENSTOCK_WORKERS, gateway=False)
        submit = [programs.bench + "submit", *penstock.flags(), "--workers", PENSTOCK_WORKERS,
                  "--bytes", PAYLOAD_BYTES, "--batch", batch, "--in-flight", in_flight]
        house.start("warm-up", [*submit, "--jobs", 1000]).wait(STEP_SECONDS)
        fresh = house.start("fresh", [*submit, "--jobs", fresh_jobs, "--compare", 0])
        fresh_jobs_s = json.loads(fresh.line(STEP_SECONDS))["jobs_s"]
        fresh.rest(STEP_SECONDS)
        before = penstock.cpu_seconds()
        submitter = house.start("submit", [*submit, "--jobs", jobs])
        with Sampler(house) as sampler:
            result = json.loads(submitter.line(STEP_SECONDS))
            after = penstock.cpu_seconds()
        compared = json.loads(submitter.line(STEP_SECONDS))["compared"]
        submitter.wait(STEP_SECONDS)
    cpu = {role: after[role] - before[role] for role in before}
    cpu["submitter"] = result["cpu_seconds"]
    return {"jobs_s": result["jobs_s"], "fresh_jobs_s": fresh_jobs_s, "compared": compared,
            "processes": sampler.series,
            "cpu_us_per_job": {role: used / jobs * 1e6 for role, used in cpu.items()}}


def throughput(programs, plan, found):
    raw = raw_pipeline(programs, plan.raw_jobs, 1)
    ours = penstock_pipeline(programs, plan.fresh_jobs, plan.jobs, plan.batch, plan.in_flight)
    batched = raw_pipeline(programs, plan.raw_jobs * plan.raw_batched_times, plan.batch)
    for key, one in (("throughput", ours), ("raw", raw), ("raw_batched", batched)):
        found.add(key + "_jobs_s", one["jobs_s"])
        cpu = "cpu_us_per_job" if one is ours else key + "_cpu_us_per_job"
        found.add(cpu, one["cpu_us_per_job"])
    found.add_processes("throughput_jobs_s", ours["processes"])
    found.add("throughput_fresh_jobs_s", ours["fresh_jobs_s"])
    found.add("values_compared", ours["compared"])


THROUGHPUT = Section(
    "throughput", "Jobs a second: 100 bytes each, 2 workers, separate processes, tcp", throughput,
    figures=(
        Figure("raw_jobs_s", "raw libzmq, 1 job a message", "jobs/s",
               "PUSH → 2 PULL workers → PUSH → PULL, one message a job, straight libzmq with its "
               "defaults (unbounded queues are slower here); first send to last receive",
               "A limit of the machine: it is the limit of one libzmq message a job. Nothing is "
               "stored, answered or redelivered, and a dying worker would lose what it holds",
               ratio_to="raw_jobs_s", ours=False),
        Figure("raw_batched_jobs_s", "raw libzmq, a batch a message", "jobs/s",
               "The same bytes, with as many jobs a message as Penstock's submitter uses "
               "(--batch, 64)",
               "A pipeline that anybody could use: nobody looks into a message, all its jobs go "
               "one way and share one fate. It is the ceiling that batching alone sets",
               ratio_to="raw_jobs_s", ours=False),
        Figure("throughput_jobs_s", "Penstock, stored and settled", "jobs/s",
               "Penstock with everything on: each job stored at the sink before it is sent to a "
               "worker, one handler call a job (echo), fenced, settled; from the first submit to "
               "the moment when the sink says that all succeeded",
               "What a single client gets one job at a time (see latency), what HTTP takes, or "
               "what handlers with work to do will reach. Jobs come in bulk over ZeroMQ, from one "
               "submitter", ratio_to="raw_jobs_s"),
        Figure("throughput_fresh_jobs_s", "Penstock, its first jobs", "jobs/s",
               "The same by processes that have only just begun, until the sink has as many finished "
               "jobs as it keeps (1,000,000): all memory is new to them",
               "What a service does that has run for a while", ratio_to="raw_jobs_s"),
        Count("values_compared", "values read back by id, byte for byte", "jobs",
              "So many jobs, chosen at random before they were submitted (1,000 a round), were "
              "read back by id, and their values were their payloads",
              "That the others were compared. That all of them succeeded is what ends the clock"),
        Roles("raw_cpu_us_per_job", "CPU: raw, 1 job a message", "µs/job",
              "CPU time of the raw pipeline for one job, user and system",
              "Source and sink include their start, some milliseconds in all",
              ratio_to="raw_cpu_us_per_job", ours=False),
        Roles("raw_batched_cpu_us_per_job", "CPU: raw, a batch a message", "µs/job",
              "The same of the batched raw pipeline", ratio_to="raw_cpu_us_per_job",
              ours=False),
        Roles("cpu_us_per_job", "CPU: Penstock", "µs/job",
              "CPU time of each role for one job, user and system, all its threads; workers is "
              "both together",
              "Latency. Polling for work that is not there counts too",
              ratio_to="raw_cpu_us_per_job"),
    ),
    ratios=(
        Ratio("throughput_ratio", "Penstock / raw, 1 job a message",
              "throughput_jobs_s", "raw_jobs_s", "Jobs a second beside a raw message a job",
              "Efficiency of one message: Penstock packs jobs into batches, the raw pipeline of "
              "this ratio does not"),
        Ratio("throughput_batched_ratio", "Penstock / raw, a batch a message",
              "throughput_jobs_s", "raw_batched_jobs_s", "What is paid for knowing each job",
              digits=4),
        Ratio("cpu_ratio", "CPU raw / CPU Penstock", "raw_cpu_us_per_job", "cpu_us_per_job",
              "What throughput_ratio tends to when both keep all cores busy. Noise moves it much "
              "less"),
    ))


# ---- one job at a time ----------------------------------------------------------------------


def idle(programs, plan, found):
    with programs.house() as house:
        at = f"tcp://127.0.0.1:{free_ports()}"
        house.start("raw-reply", [programs.bench + "raw", "reply", "--from", at])
        _latency(house, found, "raw_rtt", [programs.bench + "raw", "ask", "--to", at, "--bytes",
                                           PAYLOAD_BYTES, "--count", plan.idle_jobs])
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, PENSTOCK_WORKERS, gateway=True)
        latency = [programs.bench + "latency", *penstock.flags()]
        _latency(house, found, "idle", [*latency, "--jobs", plan.idle_jobs])
        _latency(house, found, "idle_rested",
                 [*latency, "--jobs", plan.idle_jobs // 10, "--rest-ms", 20])
        _latency(house, found, "http_idle", [programs.bench + "http-latency", "--port",
                                             penstock.at.http, "--jobs", plan.idle_jobs])


def _latency(house, found, key, argv):
    samples = house.path(key + ".samples")
    result = json.loads(house.start(key, [*argv, "--samples", samples]).line(STEP_SECONDS))
    with open(samples) as file:
        found.add_samples(key, [float(line) for line in file])
    for percent in ("p50", "p99"):
        found.add(f"{key}_{percent}_us", result[percent + "_us"])


def _latency_figures(key, name, means, lacks="", ours=True):
    return (Figure(key + "_p50_us", name + ", p50", "µs", means, lacks, 1, "raw_rtt_p50_us", ours),
            Figure(key + "_p99_us", name + ", p99", "µs",
                   "The same, the job that is slower than 99 of 100",
                   "A p99 of 2,000 jobs is the 20th slowest of them: on a busy machine it shows "
                   "the scheduler", 1, "raw_rtt_p99_us", ours))


IDLE = Section(
    "idle", "One job at a time, submit to outcome", idle,
    figures=(
        *_latency_figures("raw_rtt", "raw libzmq REQ/REP round trip",
                          "REQ/REP over tcp: two messages, two processes",
                          "The least that a job can take: a job walks submit → store → stored → "
                          "lane → result → answer, six messages over four processes", ours=False),
        *_latency_figures("idle", "Penstock over ZeroMQ",
                          "Submit over PUSH, `wait until finished` right behind it, until the "
                          "answer with the value is here; then the next one",
                          "Latency under load. There a job waits in a queue first"),
        *_latency_figures("idle_rested", "Penstock, after 20 ms of rest",
                          "The same, each job after 20 ms in which nothing happened: all "
                          "threads, and the CPU, have gone to sleep"),
        *_latency_figures("http_idle", "Penstock over HTTP keep-alive",
                          "POST /v1/jobs with Prefer: wait=10 over one kept connection, until "
                          "the 200 with the result",
                          "What 202 takes: this waits for the outcome"),
    ))


# ---- one job beside many --------------------------------------------------------------------

LOADED_SECONDS = 4


def loaded(programs, plan, found):
    """Single jobs, submitted while others keep Penstock busy at half of what it just did."""
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, PENSTOCK_WORKERS, gateway=False)
        submit = [programs.bench + "submit", *penstock.flags(), "--workers", PENSTOCK_WORKERS,
                  "--bytes", PAYLOAD_BYTES, "--batch", plan.batch, "--compare", 0]
        house.start("warm-up", [*submit, "--jobs", 1000]).wait(STEP_SECONDS)
        full = house.start("full-speed", [*submit, "--jobs", plan.jobs // 2])
        half = json.loads(full.line(STEP_SECONDS))["jobs_s"] / 2
        full.wait(STEP_SECONDS)
        others = house.start("others", [*submit, "--jobs", int(half * LOADED_SECONDS),
                                        "--rate", int(half)])
        # Fewer than fit into those seconds, so that the last one still has company.
        _latency(house, found, "loaded", [programs.bench + "latency", *penstock.flags(),
                                          "--jobs", plan.idle_jobs // 2])
        offered = json.loads(others.line(STEP_SECONDS))["jobs_s"]
        others.wait(STEP_SECONDS)
    found.add("loaded_jobs_s", offered)


LOADED = Section(
    "loaded", "One job while others keep Penstock busy at half its speed", loaded,
    figures=(
        Figure("loaded_jobs_s", "the others", "jobs/s",
               "What the other jobs, in bulk, came to: half of what the same processes did at full "
               "speed a moment before"),
        Figure("loaded_p50_us", "one job over ZeroMQ beside them, p50", "µs",
               "As idle_p50_us, while the others are submitted, stored and run", "", 1),
        Figure("loaded_p99_us", "one job over ZeroMQ beside them, p99", "µs",
               "The same, the job that is slower than 99 of 100",
               "On two cores all processes and both submitters share them", 1),
    ))


# ---- HTTP -----------------------------------------------------------------------------------


BULK_SECONDS = 2  # longer, and jobs that are submitted faster than they run might fill the house


def wrk(port, seconds, script, connections=64):
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{port}"],
        capture_output=True, text=True, timeout=STEP_SECONDS, check=False)
    if done.returncode != 0:
        raise Failed(f"wrk ended with {done.returncode}: {done.stderr.strip()}")
    result = json.loads(done.stdout.strip().split("\n")[-1])
    if result["refused"] or result["broken"]:
        raise Failed(f"{result['refused']} requests were refused and {result['broken']} broke; "
                     "such a rate means nothing")
    return result


def http_rates(programs, plan, found):
    if not shutil.which("wrk"):
        raise Failed("wrk is not installed (scripts/install-packages bench)")
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, PENSTOCK_WORKERS, gateway=True)
        house.start("fill", [programs.bench + "submit", *penstock.flags(), "--jobs", plan.fresh_jobs,
                             "--compare", 0]).rest(STEP_SECONDS)
        hello_port = penstock.at.http + 1
        hello = house.start("hello", [programs.bench + "hello", hello_port])
        wait_until_listening(hello, hello_port)
        before = hello.cpu_seconds()
        greeted = wrk(hello_port, plan.http_seconds, plan.script)
        found.add("http_hello_s", greeted["requests_s"])
        found.add("http_hello_cpu_us_per_request",
                  (hello.cpu_seconds() - before) / greeted["requests"] * 1e6)
        before = penstock.cpu_seconds()
        answered = wrk(penstock.at.http, plan.http_seconds, plan.script)
        after = penstock.cpu_seconds()
        found.add("http_submits_s", answered["requests_s"])
        found.add("http_cpu_us_per_request",
                  {r: (after[r] - before[r]) / answered["requests"] * 1e6 for r in before})
        bulk = plan.script.replace("submit.lua", "bulk.lua")
        taken = wrk(penstock.at.http, BULK_SECONDS, bulk, connections=4)
        found.add("http_bulk_jobs_s", taken["jobs_s"])


HTTP = Section(
    "http", "HTTP requests a second: wrk -t1 -c64, POST /v1/jobs", http_rates,
    figures=(
        Figure("http_hello_s", "bare Beast, answers hello", "requests/s",
               "The least that Boost.Beast can do: one thread reads a request whole and answers "
               "a greeting", ratio_to="http_hello_s", ours=False),
        Figure("http_submits_s", "Penstock, stored and answered 202", "requests/s",
               "POST /v1/jobs of kind echo, answered 202: parsed, transcoded, stored at the "
               "sink. Two workers run the jobs meanwhile and take their share of the cores",
               "The rate of a gateway on cores of its own, or of POST /v1/jobs/bulk, which "
               "carries many jobs a request", ratio_to="http_hello_s"),
        Figure("http_hello_cpu_us_per_request", "CPU: bare Beast", "µs/request",
               "CPU time of the bare server for one request", "wrk's own", 3,
               "http_hello_cpu_us_per_request", ours=False),
        Figure("http_bulk_jobs_s", "Penstock, jobs of bulks", "jobs/s",
               "POST /v1/jobs/bulk, a thousand jobs of kind echo a body of NDJSON, over four "
               "connections, answered 202: each of them is stored. Workers run them meanwhile",
               "Outcomes: submitting may be ahead of them"),
        Roles("http_cpu_us_per_request", "CPU: Penstock", "µs/request",
              "CPU time of each role for one request", "wrk's own",
              ratio_to="http_hello_cpu_us_per_request"),
    ),
    ratios=(Ratio("http_ratio", "Penstock / bare Beast", "http_submits_s", "http_hello_s",
                  "Requests a second beside a server that does nothing"),))


# ---- memory ---------------------------------------------------------------------------------


def memory(programs, plan, found):
    """What one more job in the queue costs each of the two that keep it, beside its payload."""
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, workers=0, gateway=False)
        submit = [programs.bench + "submit", *penstock.flags(), "--workers", 0, "--bytes",
                  PAYLOAD_BYTES, "--batch", plan.batch, "--until", "stored"]
        house.start("warm-up", [*submit, "--jobs", 1000]).wait(STEP_SECONDS)
        keepers = {"ventilator": penstock.ventilator, "sink": penstock.sink}
        before = {name: p.resident_bytes() for name, p in keepers.items()}
        house.start("submit", [*submit, "--jobs", plan.queued_jobs]).wait(STEP_SECONDS)
        for name, process in keepers.items():
            grown = (process.resident_bytes() - before[name]) / plan.queued_jobs
            found.add("bytes_per_queued_job_" + name, grown - PAYLOAD_BYTES)


MEMORY = Section(
    "memory", "Memory of a queued job besides its payload", memory,
    figures=tuple(
        Figure("bytes_per_queued_job_" + role, role, "bytes/job",
               "Growth of resident memory by 200,000 queued jobs of 100 bytes (no worker is "
               "there), divided by their number, less the 100 bytes of the payload, which both "
               "keep. Buffers and what the allocator keeps back are in it",
               "What 200,000 finished jobs cost; those also carry a value")
        for role in ("ventilator", "sink")))


SECTIONS = (THROUGHPUT, IDLE, LOADED, HTTP, MEMORY, SCHED, BOUNDS, STORE, RETENTION, DEATH, SCALE)
