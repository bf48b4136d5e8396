"""One image, three and two hundred, from many at once: who should form the batches?"""

import collections
import threading
import time

import penstock
from model import Model

import order

WORKERS = 2
WAYS = (  # name, app, slots of a worker
    ("no batches", "single", 1),
    ("each worker alone", "alone", order.MAX),
    ("where all wait", "together", 1),
)


class Load:
    """Two clients ask for many images, so many times; until they are done, others ask for one and for
    three."""

    def __init__(self, url, run):
        self.url = url
        self.big, self.times = (40, 1) if run.short else (200, 6)
        self.took = collections.defaultdict(list)  # images -> seconds of each request
        self.answers = []                          # (image, answer)
        self.trouble = []
        self.bigs_left = 2
        self.lock = threading.Lock()

    def go(self):
        began = time.monotonic()
        clients = [(self.ask_often, self.big)] * 2 + [(self.ask_on, 1)] * 4 + [(self.ask_on, 3)] * 2
        threads = [threading.Thread(target=self.guarded, args=(i, *each))
                   for i, each in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.trouble:
            raise self.trouble[0]
        self.seconds = time.monotonic() - began
        return self

    def guarded(self, number, ask, images):
        try:
            with penstock.Client(self.url, retries=8) as client:
                ask(client, number * 100, images)
        except Exception as error:
            self.trouble.append(error)
        finally:
            with self.lock:
                self.bigs_left -= images == self.big

    def ask_often(self, client, first, images):
        for i in range(self.times):
            self.ask(client, first + i, images)

    def ask_on(self, client, first, images):
        asked = 0
        while self.bigs_left > 0 or asked < 3:
            self.ask(client, first + asked % 100, images)
            asked += 1

    def ask(self, client, first, images):
        numbers = [(first + i) % 1_000 for i in range(images)]
        began = time.monotonic()
        if images == 1:
            said = [client.run("classify", {"image": numbers[0]}, timeout=30)]
        else:
            said = client.group(("classify", {"image": n}) for n in numbers).result(timeout=30)
        with self.lock:
            self.took[images].append(time.monotonic() - began)
            self.answers += zip(numbers, said)


def table(run):
    loads = {}
    print(f"\nOne, three and {40 if run.short else 200} images at once, {WORKERS} workers, at most "
          f"{order.MAX} images in a call:")
    for name, app, slots in WAYS:
        with run.house() as (house, client):
            run.start_workers(house, client, app, WORKERS, slots=slots)
            loads[name] = Load(house.url, run).go()
    show(run, loads)
    check(run, loads)


def show(run, loads):
    sizes = sorted(next(iter(loads.values())).took)
    print(f"  {'batches':<18} {'images':>6} {'calls':>6} {'in a call':>9}"
          + ("" if run.short else f" {'images/s':>8}"
             + "".join(f" {f'p99 of {size}':>10}" for size in sizes)))
    for name, load in loads.items():
        calls = len(calls_of(load))
        line = (f"  {name:<18} {len(load.answers):>6} {calls:>6} "
                f"{len(load.answers) / calls:>9.1f}")
        if not run.short:
            line += f" {len(load.answers) / load.seconds:>8.0f}"
            line += "".join(f" {p99(load.took[size]) * 1e3:>7.0f} ms" for size in sizes)
        print(line)


def check(run, loads):
    import numpy
    images = numpy.load(run.images, mmap_mode="r")
    model, known = Model(), {}
    for number in sorted({n for load in loads.values() for n, _ in load.answers}):
        known[number] = model.labels(images[[number]])[0]
    wrong = sum(known[n] != said["label"] for load in loads.values() for n, said in load.answers)
    whole = sum(len(load.answers) for load in loads.values())
    run.claim(wrong == 0, f"{whole} images have the label that the model gives each alone")
    single, alone, together = (loads[name] for name, _, _ in WAYS)
    mean = {id(load): len(load.answers) / len(calls_of(load)) for load in loads.values()}
    run.claim(mean[id(single)] == 1, "without batches each image is a call")
    run.claim(max(said["size"] for _, said in together.answers) <= order.MAX,
              f"no call had more than {order.MAX} images")
    run.claim(mean[id(together)] > mean[id(single)],
              f"{mean[id(together)]:.1f} images in a call where all wait, "
              f"{mean[id(alone)]:.1f} where each worker gathers its own")


def calls_of(load):
    return {(said["worker"], said["call"]) for _, said in load.answers}


def p99(seconds):
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
