"""What a run found, for people and for programs."""

from check import FAULTS
from siege import IN_FLIGHT_LEAST

STEPS = (500, 700, 900, 1100, 1500, 2000)


def histogram(kills):
    """How many kills met so many jobs in flight: [from, count]."""
    out = []
    for low, high in zip((0, *STEPS), (*STEPS, float("inf"))):
        out.append([low, sum(low <= kill[2] < high for kill in kills)])
    return out


def in_json(given, done, verdict):
    siege = done["siege"]
    roles, processes = siege.counted()
    return {
        "seed": given.seed, "store": given.store, "kills": len(siege.kills),
        "kills_that_count": sum(roles.values()), "kills_by_role": dict(roles),
        "kills_by_process": dict(sorted(processes.items())),
        "pairs": sum(kill[3] for kill in siege.kills) // 2, "pauses": len(siege.stops),
        "in_flight_at_kills": histogram(siege.kills),
        "recovery_seconds": siege.recoveries.figures(),
        "seconds": round(done["seconds"], 1), "healed_seconds": round(done["healed"], 1),
        **verdict.figures,
        **{fault: len(getattr(verdict, fault)) for fault in FAULTS},
        "faults": {fault: getattr(verdict, fault)[:100] for fault in FAULTS
                   if getattr(verdict, fault)},
    }


def in_words(given, done, verdict, shown):
    data = in_json(given, done, verdict)
    by = ", ".join(f"{role} {n}" for role, n in sorted(data["kills_by_role"].items()))
    which = ", ".join(f"{name} {n}" for name, n in data["kills_by_process"].items())
    pauses = f", {data['pauses']} pauses" if data["pauses"] else ""
    rows = [
        ("kills", f"{data['kills']} in {data['seconds']} s, {data['pairs']} pairs{pauses}; "
                  f"{data['kills_that_count']} with {IN_FLIGHT_LEAST} jobs in flight or more"),
        ("  of each role", by),
        ("  of each process", which),
        ("  jobs in flight", ", ".join(f"{low}+: {n}" for low, n in data["in_flight_at_kills"])),
        ("jobs submitted", f"{data['submitted']}: {data['accepted']} accepted, "
                           f"{data['refused']} refused, {data['unknown']} without an answer"),
        ("outcomes", f"{data['outcomes']}: " + _counts(data["states"])),
        ("  not succeeded", _counts(data["codes"])),
        ("runs", f"{data['runs']}, of which {data['runs_cut']} ended with their worker"),
        ("  runs of a job", _counts(data["jobs_by_runs"]) + f"; more than once: "
                            f"{data['run_more_than_once']}"),
        ("outcomes seen", f"{data['outcomes_seen']} times while it went on, and "
                          f"{data['cancelled_at_once']} times as the answer to a cancellation"),
        *((f"{role} back", f"{f['until']} after p50 {f['p50']}, p90 {f['p90']}, at most {f['max']} s "
                           f"({f['count']} times; others fell before)")
          for role, f in data["recovery_seconds"].items()),
        ("came to rest in", f"{data['healed_seconds']} s"),
        *((fault, str(data[fault])) for fault in FAULTS),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {text}" for name, text in rows]
    for fault in FAULTS:
        faults = getattr(verdict, fault)
        lines += [f"{fault}: {sentence}" for sentence in faults[:shown]]
        if len(faults) > shown:
            lines.append(f"{fault}: and {len(faults) - shown} more")
    return "\n".join(lines)


def _counts(counts):
    return ", ".join(f"{name}: {n}" for name, n in
                     sorted(counts.items(), key=lambda pair: -pair[1])) or "none"
