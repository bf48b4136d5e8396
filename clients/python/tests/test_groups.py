import itertools
import json
import unittest
from unittest import mock

import penstock
from tests.fake_gateway import GatewayCase


def lines(*views):
    return "".join(json.dumps(view) + "\n" for view in views).encode()


def won(value, **more):
    return {"id": "x", "state": "succeeded", "result": value, **more}


LOST = {"id": "y", "state": "failed", "error": {"code": "no-luck", "message": "as asked"}}


class GroupTest(GatewayCase):
    def test_a_group_is_one_request_with_an_id_of_its_own(self):
        self.gateway.will(202, {"id": "g", "ids": ["a", "b", "c"]})
        group = self.client.group([("add", {"a": 1}), {"kind": "add", "priority": 9}, "nap"],
                                  then=("sum", {"of": 2}), on_failure="tell", mode="first")
        said = self.gateway.said()
        self.assertEqual(self.asked()[:2], ("POST", "/v1/groups"))
        self.assertTrue(said.pop("id"))
        self.assertEqual(said, {
            "mode": "first", "then": {"kind": "sum", "payload": {"of": 2}},
            "on_failure": {"kind": "tell"}, "jobs": [
                {"kind": "add", "payload": {"a": 1}}, {"kind": "add", "priority": 9},
                {"kind": "nap"}]})
        self.assertEqual((group.id, group.ids), ("g", ["a", "b", "c"]))

    def test_an_answer_that_never_came_is_asked_for_with_the_same_id(self):
        self.gateway.will("break")
        self.gateway.will(504, {"type": "/problems/outcome-unknown"})
        self.gateway.will(202, {"id": "g"})
        self.client.group(["add"])
        self.assertEqual(len({self.gateway.said(i)["id"] for i in range(3)}), 1)

    def test_callbacks_are_written_short_wherever_they_stand(self):
        self.gateway.will(202, {"id": "g"})
        self.client.group([{"kind": "add", "then": "store"}],
                          then={"kind": "sum", "on_failure": ("tell", "ops")})
        said = self.gateway.said()
        self.assertEqual(said["jobs"], [{"kind": "add", "then": {"kind": "store"}}])
        self.assertEqual(said["then"]["on_failure"], {"kind": "tell", "payload": "ops"})

    def test_an_empty_group_is_refused_here(self):
        with self.assertRaises(ValueError):
            self.client.group([])

    def test_result_is_that_of_all_members_in_order(self):
        self.gateway.will(200, {"id": "g", "state": "running"})
        self.gateway.will(200, {"id": "g", "state": "succeeded"})
        self.gateway.will_stream(lines(won(1)), lines(won([2]), won({"$bin": "AP8="})))
        self.assertEqual(penstock.Group(self.client, "g").result(timeout=5), [1, [2], b"\x00\xff"])
        self.assertEqual(self.asked()[1], "/v1/groups/g/results")

    def test_run_group_is_one_request_for_what_each_came_to(self):
        self.gateway.will(200, {"id": "g", "state": "failed",
                                "results": [won({"$bin": "AP8="}), LOST]})
        self.assertEqual(self.client.run_group(["a", "b"], timeout=2.5), [won(b"\x00\xff"), LOST])
        self.assertEqual(len(self.gateway.asked), 1)
        self.assertEqual(self.asked()[2]["Prefer"], "wait=2.5")

    def test_run_group_waits_on_for_what_takes_longer(self):
        self.gateway.will(202, {"id": "g", "ids": ["a"]})
        self.gateway.will(200, {"id": "g", "state": "succeeded"})
        self.gateway.will_stream(lines(won({"$bin": "AP8="})))
        self.assertEqual(self.client.run_group(["a"], timeout=5), [won(b"\x00\xff")])

    def test_run_group_gives_up_and_says_the_group(self):
        self.gateway.will(202, {"id": "g", "ids": ["a"]})
        self.gateway.will(200, {"id": "g", "state": "running"})
        with self.assertRaises(penstock.NotFinished) as raised:
            self.client.run_group(["a"], timeout=0)
        self.assertEqual(raised.exception.id, "g")

    def test_results_are_there_as_they_come(self):
        self.gateway.will_stream(lines(won(1)), lines(LOST))
        results = penstock.Group(self.client, "g").results()
        self.assertEqual(next(results), 1)
        with self.assertRaisesRegex(penstock.JobFailed, "no-luck as asked") as raised:
            next(results)
        self.assertEqual((raised.exception.id, raised.exception.slug), ("y", "job-failed"))

    def test_outcomes_are_what_each_came_to(self):
        self.gateway.will_stream(lines(won(1), LOST))
        states = [view["state"] for view in penstock.Group(self.client, "g").outcomes()]
        self.assertEqual(states, ["succeeded", "failed"])

    def test_a_line_may_come_in_pieces(self):
        whole = lines(won("wörd"), won(2))
        self.gateway.will_stream(whole[:12], whole[12:13], whole[13:])
        self.assertEqual(list(penstock.Group(self.client, "g").results()), ["wörd", 2])

    def test_results_that_broke_off_are_read_on_where_they_were(self):
        from tests.fake_gateway import CUT
        self.gateway.will_stream(lines(won(1), won(2)), CUT)
        self.gateway.will_stream(lines(won(1), won(2)), lines(won(3)))
        self.assertEqual(list(penstock.Group(self.client, "g").results()), [1, 2, 3])

    def test_the_first_success_is_the_result_where_one_is_enough(self):
        self.gateway.will(200, {"id": "g", "state": "succeeded", "mode": "first"})
        self.gateway.will_stream(lines(LOST, won(7)))
        self.assertEqual(penstock.Group(self.client, "g").result(timeout=5), 7)

    def test_cancel(self):
        self.gateway.will(202, {})
        penstock.Group(self.client, "g").cancel()
        self.assertEqual(self.asked()[:2], ("DELETE", "/v1/groups/g"))

    def test_wait_that_is_up(self):
        self.gateway.will(200, {"id": "g", "state": "running"})
        with self.assertRaises(penstock.NotFinished):
            penstock.Group(self.client, "g").wait(timeout=0)


