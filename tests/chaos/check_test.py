"""The checker finds what it is there for: each test doctors the logs of a good run."""

import contextlib
import pathlib
import sqlite3
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import check  # noqa: E402
import msgpack  # noqa: E402
import outcomes  # noqa: E402
import plan  # noqa: E402
from history import History, Logs  # noqa: E402

GOOD_CLIENT = [
    "try 1 c-1 -", "took 1 c-1", "seen c-1 succeeded:w.1.1",
    "try 2 - k-2", "took 2 made-2", "took 2 made-2",
    "try 3 c-3 -", "took 3 c-3",
    "try 4 - -", "unknown 4",
    "try 5 c-5 -", "refused 5",
    "try 6 c-6 -", "took 6 c-6",
]
GOOD_WORKER = [
    "run w.1.1 c-1 1 1", "end w.1.1 ok",
    "run w.1.2 made-2 2 1",                             # its worker was killed
    "run w.2.1 made-2 2 2", "end w.2.1 ok",
    "run v.1.1 made-2 2 3", "end v.1.1 ok",             # once more: that is allowed
    "run w.2.2 c-3 3 1", "end w.2.2 failed",
    "run w.2.3 made-4 4 1", "end w.2.3 ok",
]
GOOD_SINK = {
    "c-1": "succeeded:w.1.1", "made-2": "succeeded:w.2.1", "c-3": "failed:chaos:w.2.2",
    "made-4": "succeeded:w.2.3", "c-6": "quarantined:quarantined:it_died_with_3_workers",
}


def verdict(client=(), worker=(), sink=None, file="as the sink"):
    history = History()
    for line in [*GOOD_CLIENT, *client]:
        history.hear_client(line)
    for line in [*GOOD_WORKER, *worker]:
        history.hear_worker(line)
    at_sink = {**GOOD_SINK, **(sink or {})}
    if file == "as the sink":
        file = {id: [outcome] if outcome else [] for id, outcome in at_sink.items()}
    return check.check(history, at_sink, file)


class Check(unittest.TestCase):
    def assert_found(self, found, **faults):
        counts = {fault: len(getattr(found, fault)) for fault in check.FAULTS}
        self.assertEqual(counts, {**dict.fromkeys(check.FAULTS, 0), **faults},
                         {fault: getattr(found, fault) for fault in check.FAULTS})
        self.assertEqual(found.good, not faults)

    def test_a_good_run_has_no_fault(self):
        self.assert_found(verdict())
        self.assert_found(verdict(file=None))

    def test_figures_count_what_is_allowed(self):
        figures = verdict().figures
        self.assertEqual(figures["run_more_than_once"], 1)
        self.assertEqual(figures["runs_cut"], 1)
        self.assertEqual(figures["jobs_by_runs"], {"0": 1, "1": 3, "3": 1})
        self.assertEqual((figures["accepted"], figures["refused"], figures["unknown"]), (4, 1, 1))

    def test_lost_is_a_202_that_the_sink_does_not_know(self):
        found = verdict(["try 7 c-7 -", "took 7 c-7"], file=None)
        self.assert_found(found, lost=1)

    def test_lost_is_a_202_that_the_file_does_not_know(self):
        file = {id: [outcome] for id, outcome in GOOD_SINK.items()}
        found = verdict(["try 7 c-7 -", "took 7 c-7"], sink={"c-7": None}, file=file)
        self.assert_found(found, lost=1, open=1)

    def test_unfinished_is_not_lost(self):
        found = verdict(["try 7 c-7 -", "took 7 c-7"], sink={"c-7": None})
        self.assert_found(found, open=1)

    def test_lost_is_an_outcome_that_is_not_in_the_file(self):
        file = {id: [outcome] for id, outcome in GOOD_SINK.items()}
        file["c-1"] = []
        self.assert_found(verdict(file=file), lost=1)

    def test_lost_is_an_outcome_that_was_seen_and_is_gone(self):
        found = verdict(["try 7 c-7 -", "seen c-7 cancelled:cancelled:"])
        self.assert_found(found, lost=1)
        found = verdict(["try 7 c-7 -", "seen c-7 cancelled:cancelled:"], sink={"c-7": None})
        self.assert_found(found, lost=1, open=1)

    def test_double_is_an_outcome_that_changed(self):
        self.assert_found(verdict(["seen made-2 succeeded:v.1.1"]), double=1)

    def test_double_is_a_state_that_changed(self):
        self.assert_found(verdict(["seen c-6 failed:worker-lost:gone"]), double=1)

    def test_double_is_a_job_that_was_cancelled_and_succeeded(self):
        self.assert_found(verdict(["cancelled c-1"]), double=1)

    def test_double_is_an_id_with_two_outcomes_in_the_file(self):
        file = {id: [outcome] for id, outcome in GOOD_SINK.items()}
        file["c-1"].append("succeeded:w.1.1")
        self.assert_found(verdict(file=file), double=1)

    def test_double_is_a_file_that_says_otherwise_than_the_sink(self):
        file = {id: [outcome] for id, outcome in GOOD_SINK.items()}
        file["made-2"] = ["succeeded:v.1.1"]
        self.assert_found(verdict(file=file), double=1)

    def test_phantom_is_an_outcome_that_nobody_submitted(self):
        self.assert_found(verdict(["took 4 made-4"], sink={"x": "succeeded:w.1.1"}), phantom=2)

    def test_phantom_is_an_outcome_that_no_run_explains(self):
        self.assert_found(verdict(["try 7 c-7 -", "took 7 c-7"], sink={"c-7": "succeeded:w.9.9"}),
                          phantom=1)

    def test_phantom_is_the_outcome_of_another_job(self):
        self.assert_found(verdict(["try 7 c-7 -", "took 7 c-7"], sink={"c-7": "succeeded:w.1.1"}),
                          phantom=1)

    def test_phantom_is_a_success_of_a_run_that_failed_or_never_ended(self):
        self.assert_found(verdict(sink={"c-3": "succeeded:w.2.2"}), phantom=1)
        self.assert_found(verdict(sink={"made-2": "succeeded:w.1.2"}), phantom=1)

    def test_phantom_is_a_job_that_was_certainly_not_accepted(self):
        self.assert_found(verdict(worker=["run w.3.1 c-5 5 1", "end w.3.1 ok"],
                                  sink={"c-5": "succeeded:w.3.1"}), phantom=1)

    def test_phantom_is_a_run_of_another_payload(self):
        found = verdict(worker=["run w.3.1 c-1 3 1"])
        self.assertEqual(len(found.phantom), 1)

    def test_twice_is_a_key_with_two_ids(self):
        self.assert_found(verdict(["took 2 other-2"], ["run w.4.1 other-2 2 1", "end w.4.1 ok"],
                                  sink={"other-2": "succeeded:w.4.1"}), twice=1)

    def test_twice_is_found_even_if_only_one_id_was_answered(self):
        self.assert_found(verdict([], ["run w.4.1 other-2 2 1", "end w.4.1 ok"],
                                  sink={"other-2": "succeeded:w.4.1"}), twice=1)

    def test_open_is_a_job_that_nobody_was_promised_and_that_never_ends(self):
        self.assert_found(verdict(sink={"made-4": None}), open=1)

    def test_strange_answers_are_kept(self):
        self.assert_found(verdict(["strange look c-1 404 gone"]), strange=1)


