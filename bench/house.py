"""Processes that a benchmark starts, and what /proc says about them.

Everything is ended by the process id it was started with, also when something fails.
"""

import collections
import ctypes
import http.client
import os
import select
import signal
import socket
import subprocess
import threading
import time

_libc = ctypes.CDLL(None)
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PORTS_FROM, PORTS_TO, PORTS_IN_A_ROW = 15_555, 19_000, 8


class Failed(Exception):
    """A sentence for the person who started the benchmark."""


def _end_with_parent():
    """In the child: also when nobody is left who could end it."""
    pr_set_pdeathsig = 1
    _libc.prctl(pr_set_pdeathsig, signal.SIGKILL)


class Process:
    def __init__(self, name, argv, log):
        self.name, self.log = name, log
        self._text = b""
        with open(log, "ab") as err:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err,
                preexec_fn=_end_with_parent)
        self.pid = self._process.pid

    def line(self, seconds):
        """The next line of its stdout."""
        deadline = time.monotonic() + seconds
        out = self._process.stdout
        while b"\n" not in self._text:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                raise Failed(f"{self.name} said nothing for {seconds} s; its log is {self.log}")
            piece = os.read(out.fileno(), 65536)
            if not piece:
                raise Failed(f"{self.name} ended early: {self.last_words()}")
            self._text += piece
        line, self._text = self._text.split(b"\n", 1)
        return line.decode()

    def wait(self, seconds):
        """Until it has ended by itself, well."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {seconds} s") from None
        if status != 0:
            raise Failed(f"{self.name} ended with {status}: {self.last_words()}")

    def end(self, how, seconds):
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()

    def is_alive(self):
        return self._process.poll() is None

    def last_words(self):
        with open(self.log, errors="replace") as log:
            return " / ".join(log.read().split("\n")[-4:]).strip(" /") or "it said nothing"

    def cpu_seconds(self):
        """Used so far by all of its threads; to the nanosecond, where /proc has hundredths."""
        clock = ctypes.c_int()
        error = _libc.clock_getcpuclockid(self.pid, ctypes.byref(clock))
        if error != 0:
            raise Failed(f"there is no CPU clock of {self.name}: {os.strerror(error)}")
        return time.clock_gettime(clock.value)

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * PAGE_BYTES


class Sampler:
    """Looks at CPU and memory of some processes every 100 ms while its block runs.

    `series` has for each name [[seconds since the first look, CPU seconds since, resident bytes],
    ...]. A process that ended has the points until then.
    """

    EVERY_SECONDS = 0.1

    def __init__(self, processes):
        self._processes = dict(processes)
        self.series = {name: [] for name in self._processes}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._start = time.monotonic()
        self._cpu_before = {}
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while True:
            self._look()
            if self._stop.wait(self.EVERY_SECONDS):
                self._look()
                return

    def _look(self):
        now = round(time.monotonic() - self._start, 4)
        for name, process in list(self._processes.items()):
            try:
                cpu, resident = process.cpu_seconds(), process.resident_bytes()
            except (Failed, OSError, IndexError):
                del self._processes[name]
                continue
            before = self._cpu_before.setdefault(name, cpu)
            self.series[name].append([now, round(cpu - before, 5), resident])


class House:
    """Starts processes; leaving it ends them, the last one first."""

    def __init__(self, logs):
        self._logs, self._all = logs, []
        os.makedirs(logs, exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._all):
            process.end(signal.SIGKILL, 5)  # nothing in them is worth a drain

    def path(self, name):
        """Of a file beside the logs."""
        return os.path.join(self._logs, name)

    def start(self, name, argv):
        process = Process(name, [str(a) for a in argv], self.path(name + ".log"))
        self._all.append(process)
        return process


def free_ports():
    """The first of some free ports in a row; odd, as a door must be."""
    at = PORTS_FROM + os.getpid() % 97 * 10
    for first in [*range(at, PORTS_TO, 10), *range(PORTS_FROM, at, 10)]:
        try:
            for port in range(first, first + PORTS_IN_A_ROW):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise Failed(f"no free ports in a row between {PORTS_FROM} and {PORTS_TO}")


Addresses = collections.namedtuple("Addresses", "door control sink status http")


class Penstock:
    """Its roles as processes with the shipped defaults; only the ports are chosen."""

    def __init__(self, house, penstock, workers, gateway):
        first = free_ports()
        tcp = [f"tcp://127.0.0.1:{first + i}" for i in range(4)]
        self.at = Addresses(*tcp, http=first + 4)
        self.sink = house.start("sink", [penstock, "sink", "--bind", f"127.0.0.1:{first + 2}"])
        self.ventilator = house.start("ventilator", [
            penstock, "ventilator", "--bind", f"127.0.0.1:{first}", "--sink", self.at.sink])
        self.workers = [
            house.start(f"worker-{i}", [penstock, "worker", "--ventilator", self.at.door])
            for i in range(workers)]
        self.gateway = None
        if gateway:
            self.gateway = house.start("gateway", [
                penstock, "gateway", "--http", f"127.0.0.1:{self.at.http}",
                "--ventilator", self.at.door, "--sink", self.at.sink])
            self._wait_until_ready()

    def flags(self):
        """What the programs of bench/ are told about it."""
        return ["--door", self.at.door, "--control", self.at.control, "--status", self.at.status]

    def roles(self):
        named = {"ventilator": [self.ventilator], "sink": [self.sink], "workers": self.workers}
        return {**named, "gateway": [self.gateway]} if self.gateway else named

    def processes(self):
        """Each one by its name."""
        return {p.name: p for those in self.roles().values() for p in those}

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


def get_status(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def wait_until_listening(process, port):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.is_alive():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Failed(f"{process.name} does not listen on port {port}: {process.last_words()}")


def others_busy(seconds):
    """The share of all CPU time that was used in these seconds, in which we do nothing."""
    def read():
        with open("/proc/stat") as stat:
            times = [int(t) for t in stat.readline().split()[1:9]]
        return sum(times), times[3] + times[4]

    all_before, idle_before = read()
    time.sleep(seconds)
    all_after, idle_after = read()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)