class ChainTest(GatewayCase):
    def test_the_result_is_that_of_the_last_step(self):
        self.gateway.will(202, {"id": "c"})
        self.gateway.will(200, {"id": "c", "state": "succeeded"})
        self.gateway.will_stream(lines(won(1), won(2)))
        self.assertEqual(self.client.chain(["a", "b"]).result(timeout=5), 2)
        self.assertEqual(self.gateway.asked[0][1], "/v1/chains")
        self.assertNotIn("mode", self.gateway.said(0))

    def test_a_step_that_failed_is_the_one_that_is_raised(self):
        self.gateway.will(200, {"id": "c", "state": "failed"})
        self.gateway.will_stream(lines(won(1), LOST, {"id": "z", "state": "cancelled"}))
        with self.assertRaises(penstock.JobFailed) as raised:
            penstock.Chain(self.client, "c").result(timeout=5)
        self.assertEqual(raised.exception.id, "y")


class CallbackTest(GatewayCase):
    def test_callbacks_of_one_job(self):
        self.gateway.will(202, {"id": "x"})
        self.client.submit("add", then="store", on_failure=("tell", {"who": "me"}))
        said = self.gateway.said()
        self.assertEqual((said["then"], said["on_failure"]),
                         ({"kind": "store"}, {"kind": "tell", "payload": {"who": "me"}}))


class MapTest(GatewayCase):
    def pieces(self, *results):
        """What is asked, in which order, is the client's own; answers fit by their path."""
        for result in results:
            self.gateway.will(*result) if isinstance(result, tuple) else \
                self.gateway.will_stream(*result)

    def test_results_come_in_order_and_jobs_go_in_pieces(self):
        self.pieces((202, {"id": "g1"}), (202, {"id": "g2"}), [lines(won(1), won(4))],
                    (202, {"id": "g3"}), [lines(won(9), won(16))], [lines(won(25))])
        self.assertEqual(list(self.client.map("square", [1, 2, 3, 4, 5], piece=2, ahead=2,
                                              priority=7)), [1, 4, 9, 16, 25])
        paths = [path for method, path, *_ in self.gateway.asked if method == "GET"]
        self.assertEqual(paths, [f"/v1/groups/g{i}/results" for i in (1, 2, 3)])
        self.assertEqual(self.gateway.said(0)["jobs"], [
            {"kind": "square", "payload": 1, "priority": 7},
            {"kind": "square", "payload": 2, "priority": 7}])

    def test_payloads_may_be_endless(self):
        self.pieces((202, {"id": "g1"}), [lines(won(0), won(1))], (202, {}))
        results = self.client.map("square", itertools.count(), piece=2, ahead=1)
        self.assertEqual(next(results), 0)
        results.close()
        self.assertEqual(self.asked()[:2], ("DELETE", "/v1/groups/g1"))

    def test_a_piece_of_nothing_would_never_end(self):
        for limits in ({"piece": 0}, {"ahead": 0}, {"piece": -1}):
            with self.assertRaises(ValueError):
                self.client.map("square", [1], **limits)

    def test_a_piece_that_may_have_been_taken_is_given_up_too(self):
        self.client.close()
        self.client = penstock.Client(self.gateway.url, retries=0)
        # Breaks on the connection that was kept, and on a new one.
        self.pieces((202, {"id": "g1"}), ("break",), ("break",))
        for _ in range(2):
            self.gateway.will(202, {})
        with mock.patch("penstock.groups.new_id", iter(["g1", "g2"]).__next__):
            with self.assertRaises(penstock.Unreachable):
                list(self.client.map("square", [1, 2], piece=1))
        self.assertEqual([path for method, path, *_ in self.gateway.asked if method == "DELETE"],
                         ["/v1/groups/g1", "/v1/groups/g2"])

    def test_nothing_is_asked_for_nothing(self):
        self.assertEqual(list(self.client.map("square", [])), [])
        self.assertEqual(self.gateway.asked, [])

    def test_on_error_says_what_stands_in_its_place(self):
        self.pieces((202, {"id": "g1"}), [lines(won(1), LOST)])
        self.assertEqual(list(self.client.map("square", [1, 2], on_error=lambda e: e.id)),
                         [1, "y"])

    def test_a_failure_is_raised_and_the_rest_given_up(self):
        self.pieces((202, {"id": "g1"}), [lines(LOST)], (202, {}))
        with self.assertRaises(penstock.JobFailed):
            list(self.client.map("square", [1, 2]))
        self.assertEqual(self.asked()[0], "DELETE")


