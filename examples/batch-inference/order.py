"""Who comes first. Everything here is counted in calls of the model by one worker: a kind is paused while
jobs are submitted, so that what happens then depends on no clock."""

import math
import time

from app import MAX


def rounds(run):
    """A single image never waits behind 200."""
    big = 60 if run.short else 200
    print(f"\n{big} images, then 3, then 1; one worker, {MAX} images in a call:")
    with run.house() as (house, client):
        run.start_workers(house, client, "together", 1)
        client.set_kind("classify", paused=True)
        requests = [images(client, n, at) for n, at in ((big, 0), (3, 300), (1, 400))]
        resume(house, client, big + 4)
        answers = [request.result(timeout=30) for request in requests]
    calls = [[answer["call"] for answer in each] for each in answers]
    total = big + 4
    for each, of in zip(calls, (big, 3, 1)):
        print(f"  {of:>3} images: calls {min(each)} to {max(each)}")
    run.claim(max(calls[2]) <= 2 and max(calls[1]) <= 2,
              "one image and three were in the first two calls, though they came last")
    run.claim(max(calls[0]) == max(map(max, calls)) <= math.ceil(total / MAX) + 1,
              f"{total} images took {max(calls[0])} calls: batches of different requests are full")


def ageing(run):
    """Priority first; but what has waited long enough is not passed by for ever."""
    # A minute for a step: submitted together then means within a minute, on the slowest machine.
    for step, patience, name in ((60, 0, "submitted together"), (1, 2.5, "the 4 had waited 2.5 s")):
        print(f"\nPriority 4 and then 5, 20 images each, one step of priority for {step} s of waiting:")
        with run.house("--ageing", step) as (house, client):
            run.start_workers(house, client, "together", 1)
            client.set_kind("classify", paused=True)
            low = images(client, 20, 0, priority=4)
            time.sleep(patience)  # not for something to happen: it is what this is about
            high = images(client, 20, 100, priority=5)
            resume(house, client, 40)
            low, high = ([answer["call"] for answer in group.result(timeout=30)]
                         for group in (low, high))
        first, last = (high, low) if patience == 0 else (low, high)
        run.claim(max(first) <= min(last),
                  f"{name}: {'5' if first is high else '4'} went first")


def reserved(run):
    """A worker for high priorities only is there when it is needed."""
    print("\nA worker that takes priority 7 and above:")
    with run.house() as (house, client):
        run.start_workers(house, client, "together", 1, "--min-priority", 7)
        low = client.submit("classify", {"image": 1}, priority=4)
        high = client.submit("classify", {"image": 2}, priority=7)
        client.wait(high, timeout=20)
        waits = client.status(low)["state"]
        why = client.explain(low)
        print(f"  the low one: {why['text']}")
        run.start_workers(house, client, "together", 1)
        then = client.wait(low, timeout=20)["state"]
    run.claim((waits, then) == ("queued", "succeeded"),
              "the low one waited beside it while it was idle, and ran on an ordinary worker")
    run.claim(why["why"] == "no-worker", "explain says why")


def company(run):
    """Six images that are there at once, two workers: whose are they?"""
    print("\nSix images at once, two workers that are free:")
    calls = {}
    for app, slots in (("together", 1), ("alone", MAX)):
        with run.house() as (house, client):
            run.start_workers(house, client, app, 2, slots=slots)
            client.set_kind("classify", paused=True)
            group = images(client, 6, 0)
            resume(house, client, 6)
            answers = group.result(timeout=30)
        calls[app] = sorted({(said["worker"], said["call"]): said["size"]
                             for said in answers}.values())
        print(f"  {app:<9} calls of {calls[app]}")
    run.claim(calls["together"] == [6], "one call, where the batch is formed out of all that waits")
    run.claim(len(calls["alone"]) > 1, "more than one, where each worker gathers what it was given")


def resume(house, client, count):
    """Ends the pause when all `count` images wait at the ventilator: a group is answered when it is
    stored, and what goes to the ventilator from there may be on its way still."""
    house.wait_for(lambda: any(kind["kind"] == "classify" and kind["queued"] == count
                               for kind in client.kinds()), f"waiting for the model: {count} images")
    client.set_kind("classify", paused=None)


def images(client, count, first, **terms):
    return client.group([{"kind": "classify", "payload": {"image": first + i}, **terms}
                         for i in range(count)])


