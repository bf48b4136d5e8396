"""What has nothing to do with a model: fifty jobs in ten seconds, thousands to throw away, and telling
somebody of a failure."""

import collections
import random
import threading
import time

import penstock
from house import Trouble

SEED = 50
LIMIT = 10         # seconds for the fifty
WORST_PING = 0.05  # seconds: five times what it takes here, on two cores


def fifty(run):
    """The test that people used to have: 50 jobs that sleep 0 to 0.2 s, all finished in 10 s."""
    count, longest = (12, 0.02) if run.short else (50, 0.2)
    seconds = [random.Random(SEED + i).uniform(0, longest) for i in range(count)]
    for workers in (1, 3):
        print(f"\n{count} jobs that sleep 0-{longest} s ({sum(seconds):.1f} s of work), a TTL of 10 s, "
              f"{workers} worker{'s' if workers > 1 else ''} of one slot:")
        with run.house() as (house, client):
            run.start_workers(house, client, "chores", workers)
            began = time.monotonic()
            fates = submit_and_wait(client, seconds, ttl=10)
            took = time.monotonic() - began
        show(run, fates, took)
        by = collections.Counter(view["result"]["worker"] for view in fates.values()
                                 if view["state"] == "succeeded")
        run.claim(all(view["state"] == "succeeded" for view in fates.values()),
                  f"all {count} finished with {workers} worker(s), none expired")
        run.claim(len(by) == workers, f"{workers} worker(s) had a part of it: {sorted(by.values())}")
        if not run.short:
            run.claim(took <= LIMIT, f"{took:.1f} s with {workers} worker(s), {LIMIT} s are allowed")


def expiry(run):
    """The same with a TTL that can't be kept: every job is one or the other, and says which."""
    count = 12 if run.short else 50
    seconds = [random.Random(SEED + i).uniform(0, 0.2) for i in range(count)]
    print(f"\n{count} jobs with a TTL of 1 s, 1 worker, which is held up by a job of 0.4 s:")
    with run.house() as (house, client):
        run.start_workers(house, client, "chores", 1)
        client.set_kind("test", paused=True)
        late = [client.submit("test", {"seconds": 0}, ttl=0.05, id=f"late-{i}") for i in range(3)]
        late = {id: client.wait(id, timeout=20) for id in late}  # nobody may start them
        client.set_kind("test", paused=None)
        client.submit("test", {"seconds": 0.4}, id="holds-it-up")
        fates = submit_and_wait(client, seconds, ttl=1)
    show(run, fates, None)
    run.claim(all(view["state"] == "expired" for view in late.values()),
              "a job whose time is up while its kind is paused expires, nobody has to look")
    states = collections.Counter(view["state"] for view in fates.values())
    run.claim(set(states) == {"succeeded", "expired"} and sum(states.values()) == count,
              f"each of {count} finished or expired, and there are both: {dict(states)}")
    run.claim(all("result" not in view and not view.get("started_at")
                  for view in fates.values() if view["state"] == "expired"),
              "what expired was never started")


def submit_and_wait(client, seconds, **terms):
    """The fate of each job by its name."""
    names = [f"job-{i:02}" for i in range(1, len(seconds) + 1)]
    said = client.bulk({"kind": "test", "id": name, "payload": {"seconds": s}, **terms}
                       for name, s in zip(names, seconds))
    if said.errors:
        raise Trouble(f"not taken: {said.errors}")
    client.wait_all(names, timeout=30)
    fates = {}
    for name in names:
        fates[name] = client.status(name)
        if fates[name]["state"] == "succeeded":
            fates[name]["result"] = client.result(name)
    return fates


def show(run, fates, took):
    words = [f"{name} {'finished' if view['state'] == 'succeeded' else view['state']}"
             for name, view in fates.items()]
    for i in range(0, len(words), 5):
        print("  " + "  ".join(f"{word:<16}" for word in words[i:i + 5]).rstrip())
    if took is not None and not run.short:
        print(f"  all in {took:.1f} s")


