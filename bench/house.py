"""Processes that a benchmark starts, and what /proc says about them.

Everything is ended by the process id it was started with and its group, also when something fails,
and also when nobody is left who could end it.
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time

_libc = ctypes.CDLL(None)
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PORTS_IN_A_ROW = 8
STEP_SECONDS = 180  # no step takes longer; it is stuck
ports = range(15_555, 19_000)  # bench/run --ports


class Failed(Exception):
    """A sentence for the person who started the benchmark."""


def _end_with_parent():
    """In the child: also when nobody is left who could end it."""
    pr_set_pdeathsig = 1
    _libc.prctl(pr_set_pdeathsig, signal.SIGKILL)


class Process:
    def __init__(self, name, argv, log, cwd=None, environment=None):
        self.name, self.log = name, log
        self._text = b""
        with open(log, "ab") as err:
            self._log_from = err.tell()
            # A session of its own: what it starts is ended with it.
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err, cwd=cwd,
                env={**os.environ, **(environment or {})}, start_new_session=True,
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

    def has_line(self):
        """One that was read with another, which select does not know of."""
        return b"\n" in self._text

    def fileno(self):
        """Of its stdout: for select."""
        return self._process.stdout.fileno()

    def rest(self, seconds):
        """All that is left of its stdout, and its good end."""
        try:
            out, _ = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {seconds} s") from None
        if self._process.returncode != 0:
            raise Failed(f"{self.name} ended with {self._process.returncode}: "
                         f"{self.last_words()}")
        return (self._text + out).decode(errors="replace")

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
        try:
            os.killpg(self.pid, signal.SIGKILL)  # what it started and left behind
        except ProcessLookupError:
            pass
        self._process.stdout.close()

    def is_alive(self):
        return self._process.poll() is None

    def last_words(self):
        with open(self.log, errors="replace") as log:
            return " / ".join(log.read().split("\n")[-4:]).strip(" /") or "it said nothing"

    def log_line(self, word, seconds):
        """The first line with this word that it wrote to its log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.is_alive():
            with open(self.log, errors="replace") as log:
                log.seek(self._log_from)
                found = [line for line in log if word in line and line.endswith("\n")]
            if found:
                return found[0]
            time.sleep(0.002)
        raise Failed(f"{self.name} did not say '{word}': {self.last_words()}")

    def tree(self):
        """Its process id and those of all that descend from it."""
        found, unread = [], [self.pid]
        while unread:
            pid = unread.pop()
            found.append(pid)
            for task in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError), open(
                        f"/proc/{pid}/task/{task}/children") as children:
                    unread += map(int, children.read().split())
        return found

    def cpu_seconds(self):
        """Used so far by all threads of its tree, the dead included."""
        return sum(_cpu_seconds(pid) for pid in self.tree())

    def resident_bytes(self):
        """Of its tree; what several of them share is counted several times."""
        return sum(_resident_bytes(pid) for pid in self.tree())


def first_lines(processes, seconds):
    """Of each; that one of them ended is known at once, while the others would be waited for."""
    deadline, lines = time.monotonic() + seconds, {}
    while len(lines) < len(processes):
        silent = [p for p in processes if p not in lines]
        ready = select.select(silent, [], [], max(0, deadline - time.monotonic()))[0]
        if not ready:
            raise Failed(f"{silent[0].name} said nothing for {seconds} s; its log is "
                         f"{silent[0].log}")
        for process in ready:
            lines[process] = process.line(seconds)
    return [lines[process] for process in processes]


def _cpu_seconds(pid):
    """To the nanosecond, where /proc has hundredths; those are enough for children that ended."""
    clock = ctypes.c_int()
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # between finding it and looking: its parent has its time now
    if _libc.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
        return 0.0
    return (time.clock_gettime(clock.value) +
            (int(fields[13]) + int(fields[14])) / CLOCK_TICKS)


def _resident_bytes(pid):
    try:
        with open(f"/proc/{pid}/statm") as statm:
            return int(statm.read().split()[1]) * PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0


class Sampler:
    """Looks at CPU and memory of a house's processes every 100 ms while its block runs.

    `series` has for each name [[seconds since the first look, CPU seconds since, resident bytes],
    ...]. A process that ended has the points until then.
    """

    EVERY_SECONDS = 0.1

    def __init__(self, house):
        self._house, self.series = house, {}
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
        for name, process in self._house.alive().items():
            try:
                cpu, resident = process.cpu_seconds(), process.resident_bytes()
            except OSError:
                continue  # it has just ended
            # One that starts within the block used nothing before.
            before = self._cpu_before.setdefault(name, cpu if now < self.EVERY_SECONDS else 0.0)
            self.series.setdefault(name, []).append([now, round(cpu - before, 5), resident])


# Reads process ids; when its stdin ends, because who wrote them was killed, it ends their groups.
WATCH = 'while read pid; do groups="$groups -$pid"; done; kill -s KILL -- $groups'


class House:
    """Starts processes; leaving it ends them, the last one first."""

    def __init__(self, logs):
        self._logs, self._all, self._directory = logs, [], None
        os.makedirs(logs, exist_ok=True)

    def __enter__(self):
        self._watch = subprocess.Popen(["sh", "-c", WATCH], stdin=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, start_new_session=True)
        return self

    def __exit__(self, *_):
        for process in reversed(self._all):
            process.end(signal.SIGKILL, 5)  # nothing in them is worth a drain
        self._watch.kill()
        self._watch.wait()
        self._watch.stdin.close()
        if self._directory:
            self._directory.cleanup()

    def path(self, name):
        """Of a file beside the logs."""
        return os.path.join(self._logs, name)

    def directory(self):
        """An empty one at first, which goes when the processes have gone."""
        if not self._directory:
            self._directory = tempfile.TemporaryDirectory(
                prefix="penstock-bench-", ignore_cleanup_errors=True)
        return self._directory.name

    def start(self, name, argv, cwd=None, environment=None, shown_as=None):
        process = Process(name, [str(a) for a in argv], self.path(name + ".log"), cwd, environment)
        process.shown_as = shown_as or name
        self._watch.stdin.write(b"%d\n" % process.pid)
        self._watch.stdin.flush()
        self._all.append(process)
        return process

    def alive(self):
        """By the name that is shown."""
        return {p.shown_as: p for p in self._all if p.is_alive()}

    def cpu_seconds(self):
        """Of those that are alive, by the name that is shown."""
        out = {}
        for name, process in self.alive().items():
            with contextlib.suppress(OSError):
                out[name] = process.cpu_seconds()
        return out


def free_ports():
    """The first of some free ports in a row; odd, as a door must be."""
    odd = range(ports.start | 1, ports.stop - PORTS_IN_A_ROW, 10)
    at = os.getpid() % max(1, len(odd))  # two runs at once seldom begin at the same place
    for first in [*odd[at:], *odd[:at]]:
        try:
            for port in range(first, first + PORTS_IN_A_ROW):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise Failed(f"no {PORTS_IN_A_ROW} free ports in a row from {ports.start} to {ports.stop}")


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
