"""The processes of a run: started, killed, stopped, started again. Only those that it started are
ended, each by its id; they end with it."""

import pathlib
import resource
import signal

import processes

HERE = pathlib.Path(__file__).resolve().parent
PORTS = 16              # of a run, in a row


class Process:
    """One place in the house; `lives` counts who had it. `command(life)` is run for each."""

    def __init__(self, role, name, command, log, environment=None):
        self.role, self.name, self.lives = role, name, 0
        self._command, self._log, self._environment = command, log, environment
        self._process = None
        self.stopped = False

    def start(self):
        self.lives += 1
        with open(self._log, "ab") as log:
            log.write(f"---- life {self.lives}\n".encode())
            log.flush()
            self._process = processes.spawn(self._command(self.lives), log, self._environment)

    @property
    def alive(self):
        return self._process is not None and self._process.poll() is None

    @property
    def ended(self):
        """How it ended by itself; None: it lives, or was killed here."""
        return None if self._process is None else self._process.poll()

    def kill(self):
        self.send_kill()
        self.reap()

    def send_kill(self):
        self._process.send_signal(signal.SIGKILL)

    def reap(self):
        self._process.wait()
        self._process, self.stopped = None, False

    def stop(self):
        self._process.send_signal(signal.SIGSTOP)
        self.stopped = True

    def go_on(self):
        if self.stopped and self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self.stopped = False

    def end(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def last_words(self):
        return " / ".join(pathlib.Path(self._log).read_text(errors="replace").splitlines()[-4:])


class House:
    """Several gateways, one ventilator, one sink, workers by two packages and by none."""

    def __init__(self, folder, penstock, worker, store, first, lanes):
        # A process of many sockets leaves many behind when it is killed.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._folder = pathlib.Path(folder)
        self._penstock, self._worker = penstock, worker
        self.door, self._control = f"tcp://127.0.0.1:{first}", f"tcp://127.0.0.1:{first + 1}"
        self.sink_door, self.status = (f"tcp://127.0.0.1:{first + 2 + i}" for i in range(2))
        self.gateways = [first + 6 + i for i in range(3)]
        self.store = None if store == "memory" else self._folder / "sink.db"
        self.processes = [
            self._role("sink", "sink", "sink", "--bind", f"127.0.0.1:{first + 2}",
                       "--store", self.store or "memory", *self._recording("sink")),
            self._role("ventilator", "ventilator", "ventilator", "--bind", f"127.0.0.1:{first}",
                       "--sink", self.sink_door, "--kinds", "chaos", "--silent-limit", "3",
                       *self._recording("ventilator"), *(["--lanes", lanes] if lanes else []))]
        self.processes += [
            self._role("gateway", f"gateway-{i}", "gateway", "--http", f"127.0.0.1:{port}",
                       "--ventilator", self.door, "--sink", self.sink_door)
            for i, port in enumerate(self.gateways)]
        # Few slots: who keeps hundreds of jobs in flight has to submit as fast as they work.
        self.processes += [self._cpp_worker(f"cpp{i}", 8) for i in range(4)]
        self.processes += [self._sdk_worker("threads", 6), self._sdk_worker("loop", 12)]
        self.processes += [self._plain_worker(f"plain{i}") for i in range(2)]

    def _role(self, role, name, *words):
        return Process(role, name, lambda life: [self._penstock, *words], self._log(name))

    def _recording(self, role):
        """What the machine is given goes on tape: `penstock replay` then says what happened."""
        return "--record", str(self._folder / f"{role}.tape")

    def _cpp_worker(self, name, slots):
        return Process("worker", name, lambda life: [
            self._worker, self._control, slots, self.runs_log(name), f"{name}.{life}"],
            self._log(name))

    def _sdk_worker(self, style, slots):
        return self._python(style, lambda life: [
            HERE / "sdk_worker.py", self._control, slots, self.runs_log(style), f"{style}.{life}",
            style])

    def _plain_worker(self, name):
        return self._python(name, lambda life: [
            HERE / "plain_worker.py", self._control, self.runs_log(name), f"{name}.{life}"])

    def _python(self, name, command):
        return Process("worker", name, lambda life: [processes.PYTHON, "-B", *command(life)],
                       self._log(name), processes.PYTHON_PATH)

    def _log(self, name):
        return self._folder / f"{name}.log"

    def runs_log(self, name):
        return self._folder / f"{name}.runs"

    @property
    def runs_logs(self):
        return [self.runs_log(p.name) for p in self.processes if p.role == "worker"]

    def start(self):
        for process in self.processes:
            process.start()

    def of(self, role):
        return [p for p in self.processes if p.role == role]

    def end(self):
        for process in reversed(self.processes):
            process.end()
