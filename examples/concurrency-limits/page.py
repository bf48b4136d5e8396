#!/usr/bin/python3
"""Serves the page, and hands /v1/* on to the gateway: for a browser both are one site.

    ./page.py --port 8081 --gateway http://127.0.0.1:8080

It decides nothing and remembers nothing; any reverse proxy does as well.
"""

import argparse
import http.client
import http.server
import pathlib
import urllib.parse

PAGE = pathlib.Path(__file__).resolve().parent / "page.html"
BODY_MAX = 1 << 20
PIECE = 1 << 16
# Of one connection, not of the request: each side says its own (RFC 9110, section 7.6.1).
HOP = frozenset(("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"))


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gateway = None  # (host, port)

    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path == "/":
            self.say(200, "text/html; charset=utf-8", PAGE.read_bytes())
        else:
            self.hand_on()

    def do_POST(self):
        self.hand_on()

    do_PATCH = do_DELETE = do_POST

    def hand_on(self):
        length = self.headers.get("Content-Length", "0")
        if not self.path.startswith("/v1/") or "Transfer-Encoding" in self.headers \
                or not length.isascii() or not length.isdigit() or int(length) > BODY_MAX:
            self.close_connection = True  # whatever its body is, nobody reads it
            self.say(404, "text/plain", b"Here are / and /v1/*, with bodies of at most 1 MiB.\n")
            return
        body = self.rfile.read(int(length))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        onward = http.client.HTTPConnection(*self.gateway)
        try:
            onward.request(self.command, self.path, body or None, headers)
            answer = onward.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.say(502, "text/plain", f"The gateway does not answer: {error}\n".encode())
            return
        try:
            self.bring_back(answer)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # one of the two has gone in the middle of it
        finally:
            onward.close()

    def bring_back(self, answer):
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        chunked = answer.chunked
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.length is None:  # its end is the end of the connection, so ours is too
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        while piece := answer.read1(PIECE):  # as it comes: a stream of events has no end
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def say(self, status, content_type, body):
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True  # streams of events end with it
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a browser that hangs up is no news


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--gateway", default="http://127.0.0.1:8080")
    options = parser.parse_args()
    gateway = urllib.parse.urlsplit(options.gateway)
    Site.gateway = (gateway.hostname, gateway.port or 80)
    with Server(("127.0.0.1", options.port), Site) as server:
        print(f"http://127.0.0.1:{options.port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
