"""What examples start and end: a pipeline, its workers, and nothing else.

A `run` that uses it puts this directory and clients/python on its path. PENSTOCK names another binary
than build/release/penstock.
"""

import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

TOP = pathlib.Path(__file__).resolve().parent.parent
CLIENT = TOP / "clients" / "python"
BINARY = pathlib.Path(os.environ.get("PENSTOCK", TOP / "build" / "release" / "penstock"))
PATIENCE = 30  # seconds for anything to become ready; only a failing run takes that long


class Trouble(Exception):
    """A sentence for whoever ran this."""


class House:
    """The processes of one run, and what they said. They run in `here`, their logs go to
    `folder`."""

    def __init__(self, folder, here):
        if not BINARY.exists():
            raise Trouble(f"there is no {BINARY}. Build it with ./run in {TOP}, or set PENSTOCK")
        self.folder = pathlib.Path(folder)
        self.here = here
        self.processes = []  # (name, process, log)
        self.door, self.http = free_ports()
        self.url = f"http://127.0.0.1:{self.http}"

    def start(self, name, *command, **environment):
        path = self.folder / f"{self.http}-{name}.log"
        with open(path, "wb") as log:
            process = subprocess.Popen(
                [str(part) for part in command], cwd=self.here, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, env={**os.environ, **environment})
        self.processes.append((name, process, path))

    def start_pipeline(self, *options):
        self.start("penstock", BINARY, "up", "--workers", 0, "--http", f"127.0.0.1:{self.http}",
                   "--bind", f"127.0.0.1:{self.door}", *options)

    def start_worker(self, name, app, *options, **environment):
        self.start(name, sys.executable, "-m", "penstock", "worker", app,
                   "--ventilator", f"tcp://127.0.0.1:{self.door}", *options,
                   PYTHONPATH=str(CLIENT), **environment)

    def wait_for(self, condition, what):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for name, process, path in self.processes:
                if process.poll() is not None:
                    raise Trouble(f"{name} ended with {process.returncode}: {tail(path)}")
            found = condition()
            if found:
                return found
            time.sleep(0.02)
        said = "".join(f"\n{name}: {tail(path)}" for name, _, path in self.processes)
        raise Trouble(f"after {PATIENCE} s still not {what}.{said}")

    def end(self):
        """Workers drain first; the pipeline goes last. Returns who had to be killed."""
        killed = []
        for name, process, _ in reversed(self.processes):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed.append(name)
        return killed


def tail(path):
    lines = path.read_text(errors="replace").strip().splitlines()
    return "\n  ".join(lines[-8:]) or "it said nothing"


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_ports():
    """An odd door with the four ports after it, and one for HTTP: below those that are given out
    to connections, and from a start of our own, so that two runs seldom meet."""
    for port in range(15_001 + os.getpid() % 400 * 10, 19_990, 10):
        if all(is_free(port + i) for i in range(6)):
            return port, port + 5
    raise Trouble("found no free ports between 15001 and 19990")


def get(url):
    """(status, body) of any answer; status 0: nobody answered."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()