class ManyTest(GatewayCase):
    def test_wait_any_and_all(self):
        for wait, mode in ((self.client.wait_any, "any"), (self.client.wait_all, "all")):
            self.gateway.will(200, {"done": [{"id": "a"}], "pending": [] if mode == "all" else ["b"]})
            self.assertEqual(wait(iter(["a", "b"]), timeout=2).done, [{"id": "a"}])
            said = self.gateway.said()
            self.assertEqual((said["ids"], said["mode"]), (["a", "b"], mode))
            self.assertTrue(0 < said["timeout"] <= 2)

    def test_wait_all_goes_on_until_the_time_is_up(self):
        for _ in range(2):
            self.gateway.will(200, {"done": [], "pending": ["a"]})
        self.assertEqual(self.client.wait_all(["a"], timeout=1e-9), ([], ["a"]))

    def test_retry_answers_the_new_id(self):
        self.gateway.will("break")
        self.gateway.will(202, {"id": "b", "retry_of": "a"})
        self.assertEqual(self.client.retry("a"), "b")
        self.assertEqual(self.asked()[:2], ("POST", "/v1/jobs/a/retry"))
        keys = {headers["Idempotency-Key"] for _, _, headers, _ in self.gateway.asked}
        self.assertEqual(len(keys), 1)

    def test_retry_of_many_is_not_repeated(self):
        self.gateway.will(200, {"state": "failed"})
        self.client.status("a")  # its connection is kept
        self.gateway.will("break")
        with self.assertRaises(penstock.Unreachable):
            self.client.retry_many(["a"])
        self.assertEqual(len(self.gateway.asked), 2)

    def test_wait_all_of_more_than_one_request_takes(self):
        self.gateway.will(200, {"done": [{"id": "a"}], "pending": ["x"]})
        self.gateway.will(200, {"done": [{"id": "b"}], "pending": []})
        waited = self.client.wait_all(map(str, range(10_001)), timeout=0)
        self.assertEqual(waited, ([{"id": "a"}, {"id": "b"}], ["x"]))
        self.assertEqual(self.gateway.said()["ids"], ["10000"])

    def test_many_are_named_or_chosen(self):
        for _ in range(4):
            self.gateway.will(200, {"matched": 3, "ids": ["n"]})
        self.assertEqual(self.client.purge(state="failed", kind="add"), 3)
        self.assertEqual(self.gateway.said(), {"filter": {"state": "failed", "kind": "add"}})
        self.client.cancel_many(["a", "b"])
        self.assertEqual(self.gateway.said(), {"ids": ["a", "b"]})
        self.assertEqual(self.client.retry_many(tag="t"), ["n"])
        self.client.purge(tag="t", dry_run=True)
        self.assertEqual(self.asked()[1], "/v1/jobs/purge?dry_run=true")

    def test_everything_is_never_meant_by_mistake(self):
        with self.assertRaises(ValueError):
            self.client.purge()
        with self.assertRaises(ValueError):
            self.client.purge(["a"], kind="add")
        with self.assertRaises(TypeError):
            self.client.purge(kinds="add")

    def test_explain(self):
        self.gateway.will(200, {"why": "no-worker", "text": "start one"})
        self.assertEqual(self.client.explain("x")["why"], "no-worker")


if __name__ == "__main__":
    unittest.main()
