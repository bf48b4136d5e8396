"""Figures of scale: many workers, many waits, many jobs, large payloads.

README.md beside this file says what each of them means.
"""

import json
import os
import statistics
import time

from house import Failed, Penstock

STEP_SECONDS = 180
PAYLOAD_BYTES = 100
PACKED_BYTES = PAYLOAD_BYTES + 2  # as a msgpack bin
MIB = 1 << 20


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def submitted(house, programs, penstock, **settings):
    """One run of bench-scale-submit."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    run = house.start("scale-submit", [programs.bench + "scale-submit", *penstock.flags(), *flags])
    result = json.loads(run.line(STEP_SECONDS))
    run.wait(STEP_SECONDS)
    return result


def swarm(house, programs, penstock, workers, processes=1, more=()):
    """Many workers; what the last of the processes said when all of them were up."""
    started = [house.start(f"swarm-{i}", [
        programs.bench + "scale-swarm", *penstock.flags(), "--workers", workers // processes,
        "--until", workers, *more]) for i in range(processes)]
    told = [json.loads(each.line(STEP_SECONDS)) for each in started]
    return started, max(told, key=lambda each: each["seconds"])


def small_jobs(house, programs, penstock, jobs, in_flight=100_000):
    rounds = [submitted(house, programs, penstock, jobs=jobs, bytes=PAYLOAD_BYTES, batch=64,
                        in_flight=in_flight, workers=0)["jobs_s"] for _ in range(4)]
    return statistics.median(rounds[1:])  # in the first one times are measured and tables grow


def workers(programs, plan, told):
    """Joins of many workers, and their dispatch rate beside that of two."""
    many = 1_000 if plan.quick else 3_000
    jobs = 100_000 if plan.quick else 300_000
    told(f"{many} workers")
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, workers=0, gateway=False)
        swarm(house, programs, penstock, 2)
        two = small_jobs(house, programs, penstock, jobs)
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, workers=0, gateway=False)
        before = descriptors(penstock.ventilator)
        processes, last = swarm(house, programs, penstock, many, processes=2)
        each = (descriptors(penstock.ventilator) - before) / many
        in_swarm = sum(descriptors(p) for p in processes) / many
        idle = penstock.cpu_seconds()
        time.sleep(2)
        idle = (penstock.cpu_seconds()["ventilator"] - idle["ventilator"]) / 2
        rate = small_jobs(house, programs, penstock, jobs)
    return {"scale_workers": many, "scale_join_seconds": last["seconds"],
            "scale_descriptors_ventilator": each, "scale_descriptors_swarm": in_swarm,
            "scale_idle_cpu": idle, "scale_jobs_s": rate, "scale_two_workers_jobs_s": two,
            "scale_workers_ratio": rate / two}


def waits(programs, plan, told):
    held = 2_000 if plan.quick else 10_000
    told(f"{held} waits")
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, workers=0, gateway=False)
        submitted(house, programs, penstock, jobs=1_000, bytes=PAYLOAD_BYTES, batch=64, workers=0,
                  until="stored", in_flight=1_000)
        before = penstock.sink.resident_bytes()
        asker = house.start("waits", [programs.bench + "scale-waits", *penstock.flags(),
                                      "--waits", held])
        asker.line(STEP_SECONDS)
        bytes_each = (penstock.sink.resident_bytes() - before) / held
        used = penstock.sink.cpu_seconds()
        time.sleep(3)
        cpu = (penstock.sink.cpu_seconds() - used) / 3
        swarm(house, programs, penstock, 2)
        answered = json.loads(asker.line(STEP_SECONDS))
        asker.wait(STEP_SECONDS)
    return {"scale_waits": answered["answered"], "scale_bytes_per_wait": bytes_each,
            "scale_waits_cpu": cpu, "scale_waits_answered_seconds": answered["seconds"]}


def queue(programs, plan, told):
    queued = 200_000 if plan.quick else 950_000  # below the default limit of a million
    jobs = 100_000 if plan.quick else 300_000
    told(f"{queued} queued jobs")
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, workers=0, gateway=False)
        submitted(house, programs, penstock, kind="parked", jobs=1_000, bytes=PAYLOAD_BYTES,
                  batch=64, workers=0, until="stored", in_flight=1_000)
        keepers = {"ventilator": penstock.ventilator, "sink": penstock.sink}
        before = {name: p.resident_bytes() for name, p in keepers.items()}
        submitted(house, programs, penstock, kind="parked", jobs=queued, bytes=PAYLOAD_BYTES,
                  batch=64, workers=0, until="stored", in_flight=100_000)
        out = {f"scale_bytes_per_queued_job_{name}":
               (p.resident_bytes() - before[name]) / queued - PACKED_BYTES
               for name, p in keepers.items()}
        out["scale_queued"] = queued
    flows = {}
    for name, parked in (("empty", 1_000), ("full", queued)):
        with programs.house() as house:
            penstock = Penstock(house, programs.penstock, workers=0, gateway=False)
            # The parked ones come first: a kind that nobody joined with is refused later.
            submitted(house, programs, penstock, kind="parked", jobs=parked, bytes=PAYLOAD_BYTES,
                      batch=64, workers=0, until="stored", in_flight=100_000)
            swarm(house, programs, penstock, 2)
            flows[name] = small_jobs(house, programs, penstock, jobs, in_flight=9_000)
    out["scale_full_queue_jobs_s"] = flows["full"]
    out["scale_full_queue_ratio"] = flows["full"] / flows["empty"]
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, workers=0, gateway=False)
        swarm(house, programs, penstock, 2)
        run = lambda count: submitted(house, programs, penstock, jobs=count, bytes=PAYLOAD_BYTES,
                                      batch=64, workers=0, in_flight=50_000)
        run(10_000)
        before = penstock.sink.resident_bytes()
        run(queued)
        grown = penstock.sink.resident_bytes() - before
        out["scale_bytes_per_finished_job_sink"] = grown / queued - 2 * PACKED_BYTES
    return out


def payloads(programs, plan, told):
    """Payloads of 1 MiB: `echo`, whose result is as large again, and an answer of one byte."""
    jobs = 500 if plan.quick else 2_000
    out = {}
    for name, more in (("echo", ()), ("short", ("--nil",))):
        told(f"payloads of 1 MiB, {name}")
        with programs.house() as house:
            penstock = Penstock(house, programs.penstock, workers=0, gateway=False)
            swarm(house, programs, penstock, 2, more=more)
            run = lambda: submitted(house, programs, penstock, jobs=jobs, bytes=MIB, batch=1,
                                    in_flight=64, workers=0)["gigabytes_s"]
            run()  # the sink's gibibyte fills up: new memory costs more than memory used again
            before = penstock.cpu_seconds()
            out[f"scale_mib_{name}_gigabytes_s"] = statistics.median(run() for _ in range(3))
            after = penstock.cpu_seconds()
            for role in ("ventilator", "sink"):
                out[f"scale_mib_{name}_{role}_us"] = \
                    (after[role] - before[role]) / (3 * jobs) * 1e6
    return out


def scale(programs, plan, told):
    found, failed = {}, []
    for part in (workers, waits, queue, payloads):
        try:
            found.update(part(programs, plan, told))
        except Failed as error:
            failed.append(f"{part.__name__}: {error}")
    if failed:
        told("what was found of scale all the same:\n" + table(found))
        raise Failed("; ".join(failed))
    return found


def table(found):
    return "\n".join(f"{name:44}{value:>14,.3f}" if value < 100 else f"{name:44}{value:>14,.0f}"
                     for name, value in found.items())
