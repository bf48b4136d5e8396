import json
import threading
import time
import unittest
from unittest import mock

import penstock
from penstock.http import Stream
from tests.fake_gateway import CUT, GatewayCase


def event(id, what, **data):
    data = json.dumps({"event": what, **data})
    return f"id: {id}\ndata: {data}\n\n".encode()


END = b'id: end\nevent: job\ndata: {"state": "succeeded"}\n\n'


class EventsTest(GatewayCase):
    def whats(self, events):
        return [event.what for event in events]

    def test_events_of_a_job_end_with_it(self):
        self.gateway.will_stream(event("1.1", "running", attempt=1), b": alive\n\n", END)
        said = list(self.client.events("x"))
        self.assertEqual(said, [("1.1", "running", {"event": "running", "attempt": 1}),
                                ("end", "job", {"state": "succeeded"})])
        self.assertEqual(self.asked()[1], "/v1/jobs/x/events")

    def test_after_a_break_they_go_on_behind_the_last_one(self):
        whole = event("1.2", "running")
        self.gateway.will_stream(event("1.1", "stored"), whole[:20], CUT)
        self.gateway.will("break")
        self.gateway.will_stream(whole, event("1.3", "failed"), END)
        self.assertEqual(self.whats(self.client.events("x")), ["stored", "running", "failed", "job"])
        self.assertEqual([headers.get("Last-Event-ID") for _, _, headers, _ in self.gateway.asked],
                         [None, "1.1", "1.1"])

    def test_an_end_that_was_not_told_is_none(self):
        self.gateway.will_stream(event("1.1", "stored"))
        self.gateway.will_stream(END)
        self.assertEqual(self.whats(self.client.events("x")), ["stored", "job"])

    def test_who_has_seen_the_end_is_told_nothing_more(self):
        self.gateway.will(204, b"")
        self.assertEqual(list(self.client.events("x", after="end")), [])

    def test_those_of_everything_have_no_end(self):
        self.gateway.will_stream(event("1.1", "stored"))
        self.gateway.will_stream(event("1.2", "stored"))
        events = self.client.events(kind="add", after="1.0")
        self.assertEqual([next(events).id, next(events).id], ["1.1", "1.2"])
        events.close()
        self.assertEqual(self.gateway.asked[0][1], "/v1/events?kind=add")
        self.assertEqual(self.gateway.asked[0][2]["Last-Event-ID"], "1.0")

    def test_those_of_a_group(self):
        self.gateway.will_stream(END)
        list(self.client.events(group=penstock.Group(self.client, "g")))
        self.assertEqual(self.asked()[1], "/v1/groups/g/events")

    def test_lines_end_in_either_way_and_data_may_have_several(self):
        self.gateway.will_stream(b'id: end\r\nevent: job\r\ndata: {"a":\r\ndata: 1}\r\n\r\n')
        self.assertEqual(list(self.client.events("x")), [("end", "job", {"a": 1})])

    def test_a_house_where_nothing_happens_is_watched_for_ever(self):
        for before_the_cut in ([], [b": nothing happened\n\n"]):  # by whatever lies between
            for _ in range(6):
                self.gateway.will_stream(*before_the_cut, CUT)
            self.gateway.will_stream(END)
            with mock.patch("penstock.streams.backoff", lambda retry: 0):
                self.assertEqual(self.whats(self.client.events("x")), ["job"])

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

    def test_after_a_break_no_piece_comes_twice(self):
        a, b = b'{"attempt":1,"partial":"a"}\n', b'{"attempt":1,"partial":"b"}\n'
        self.gateway.will_stream(a, CUT)
        self.gateway.will_stream(a, b, b'{"dropped":2}\n{"state":"succeeded","result":1}\n')
        pieces = self.client.partials("x")
        self.assertEqual([p.value for p in pieces], ["a", "b"])
        self.assertEqual(pieces.dropped, 2)

    def test_an_attempt_that_was_lost_during_a_break_is_told(self):
        self.gateway.will_stream(b'{"attempt":1,"partial":"a"}\n', CUT)
        self.gateway.will_stream(b'{"attempt":2,"partial":"b"}\n{"state":"succeeded"}\n')
        self.assertEqual(list(self.client.partials("x")),
                         [(1, "a", False), (1, None, True), (2, "b", False)])

    def test_an_attempt_that_was_lost_during_a_break_is_told_if_the_next_says_nothing(self):
        a = b'{"attempt":1,"partial":"a"}\n'
        self.gateway.will_stream(a, CUT)
        self.gateway.will_stream(b'{"state":"succeeded","attempt":2,"result":1}\n')
        self.assertEqual(list(self.client.partials("x")), [(1, "a", False), (1, None, True)])

    def test_a_result_after_a_break_loses_nothing_of_its_own_attempt(self):
        a = b'{"attempt":1,"partial":"a"}\n'
        self.gateway.will_stream(a, CUT)
        self.gateway.will_stream(a, b'{"state":"succeeded","attempt":1,"result":1}\n')
        self.assertEqual(list(self.client.partials("x")), [(1, "a", False)])

    def test_empty_lines_are_signs_of_life_and_nothing_else(self):
        a, end = b'{"attempt":1,"partial":"a"}\n', b'{"state":"succeeded","result":1}\n'
        for _ in range(6):
            self.gateway.will_stream(b"\n", a, b"\n\n", CUT)
        self.gateway.will_stream(b"\n", a, b"\n", end, b"\n")
        with mock.patch("penstock.streams.backoff", lambda retry: 0):
            pieces = self.client.partials("x")
            self.assertEqual(list(pieces), [(1, "a", False)])
        self.assertEqual(pieces.result, 1)

    def test_an_answer_that_breaks_where_it_did_before_is_given_up(self):
        for _ in range(4):
            self.gateway.will_stream(b'{"attempt":1,"partial":"a"}\n', CUT)
        self.gateway.will_stream(b'{"attempt":1,"partial":"a"}\n', CUT)
        with mock.patch("penstock.streams.backoff", lambda retry: 0):
            with self.assertRaises(penstock.Unreachable):
                list(self.client.partials("x"))

    def test_a_silent_server_is_asked_again_for_as_long_as_it_answers(self):
        stopped = threading.Event()
        self.addCleanup(stopped.set)
        for _ in range(6):
            self.gateway.will_stream(lambda: stopped.wait(10))
        self.gateway.will_stream(b'{"state":"succeeded","result":1}\n')
        with mock.patch("penstock.streams.SILENCE_SECONDS", 0.05):
            pieces = self.client.partials("x")
            self.assertEqual(list(pieces), [])
        self.assertEqual(pieces.result, 1)

    def test_a_job_without_a_result_raises_in_place_of_the_end(self):
        self.gateway.will_stream(b'{"attempt":1,"partial":"a"}\n'
                                 b'{"state":"failed","error":{"code":"boom"}}\n')
        pieces = iter(self.client.partials("x"))
        self.assertEqual(next(pieces).value, "a")
        with self.assertRaisesRegex(penstock.JobFailed, "boom"):
            next(pieces)


class StreamTest(unittest.TestCase):
    def lines(self, *pieces):
        response = mock.Mock(read1=mock.Mock(side_effect=[*pieces, b""]))
        return list(Stream(None, response, None))

    def test_a_line_may_be_cut_anywhere(self):
        self.assertEqual(self.lines(b"a", b"b\n\nc", b"\n", b"d\ne\n", b"f"),
                         [b"ab", b"", b"c", b"d", b"e", b"f"])

    def test_a_long_line_is_looked_at_once(self):
        piece = bytes(65_536)
        began = time.process_time()
        self.assertEqual([len(line) for line in self.lines(*[piece] * 1_000, b"\n")], [65_536_000])
        # 0.1 s; it would be more than 5 s if each piece were added to what there was.
        self.assertLess(time.process_time() - began, 2)


if __name__ == "__main__":
    unittest.main()
