#!/usr/bin/python3
"""An inference server, as they had three of: one model behind HTTP.

    server.py NAME [--port PORT] [--seconds S]      NAME: classify, detect, segment

POST /predict   an image, as it is or as JSON {"image": base64}. classify and detect answer JSON,
                segment answers an image. Headers of the answer: Seconds, Image-Digest.
GET /health     200 {"server", "served", ...}
POST /behave    {"fail": N}: the next N predictions answer 503. {"hold": N}: the next N are not
                answered until {"release": true}. For those who want to see what happens then.

A prediction takes S seconds at least: the model is small, and stands for one that is not. It logs one
line for each: time, name, group, job, attempt, status, seconds.
"""

import argparse
import base64
import binascii
import http.server
import json
import threading
import time

import models


JSON = "application/json"


class State:
    """What the threads of a server share."""

    def __init__(self, name, seconds):
        self.name, self.seconds = name, seconds
        self.lock = threading.Lock()
        self.served = self.to_fail = self.to_hold = self.held = 0
        self.released = threading.Event()

    def behave(self, wanted):
        with self.lock:
            self.to_fail = wanted.get("fail", self.to_fail)
            self.to_hold = wanted.get("hold", self.to_hold)
            if self.to_hold:
                self.released.clear()
        if wanted.get("release"):
            self.released.set()

    def next_fate(self):
        with self.lock:
            self.served += 1
            if self.to_fail:
                self.to_fail -= 1
                return "fail"
            if self.to_hold:
                self.to_hold -= 1
                self.held += 1
                return "hold"
            return "answer"

    def view(self):
        with self.lock:
            return {"server": self.name, "served": self.served, "held": self.held}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536  # head and body leave together
    state = None       # of the server

    def do_GET(self):
        if self.path != "/health":
            return self.answer_json(404, {"error": "there are /health, /predict and /behave"})
        self.answer_json(200, self.state.view())

    def do_POST(self):
        started = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/behave":
            self.state.behave(json.loads(body))
            return self.answer_json(200, self.state.view())
        if self.path != "/predict":
            return self.answer_json(404, {"error": "there are /health, /predict and /behave"})
        status, content_type, answer, headers = self.predict(body, started)
        said = self.headers
        # Before it is answered: whoever has the answer finds the line.
        print(f"{time.strftime('%H:%M:%S')} {self.state.name} group={said.get('Penstock-Group')} "
              f"job={said.get('Penstock-Job')} attempt={said.get('Penstock-Attempt')} "
              f"status={status} seconds={time.monotonic() - started:.4f}", flush=True)
        self.answer(status, content_type, answer, headers)

    def predict(self, body, started):
        """(status, content type, body, headers)"""
        fate = self.state.next_fate()
        if fate == "fail":
            return 503, JSON, json.dumps({"error": "asked to fail"}).encode(), {}
        if fate == "hold":
            self.state.released.wait()
        try:
            image = self.image_of(body)
            result = models.MODELS[self.state.name](models.read_ppm(image))
        except models.NotAnImage as error:
            return 422, JSON, json.dumps({"error": str(error)}).encode(), {}
        time.sleep(max(0.0, self.state.seconds - (time.monotonic() - started)))
        seconds = time.monotonic() - started
        headers = {"Seconds": f"{seconds:.6f}", "Image-Digest": models.digest(image)}
        if isinstance(result, bytes):
            return 200, models.PGM, result, headers
        known = {"server": self.state.name, "seconds": seconds, "digest": headers["Image-Digest"]}
        return 200, JSON, json.dumps({**known, **result}).encode(), headers

    def image_of(self, body):
        if self.headers.get_content_type() != "application/json":
            return body
        try:
            return base64.b64decode(json.loads(body)["image"], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise models.NotAnImage('JSON must be {"image": base64}') from error

    def answer_json(self, status, value):
        self.answer(status, JSON, json.dumps(value).encode(), {})

    def answer(self, status, content_type, body, headers):
        try:
            self.send_response(status)
            for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)),
                                **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True  # nobody waits for it any more

    def log_message(self, *_):
        pass  # predictions are logged above, with their ids


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=models.MODELS)
    parser.add_argument("--port", type=int, default=0, help="default: any")
    parser.add_argument("--seconds", type=float, default=0.0)
    options = parser.parse_args()
    Handler.state = State(options.name, options.seconds)
    server = Server(("127.0.0.1", options.port), Handler)
    print(f"{options.name} listens on {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
