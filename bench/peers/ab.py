"""ab, the client of those that speak HTTP: 16 connections, one POST a job."""

import json
import time

from house import Failed
from peers import RUN_SECONDS

CONNECTIONS = 16
AB_LACKS = "distinct payloads: ab sends the same 100 bytes in every request"
LOOK_EVERY_SECONDS = 0.01


def posts_until(peer, jobs, url, outcomes):
    """POSTs `jobs` jobs; the end is when outcomes(), a count, has grown by as many."""
    body = f"{peer.house.directory()}/body.json"
    with open(body, "w") as file:
        json.dump({"payload": "x" * 100}, file)
    before, start = outcomes(), time.monotonic()
    ab = peer.start_one("ab", ["ab", "-q", "-k", "-s", "30", "-c", CONNECTIONS, "-n", jobs,
                               "-p", body, "-T", "application/json", url])
    said = ab.rest(RUN_SECONDS)
    posted = time.monotonic() - start
    for line in said.split("\n"):
        name, _, value = line.partition(":")
        if name in ("Failed requests", "Non-2xx responses") and int(value.split()[0]):
            raise Failed(f"ab: {line}")
    while outcomes() - before < jobs:
        if time.monotonic() - start > RUN_SECONDS:
            raise Failed(f"only {outcomes() - before} of {jobs} jobs have an outcome")
        time.sleep(LOOK_EVERY_SECONDS)
    seconds = time.monotonic() - start
    return {"jobs_s": jobs / seconds, "requests_s": jobs / posted}
