import json
import unittest
import uuid

import penstock
from tests.fake_gateway import GatewayCase


class ClientTest(GatewayCase):
    # ---- submitting

    def test_submit_sends_an_id_of_its_own(self):
        self.gateway.will(202, {"id": "the-id"})
        self.assertEqual(self.client.submit("add", {"a": 3}, priority=9, tags=["x"]), "the-id")
        method, path, headers, body = self.asked()
        said = json.loads(body)
        self.assertEqual((method, path), ("POST", "/v1/jobs"))
        self.assertEqual(uuid.UUID(said.pop("id")).version, 7)
        self.assertEqual(said, {"kind": "add", "payload": {"a": 3}, "priority": 9, "tags": ["x"]})
        self.assertNotIn("Prefer", headers)

    def test_an_idempotency_key_takes_the_place_of_the_id(self):
        self.gateway.will(202, {"id": "x"})
        self.client.submit("add", idempotency_key="order-7")
        self.assertEqual(self.asked()[2]["Idempotency-Key"], "order-7")
        self.assertNotIn("id", json.loads(self.asked()[3]))
        with self.assertRaises(ValueError):
            self.client.submit("add", id="a", idempotency_key="b")

    def test_bytes_go_as_they_are(self):
        self.gateway.will(202, {"id": "x"})
        self.client.submit("thumb nail", b"\x00\xff", id="x", content_type="image/png",
                           tags=["a", "b"], redeliver=False)
        method, path, headers, body = self.asked()
        self.assertEqual(path, "/v1/kinds/thumb%20nail/jobs?tags=a%2Cb&redeliver=false&id=x")
        self.assertEqual((headers["Content-Type"], body), ("image/png", b"\x00\xff"))

    def test_run_waits_in_the_same_request(self):
        self.gateway.will(200, {"id": "x", "state": "succeeded", "result": 7})
        self.assertEqual(self.client.run("add", {"a": 3, "b": 4}, timeout=5), 7)
        self.assertEqual(self.asked()[2]["Prefer"], "wait=5")

    def test_run_answers_bytes_as_bytes(self):
        self.gateway.will(200, {"id": "x", "state": "succeeded", "result": {"$bin": "AP8="},
                                "content_type": "image/png"})
        self.assertEqual(self.client.run("thumbnail"), b"\x00\xff")

    def test_run_goes_on_waiting(self):
        self.gateway.will(202, {"id": "x", "state": "running"})
        self.gateway.will(202, {"id": "x", "state": "running"})
        self.gateway.will(200, 7)
        self.assertEqual(self.client.run("add", timeout=5), 7)
        self.assertRegex(self.asked()[1], r"\A/v1/jobs/x/result\?wait=[0-9.]+\Z")

    def test_run_of_a_job_that_failed(self):
        self.gateway.will(200, {"id": "x", "state": "failed", "error": {"code": "boom"}})
        self.gateway.will(424, {"type": "/problems/job-failed", "detail": "boom", "id": "x"})
        with self.assertRaises(penstock.JobFailed) as raised:
            self.client.run("add")
        self.assertEqual((raised.exception.slug, raised.exception.id), ("job-failed", "x"))

    def test_bulk_is_ndjson_with_an_id_on_every_line(self):
        self.gateway.will(202, {"ids": ["a", "b"], "errors": []})
        said = self.client.bulk([{"kind": "add", "id": "a"}, {"kind": "add", "payload": 1}])
        self.assertEqual((said.ids, said.errors), (["a", "b"], []))
        lines = [json.loads(line) for line in self.asked()[3].splitlines()]
        self.assertEqual((lines[0]["id"], lines[1]["payload"]), ("a", 1))
        self.assertEqual(uuid.UUID(lines[1]["id"]).version, 7)
        self.assertEqual(self.asked()[2]["Content-Type"], "application/x-ndjson")

    # ---- looking

    def test_result_is_decoded_by_its_type(self):
        self.gateway.will(200, {"w": [1, None]})
        self.assertEqual(self.client.result("x"), {"w": [1, None]})
        self.gateway.will(200, b"\x00png", Content_Type="image/png")
        self.assertEqual(self.client.result("x"), b"\x00png")
        self.gateway.will(200, b"null")
        self.assertIsNone(self.client.result("x"))

    def test_a_result_reads_the_same_way_whoever_reads_it(self):
        json_type, png = {"content_type": "application/json"}, {"content_type": "image/png"}
        for said, how, raw, means in (
                ({"a": [{"$bin": "AP8="}]}, {}, None, {"a": [b"\x00\xff"]}),
                ({"$bin": "AP8="}, png, b"\x00\xff", b"\x00\xff"),
                ({"$bin": ""}, png, b"", b""),
                ("<p>", {"content_type": "text/html"}, b"<p>", b"<p>"),
                ({"$bin": "eyJhIjoxfQ=="}, json_type, b'{"a":1}', {"a": 1}),
                ({"$bin": "e30"}, {}, None, {"$bin": "e30"}),     # no base64
                ({"$bin": "e3 0="}, {}, None, {"$bin": "e3 0="}),
                ({"$bin": "AP9="}, {}, None, {"$bin": "AP9="}),   # nor is this what bytes are written as
                ({"$bin": 7}, {}, None, {"$bin": 7}),
                ({"$bin": "AP8=", "b": 1}, {}, None, {"$bin": "AP8=", "b": 1}),
                (None, {}, None, None)):
            with self.subTest(said=said):
                view = {"id": "x", "state": "succeeded", "result": said, **how}
                line = json.dumps(view).encode() + b"\n"
                self.gateway.will(200, view)
                read = [self.client.run("add")]
                body = json.dumps(said).encode() if raw is None else raw
                self.gateway.will(200, body, Content_Type=how.get("content_type", "application/json"))
                read.append(self.client.result("x"))
                self.gateway.will(200, {"id": "g", "results": [view]})
                read.append(self.client.run_group(["add"])[0]["result"])
                self.gateway.will(202, {"id": "g"})
                self.gateway.will_stream(line)
                read += self.client.map("add", [1])
                self.gateway.will_stream(line)
                read += penstock.Group(self.client, "g").results()
                self.gateway.will_stream(b'{"attempt":1,"partial":%s}\n' % json.dumps(said).encode(), line)
                pieces = self.client.partials("x")
                pieces_read = [piece.value for piece in pieces]
                read.append(pieces.result)
                self.assertEqual(read, [means] * 6)
                if not how:
                    self.assertEqual(pieces_read, [means])

    def test_result_that_is_not_there_yet(self):
        self.gateway.will(202, {"state": "running"})
        with self.assertRaises(penstock.NotFinished) as raised:
            self.client.result("x")
        self.assertEqual(raised.exception.id, "x")

    def test_wait_asks_until_it_has_finished(self):
        self.gateway.will(200, {"state": "running"})
        self.gateway.will(200, {"state": "cancelled"})
        self.assertEqual(self.client.wait("x", timeout=5)["state"], "cancelled")

    def test_list_follows_the_pages(self):
        self.gateway.will(200, {"jobs": [{"id": "a"}, {"id": "b"}]},
                          Link='</v1/jobs?state=failed&cursor=9>; rel="next"')
        self.gateway.will(200, {"jobs": [{"id": "c"}]})
        self.assertEqual([job["id"] for job in self.client.list(state="failed")], ["a", "b", "c"])
        self.assertEqual([path for _, path, _, _ in self.gateway.asked],
                         ["/v1/jobs?state=failed&limit=1000", "/v1/jobs?state=failed&cursor=9"])

    def test_cancel_says_which(self):
        self.gateway.will(200, {})
        self.gateway.will(202, {})
        self.gateway.will(409, {"type": "/problems/already-finished", "detail": "done"})
        self.assertEqual(self.client.cancel("x"), "cancelled")
        self.assertEqual(self.client.cancel("x"), "telling")
        with self.assertRaises(penstock.Conflict):
            self.client.cancel("x")

    def test_settings_of_a_kind(self):
        self.gateway.will(200, {"kind": "add", "max_running": 2})
        self.client.set_kind("add", max_running=2, rate=None)
        self.assertEqual(self.asked()[:2], ("PATCH", "/v1/kinds/add"))
        self.assertEqual(self.gateway.said(), {"max_running": 2, "rate": None})

    # ---- errors

    def test_a_problem_becomes_an_exception(self):
        self.gateway.will(422, {"type": "/problems/unknown-kind", "detail": "no such kind",
                                "known_kinds": ["add"]}, Content_Type="application/problem+json")
        with self.assertRaises(penstock.Invalid) as raised:
            self.client.submit("ad")
        error = raised.exception
        self.assertEqual((error.status, error.slug), (422, "unknown-kind"))
        self.assertEqual(error.detail, "no such kind")
        self.assertEqual(error.fields["known_kinds"], ["add"])

    def test_an_answer_that_is_no_problem_document(self):
        self.gateway.will(502, b"<html>", Content_Type="text/html")
        with self.assertRaises(penstock.ApiError) as raised:
            self.client.status("x")
        self.assertEqual((raised.exception.status, raised.exception.slug), (502, ""))

    def test_503_is_tried_again_after_as_long_as_it_says(self):
        self.gateway.will(503, {"type": "/problems/jobs-full"}, Retry_After="0")
        self.gateway.will(202, {"id": "x"})
        self.assertEqual(self.client.submit("add"), "x")
        first, second = (json.loads(body)["id"] for _, _, _, body in self.gateway.asked)
        self.assertEqual(first, second)

    def test_503_is_tried_a_bounded_number_of_times(self):
        for _ in range(4):
            self.gateway.will(503, {"type": "/problems/jobs-full"}, Retry_After="0")
        with self.assertRaises(penstock.Unavailable):
            self.client.submit("add")
        self.assertEqual(len(self.gateway.asked), 4)

    def test_503_without_retry_after_is_final(self):
        self.gateway.will(503, {"type": "/problems/starting"})
        with self.assertRaises(penstock.Unavailable):
            self.client.submit("add")

    def test_a_broken_answer_is_asked_for_again_with_the_same_id(self):
        self.gateway.will("break")
        self.gateway.will(202, {"id": "x"})
        self.client.submit("add")
        self.assertEqual(*(json.loads(body)["id"] for _, _, _, body in self.gateway.asked))

    def test_504_is_submitted_once_more_with_the_same_id(self):
        self.gateway.will(504, {"type": "/problems/outcome-unknown", "id": "x"})
        self.gateway.will(202, {"id": "x"})
        self.client.submit("add")
        self.assertEqual(*(json.loads(body)["id"] for _, _, _, body in self.gateway.asked))

    def test_nobody_there(self):
        client = penstock.Client("http://127.0.0.1:9", retries=0)
        with self.assertRaisesRegex(penstock.Unreachable, "penstock up"):
            client.status("x")

    def test_the_connection_is_kept(self):
        for _ in range(3):
            self.gateway.will(200, {"state": "queued"})
            self.client.status("x")
        self.assertEqual(len(self.gateway.connections), 1)

    def test_what_must_not_be_repeated_goes_on_a_connection_of_its_own(self):
        self.gateway.hangs_up = True  # as a gateway does after 15 s of silence
        for _ in range(2):
            self.gateway.will(200, {"ids": ["n"]})
            self.assertEqual(self.client.retry_many(["a"]), ["n"])
        self.gateway.will(200, {"matched": 1})
        self.assertEqual(self.client.purge(["a"]), 1)

    def test_an_address_that_is_none(self):
        with self.assertRaisesRegex(ValueError, "http://HOST:8080"):
            penstock.Client("localhost:8080")


class ImportTest(unittest.TestCase):
    def test_the_client_needs_only_the_standard_library(self):
        import subprocess
        import sys
        code = ("import sys; sys.modules['zmq'] = sys.modules['msgpack'] = None; import penstock; "
                "penstock.Client()")
        self.assertEqual(subprocess.run([sys.executable, "-c", code], check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
