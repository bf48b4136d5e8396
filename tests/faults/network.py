"""Roles in network namespaces of their own, joined by a bridge; links that go down and come back.

Everything has the process id in its name and is removed in the end. Needs root.
"""

import contextlib
import ctypes
import os
import subprocess

import house
from house import HERE, PENSTOCK, PYTHON, PYTHON_PATH, Roles

NET = "10.213.78"
HOSTS = {"sink": 2, "ventilator": 3, "gateway": 4, "worker-a": 5, "worker-b": 6, "second": 7}


def run(*words, check=True):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


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
        return run("ip", "netns", "exec", self.name(host), *words)

    def enter_hub(self):
        """This thread's sockets are made there from now on."""
        return _entered(f"/run/netns/{self._hub}")

    def link(self, host, up):
        """The bridge's end: the host itself sees a cable that is out, and keeps its addresses."""
        self._in_hub("ip", "link", "set", f"to-{host}", "up" if up else "down")

    def drop(self, at, from_):
        """Of what `from_` sends, nothing reaches `at`; the other way is open."""
        self.inside(at, "iptables", "-A", "INPUT", "-s", address(from_), "-j", "DROP")

    def dropped(self, at):
        """How many packets did not reach `at` because of that."""
        rules = self.inside(at, "iptables", "-nvxL", "INPUT").splitlines()[2:]
        return sum(int(rule.split()[0]) for rule in rules)

    def connections(self, at, with_):
        """The ends, here and there, of what the kernel of `at` takes for open connections."""
        lines = self.inside(at, "ss", "-Htn", "state", "established", "dst", address(with_)).splitlines()
        return {tuple(line.split()[-2:]) for line in lines}

    def drop_farewells(self, at):
        """What says that a connection has ended never leaves this host, however often it is said."""
        for flag in ("FIN", "RST"):
            self.inside(at, "iptables", "-A", "OUTPUT", "-p", "tcp", "--tcp-flags", flag, flag, "-j",
                        "DROP")

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
    if ctypes.CDLL(None).setns(descriptor, 0x40000000) != 0:  # CLONE_NEWNET
        raise AssertionError("can't enter a network namespace")


class SpreadHouse(Roles):
    """A house whose roles are on hosts of their own, with a durable store."""

    http = [8080]

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.sink_door = f"tcp://{address('sink')}:5557"
        self.sink = self.penstock_on("sink", "sink", "--bind", f"{address('sink')}:5557", "--store",
                                     self.folder / "jobs.db", "--sync", "normal")
        self.ventilator = self.ventilator_on("ventilator")
        self.gateway = self.penstock_on(
            "gateway", "gateway", "--http", f"{address('gateway')}:8080", "--ventilator",
            f"tcp://{address('ventilator')}:5555", "--sink", self.sink_door)
        self.worker_a, self.worker_b = (self.worker_on(host) for host in ("worker-a", "worker-b"))

    def on(self, host, name, words, environment=None):
        return self.start(name, words, environment,
                          ["ip", "netns", "exec", self.network.name(host)])

    def penstock_on(self, host, *words):
        return self.on(host, host, [PENSTOCK, *words])

    def ventilator_on(self, host):
        return self.penstock_on(host, "ventilator", "--bind", f"{address(host)}:5555", "--sink",
                                self.sink_door, "--kinds", "note", "--advertise", address(host))

    def worker_on(self, host, ventilator="ventilator", name=None):
        name = name or host
        words = [PYTHON, "-B", HERE / "sdk_worker.py", f"tcp://{address(ventilator)}:5556", 2,
                 self.runs, name, "note"]
        self.workers.append(self.on(host, name, words, PYTHON_PATH))
        return self.workers[-1]

    def ask(self, method, path, body=None, headers=(), port=None, patience=30, or_none=False):
        with self.network.enter_hub():
            return house.ask(address("gateway"), port or 8080, method, path, body, headers, patience,
                             or_none)
