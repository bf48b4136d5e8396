"""The workers. `together`, `alone` and `single` run the same model, and differ only in who forms batches:
the ventilator, each worker for itself, nobody. `chores` is everything that is no model.

    PYTHONPATH=../../clients/python /usr/bin/python3 -m penstock worker app:together
"""

import asyncio
import os
import random
import time

import penstock

MAX, WAIT = 10, 0.02  # images in one call, seconds

model = images = None
calls = 0


def load():
    """Once per process, before it joins: no request waits for a model that is being loaded."""
    global model, images
    from model import Model, make_images
    model, images = Model(), make_images()
    model.labels(images[:MAX])  # warm


def predict(payloads):
    """One call of the model. Each answer says in which call it was made, and with how many."""
    global calls
    calls += 1
    labels = model.labels(images[[payload["image"] for payload in payloads]])
    return [{"label": label, "worker": os.getpid(), "call": calls, "size": len(labels)}
            for label in labels]


# ---- batches formed where all images wait

together = penstock.Worker()
together.startup(load)


@together.batch("classify", max=MAX, wait=WAIT)
def classify_together(jobs):
    return predict([job.payload for job in jobs])


# ---- no batches

single = penstock.Worker()
single.startup(load)


@single.kind("classify")
def classify_single(payload):
    return predict([payload])[0]


# ---- each worker gathers what it happens to have: start it with --slots 10

alone = penstock.Worker()
alone.startup(load)
gathered = []  # (payload, future)
timer = None


@alone.kind("classify")
async def classify_alone(payload):
    global timer
    future = asyncio.get_running_loop().create_future()
    gathered.append((payload, future))
    if len(gathered) >= MAX:
        flush()
    elif timer is None:
        timer = asyncio.get_running_loop().call_later(WAIT, flush)
    return await future


def flush():
    global timer
    if timer is not None:
        timer.cancel()
        timer = None
    taken, gathered[:] = gathered[:], []
    for (_, future), answer in zip(taken, predict([payload for payload, _ in taken])):
        if not future.done():  # it was cancelled
            future.set_result(answer)


# ---- chores

chores = penstock.Worker()


@chores.kind("test")
def test(payload):
    """The job of the fifty: sleeps, and now and then fails."""
    if payload.get("fail"):
        raise penstock.Fail("no-image", f"there is no image {payload['fail']}", retryable=False)
    time.sleep(payload["seconds"])
    return {"worker": os.getpid()}


@chores.kind("notify")
def notify(payload):
    """A failure callback: would write to somebody. It says what it was told."""
    return payload


@chores.kind("ping")
def ping(payload):
    return payload


@chores.batch("row", max=500)
def row(jobs):
    """Thousands of small results, to be listed and thrown away."""
    return [random.random() for _ in jobs]
