"""The figures of one run as one flat JSON object, and as a table for people."""

import os
import platform
import re
import subprocess


def machine(programs):
    with open("/proc/cpuinfo") as info:
        models = re.findall(r"model name\s*: (.*)", info.read())
    return {"cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(),
            "kernel": platform.release(), "system": _system(),
            "libzmq": _said([programs.bench + "raw", "version"]),
            "boost": _package("libboost1.*-dev"), "compiler": _said(["g++", "-dumpfullversion"]),
            "penstock": _said([programs.penstock, "--version"])}


def _system():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _output(argv):
    try:
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _said(argv):
    return _output(argv).split("\n")[0]


def _package(pattern):
    said = _output(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Version}\n", pattern])
    return next((line.split()[-1] for line in said.split("\n") if line.startswith("ii")), "")


def flat(found):
    """What --json prints. A figure that was not measured is not there."""
    out = {}
    if flow := found.get("throughput"):
        ours, raw, batched = (flow[k]["median"] for k in ("penstock", "raw", "raw_batched"))
        out.update(throughput_jobs_s=round(ours), raw_jobs_s=round(raw),
                   raw_batched_jobs_s=round(batched), throughput_ratio=round(ours / raw, 3),
                   throughput_batched_ratio=round(ours / batched, 4),
                   values_compared=flow["compared"])
        for name in ("penstock", "raw", "raw_batched"):
            key = "throughput" if name == "penstock" else name
            out[key + "_spread"] = [round(flow[name]["min"]), round(flow[name]["max"])]
        out["cpu_us_per_job"] = _rounded(flow["penstock"]["cpu_us_per_job"])
        out["raw_cpu_us_per_job"] = _rounded(flow["raw"]["cpu_us_per_job"])
        out["raw_batched_cpu_us_per_job"] = _rounded(flow["raw_batched"]["cpu_us_per_job"])
        out["cpu_ratio"] = round(
            out["raw_cpu_us_per_job"]["all"] / out["cpu_us_per_job"]["all"], 3)
    for name, key in (("raw", "raw_rtt"), ("zeromq", "idle"), ("zeromq_rested", "idle_rested"),
                      ("http", "http_idle")):
        if one := found.get("idle", {}).get(name):
            out[key + "_p50_us"], out[key + "_p99_us"] = one["p50_us"], one["p99_us"]
    if web := found.get("http"):
        submits, hello = web["submits"]["median"], web["hello"]["median"]
        out.update(http_submits_s=round(submits), http_hello_s=round(hello),
                   http_ratio=round(submits / hello, 3),
                   http_submits_spread=[round(web["submits"][k]) for k in ("min", "max")],
                   http_hello_spread=[round(web["hello"][k]) for k in ("min", "max")],
                   http_cpu_us_per_request=_rounded(web["cpu_us_per_request"]),
                   http_hello_cpu_us_per_request=round(web["hello_us"], 3))
    for name, count in found.get("memory", {}).items():
        out["bytes_per_queued_job_" + name] = round(count)
    return out


def _rounded(cpu):
    return {**{role: round(us, 3) for role, us in cpu.items()},
            "all": round(sum(cpu.values()), 3)}


def table(flat_figures, machine_facts, plan, busy):
    f = flat_figures
    lines = [f"{machine_facts['cpu']}, {machine_facts['cores']} cores, "
             f"{machine_facts['system']}, Linux {machine_facts['kernel']}",
             f"libzmq {machine_facts['libzmq']}, Boost {machine_facts['boost']}, "
             f"g++ {machine_facts['compiler']}"]
    if busy > 0.05:
        lines.append(f"NOISE: other processes used {busy:.0%} of the CPUs before this began; "
                     "run it again on a quiet machine.")
    if "throughput_jobs_s" in f:
        lines += _throughput(f, plan)
    if "raw_rtt_p50_us" in f:
        lines += _idle(f)
    if "http_submits_s" in f:
        lines += _http(f)
    if "bytes_per_queued_job_sink" in f:
        lines += ["", f"Memory of a queued job besides its payload, bytes "
                      f"({plan.queued_jobs:,} jobs queued)"]
        lines += [_row(role, f"{f['bytes_per_queued_job_' + role]:,}")
                  for role in ("ventilator", "sink")]
    return "\n".join(lines)


def _row(name, *cells):
    return f"  {name:<34}" + "".join(f"{cell:>13}" for cell in cells).rstrip()


def _throughput(f, plan):
    def row(name, key, spread, ratio):
        low, high = f[spread]
        return _row(name, f"{f[key]:,}", f"{low:,}", f"{high:,}", ratio)

    lines = ["", f"Jobs a second: 100 bytes each, 2 workers, separate processes, tcp "
                 f"({plan.rounds} interleaved rounds)",
             _row("", "median", "lowest", "highest", "ratio"),
             row("raw libzmq, 1 job a message", "raw_jobs_s", "raw_spread", "1"),
             row(f"raw libzmq, {plan.batch} jobs a message", "raw_batched_jobs_s",
                 "raw_batched_spread", f"{f['raw_batched_jobs_s'] / f['raw_jobs_s']:.2f}"),
             row("Penstock, stored and settled", "throughput_jobs_s", "throughput_spread",
                 f"{f['throughput_ratio']:.3f}"),
             f"  {f['values_compared']:,} values were read back by id and are their payloads.",
             "", "CPU µs a job"]
    for name, key in (("raw, 1 a message", "raw_cpu_us_per_job"),
                      (f"raw, {plan.batch} a message", "raw_batched_cpu_us_per_job"),
                      ("Penstock", "cpu_us_per_job")):
        parts = ", ".join(f"{role} {us:.2f}" for role, us in f[key].items() if role != "all")
        lines.append(f"  {name:<18}{f[key]['all']:>6.2f} = {parts}")
    lines.append(f"  Ratio of the first to the last: {f['cpu_ratio']:.3f}")
    return lines


def _idle(f):
    names = (("raw libzmq REQ/REP round trip", "raw_rtt"), ("Penstock over ZeroMQ", "idle"),
             ("  the same after 20 ms of rest", "idle_rested"),
             ("Penstock over HTTP keep-alive", "http_idle"))
    lines = ["", "One job at a time, submit to outcome, µs", _row("", "p50", "p99", "ratio")]
    for name, key in names:
        if key + "_p50_us" in f:
            p50, p99 = f[key + "_p50_us"], f[key + "_p99_us"]
            lines.append(_row(name, f"{p50:,.0f}", f"{p99:,.0f}",
                              f"{p50 / f['raw_rtt_p50_us']:.1f}"))
    return lines


def _http(f):
    lines = ["", "HTTP requests a second: wrk -t1 -c64, POST /v1/jobs, interleaved",
             _row("", "median", "lowest", "highest", "ratio")]
    for name, key, ratio in (("bare Beast, answers hello", "http_hello", "1"),
                             ("Penstock, stored and answered 202", "http_submits",
                              f"{f['http_ratio']:.3f}")):
        low, high = f[key + "_spread"]
        lines.append(_row(name, f"{f[key + '_s']:,}", f"{low:,}", f"{high:,}", ratio))
    cpu = f["http_cpu_us_per_request"]
    parts = ", ".join(f"{role} {us:.1f}" for role, us in cpu.items() if role != "all")
    lines.append(f"  CPU µs a request: bare {f['http_hello_cpu_us_per_request']:.1f}; "
                 f"Penstock {cpu['all']:.1f} = {parts}")
    return lines
