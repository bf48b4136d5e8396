"""Rounds of all peers: what they found, and the reason where there is nothing to find."""

import resource
import statistics
import subprocess

from house import Failed, Sampler, free_ports
from peers import is_packaged, package_version

SECONDS_OF_A_ROUND = 2.0


def why_not(peer):
    """(state, reason) of a peer that can't be measured here, or None."""
    missing = [p for p in peer.packages if not package_version(p)]
    unknown = [p for p in missing if not is_packaged(p)]
    if unknown:
        return "not packaged", f"this distribution has no package {', '.join(unknown)}"
    if missing:
        return "not installed", f"{', '.join(missing)} could not be installed"
    return None


def problems_of(peers):
    """{name: reason} of those results that make the run fail. What the distribution does not
    have is no failure."""
    return {p["name"]: p["why"] for p in peers if p["state"] in ("failed", "not installed")}


def one_round(peer_class, programs, jobs):
    """Starts everything anew. `jobs` None: as many as the warm-up says that fit the time."""
    with programs.house() as house:
        peer = peer_class(programs, house, free_ports())
        peer.start()
        warm = peer.run(peer.first_jobs)
        if jobs is None:
            jobs = scaled(peer, warm["jobs_s"])
        before, ended_before = house.cpu_seconds(), cpu_of_ended()
        with Sampler(house) as sampler:
            result = peer.run(jobs)
        used = {role: seconds - before[role] for role, seconds in house.cpu_seconds().items()
                if role in before}
        used["client"] = result.get("cpu_seconds", cpu_of_ended() - ended_before)
        cpu = {role: seconds / jobs * 1e6 for role, seconds in used.items() if seconds >= 0.001}
    return {"jobs_s": result["jobs_s"], "jobs": jobs, "cpu_us_per_job": cpu,
            "processes": sampler.series}


def cpu_of_ended():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def scaled(peer, jobs_s):
    """So many that a round takes about two seconds; the warm-up is slower than what follows."""
    jobs = max(peer.first_jobs, min(peer.most_jobs, int(jobs_s * SECONDS_OF_A_ROUND)))
    return jobs // 100 * 100


class Rounds:
    """Of one peer; one failure ends it."""

    def __init__(self, peer):
        self.peer, self._runs, self._jobs = peer, [], None
        self._state, self._why = why_not(peer) or ("measured", "")

    def measure(self, programs, told):
        if self._state != "measured":
            return
        try:
            run = one_round(self.peer, programs, self._jobs)
        except (Failed, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
            self._state, self._why = "failed", str(error)
            told(f"{self.peer.name}: {error}")
            return
        # The first round was short of time's due if its warm-up was slow: the next ones are not.
        self._jobs = scaled(self.peer, run["jobs_s"]) if not self._runs else run["jobs"]
        self._runs.append(run)

    def results(self):
        peer = self.peer
        out = {"key": peer.key, "name": peer.name, "state": self._state, "why": self._why,
               "durability": peer.durability, "ends": peer.ends, "lacks": peer.lacks,
               "version": ", ".join(f"{name} {version}" for name in peer.versions_of
                                    if (version := package_version(name)))}
        if self._state != "measured":
            return out
        rates = [run["jobs_s"] for run in self._runs]
        middle = statistics.median(rates)
        nearest = min(self._runs, key=lambda run: abs(run["jobs_s"] - middle))
        return {**out, "jobs_s": significant(middle), "low": significant(min(rates)),
                "high": significant(max(rates)), "rounds": len(rates), "jobs": nearest["jobs"],
                "cpu_us_per_job": {r: round(us, 2) for r, us in nearest["cpu_us_per_job"].items()},
                "cpu_us_per_job_all": round(sum(nearest["cpu_us_per_job"].values()), 2),
                "processes": nearest["processes"]}


def significant(rate):
    return round(rate, 1) if rate < 1000 else round(rate)
