"""Carries out the blows while jobs are in flight, and starts again who was hit."""

import contextlib
import subprocess
import time
from collections import Counter

import msgpack
import zmq

import outcomes
from history import Logs
from house import HERE, Process
from processes import PYTHON
from recovery import Recoveries

IN_FLIGHT_LEAST = 500   # a kill with fewer does not count
IN_FLIGHT_WANTED = 800
DEATHS_MAX = 20         # that nobody here brought about
PATIENCE = 60.0         # seconds in which a blow must find enough jobs in flight, and its victims alive


class Siege:
    def __init__(self, house, seed, rate, watched, client_log, say):
        self._house, self._say = house, say
        self.logs = Logs(client_log, house.runs_logs)
        self._errands = []          # (when, what to do)
        self._told_at = self._asked_at = 0.0
        self._ended_without_run = 0  # jobs, as far as the sink has said
        self.kills, self.stops = [], []  # (role, name, jobs in flight, pair)
        self.recoveries = Recoveries()
        self.died = []              # who ended by itself
        self.explained = {}         # what is said of jobs that stay open, by id
        self._client_log = client_log
        self._client = subprocess.Popen(
            [PYTHON, "-B", HERE / "client.py", "--gateways", *map(str, house.gateways),
             "--seed", str(seed), "--rate", str(rate), "--in-flight", str(IN_FLIGHT_WANTED),
             "--watched", str(watched), "--log", client_log], stdin=subprocess.PIPE)
        self._context = zmq.Context()
        self._sink = self._context.socket(zmq.DEALER)
        self._sink.linger = 0
        self._sink.connect(house.status)

    def close(self):
        self._sink.close()
        self._context.term()
        self._client.kill()
        self._client.wait()

    # ---- what goes on all the time

    def turn(self, seconds=0.01):
        """Looks after everybody, once."""
        self.recoveries.look(self.logs.read())
        now = time.monotonic()
        self._run_errands(now)
        self._look_for_the_dead()
        if self._client.poll() is not None:
            raise RuntimeError(f"the client has ended with {self._client.returncode}")
        self._ask_sink(now)
        if now - self._told_at > 0.1:
            self._told_at = now
            self._tell_client(str(self.in_flight()))
        time.sleep(seconds)

    def _run_errands(self, now):
        for errand in [e for e in self._errands if e[0] <= now]:
            self._errands.remove(errand)
            errand[1]()

    def in_flight(self):
        return max(0, self.logs.history.in_flight() - self._ended_without_run)

    def _look_for_the_dead(self):
        for process in self._house.processes:
            if process.ended is not None:
                self.died.append(f"{process.name} ended by itself with {process.ended}: "
                                 f"{process.last_words()}")
                process.reap()
                process.start()
        if len(self.died) > DEATHS_MAX:
            raise RuntimeError(f"it goes on dying: {self.died[-1]}")

    def _ask_sink(self, now):
        """The logs count what was quarantined or cancelled as in flight; the sink knows better."""
        for open_jobs in self._open_jobs():
            self._ended_without_run = max(0, self.logs.history.in_flight() - open_jobs)
        if now - self._asked_at > 0.25:
            self._asked_at = now
            self._ask_for_stats()

    def _ask_for_stats(self):
        with contextlib.suppress(zmq.Again):
            self._sink.send_multipart([b"", msgpack.packb({"type": "stats"})], zmq.NOBLOCK)

    def _open_jobs(self):
        """What the sink has said of them since the last look."""
        said = []
        while self._sink.poll(0):
            said += [answer["open"] for answer in outcomes.answers(self._sink)]
        return said

    def _tell_client(self, line):
        try:
            self._client.stdin.write(line.encode() + b"\n")
            self._client.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("the client has ended") from None

    # ---- blows

    def fill(self, patience):
        """Until enough jobs are in flight. Raises when none has come for `patience` seconds."""
        full = self._wait(lambda: self.turn() or self.in_flight() >= IN_FLIGHT_LEAST,
                          lambda: len(self.logs.history.accepted), patience)
        if not full:
            raise TimeoutError(f"{patience} s without a new job, and {self.in_flight()} in flight")

    def deal(self, blows):
        last = time.monotonic()
        for number, blow in enumerate(blows, 1):
            late = last + blow.gap + PATIENCE
            while not self._is_time(blow, last + blow.gap):
                self.turn()
                if time.monotonic() > late:
                    raise TimeoutError(f"no blow for {PATIENCE} s: {self.in_flight()} jobs in flight")
            last = time.monotonic()
            self._strike(blow)
            if number % 50 == 0:
                self._say(f"{number} of {len(blows)} blows, {len(self.kills)} kills, "
                          f"{len(self.logs.history.accepted)} jobs accepted, "
                          f"{self.in_flight()} in flight")

    def _is_time(self, blow, due):
        return (time.monotonic() >= due and self.in_flight() >= IN_FLIGHT_LEAST
                and all(self._standing(victim.role) for victim in blow.victims))

    def _standing(self, role):
        return [p for p in self._house.of(role) if p.alive and not p.stopped]

    def _strike(self, blow):
        struck, in_flight = [], self.in_flight()
        for victim in blow.victims:
            standing = self._standing(victim.role)
            if standing:
                process = standing[int(victim.which * len(standing))]
                struck.append((victim, process))
                process.send_kill() if blow.kills else process.stop()
        for victim, process in struck:
            done = self.kills if blow.kills else self.stops
            done.append((victim.role, process.name, in_flight, len(struck) > 1))
            if blow.kills:
                process.reap()
            self._later(victim.pause, self._start if blow.kills else Process.go_on, process)
        self.recoveries.struck()

    def _start(self, process):
        process.start()
        self.recoveries.started(process.role, self.logs.read())

    def _later(self, seconds, deed, process):
        self._errands.append((time.monotonic() + seconds, lambda: deed(process)))

    # ---- afterwards

    def heal(self, patience):
        """Everybody is started when it is time to, the client comes to its end, and every job that the
        sink knows has its outcome. None of it has to be quick; `patience` is how many seconds may pass
        in which nothing moves. Returns how long it took, and the outcome by id."""
        begun = time.monotonic()
        self._tell_client("stop")
        if not self._wait(lambda: self._rest() or self._client.poll() is not None,
                          lambda: self.logs.history.lines, patience):
            self.logs.history.strange.append(f"the client has said nothing for {patience} s")
            self._client.kill()
        looks = [{}]

        def all_final():
            self._rest()
            if self._errands:
                return False  # the sink itself may be stopped
            looks.append(outcomes.at_sink(self._house.status, self.logs.history.accepted))
            return None not in looks[-1].values()

        self._wait(all_final, lambda: sum(o is not None for o in looks[-1].values()), patience)
        self.logs.read()
        still_open = [id for id, outcome in looks[-1].items() if outcome is None]
        self.explained = outcomes.explained(self._house.gateways[0], still_open[:20])
        return time.monotonic() - begun, looks[-1]

    def _rest(self):
        """Nobody is hit any more; who ends now does so by itself."""
        self._run_errands(time.monotonic())
        self._look_for_the_dead()
        self.logs.read()
        time.sleep(0.02)

    @staticmethod
    def _wait(condition, progress, patience):
        """False: what progress() says was the same for so long. A slow machine is no fault."""
        last, end = progress(), time.monotonic() + patience
        while not condition():
            if (now := progress()) != last:
                last, end = now, time.monotonic() + patience
            if time.monotonic() > end:
                return False
        return True

    def counted(self):
        """Kills by role and by process, of those that met enough jobs in flight."""
        enough = [kill for kill in self.kills if kill[2] >= IN_FLIGHT_LEAST]
        return Counter(kill[0] for kill in enough), Counter(kill[1] for kill in enough)
