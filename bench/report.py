"""The machine that was measured, and the results of one run as a table for people."""

import os
import platform
import re
import subprocess


def machine(programs):
    with open("/proc/cpuinfo") as info:
        models = re.findall(r"model name\s*: (.*)", info.read())
    return {"cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(),
            "memory_gib": _memory_gib(), "kernel": platform.release(),
            "system": _system(),
            "libzmq": _said([programs.bench + "raw", "version"]),
            "boost": _package("libboost1.*-dev"), "compiler": _said(["g++", "-dumpfullversion"]),
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
             f"medians of {results['settings']['rounds']} interleaved rounds"]
    if results["others_busy"] > 0.05:
        lines.append(f"NOISE: other processes used {results['others_busy']:.0%} of the CPUs "
                     "before this began; run it again on a quiet machine.")
    for section in results["sections"]:
        lines += _section(section)
    lines += [f"no figures of {name}: {why}" for name, why in results["problems"].items()]
    return "\n".join(lines)


def _row(name, *cells):
    return f"  {name:<38}" + "".join(f"{cell:>12}" for cell in cells).rstrip()


def _section(section):
    lines = ["", section["title"], _row("", "median", "lowest", "highest", "unit", "ratio")]
    for figure in section["figures"].values():
        low, high = (number(figure[k], figure) if k in figure else "" for k in ("low", "high"))
        lines.append(_row(figure["name"], number(figure["value"], figure), low, high,
                          figure["unit"], f"{figure['ratio']:,}" if "ratio" in figure else ""))
        if parts := figure.get("parts"):
            lines.append("    = " + ", ".join(f"{role} {us:.2f}" for role, us in parts.items()))
    lines += [_row(ratio["name"], ratio["value"]) for ratio in section["ratios"].values()]
    return lines


def number(value, figure):
    return f"{value:,.{min(figure['digits'], 2)}f}"
