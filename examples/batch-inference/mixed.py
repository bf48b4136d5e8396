"""One image, three and two hundred, from many at once: who should form the batches?"""

import collections
import threading
import time

import penstock
from app import MAX
from model import Model, make_images

WORKERS = 2
NOT_WORSE = 0.9  # within what the machine makes of it
WAYS = (  # name, app, slots of a worker
    ("no batches", "single", 1),
    ("each worker alone", "alone", MAX),
    ("where all wait", "together", 1),
)


class Load:
    """Clients that ask for 1, 3 or many images, each again when it has its answer. `goals`: (images,
    clients, requests of each); those that have no number of requests go on until the others are done."""

    def __init__(self, url, goals):
        self.url = url
        self.goals = goals
        self.took = collections.defaultdict(list)  # images -> seconds of each request
        self.answers = []                          # (image, answer)
        self.trouble = []
        self.to_wait_for = sum(clients for _, clients, times in goals if times)
        self.lock = threading.Lock()

    def go(self):
        began = time.monotonic()
        threads = []
        for images, clients, times in self.goals:
            for _ in range(clients):
                threads.append(threading.Thread(
                    target=self.be_a_client, args=(len(threads) * 100, images, times)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.trouble:
            raise self.trouble[0]
        self.seconds = time.monotonic() - began
        return self

    def be_a_client(self, first, images, times):
        asked = 0
        try:
            with penstock.Client(self.url, retries=8) as client:
                while asked < times if times else self.to_wait_for > 0 or asked < 3:
                    self.ask(client, first + asked % 100, images)
                    asked += 1
        except Exception as error:
            self.trouble.append(error)
        finally:
            with self.lock:
                self.to_wait_for -= 1 if times else 0

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
    big, often, few = (40, 1, 3) if run.short else (200, 4, 40)
    busy = measure(run, f"One, three and {big} images at once", (
        (big, 2, often), (1, 4, None), (3, 2, None)), 1 if run.short else 3)
    quiet = measure(run, "One image at a time, from six clients", ((1, 6, few),))
    check(run, busy, quiet)


def measure(run, title, goals, times=1):
    """So many loads for each way, by images a second; the middle one is shown. The ways take turns, so
    that a slow moment of the machine is nobody's."""
    print(f"\n{title}, {WORKERS} workers, at most {MAX} images in a call:")
    sizes = sorted(images for images, _, _ in goals)
    print(f"  {'batches':<18} {'images':>6} {'calls':>6} {'in a call':>9}"
          + ("" if run.short else f" {'images/s':>8}"
             + "".join(f" {f'p99 of {size}':>10}" for size in sizes)))
    tries = {name: [] for name, _, _ in WAYS}
    for _ in range(times):
        for name, app, slots in WAYS:
            with run.house() as (house, client):
                run.start_workers(house, client, app, WORKERS, slots=slots)
                tries[name].append(Load(house.url, goals).go())
    for name, each in tries.items():
        each.sort(key=pace)
        load = middle(each)
        line = (f"  {name:<18} {len(load.answers):>6} {len(calls_of(load)):>6} "
                f"{mean(load):>9.1f}")
        if not run.short:
            line += f" {pace(load):>8.0f}"
            line += "".join(f" {p99(load.took[size]) * 1e3:>7.0f} ms" for size in sizes)
        print(line, flush=True)
    return tries


def check(run, busy, quiet):
    images, model, known = make_images(), Model(), {}
    loads = [load for tries in (*busy.values(), *quiet.values()) for load in tries]
    for number in sorted({n for load in loads for n, _ in load.answers}):
        known[number] = model.labels(images[[number]])[0]
    wrong = sum(known[n] != said["label"] for load in loads for n, said in load.answers)
    whole = sum(len(load.answers) for load in loads)
    run.claim(wrong == 0, f"{whole} images have the label that the model gives each alone")
    single, alone, together = (name for name, _, _ in WAYS)
    busy, quiet = ({name: middle(each) for name, each in tries.items()} for tries in (busy, quiet))
    run.claim(mean(busy[single]) == mean(quiet[single]) == 1, "without batches each image is a call")
    run.claim(max(said["size"] for _, said in busy[together].answers) <= MAX,
              f"no call had more than {MAX} images")
    run.claim(mean(busy[together]) > 5, f"{mean(busy[together]):.1f} images in a call when busy")
    if run.short:
        return
    run.claim(mean(quiet[together]) > mean(quiet[alone]),
              f"{mean(quiet[together]):.1f} images in a call when quiet, {mean(quiet[alone]):.1f} where "
              "each worker gathers its own")
    paces = {name: pace(load) for name, load in busy.items()}
    run.claim(paces[together] > paces[single],
              f"{paces[together]:.0f} images/s when busy, {paces[single]:.0f} without batches")
    run.claim(paces[together] > NOT_WORSE * paces[alone],
              f"that is not below {NOT_WORSE} of the {paces[alone]:.0f} where each worker gathers its own")
    most = max(busy[single].took)
    ends = {name: p99(load.took[most]) * 1e3 for name, load in busy.items()}
    run.claim(ends[together] < ends[single],
              f"{most} images are there after {ends[together]:.0f} ms, {ends[single]:.0f} without batches")


def middle(tries):
    return tries[len(tries) // 2]


def pace(load):
    """Images a second."""
    return len(load.answers) / load.seconds


def mean(load):
    return len(load.answers) / len(calls_of(load))


def calls_of(load):
    return {(said["worker"], said["call"]) for _, said in load.answers}


def p99(seconds):
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
