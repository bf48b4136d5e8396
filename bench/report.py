"""The machine that was measured, and the results of one run as a table for people."""

import os
import platform
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def machine(programs):
    with open("/proc/cpuinfo") as info:
        models = re.findall(r"model name\s*: (.*)", info.read())
    return {"cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(),
            "memory_gib": _memory_gib(), "kernel": platform.release(),
            "system": _system(),
            "libzmq": _said([programs.bench + "raw", "version"]),
            "boost": _package("libboost1.*-dev"), "msgpack": _msgpack(),
            "spdlog": _package("libspdlog-dev"), "cli11": _package("libcli11-dev"),
            "prometheus_cpp": _package("prometheus-cpp-dev"), "wrk": _package("wrk"),
            "python": platform.python_version(), "compiler": _said(["g++", "-dumpfullversion"]),
            "penstock": _said([programs.penstock, "--version"])}


def _memory_gib():
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


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


def _msgpack():
    for root in (os.path.dirname(HERE) + "/build/packages/msgpack", ""):
        try:
            with open(f"{root}/usr/include/msgpack/version_master.hpp") as header:
                return ".".join(re.findall(r"#define MSGPACK_VERSION_\w+ +(\d+)", header.read()))
        except OSError:
            pass
    return ""


def _said(argv):
    return _output(argv).split("\n")[0]


def _package(pattern):
    said = _output(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Version}\n", pattern])
    return next((line.split()[-1] for line in said.split("\n") if line.startswith("ii")), "")


def table(results):
    """For people: what bench/run prints."""
    facts = results["machine"]
    lines = [f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, "
             f"{facts['system']}, Linux {facts['kernel']}",
             f"libzmq {facts['libzmq']}, Boost {facts['boost']}, g++ {facts['compiler']}; "
             "medians of interleaved rounds"]
    if results["others_busy"] > 0.05:
        lines.append(f"NOISE: other processes used {results['others_busy']:.0%} of the CPUs "
                     "before this began; run it again on a quiet machine.")
    for section in results["sections"]:
        lines += _section(section)
    lines += _peers(results["peers"])
    lines += ["", *(f"FAILED: no figures of {name}: {why}" for name, why in results["problems"].items())]
    return "\n".join(lines)


def titled(section):
    """With the number of its rounds: a long section has fewer than the others."""
    rounds = max((figure["rounds"] for figure in section["figures"].values()), default=0)
    return f"{section['title']} ({rounds} round{'s' if rounds != 1 else ''})"


def _row(name, *cells):
    return f"  {name:<38}" + "".join(f"{cell:>12}" for cell in cells).rstrip()


def _section(section):
    lines = ["", titled(section), _row("", "median", "lowest", "highest", "unit", "ratio")]
    for figure in section["figures"].values():
        low, high = (number(figure[k], figure) if k in figure else "" for k in ("low", "high"))
        lines.append(_row(figure["name"], number(figure["value"], figure), low, high,
                          figure["unit"], f"{figure['ratio']:,}" if "ratio" in figure else ""))
        if parts := figure.get("parts"):
            lines.append("    = " + ", ".join(f"{role} {us:.2f}" for role, us in parts.items()))
    lines += [_row(one["name"], one["value"]) for one in section["ratios"].values()]
    return lines


def _peers(peers):
    if not peers:
        return []
    measured = sorted((p for p in peers if "jobs_s" in p), key=lambda p: -p["jobs_s"])
    lines = ["", f"Peers: jobs a second, 100 bytes each, 2 workers, until outcomes are known "
                 f"({max([p['rounds'] for p in measured], default=0)} rounds)",
             _row("", "median", "lowest", "highest", "CPU µs/job", "ratio")]
    for p in measured:
        lines.append(_row(p["name"], f"{p['jobs_s']:,.0f}", f"{p['low']:,.0f}",
                          f"{p['high']:,.0f}", f"{p['cpu_us_per_job_all']:,.1f}",
                          ratio(p, measured)))
    lines += [f"  {p['name']}: {p['state']}: {p['why']}" for p in peers if "jobs_s" not in p]
    lines.append("  What each of them stores, when its clock ends and what it lacks differs:")
    for p in measured:
        lines += [f"  {p['name']}" + (f" ({p['version']})" if p["version"] else ""),
                  f"      stores: {p['durability']}", f"      clock ends: {p['ends']}",
                  f"      lacks: {p['lacks']}"]
    return lines


def ratio(peer, measured):
    """To Penstock in bulk, if that was measured too."""
    ours = [p["jobs_s"] for p in measured if p["key"] == "penstock"]
    return f"{peer['jobs_s'] / ours[0]:.2g}" if ours else ""


def peers_markdown(results):
    """The table of peers, with what one has to know to read it: what PEERS.md holds."""
    facts, peers = results["machine"], results["peers"]
    measured = sorted((p for p in peers if "jobs_s" in p), key=lambda p: -p["jobs_s"])
    lines = [f"{results['began']}, `{results['command']}`: {facts['cpu']}, {facts['cores']} cores, "
             f"{facts['memory_gib']} GiB, {facts['system']}, Linux {facts['kernel']}; Penstock "
             f"{facts['penstock'].removeprefix('penstock ')}, libzmq {facts['libzmq']}. Before it "
             f"began, other processes used {results['others_busy']:.0%} of the CPUs.", "",
             "| | jobs/s, median | lowest-highest | CPU µs a job | to Penstock in bulk |",
             "|---|---|---|---|---|"]
    lines += [f"| {p['name']} | {p['jobs_s']:,.0f} | {p['low']:,.0f}-{p['high']:,.0f} | "
              f"{p['cpu_us_per_job_all']:,.1f} | {ratio(p, measured)} |" for p in measured]
    lines += [f"| {p['name']} | {p['state']}: {p['why']} | | | |" for p in peers
              if "jobs_s" not in p]
    lines += ["", "| | version | stores | the clock ends when | lacks |", "|---|---|---|---|---|"]
    lines += [f"| {p['name']} | {p['version']} | {p['durability']} | {p['ends']} | {p['lacks']} |"
              for p in measured]
    return "\n".join(lines) + "\n"


def flat_peer(peer):
    return {key: peer[key] for key in
            ("state", "why", "version", "durability", "jobs_s", "low", "high", "jobs",
             "cpu_us_per_job") if key in peer}


def number(value, figure):
    return f"{value:,.{min(figure['digits'], 2)}f}"