class Reading(unittest.TestCase):
    def test_logs_are_followed_by_whole_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            client, runs = pathlib.Path(folder) / "client", pathlib.Path(folder) / "runs"
            logs = Logs(client, [runs])
            client.write_text("try 1 a -\ntook 1 a\ntook 2 ")
            self.assertEqual(logs.read().accepted, {"a"})
            client.write_text("try 1 a -\ntook 1 a\ntook 2 b\n")
            runs.write_text("run w.1 a 1 1\nend w.1 ok\n")
            self.assertEqual(logs.read().accepted, {"a", "b"})
            self.assertEqual(logs.history.in_flight(), 1)

    def test_outcomes_read_the_same_from_everywhere(self):
        self.assertIsNone(outcomes.outcome_of("running", None, None))
        self.assertEqual(outcomes.outcome_of("succeeded", "w.1", None), "succeeded:w.1")
        self.assertEqual(outcomes.outcome_of("failed", None, {"code": "a", "message": "b c"}),
                         "failed:a:b_c")

    def test_the_file_of_the_sink(self):
        with tempfile.NamedTemporaryFile() as file:
            with contextlib.closing(sqlite3.connect(file.name)) as store:
                store.executescript(
                    "CREATE TABLE jobs (job INTEGER PRIMARY KEY, id TEXT);"
                    "CREATE TABLE outcomes (job INTEGER, state TEXT, value BLOB, code TEXT,"
                    " message TEXT);"
                    "INSERT INTO jobs VALUES (1, 'a'), (2, 'b'), (3, 'c');"
                    "INSERT INTO outcomes VALUES (2, 'failed', NULL, 'chaos', 'w.2');")
                store.execute("INSERT INTO outcomes VALUES (1, 'succeeded', ?, NULL, NULL)",
                              (msgpack.packb("w.1"),))
                store.commit()
            self.assertEqual(outcomes.in_file(file.name), {
                "a": ["succeeded:w.1"], "b": ["failed:chaos:w.2"], "c": []})


class Plan(unittest.TestCase):
    ROLES = ("worker", "gateway", "ventilator", "sink")

    def test_the_same_seed_deals_the_same_blows(self):
        stops = plan.Stops(10, self.ROLES)
        self.assertEqual(plan.blows(7, 300, self.ROLES, stops),
                         plan.blows(7, 300, self.ROLES, stops))
        self.assertNotEqual(plan.blows(7, 300, self.ROLES), plan.blows(8, 300, self.ROLES))

    def test_every_role_gets_its_share_and_some_fall_together(self):
        blows = plan.blows(7, 300, self.ROLES)
        victims = [victim.role for blow in blows for victim in blow.victims]
        self.assertEqual({role: victims.count(role) for role in self.ROLES},
                         dict.fromkeys(self.ROLES, 75))
        self.assertGreater(sum(len(blow.victims) == 2 for blow in blows), 15)

    def test_two_may_fall_together_most_of_the_time(self):
        blows = plan.blows(7, 40, ("sink", "ventilator"), paired=0.9)
        self.assertGreater(sum(len(blow.victims) == 2 for blow in blows), 10)

    def test_stops_come_besides(self):
        blows = plan.blows(7, 40, self.ROLES, plan.Stops(20, ("worker",), (5, 7)))
        self.assertEqual(sum(len(blow.victims) for blow in blows if blow.kills), 40)
        stops = [blow.victims[0] for blow in blows if not blow.kills]
        self.assertEqual([stop.role for stop in stops], ["worker"] * 20)
        self.assertTrue(all(5 <= stop.pause <= 7 for stop in stops))


if __name__ == "__main__":
    unittest.main()
