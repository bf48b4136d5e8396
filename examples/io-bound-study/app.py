"""The workers in Python: the same request by a thread, by the event loop, and the callback.

    PYTHONPATH=../../clients/python /usr/bin/python3 -m penstock worker app:blocking --slots 4

`blocking`: plain functions. With --slots 1 in N processes it is what Celery calls prefork, with
--slots N in one it is a pool of threads. `asynchronous`: `async def`, N at once on one thread.
`summaries`: the callback of a chord, which writes what its requests came to into SQLite.

The kind `http` of `penstock worker` does the same as `ask` without a line of code.
"""

import asyncio
import http.client
import json
import os
import time
import urllib.parse

import penstock

import records

PATIENCE = 900  # seconds; the longest request takes 210


def headers_of(job):
    """What the kind `http` says of a job, too: the service logs who asked."""
    return {"Penstock-Job": job.id, "Penstock-Attempt": str(job.attempt)}


def answer_of(status, body, begun):
    if status != 200:
        raise penstock.Fail(f"http-{status}", body[:200].decode(errors="replace"))
    return {**json.loads(body), "begun": begun, "ended": time.time(), "process": os.getpid()}


blocking = penstock.Worker()


@blocking.kind("ask")
def ask(payload, job):
    begun = time.time()
    url = urllib.parse.urlsplit(payload["url"])
    connection = http.client.HTTPConnection(url.netloc, timeout=PATIENCE)
    try:
        connection.request("GET", url.path, headers=headers_of(job))
        answer = connection.getresponse()
        return answer_of(answer.status, answer.read(), begun)
    finally:
        connection.close()


asynchronous = penstock.Worker()


@asynchronous.kind("ask-async")
async def ask_async(payload, job):
    """By hand: Python's own library has no HTTP client that is asynchronous."""
    begun = time.time()
    url = urllib.parse.urlsplit(payload["url"])
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        lines = [f"GET {url.path} HTTP/1.1", f"Host: {url.netloc}", "Connection: close",
                 *(f"{name}: {value}" for name, value in headers_of(job).items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        return answer_of(int(head.split(b" ")[1]), await reader.read(), begun)
    finally:
        writer.close()


summaries = penstock.Worker()


@summaries.kind("summary")
def summary(payload, job):
    """`then` of a group: its payload is the map that was submitted, and `results` in it."""
    answers = payload["results"]
    with records.opened(payload["database"]) as database:
        records.keep(database, payload["configuration"], payload["chord"], job, answers)
    seconds = [answer["ended"] - answer["begun"] for answer in answers]
    return {"chord": payload["chord"], "requests": len(answers),
            "mean": sum(seconds) / len(seconds), "longest": max(seconds)}
