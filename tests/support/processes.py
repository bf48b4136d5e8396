"""What tests in Python share about processes: how they are started, which ports are free, and how one
waits for something."""

import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"  # has python3-zmq and python3-msgpack
# For workers in Python: the package, and what lies beside this file.
PYTHON_PATH = {"PYTHONPATH": f"{ROOT / 'clients' / 'python'}:{ROOT / 'tests' / 'support'}"}
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def spawn(words, log, environment=None):
    """A process that ends with this one, even if this one is killed. What it says goes to `log`, which
    is open. The kernel ends it with the *thread* that started it, so that has to be the main one."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a process that ends with its parent is started by the main thread")
    return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log,
                            stderr=log, env={**os.environ, **(environment or {})},
                            preexec_fn=_end_with_parent)


def _end_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(low, high, count):
    """The first of `count` free ports in a row: odd, as a door must be. Several that look at once begin
    at different places. All of it below those that are given out to connections (32768)."""
    step = count + count % 2
    firsts = range(low | 1, high - count + 2, step)
    begin = os.getpid() % len(firsts)
    for first in [*firsts[begin:], *firsts[:begin]]:
        if all(_is_free(first + i) for i in range(count)):
            return first
    raise AssertionError(f"there are no {count} free ports in a row between {low} and {high}")


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def until(condition, seconds, what):
    """Returns what the condition says, once that is true."""
    end = time.monotonic() + seconds
    while not (said := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return said
