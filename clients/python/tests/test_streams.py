import json
import unittest
from unittest import mock

import penstock
from tests.fake_gateway import CUT, GatewayCase


def event(id, what, **data):
    return f"id: {id}\nevent: {what}\ndata: {json.dumps(data)}\n\n".encode()


class EventsTest(GatewayCase):
    def test_events_of_a_job_end_with_it(self):
        self.gateway.will_stream(event("1.1", "running", attempt=1), b": alive\n\n",
                                 event("1.2", "succeeded"))
        said = list(self.client.events("x"))
        self.assertEqual(said, [("1.1", "running", {"attempt": 1}), ("1.2", "succeeded", {})])
        self.assertEqual(self.asked()[1], "/v1/jobs/x/events")

    def test_after_a_break_they_go_on_behind_the_last_one(self):
        whole = event("1.2", "running")
        self.gateway.will_stream(event("1.1", "stored"), whole[:20], CUT)
        self.gateway.will("break")
        self.gateway.will_stream(whole, event("1.3", "failed"))
        said = [e.what for e in self.client.events("x")]
        self.assertEqual(said, ["stored", "running", "failed"])
        self.assertEqual([headers.get("Last-Event-ID") for _, _, headers, _ in self.gateway.asked],
                         [None, "1.1", "1.1"])

    def test_those_of_everything_have_no_end(self):
        self.gateway.will_stream(event("1.1", "stored"))
        self.gateway.will_stream(event("1.2", "stored"))
        events = self.client.events(kind="add", after="1.0")
        self.assertEqual([next(events).id, next(events).id], ["1.1", "1.2"])
        events.close()
        self.assertEqual(self.gateway.asked[0][1], "/v1/events?kind=add")
        self.assertEqual(self.gateway.asked[0][2]["Last-Event-ID"], "1.0")

    def test_those_of_a_group(self):
        self.gateway.will_stream()
        self.assertEqual(list(self.client.events(group=penstock.Group(self.client, "g"))), [])
        self.assertEqual(self.asked()[1], "/v1/groups/g/events")

    def test_lines_end_in_either_way_and_data_may_have_several(self):
        self.gateway.will_stream(b'id: 1\r\nevent: stored\r\ndata: {"a":\r\ndata: 1}\r\n\r\n')
        self.assertEqual(list(self.client.events("x")), [("1", "stored", {"a": 1})])

    def test_it_gives_up_after_as_many_vain_tries_as_any_request(self):
        for _ in range(4):
            self.gateway.will("break")
        with mock.patch("penstock.streams.backoff", lambda retry: 0):
            with self.assertRaises(penstock.Unreachable):
                next(self.client.events())
        self.assertEqual(len(self.gateway.asked), 4)

    def test_a_problem_is_raised(self):
        self.gateway.will(404, {"type": "/problems/job-not-found"})
        with self.assertRaises(penstock.NotFound):
            list(self.client.events("x"))


class PartialsTest(GatewayCase):
    def test_pieces_come_before_the_result(self):
        self.gateway.will_stream(b'{"attempt":1,"partial":"a"}\n', b'{"attempt":1,"partial":"b"}\n',
                                 b'{"state":"succeeded","result":"ab"}\n')
        pieces = self.client.partials("x")
        self.assertEqual(list(pieces), [(1, "a", False), (1, "b", False)])
        self.assertEqual(pieces.result, "ab")
        self.assertEqual(self.asked()[2]["Accept"], "application/x-ndjson")

    def test_a_lost_attempt_is_told(self):
        self.gateway.will_stream(b'{"attempt":1,"partial":"a"}\n{"lost_attempt":1}\n'
                                 b'{"attempt":2,"partial":"a"}\n{"state":"succeeded","result":1}\n')
        self.assertEqual([(p.attempt, p.lost) for p in self.client.partials("x")],
                         [(1, False), (1, True), (2, False)])

    def test_a_job_without_a_result_raises_in_place_of_the_end(self):
        self.gateway.will_stream(b'{"attempt":1,"partial":"a"}\n'
                                 b'{"state":"failed","error":{"code":"boom"}}\n')
        pieces = iter(self.client.partials("x"))
        self.assertEqual(next(pieces).value, "a")
        with self.assertRaisesRegex(penstock.JobFailed, "boom"):
            next(pieces)


if __name__ == "__main__":
    unittest.main()
