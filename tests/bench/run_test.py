"""What bench/run does with its arguments and with the processes that it starts. Untimed."""

import importlib.machinery
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/bench")

import figures  # noqa: E402
import found  # noqa: E402
import scale  # noqa: E402
from house import Failed, House, first_lines  # noqa: E402


def bench_run():
    """bench/run as a module; its name has no ending."""
    path = f"{ROOT}/bench/run"
    loader = importlib.machinery.SourceFileLoader("bench_run", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run", loader))
    loader.exec_module(module)
    return module


class Run(unittest.TestCase):
    def setUp(self):
        self.run_ = bench_run()

    def plan(self, *flags):
        with unittest.mock.patch.object(sys, "argv", ["bench/run", *flags]):
            return self.run_.arguments()

    def test_a_long_section_runs_only_when_asked_for(self):
        usual = ["throughput", "idle", "loaded", "http", "memory", "sched", "bounds", "store"]
        self.assertEqual(self.plan().only, usual)
        self.assertEqual(self.plan("--quick").only, usual)
        self.assertEqual(self.plan("--only", "scale").only, ["scale"])
        self.assertEqual(self.plan("--all").only, [*usual, "retention", "death", "scale"])

    def rounds_of(self, *flags):
        """How often each of two sections was measured, of which one is long."""
        counted = []
        sections = tuple(
            found.Section(name, name, lambda *_, name=name: counted.append(name), (), (), is_long)
            for name, is_long in (("usual", False), ("long", True)))
        plan = self.plan(*flags)
        plan.only = ["usual", "long"]
        with unittest.mock.patch.object(figures, "SECTIONS", sections), \
                unittest.mock.patch.object(self.run_, "told"):
            self.run_.measured(plan, None)
        return counted.count("usual"), counted.count("long")

    def test_a_long_section_has_one_round_unless_rounds_says_otherwise(self):
        self.assertEqual(self.rounds_of(), (5, 1))
        self.assertEqual(self.rounds_of("--quick"), (3, 1))
        self.assertEqual(self.rounds_of("--rounds", "2"), (2, 2))

    def test_too_few_descriptors_are_refused_before_anything_starts(self):
        def limited(hard):
            return unittest.mock.patch.object(scale.resource, "getrlimit", lambda _: (1024, hard))

        with limited(4096), self.assertRaisesRegex(Failed, "3000 workers need .* limit is 4096"):
            scale.scale(None, self.plan(), found.Found(figures.SCALE))
        for enough in (20_000, scale.resource.RLIM_INFINITY):
            with limited(enough):
                scale.require_descriptors(3000)


class Houses(unittest.TestCase):
    # What bench/run does, as far as this matters: a process that starts another, as servers do.
    RUN = """
import sys, time
sys.path.insert(0, sys.argv[1])
from house import House
with House(sys.argv[2]) as house:
    server = house.start("server", ["sh", "-c", "sleep 1000 & echo $!; wait"])
    print(server.pid, server.line(10), flush=True)
    sys.stdin.readline()
"""

    def ended(self, end):
        with tempfile.TemporaryDirectory() as logs, subprocess.Popen(
                [sys.executable, "-B", "-c", self.RUN, f"{ROOT}/bench", logs],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
            pids = run.stdout.readline().split()
            end(run)
            run.wait(30)
            self.assertEqual(len(pids), 2)
            return all(self.goes(pid) for pid in pids)

    @staticmethod
    def goes(pid):
        """Whether it has ended soon; a zombie has."""
        for _ in range(1000):
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                        return True
            except (FileNotFoundError, ProcessLookupError):
                return True
            time.sleep(0.01)
        os.kill(int(pid), signal.SIGKILL)
        return False

    def test_that_one_ended_is_known_though_another_is_silent(self):
        with tempfile.TemporaryDirectory() as logs, House(logs) as house:
            those = [house.start(name, ["sh", "-c", script]) for name, script in
                     (("silent", "sleep 1000"), ("refused", "echo no lane >&2; exit 1"))]
            with self.assertRaisesRegex(Failed, "refused ended early: no lane"):
                first_lines(those, 30)

    def test_first_lines_are_in_the_order_of_the_processes(self):
        with tempfile.TemporaryDirectory() as logs, House(logs) as house:
            second = f"{logs}/second"
            os.mkfifo(second)
            those = [house.start("first", ["sh", "-c", f"read word <{second}; echo first"]),
                     house.start("second", ["sh", "-c", f"echo second; echo go >{second}"])]
            self.assertEqual(first_lines(those, 30), ["first", "second"])

    def test_leaving_it_ends_what_servers_started(self):
        self.assertTrue(self.ended(lambda run: run.stdin.close()))

    def test_being_killed_ends_what_servers_started(self):
        self.assertTrue(self.ended(lambda run: run.kill()))


if __name__ == "__main__":
    unittest.main()
