"""The processes of a test: started, killed, stopped, cut off. Each is ended by its id."""

import http.client
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import processes  # noqa: E402
from processes import PYTHON, PYTHON_PATH, ROOT, until  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PENSTOCK = os.environ.get("PENSTOCK_BINARY", str(ROOT / "build" / "release" / "penstock"))
# Where houses take their ports from, and their ventilators lanes.
PORTS = [int(port) for port in os.environ.get("PENSTOCK_FAULTS_PORTS", "27001-27199").split("-")]
LANES = os.environ.get("PENSTOCK_FAULTS_LANES", "27200-27999")
PORTS_OF_A_HOUSE = 15


class Process:
    """One role. What is started again has the same name, words and log."""

    def __init__(self, name, words, log, environment=None, before=()):
        self.name, self.log = name, log
        self._words, self._environment = [*before, *words], environment
        self._process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self._process = processes.spawn(self._words, log, self._environment)

    @property
    def pid(self):
        return self._process.pid

    @property
    def alive(self):
        return self._process.poll() is None

    def ends(self, seconds):
        """Its exit code, once it ends by itself."""
        return self._process.wait(seconds)

    def send(self, number):
        self._process.send_signal(number)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def again(self):
        self.kill()
        self.start()

    def said(self):
        return pathlib.Path(self.log).read_text(errors="replace")

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Roles:
    """The processes of a test in a folder of their own, and what its workers ran. Who derives from it
    starts them, and says where to `ask`."""

    http = []  # ports of gateways

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-faults-"))
        self.runs = self.folder / "runs"
        self.runs.touch()
        self.processes, self.workers = [], []

    def __enter__(self):
        self.wait_until_ready()
        return self

    def wait_until_ready(self):
        for port in self.http:
            until(lambda p=port: self.ask("GET", "/readyz", port=p, or_none=True)[0] == 200,
                  30, "every gateway is ready")

    def __exit__(self, kind, *_):
        for process in reversed(self.processes):
            process.kill()
        if kind is not None:
            for process in self.processes:
                print(f"---- {process.name}\n" + "\n".join(process.said().splitlines()[-12:]))
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, words, environment=None, before=()):
        process = Process(name, words, self.folder / f"{name}.log", environment, before)
        self.processes.append(process)
        return process

    def started(self):
        """(job, attempt, worker, seconds on the monotonic clock) of each run that began."""
        return self._runs("start")

    def ended(self):
        return self._runs("end")

    def _runs(self, what):
        lines = [line.split() for line in self.runs.read_text().splitlines()]
        return [(job, int(attempt), worker, int(at) / 1e9)
                for word, job, attempt, worker, at in lines if word == what]

    def worker_names(self):
        """Of those that the ventilator knows."""
        said = self.ask("GET", "/v1/workers", or_none=True)[1]
        return [w["worker"] for w in said.get("workers", [])] if isinstance(said, dict) else []

    def outcome(self, id, seconds=30):
        """The job, when it has one."""
        end = time.monotonic() + seconds
        while True:
            status, job, _ = self.ask("GET", f"/v1/jobs/{id}?wait=5", or_none=True)
            if status == 200 and job["state"] not in ("queued", "running", "delayed"):
                return job
            if time.monotonic() > end:
                raise AssertionError(f"{id} has no outcome after {seconds} s: {status} {job}")
            if status != 200:
                time.sleep(0.05)


class House(Roles):
    """A sink, a ventilator, gateways and whatever workers are asked for, all on this host."""

    def __init__(self, gateways=1, durable=False, store=None, ventilator=(), sink=(), kinds="note"):
        super().__init__()
        first = processes.free_ports(*PORTS, PORTS_OF_A_HOUSE)
        self.door, self.control, self.sink_door, self.status = (
            f"tcp://127.0.0.1:{first + i}" for i in range(4))
        self.http = [first + 6 + i for i in range(gateways)]
        if durable:
            store = self.folder / "jobs.db"
        keeping = ["--store", store, "--sync", "normal"] if store else []
        self.sink = self.penstock("sink", "sink", "--bind", f"127.0.0.1:{first + 2}", *keeping,
                                  *sink)
        self.ventilator = self.penstock(
            "ventilator", "ventilator", "--bind", f"127.0.0.1:{first}", "--sink", self.sink_door,
            "--lanes", LANES, "--kinds", kinds, *ventilator)
        self.gateways = [
            self.penstock(f"gateway-{i}", "gateway", "--http", f"127.0.0.1:{port}",
                          "--ventilator", self.door, "--sink", self.sink_door)
            for i, port in enumerate(self.http)]

    def penstock(self, name, *words):
        return self.start(name, [PENSTOCK, *words])

    def worker(self, slots=1, plain=False, kinds="note"):
        """By the Python package, or by none; it writes what it runs into `runs`."""
        name = f"worker-{len(self.workers)}"
        program = "plain_worker.py" if plain else "sdk_worker.py"
        process = self.start(
            name, [PYTHON, "-B", HERE / program, self.control, slots, self.runs, name, kinds],
            PYTHON_PATH)
        self.workers.append(process)
        return process

    def ask(self, method, path, body=None, headers=(), port=None, patience=30, or_none=False):
        """(status, what the answer says, its headers)."""
        return ask("127.0.0.1", port or self.http[0], method, path, body, headers, patience, or_none)


def ask(host, port, method, path, body=None, headers=(), patience=30, or_none=False):
    connection = http.client.HTTPConnection(host, port, timeout=patience)
    try:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json", **dict(headers)})
        answer = connection.getresponse()
        text = answer.read()
        is_json = "json" in answer.getheader("Content-Type", "")
        return answer.status, json.loads(text) if is_json and text else text, answer.headers
    except (OSError, http.client.HTTPException) as error:
        if or_none:
            return 0, repr(error), {}
        raise
    finally:
        connection.close()


def need_root(test: unittest.TestCase, what):
    if os.geteuid() != 0:
        test.fail(f"this test needs root: {what}")
