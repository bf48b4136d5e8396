"""What docs/SCHEDULING.md and docs/GROUPS.md say to type, typed: what stands below comes of it."""

import os
import pathlib
import re
import signal
import subprocess
import unittest

from house import PENSTOCK, ROOT, House, until

EXAMPLE = re.compile(r"^```sh\n(.*?)^```\n(?:```(\w+)\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
SERVED = "add,echo,sleep,spin"


def examples(document):
    """(commands, the language of what stands directly below or None, what stands there)."""
    return EXAMPLE.findall((ROOT / "docs" / document).read_text())


class Documents(unittest.TestCase):
    def shell(self, house, commands):
        """What the commands say. What they leave running is ended with the test."""
        gateway = f"127.0.0.1:{house.http[0]}"
        path = f"{pathlib.Path(PENSTOCK).resolve().parent}:{os.environ['PATH']}"
        out = house.folder / "out"
        with open(out, "wb") as said, open(house.folder / "errors", "wb") as errors:
            shell = subprocess.Popen(
                ["sh", "-ec", commands.replace("localhost:8080", gateway)], cwd=house.folder, stdout=said,
                stderr=errors, start_new_session=True,
                env={**os.environ, "PATH": path, "PENSTOCK_GATEWAY": f"http://{gateway}",
                     "PENSTOCK_VENTILATOR": house.door})
        self.addCleanup(end_group, shell)
        self.assertEqual(shell.wait(60), 0, commands + (house.folder / "errors").read_text())
        return out.read_text().strip()

    def fits(self, said, pattern):
        """`...` stands for anything."""
        pattern = ".*".join(re.escape(part) for part in pattern.strip().split("..."))
        self.assertRegex(said, re.compile(f"^{pattern}$", re.DOTALL))

    def test_what_waits_goes_in_the_order_that_the_document_says(self):
        orders = [(commands, below) for commands, language, below in examples("SCHEDULING.md")
                  if language == "text"]
        self.assertGreaterEqual(len(orders), 5, "one for each rule")
        for commands, below in orders:
            with self.subTest(below), House(kinds=SERVED, ventilator=["--ageing", "1"]) as house:
                self.shell(house, commands)
                house.penstock("worker", "worker", "--ventilator", house.door, "--slots", "1")
                for id in below.replace("...", "").split():
                    self.assertEqual(house.outcome(id)["state"], "succeeded")
                self.fits(self.started(house), below)

    def started(self, house):
        """All jobs, by when they were."""
        jobs = house.ask("GET", "/v1/jobs")[1]["jobs"]
        return " ".join(job["id"] for job in sorted(jobs, key=lambda job: job["started_at"]))

    def test_a_job_goes_to_the_worker_that_has_what_it_needs(self):
        commands, = (each[0] for each in examples("SCHEDULING.md") if "penstock worker" in each[0])
        with House(kinds=SERVED) as house:
            self.shell(house, commands)
            until(lambda: len(house.worker_names()) == 2, 20, "both workers are there")
            job = house.outcome("picture")
            self.assertEqual(job["state"], "succeeded")
            workers = house.ask("GET", "/v1/workers")[1]["workers"]
            having = {worker["worker"]: worker["labels"] for worker in workers}
            self.assertEqual(sorted(having[job["worker"]]), ["eu", "gpu"])
            self.assertEqual(sorted(map(len, having.values())), [0, 2])
            self.assertIn(7, [worker.get("min_priority") for worker in workers])

    def test_every_other_answer_is_as_the_document_says(self):
        for document, count in (("SCHEDULING.md", 1), ("GROUPS.md", 2)):
            answers = [(commands, below) for commands, language, below in examples(document)
                       if language == "json"]
            self.assertEqual(len(answers), count, document)
            with House(kinds=SERVED) as house:
                house.penstock("worker", "worker", "--ventilator", house.door, "--slots", "4")
                until(house.worker_names, 20, "the worker is there")
                for commands, below in answers:
                    with self.subTest(commands):
                        self.fits(self.shell(house, commands), below)
                if document == "GROUPS.md":
                    slow, quick = (house.outcome(id)["finished_at"] for id in ("slow", "quick"))
                    self.assertLess(quick, slow, "the results were in order, the ends were not")

    def test_no_example_is_left_out(self):
        for document in ("SCHEDULING.md", "GROUPS.md"):
            for commands, language, _ in examples(document):
                self.assertTrue(language in ("text", "json") or "penstock worker" in commands, commands)


def end_group(shell):
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nothing was left


if __name__ == "__main__":
    unittest.main()
