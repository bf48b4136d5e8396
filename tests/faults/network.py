"""Roles in network namespaces of their own, joined by a bridge; links that go down and come back.

Everything has the process id in its name and is removed in the end. Needs root.
"""

import contextlib
import os
import pathlib
import subprocess
import tempfile

import processes
from processes import PENSTOCK, PYTHON, HERE, ROOT, House, Process

NET = "10.213.78"
HOSTS = {"sink": 2, "ventilator": 3, "gateway": 4, "worker-a": 5, "worker-b": 6, "second": 7}


def run(*words, check=True):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")


def address(host):
    return f"{NET}.{HOSTS[host]}"


class Network:
    """One host for each role. This process asks the gateway from a namespace of its own (it has the
    bridge), so it is entered by a child: `ask` runs there."""

    def __init__(self):
        self._hub = f"pf-hub-{os.getpid()}"

    def name(self, host):
        return f"pf-{host}-{os.getpid()}"

    def __enter__(self):
        try:
            run("ip", "netns", "add", self._hub)
            self._in_hub("ip", "link", "add", "bridge", "type", "bridge")
            self._in_hub("ip", "address", "add", f"{NET}.1/24", "dev", "bridge")
            for device in ("bridge", "lo"):
                self._in_hub("ip", "link", "set", device, "up")
            for host in HOSTS:
                run("ip", "netns", "add", self.name(host))
                run("ip", "link", "add", f"to-{host}", "netns", self._hub, "type", "veth", "peer",
                    "eth", "netns", self.name(host))
                self._in_hub("ip", "link", "set", f"to-{host}", "master", "bridge", "up")
                self.inside(host, "ip", "address", "add", f"{address(host)}/24", "dev", "eth")
                for device in ("eth", "lo"):
                    self.inside(host, "ip", "link", "set", device, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in [*map(self.name, HOSTS), self._hub]:
            run("ip", "netns", "del", name, check=False)

    def _in_hub(self, *words):
        run("ip", "netns", "exec", self._hub, *words)

    def inside(self, host, *words):
        run("ip", "netns", "exec", self.name(host), *words)

    def enter_hub(self):
        """This thread's sockets are made there from now on."""
        return _entered(f"/run/netns/{self._hub}")

    def link(self, host, up):
        """The bridge's end: the host itself sees a cable that is out, and keeps its addresses."""
        self._in_hub("ip", "link", "set", f"to-{host}", "up" if up else "down")

    def drop(self, at, from_):
        """Of what `from_` sends, nothing reaches `at`; the other way is open."""
        self.inside(at, "iptables", "-A", "INPUT", "-s", address(from_), "-j", "DROP")

    def heal(self, at):
        self.inside(at, "iptables", "-F")


@contextlib.contextmanager
def _entered(path):
    with open("/proc/thread-self/ns/net") as home, open(path) as there:
        os_setns(there.fileno())
        try:
            yield
        finally:
            os_setns(home.fileno())


def os_setns(descriptor):
    if processes._libc.setns(descriptor, 0x40000000) != 0:  # CLONE_NEWNET
        raise AssertionError("can't enter a network namespace")


class SpreadHouse(House):
    """A house whose roles are on hosts of their own, with a durable store."""

    def __init__(self, network):  # pylint: disable=super-init-not-called
        self.network = network
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-faults-"))
        self.runs = self.folder / "runs"
        self.runs.touch()
        self.http, self.processes, self.workers = [8080], [], []
        self.sink_door = f"tcp://{address('sink')}:5557"
        self.sink = self.on("sink", "sink", "--bind", f"{address('sink')}:5557", "--store",
                            self.folder / "jobs.db", "--sync", "normal")
        self.ventilator = self.ventilator_on("ventilator")
        self.gateway = self.on("gateway", "gateway", "--http", f"{address('gateway')}:8080",
                               "--ventilator", f"tcp://{address('ventilator')}:5555", "--sink",
                               self.sink_door)
        self.worker_a, self.worker_b = (self.worker_on(host) for host in ("worker-a", "worker-b"))

    def on(self, name, *words, environment=None):
        host = name.removesuffix("-worker")
        words = words if words[0] == PYTHON else (PENSTOCK, *words)
        process = Process(name, words, self.folder / f"{name}.log", environment,
                          ["ip", "netns", "exec", self.network.name(host)])
        self.processes.append(process)
        return process

    def ventilator_on(self, host):
        return self.on(host, "ventilator", "--bind", f"{address(host)}:5555", "--sink",
                       self.sink_door, "--kinds", "note", "--advertise", address(host))

    def worker_on(self, host, ventilator="ventilator"):
        control = f"tcp://{address(ventilator)}:5556"
        return self.on(f"{host}-worker" if host == ventilator else host, PYTHON, "-B", HERE / "sdk_worker.py", control, 2, self.runs, host,
                       "note", environment={"PYTHONPATH": str(ROOT / "clients" / "python")})

    def ask(self, method, path, body=None, headers=(), port=None, patience=30, or_none=False):
        with self.network.enter_hub():
            return processes.ask(address("gateway"), port or 8080, method, path, body, headers,
                                 patience, or_none)
