"""One mutant: built as the planted bugs are, ahead of the library, and run until something finds it."""

import json
import os
import pathlib
import re
import selectors
import shlex
import subprocess
import time
from dataclasses import dataclass

SEED_SECONDS = 10        # of the processor, for one seed: usual is a thirtieth of one
UNIT_TESTS_SECONDS = 120
MEMORY_MOST = 2 << 30    # of a program: what grows without end is found too


@dataclass(frozen=True)
class Verdict:
    by: str       # "simulation", "unit test", or "" for what survived
    at: str = ""  # which seed, which test
    why: str = ""


class Workshop:
    """Compiles and links with the commands of a build directory that is up to date."""

    def __init__(self, root, build, target="penstock_sim", unit_target="machine_test"):
        self.root, self.build = root, build
        entries = json.loads((build / "compile_commands.json").read_text())
        self._compile = {entry["file"]: shlex.split(entry["command"]) for entry in entries}
        self._link = {name: self._link_command(name) for name in (target, unit_target)}
        self._target, self._unit_target = target, unit_target

    def _link_command(self, target):
        told = subprocess.run(["ninja", "-t", "commands", "-s", f"tests/{target}"], cwd=self.build,
                              capture_output=True, text=True, check=True).stdout
        command = shlex.split(told.removeprefix(": &&").split(" && ")[0].strip())
        assert f"tests/{target}" in command, command
        return command

    def compile(self, mutant, where):
        """False: it is no program any more."""
        copy, made = where / pathlib.Path(mutant.file).name, where / "mutant.o"
        text = mutant.text(self.root)
        if copy.exists() and copy.read_text() == text and self._is_newest(made):
            return True
        copy.write_text(text)
        command = list(self._compile[str(self.root / mutant.file)])
        command[command.index("-o") + 1] = str(made)
        command[command.index("-c") + 1] = str(copy)
        command.append("-Werror=return-type")  # what has no value to return is none either
        return subprocess.run(command, cwd=self.build, capture_output=True).returncode == 0

    def _is_newest(self, made):
        """Newer than all that is made of the same headers."""
        libraries = [self.build / word for word in self._link[self._target] if word.endswith(".a")
                     and not word.startswith("/") and "sim" not in word]
        return made.exists() and all(library.stat().st_mtime < made.stat().st_mtime
                                     for library in libraries)

    def link(self, where, target):
        made = where / target
        command = list(self._link[target])
        at = command.index("-o")
        command[at:at + 2] = [str(where / "mutant.o"), "-o", str(made)]
        subprocess.run(command, cwd=self.build, check=True, capture_output=True)
        return made

    def try_out(self, where, seeds):
        found = run_simulation([str(self.link(where, self._target)), "--seeds", str(seeds)])
        if found.by:
            return found
        return run_unit_tests([str(self.link(where, self._unit_target)), "--gtest_fail_fast"])


LIMITED = ["nice", "-n", "5", "prlimit", f"--as={MEMORY_MOST}", "--core=0"]  # becomes the program


def _cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_simulation(command, seed_seconds=SEED_SECONDS):
    """It says on stderr which seed it begins with. One that takes too long is stopped: it hangs."""
    seed, since, told = "?", 0.0, ""
    with subprocess.Popen(LIMITED + command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program, \
            selectors.DefaultSelector() as ready:
        os.set_blocking(program.stderr.fileno(), False)
        ready.register(program.stderr, selectors.EVENT_READ)
        while True:
            ready.select(timeout=1)
            piece = program.stderr.read()
            if piece == b"":
                break
            told = (told + (piece or b"").decode(errors="replace"))[-2000:]
            used = _cpu_seconds(program.pid)
            newest = re.findall(r"seed (\d+) ", told)
            if newest and newest[-1] != seed:
                seed, since = newest[-1], used
            elif used - since > seed_seconds:
                program.kill()
                return Verdict("simulation", f"seed {seed}", "hangs")
        said = program.stdout.read().decode(errors="replace")
        status = program.wait()
    if status == 0:
        return Verdict("")
    if failed := re.search(r"^seed=(\d+) (.*)", said, re.MULTILINE):
        return Verdict("simulation", f"seed {failed[1]}", failed[2])
    words = [line for line in re.split(r"[\r\n]+", told) if line and not line.startswith("seed ")]
    return Verdict("simulation", f"seed {seed}", words[-1] if words else f"ends by signal {-status}")


def run_unit_tests(command, seconds=UNIT_TESTS_SECONDS):
    began = time.monotonic()
    try:
        ran = subprocess.run(LIMITED + command, capture_output=True, text=True, timeout=seconds,
                             errors="replace")
        said, status = ran.stdout, ran.returncode
    except subprocess.TimeoutExpired as late:
        said, status = (late.stdout or b"").decode(errors="replace"), None
    if status == 0:
        return Verdict("")
    test = re.findall(r"^\[ +(?:FAILED|RUN) +\] (\S+\.\S+?)(?:,| |$)", said, re.MULTILINE)
    failed = re.findall(r"^\[  FAILED  \] (\S+\.\S+?)(?:,| |$)", said, re.MULTILINE)
    why = "hangs" if status is None else f"after {time.monotonic() - began:.0f} s" if not failed else ""
    return Verdict("unit test", (failed or test[-1:] or ["?"])[0], why)
