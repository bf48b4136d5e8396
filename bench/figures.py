"""Every figure of bench/run, one function each. README.md says what they mean."""

import json
import shutil
import statistics
import subprocess

from house import Failed, House, Penstock, free_ports, wait_until_listening

PAYLOAD_BYTES = 100
RAW_WORKERS = 2
PENSTOCK_WORKERS = 2
STEP_SECONDS = 180  # no step takes longer; it is stuck


class Programs:
    def __init__(self, build):
        self.penstock = f"{build}/penstock"
        self.bench = f"{build}/bench/bench-"
        self.logs = f"{build}/bench/logs"

    def house(self):
        return House(self.logs)


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


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


def penstock_pipeline(programs, jobs, batch, in_flight):
    """Stored, settled, fenced: first submit -> all outcomes known. Then values are compared."""
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, PENSTOCK_WORKERS, gateway=False)
        submit = [programs.bench + "submit", *penstock.flags(), "--workers", PENSTOCK_WORKERS,
                  "--bytes", PAYLOAD_BYTES, "--batch", batch, "--in-flight", in_flight]
        # The first jobs of a process pay for its page faults and first connections: not counted.
        house.start("warm-up", [*submit, "--jobs", 1000]).wait(STEP_SECONDS)
        before = penstock.cpu_seconds()
        submitter = house.start("submit", [*submit, "--jobs", jobs])
        result = json.loads(submitter.line(STEP_SECONDS))
        after = penstock.cpu_seconds()
        compared = json.loads(submitter.line(STEP_SECONDS))["compared"]
        submitter.wait(STEP_SECONDS)
    cpu = {role: after[role] - before[role] for role in before}
    cpu["submitter"] = result["cpu_seconds"]
    return {"jobs_s": result["jobs_s"], "compared": compared,
            "cpu_us_per_job": {role: used / jobs * 1e6 for role, used in cpu.items()}}


def merged(runs):
    roles = runs[0]["cpu_us_per_job"]
    cpu = {role: statistics.median(r["cpu_us_per_job"][role] for r in runs) for role in roles}
    return {**spread([r["jobs_s"] for r in runs]), "cpu_us_per_job": cpu}


def throughput(programs, plan, told):
    runs = {"raw": [], "raw_batched": [], "penstock": []}
    for i in range(plan.rounds):
        told(f"throughput, round {i + 1} of {plan.rounds}")
        runs["raw"].append(raw_pipeline(programs, plan.raw_jobs, 1))
        runs["penstock"].append(
            penstock_pipeline(programs, plan.jobs, plan.batch, plan.in_flight))
        runs["raw_batched"].append(
            raw_pipeline(programs, plan.raw_jobs * plan.raw_batched_times, plan.batch))
    return {**{name: merged(those) for name, those in runs.items()},
            "compared": sum(run["compared"] for run in runs["penstock"])}


# ---- one job at a time ----------------------------------------------------------------------


def raw_round_trip(programs, count):
    at = f"tcp://127.0.0.1:{free_ports()}"
    with programs.house() as house:
        house.start("raw-reply", [programs.bench + "raw", "reply", "--from", at])
        ask = house.start("raw-ask", [programs.bench + "raw", "ask", "--to", at, "--bytes",
                                      PAYLOAD_BYTES, "--messages", count])
        return json.loads(ask.line(STEP_SECONDS))


def idle(programs, plan, told):
    told("one job at a time")
    out = {"raw": raw_round_trip(programs, plan.idle_jobs)}
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, PENSTOCK_WORKERS, gateway=True)
        latency = [programs.bench + "latency", *penstock.flags()]
        ask = house.start("latency", [*latency, "--jobs", plan.idle_jobs])
        out["zeromq"] = json.loads(ask.line(STEP_SECONDS))
        ask = house.start("latency-rested",
                          [*latency, "--jobs", plan.idle_jobs // 10, "--rest-ms", 20])
        out["zeromq_rested"] = json.loads(ask.line(STEP_SECONDS))
        ask = house.start("http-latency", [programs.bench + "http-latency", "--port",
                                           penstock.at.http, "--jobs", plan.idle_jobs])
        out["http"] = json.loads(ask.line(STEP_SECONDS))
    return out


# ---- HTTP -----------------------------------------------------------------------------------


def wrk(port, seconds, script):
    done = subprocess.run(
        ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{port}"],
        capture_output=True, text=True, timeout=STEP_SECONDS, check=False)
    if done.returncode != 0:
        raise Failed(f"wrk ended with {done.returncode}: {done.stderr.strip()}")
    result = json.loads(done.stdout.strip().split("\n")[-1])
    if result["refused"] or result["broken"]:
        raise Failed(f"{result['refused']} requests were refused and {result['broken']} broke; "
                     "such a rate means nothing")
    return result


def http_rates(programs, plan, told):
    if not shutil.which("wrk"):
        told("no HTTP rates: wrk is not installed (apt-get install wrk)")
        return None
    hello_s, submits_s, hello_us, cpu = [], [], [], []
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, PENSTOCK_WORKERS, gateway=True)
        hello_port = penstock.at.http + 1
        hello = house.start("hello", [programs.bench + "hello", hello_port])
        wait_until_listening(hello, hello_port)
        for i in range(plan.http_rounds):
            told(f"HTTP, round {i + 1} of {plan.http_rounds}")
            hello_before = hello.cpu_seconds()
            greeted = wrk(hello_port, plan.http_seconds, plan.script)
            hello_s.append(greeted["requests_s"])
            before = penstock.cpu_seconds()
            answered = wrk(penstock.at.http, plan.http_seconds, plan.script)
            after = penstock.cpu_seconds()
            submits_s.append(answered["requests_s"])
            us = {r: (after[r] - before[r]) / answered["requests"] * 1e6 for r in before}
            cpu.append(us)
            hello_us.append((hello.cpu_seconds() - hello_before) / greeted["requests"] * 1e6)
    return {"hello": spread(hello_s), "submits": spread(submits_s),
            "hello_us": statistics.median(hello_us),
            "cpu_us_per_request": {r: statistics.median(c[r] for c in cpu) for r in cpu[0]}}


# ---- memory ---------------------------------------------------------------------------------


def memory(programs, plan, told):
    """What one more job in the queue costs each of the two that keep it, beside its payload."""
    told("memory of queued jobs")
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, workers=0, gateway=False)
        submit = [programs.bench + "submit", *penstock.flags(), "--workers", 0, "--bytes",
                  PAYLOAD_BYTES, "--batch", plan.batch, "--until", "stored"]
        house.start("warm-up", [*submit, "--jobs", 1000]).wait(STEP_SECONDS)
        keepers = {"ventilator": penstock.ventilator, "sink": penstock.sink}
        before = {name: p.resident_bytes() for name, p in keepers.items()}
        house.start("submit", [*submit, "--jobs", plan.queued_jobs]).wait(STEP_SECONDS)
        return {name: (p.resident_bytes() - before[name]) / plan.queued_jobs - PAYLOAD_BYTES
                for name, p in keepers.items()}