def purge(run):
    """Thousands of finished jobs are listed and thrown away while others want something."""
    # The sink looks at 10,000 at a time, which take it some milliseconds: fewer have no middle, and
    # a ping needs a few of those turns.
    count = 12_000 if run.short else 100_000
    print(f"\n{count} finished jobs, listed and purged while somebody else asks:")
    with run.house() as (house, client):
        run.start_workers(house, client, "chores", 1)
        ids = client.bulk(("row", i) for i in range(count)).ids
        client.wait_all(ids, timeout=30)
        with Pings(house.url) as pings:
            began = time.monotonic()
            listed = sum(1 for _ in client.list(kind="row", state="succeeded"))
            would = client.purge(kind="row", state="succeeded", dry_run=True)
            purges = time.monotonic()
            purged = client.purge(kind="row", state="succeeded")
            ended = time.monotonic()
        during = [trip for trip in pings.trips if purges <= trip[1] <= ended]
        worst = [pings.worst(first, last) for first, last in (
            (0, began), (began, purges), (purges, ended))]
        left = sum(1 for _ in client.list(kind="row"))
    run.claim((listed, would, purged, left) == (count, count, count, 0),
              f"{listed} listed, {would} counted by a dry run, {purged} purged, {left} left")
    if run.short:
        return
    run.claim(during, f"{len(during)} jobs had their results meanwhile")
    print("  a ping took at most {:.1f} ms before, {:.1f} ms beside the listing, "
          "{:.1f} ms beside the purge".format(*(1e3 * seconds for seconds in worst)))
    print(f"  the listing took {purges - began:.1f} s, the purge {(ended - purges) * 1e3:.0f} ms")
    run.claim(max(worst) <= WORST_PING, f"no ping took longer than {WORST_PING * 1e3:.0f} ms")


class Pings:
    """Jobs one after the other through a worker, by somebody who knows of nothing else."""

    FIRST = 50  # before anything else begins

    def __init__(self, url):
        self.url = url
        self.trips = []  # (began, ended)
        self.trouble = None
        self.warm, self.stopped = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.go)

    def __enter__(self):
        self.thread.start()
        self.warm.wait()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        if self.trouble:
            raise self.trouble

    def go(self):
        try:
            with penstock.Client(self.url) as client:
                while not self.stopped.is_set():
                    self.one(client, len(self.trips))
        except Exception as error:
            self.trouble = error
        finally:
            self.warm.set()

    def one(self, client, number):
        began = time.monotonic()
        if client.run("ping", number, timeout=20) != number:
            raise Trouble("a ping came back changed")
        self.trips.append((began, time.monotonic()))
        if len(self.trips) == self.FIRST:
            self.warm.set()

    def worst(self, first, last):
        """Seconds of the longest of those that were under way in this time."""
        return max((ended - began for began, ended in self.trips
                    if began <= last and ended >= first), default=0)


def callbacks(run):
    """Somebody is told when a job has failed, and nobody when it has not."""
    print("\nA job that fails, and one that does not, each with a failure callback:")
    with run.house() as (house, client):
        run.start_workers(house, client, "chores", 1)
        for name, payload in (("bad", {"fail": 17}), ("good", {"seconds": 0})):
            client.submit("test", payload, id=name, on_failure={
                "kind": "notify", "id": f"tell-{name}", "payload": {"channel": "ops"}})
        told = client.result("tell-bad", wait=20)
        good = client.wait("good", timeout=20)
        untold = client.wait("tell-good", timeout=20)
        ran = [view["id"] for view in client.list(kind="notify", state="succeeded")]
    print(f"  notify was given {told}")
    run.claim(told["channel"] == "ops" and told["results"][0]["id"] == "bad"
              and told["results"][0]["error"]["code"] == "no-image",
              "the callback got its own payload, and what became of the job")
    run.claim(good["state"] == "succeeded" and untold["state"] == "cancelled"
              and ran == ["tell-bad"], "the callback of the good one never ran")
