"""HTTP/1.1 with keep-alive and bounded retries, on the standard library. Knows nothing of jobs."""

import contextlib
import http.client
import socket
import threading
import time
import urllib.parse

from . import pauses
from .errands import Errand
from .errors import PenstockError, Unreachable, error_of
from .values import media_type

BACKOFF_SECONDS = 0.1       # doubled by every retry, with jitter
RETRY_AFTER_MAX = 30.0      # a server that asks for longer is not waited for


class Answer:
    """status, headers (case-insensitive `get`), body (bytes)."""

    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def content_type(self):
        return media_type(self.headers.get("Content-Type"))


class Stream:
    """An answer that comes bit by bit: iterate over its lines, bytes without their end. Raises
    OSError or HTTPException where it breaks off, and where nothing comes for too long."""

    def __init__(self, connection, response, let_go):
        self._connection = connection
        self._response = response
        self._let_go = let_go

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._let_go()
        self._response.close()
        self._connection.close()

    def __iter__(self):
        begun = []  # what there is of a line: looked at once, and joined once
        while True:
            data = self._response.read1(65_536)
            if not data:
                break
            first, *others = data.split(b"\n")
            begun.append(first)
            if others:
                *whole, rest = others
                yield b"".join(begun)
                yield from whole
                begun = [rest]
        rest = b"".join(begun)
        if rest:
            yield rest


class _Kept:
    """The connection that a thread keeps. It is closed with the thread, which forgets this."""

    def __init__(self):
        self.connection = None

    def close(self):
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    __del__ = close


class _Own(threading.local):
    def __init__(self):
        self.kept = _Kept()
        self.errand = None


class Http:
    """One connection per thread to one server. A request is sent again, at most `retries` times,
    when a 503 says Retry-After, and, where `repeat` says that this is safe, when the connection
    breaks."""

    def __init__(self, url, timeout, retries, headers):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a gateway; one looks like http://HOST:8080")
        self._make = (http.client.HTTPSConnection if parts.scheme == "https"
                      else http.client.HTTPConnection)
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/")
        self._url, self._timeout, self._retries, self._headers = url, timeout, retries, headers
        self._own = _Own()
        self._nobodys = Errand()  # is never given up

    @property
    def retries(self):
        return self._retries

    @contextlib.contextmanager
    def on(self, errand):
        """What this thread asks for in here can be given up: it is on this Errand; on None, not."""
        before, self._own.errand = self._own.errand, errand
        try:
            yield
        finally:
            self._own.errand = before

    def open(self, path, query, headers, silence):
        """GET of an answer that comes bit by bit, on a connection of its own, without retries.
        silence: seconds without a byte after which it counts as broken. Returns a Stream, which is
        empty for 204; raises the ApiError of other statuses, OSError and HTTPException."""
        errand = self._own.errand or self._nobodys
        errand.check()
        connection = self._make(self._host, self._port, timeout=silence)
        sock = None
        try:
            connection.connect()
            sock = connection.sock
            errand.hold(sock)
            connection.request("GET", self._target(path, query),
                               headers={**self._headers, **headers})
            response = connection.getresponse()
            if response.status not in (200, 204):
                raise error_of(response.status, response.read())
            return Stream(connection, response, lambda: errand.let_go(sock))
        except BaseException:
            errand.let_go(sock)
            connection.close()
            raise

    def _target(self, path, query):
        given = {k: v for k, v in (query or {}).items() if v is not None}
        return self._base + path + (
            "?" + urllib.parse.urlencode(given, doseq=True) if given else "")

    def request(self, method, path, query=None, body=None, headers=None, wait=0.0,
                repeat=True):
        """`wait`: seconds that the server may hold the answer, on top of the timeout.
        repeat: making it twice is as good as once. What is not is never sent on a connection that
        was kept: the server may just be closing it, and then nobody knows whether it was read.
        Returns an Answer of any status. Raises Unreachable, and GivenUp (see `on`)."""
        target = self._target(path, query)
        sent = {**self._headers, **(headers or {})}
        for retry in range(self._retries + 1):
            last = retry == self._retries
            (self._own.errand or self._nobodys).check()
            try:
                answer = self._once(method, target, body, sent, wait, repeat)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if last or not repeat:
                    raise Unreachable(
                        f"no answer from {self._url}: {error or type(error).__name__}. Is "
                        "`penstock up` or `penstock gateway` running there?") from error
                time.sleep(backoff(retry))
                continue
            pause = _retry_after(answer)
            if last or pause is None:
                return answer
            time.sleep(pause)
        raise PenstockError("retries must not be negative")

    def close(self):
        """Closes this thread's connection; the next request opens another."""
        self._own.kept.close()

    def _once(self, method, target, body, headers, wait, repeat):
        if not repeat:
            self.close()
        reused = self._own.kept.connection is not None
        try:
            return self._exchange(method, target, body, headers, wait)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not reused:
                raise
            self.close()  # the server had closed an idle connection: that is no failure yet
            return self._exchange(method, target, body, headers, wait)

    def _exchange(self, method, target, body, headers, wait):
        connection = self._own.kept.connection
        if connection is None:
            connection = self._make(self._host, self._port, timeout=self._timeout)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._own.kept.connection = connection
        sock, errand = connection.sock, self._own.errand or self._nobodys
        sock.settimeout(self._timeout + wait)
        errand.hold(sock)
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            answer = Answer(response, response.read())
        finally:
            errand.let_go(sock)
        if response.will_close:
            self.close()
        return answer


def backoff(retry):
    """Seconds to wait before the retry of this number, from 0."""
    return pauses.backoff(retry, BACKOFF_SECONDS, RETRY_AFTER_MAX)


def _retry_after(answer):
    """Seconds to wait before the same request again, or None."""
    if answer.status != 503:
        return None
    try:
        seconds = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= RETRY_AFTER_MAX else None
