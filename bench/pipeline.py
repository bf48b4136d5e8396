"""Penstock as a benchmark runs it: its roles as processes of a house, and a client of its gateway."""

import collections
import http.client
import json
import os
import time

from house import STEP_SECONDS, Failed, free_ports

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # has zmq and msgpack by the distribution's packages

Addresses = collections.namedtuple("Addresses", "door control sink status http")


class Penstock:
    """Its roles as processes with the shipped defaults; only the ports are chosen."""

    def __init__(self, house, penstock, workers, gateway, worker_flags=(), sink_flags=()):
        first = free_ports()
        tcp = [f"tcp://127.0.0.1:{first + i}" for i in range(4)]
        self.at = Addresses(*tcp, http=first + 5)
        self.sink = house.start("sink", [
            penstock, "sink", "--bind", f"127.0.0.1:{first + 2}", *sink_flags])
        self._ventilator = [
            penstock, "ventilator", "--bind", f"127.0.0.1:{first}", "--sink", self.at.sink]
        self._house = house
        self.ventilator = house.start("ventilator", self._ventilator)
        self.workers = [
            house.start(f"worker-{i}", [penstock, "worker", "--ventilator", self.at.door,
                                    *worker_flags])
            for i in range(workers)]
        self.gateway = None
        if gateway:
            self.gateway = house.start("gateway", [
                penstock, "gateway", "--http", f"127.0.0.1:{self.at.http}",
                "--ventilator", self.at.door, "--sink", self.at.sink])
            self._wait_until_ready()

    def python_worker(self, name, program, *arguments):
        """One of those beside this file, with the package of clients/python."""
        return self._house.start(
            name, [PYTHON, "-B", f"{HERE}/{program}", self.at.control, *arguments],
            environment={"PYTHONPATH": f"{os.path.dirname(HERE)}/clients/python"})

    def wait_until_joined(self, workers):
        """Until these processes are all that have joined."""
        deadline = time.monotonic() + STEP_SECONDS
        while len(get_json(self.at.http, "/v1/workers")["workers"]) != len(workers):
            for worker in workers:
                if not worker.is_alive():
                    raise Failed(f"{worker.name} ended: {worker.last_words()}")
            if time.monotonic() > deadline:
                raise Failed("the workers did not join")
            time.sleep(0.01)

    def next_ventilator(self):
        """kill -9 of the ventilator, and a new one in its place."""
        self.ventilator.end(9, STEP_SECONDS)
        self.ventilator = self._house.start("ventilator-again", self._ventilator)

    def flags(self):
        """What the programs of bench/ are told about it."""
        return ["--door", self.at.door, "--control", self.at.control, "--status", self.at.status]

    def roles(self):
        named = {"ventilator": [self.ventilator], "sink": [self.sink], "workers": self.workers}
        return {**named, "gateway": [self.gateway]} if self.gateway else named

    def cpu_seconds(self):
        return {name: sum(p.cpu_seconds() for p in those) for name, those in self.roles().items()}

    def _wait_until_ready(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if not self.gateway.is_alive():
                raise Failed(f"the gateway ended: {self.gateway.last_words()}")
            try:
                if get_status(self.at.http, "/readyz") == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise Failed("the gateway was not ready within 30 s")


class Client:
    """One kept connection to the gateway. What is answered otherwise than 200 or 202 fails the run."""

    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STEP_SECONDS)

    def ask(self, method, path, body=None):
        self._connection.request(method, path, json.dumps(body) if body else None,
                                 {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        said = json.loads(answer.read())
        if answer.status not in (200, 202):
            raise Failed(f"{method} {path} was answered {answer.status}: {said}")
        return said

    def submit(self, job):
        """Its id."""
        return self.ask("POST", "/v1/jobs", job)["id"]

    def submit_many(self, jobs):
        """Their ids."""
        return self.ask("POST", "/v1/jobs/bulk", jobs)["ids"]

    def wait_until_succeeded(self, ids):
        for id in ids:
            job = self.ask("GET", f"/v1/jobs/{id}?wait=60")
            if job["state"] != "succeeded":
                raise Failed(f"a job came to {job}")


def get_status(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def get_json(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
