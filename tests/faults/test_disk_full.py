"""The durable store on a disk that fills up, in a damaged file, and with two who want it."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

from house import PENSTOCK, PORTS, House, need_root, until
from processes import free_ports

MIB = 1 << 20
DISK, RESERVE, FILLER = 128 * MIB, 32 * MIB, 24 * MIB
PAYLOAD = 200_000
CLONE_NEWNS = 0x20000


def job(id, **payload):
    return {"kind": "note", "id": id, "payload": {"say": id, **payload}}


class DiskFull(unittest.TestCase):
    def setUp(self):
        """A disk of its own that nobody else sees, and that goes with this process."""
        need_root(self, "it mounts a small disk where only itself sees it")
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNS) != 0:
            self.fail(f"no mount namespace of its own: {os.strerror(ctypes.get_errno())}")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix="penstock-disk-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", self.disk], check=True)
        self.filler = self.disk / "filler"

    def tearDown(self):
        subprocess.run(["umount", self.disk], check=True)
        self.disk.rmdir()

    def house(self):
        return House(store=self.disk / "jobs.db", sink=["--store-reserve", RESERVE])

    def submit(self, house, body):
        """What it is answered when everybody has noticed that there is a new sink."""
        while True:
            answer = house.ask("POST", "/v1/jobs", body)
            if answer[1].get("type") != "/problems/starting":
                return answer

    def fill(self, house, name, at_most=DISK // PAYLOAD):
        """Jobs with payloads until one is refused; (the ids that were accepted, the refusal or None)."""
        accepted = []
        while len(accepted) < at_most:
            id = f"{name}-{len(accepted)}"
            status, said, headers = self.submit(house, job(id, fill="x" * PAYLOAD))
            if status != 202:
                return accepted, (status, said, headers)
            accepted.append(id)
        return accepted, None

    def assert_refused_for_space(self, status, said, headers):
        self.assertEqual((status, said["type"]), (503, "/problems/storage-full"))
        self.assertGreater(int(headers["Retry-After"]), 0)

    def assert_each_has_its_outcome(self, house, ids):
        for id in ids:
            found = house.outcome(id, 60)
            self.assertEqual((found["state"], found["result"]), ("succeeded", id))

    def accepted_soon(self, house, id):
        until(lambda: house.ask("POST", "/v1/jobs", job(id))[0] == 202, 20,
                    "new work is taken when there is space")

    def test_new_work_is_refused_and_what_was_accepted_ends(self):
        self.filler.write_bytes(bytes(FILLER))
        with self.house() as house:
            accepted, refusal = self.fill(house, "first")
            self.assertIsNotNone(refusal, "more fits on the disk than it has")
            self.assert_refused_for_space(*refusal)
            self.assertGreater(len(accepted), 100)
            house.sink.again()
            house.wait_until_ready()
            until(lambda: self.submit(house, job("late"))[0] == 503, 20,
                  "a new sink sees that there is no space")
            self.assert_refused_for_space(*self.submit(house, job("late")))
            house.worker(slots=4)
            self.assert_each_has_its_outcome(house, accepted)
            self.filler.unlink()
            self.accepted_soon(house, "late")
            self.assert_each_has_its_outcome(house, ["late"])
            runs = [id for id, *_ in house.started()]
            self.assertEqual(sorted(runs), sorted([*accepted, "late"]))

    def test_a_disk_without_a_byte_left_delays_and_loses_nothing(self):
        with self.house() as house:
            accepted = []
            for i in range(40):
                id = f"early-{i}"
                body = job(id, seconds=0.05)
                self.assertEqual(house.ask("POST", "/v1/jobs", body)[0], 202)
                accepted.append(id)
            for name in ("filler", "filler-2"):  # the second takes what the sink gave up meanwhile
                with open(self.disk / name, "wb", buffering=0) as filler, \
                        contextlib.suppress(OSError):
                    while filler.write(bytes(4096)):
                        pass
            house.worker(slots=2)
            accepted += self.until_refused(house)
            until(lambda: len(self.finished(house, accepted)) >= 10, 20,
                        "outcomes are written out of what was put by for them")
            seen = self.finished(house, accepted)
            house.sink.kill()
            until(lambda: len(house.ended()) > len(seen), 20, "workers have results nobody takes")
            for name in ("filler", "filler-2"):
                (self.disk / name).unlink()
            house.sink.start()
            house.wait_until_ready()
            self.assert_each_has_its_outcome(house, accepted)
            for id, finished in seen.items():
                self.assertEqual(house.ask("GET", f"/v1/jobs/{id}")[1]["finished_at"], finished)
            self.accepted_soon(house, "later")
            self.assert_each_has_its_outcome(house, ["later"])

    def until_refused(self, house):
        """The ids that were accepted before: until somebody looks there may be a little room."""
        accepted, end = [], time.monotonic() + 10
        while time.monotonic() < end:
            id = f"late-{len(accepted)}"
            status, said, headers = house.ask("POST", "/v1/jobs", job(id))
            if status == 504:
                self.assertEqual(said["type"], "/problems/outcome-unknown")
            elif status != 202:
                self.assert_refused_for_space(status, said, headers)
                return accepted
            else:
                accepted.append(id)
        self.fail("new work was still taken 10 s after the disk had no byte left")

    def finished(self, house, ids):
        """When those of them that have an outcome got it, as somebody was told."""
        told = {}
        for id in ids:
            status, said, _ = house.ask("GET", f"/v1/jobs/{id}", or_none=True)
            if status == 200 and said["state"] == "succeeded":
                told[id] = said["finished_at"]
        return told

    def test_a_sink_that_dies_while_the_disk_fills_up_keeps_what_it_accepted(self):
        self.filler.write_bytes(bytes(FILLER))
        with self.house() as house:
            house.worker(slots=4)
            accepted, lives_refused = [], 0
            for life in range(12):
                took, refusal = self.fill(house, f"life-{life}", at_most=40)
                accepted += took
                if refusal:
                    self.assert_refused_for_space(*refusal)
                    lives_refused += 1
                house.sink.again()  # at any moment of a write, with space and without
                house.wait_until_ready()
                if lives_refused == 3:
                    break
            self.assertEqual(lives_refused, 3, "the disk did not fill up")
            self.assertGreater(life, 3, "it was full before it filled up")
            self.assert_each_has_its_outcome(house, accepted)


class File(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-file-"))
        self.store = self.folder / "jobs.db"
        self.addCleanup(shutil.rmtree, self.folder)

    def filled(self):
        with House(store=self.store) as house:
            for i in range(300):
                self.assertEqual(house.ask("POST", "/v1/jobs", job(f"j{i}", fill="x" * 500))[0], 202)
            house.sink.kill()
        with sqlite3.connect(self.store) as file:  # what is in the log goes to the file
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.close()

    def start(self):
        door = free_ports(*PORTS, 3)
        done = subprocess.run([PENSTOCK, "sink", "--bind", f"127.0.0.1:{door}", "--store", self.store],
                              capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stderr

    def assert_refused(self, *words):
        before = self.store.read_bytes()
        code, said = self.start()
        self.assertEqual(code, 1, said)
        for word in (str(self.store), *words):
            self.assertIn(word, said)
        self.assertEqual(self.store.read_bytes(), before)

    def test_a_payload_that_changed_is_named_by_its_job(self):
        self.filled()
        with open(self.store, "r+b") as file:
            at = file.read().find(b"x" * 500)
            file.seek(at + 250)
            file.write(b"y")
        self.assert_refused("damaged", "checksum", "(id j")

    def test_a_page_that_was_overwritten_is_refused(self):
        self.filled()
        with open(self.store, "r+b") as file:
            file.seek(5 * 4096)
            file.write(os.urandom(4096))
        self.assert_refused("damaged")

    def test_a_file_that_was_cut_off_is_refused(self):
        self.filled()
        os.truncate(self.store, self.store.stat().st_size // 2)
        self.assert_refused("damaged")

    def test_something_else_is_refused(self):
        self.store.write_text("what somebody wanted to keep\n" * 500)
        self.assert_refused("damaged, or is no SQLite file")

    def test_a_second_sink_is_told_who_has_the_file(self):
        with House(store=self.store) as house:
            code, said = self.start()
            self.assertEqual(code, 1, said)
            self.assertIn(f"(process {house.sink.pid})", said)
            self.assertEqual(house.ask("POST", "/v1/jobs", job("on"))[0], 202)
            house.sink.again()  # kill -9 leaves nothing that has to be cleared away
            house.wait_until_ready()
            self.assertEqual(house.ask("GET", "/v1/jobs/on")[0], 200)


if __name__ == "__main__":
    unittest.main()
