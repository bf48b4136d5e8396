"""A gateway that answers what a test has written down."""

import http.server
import json
import threading
import unittest

import penstock

CUT = object()


class FakeGateway(http.server.ThreadingHTTPServer):
    """Answers from `script`, a list of (status, headers, body); keeps what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = []
        self.asked = []
        self.connections = set()
        self.hangs_up = False  # after each answer, which does not say so
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def said(self, i=-1):
        """The body of a request, decoded."""
        return json.loads(self.asked[i][3])

    def will_stream(self, *pieces):
        self.script.append((200, {}, list(pieces)))

    def will(self, status, body=None, **headers):
        self.script.append((status, {k.replace("_", "-"): v for k, v in headers.items()}, body))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.connections.add(self.client_address)
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, headers, said = self.server.script.pop(0)
        if status == "break":  # after the request was read: the answer never comes
            self.close_connection = True
            return
        if isinstance(said, list):
            return self.stream(status, headers, said)
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = self.close_connection or self.server.hangs_up

    def stream(self, status, headers, pieces):
        """In chunks, one for each piece; CUT: the connection breaks there."""
        self.close_connection = True
        self.send_response(status)
        for name, value in {"Transfer-Encoding": "chunked", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in pieces:
            if piece is CUT:
                return
            if callable(piece):
                piece()
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


class GatewayCase(unittest.TestCase):
    def setUp(self):
        self.gateway = FakeGateway()
        self.client = penstock.Client(self.gateway.url, timeout=5)

    def tearDown(self):
        self.client.close()
        self.gateway.shutdown()
        self.gateway.server_close()

    def asked(self, i=-1):
        return self.gateway.asked[i]
