"""What somebody waits for who may give up: the sockets that it is waited on, and the threads that
wait. Knows nothing of HTTP."""

import atexit
import collections
import concurrent.futures
import contextlib
import socket
import threading
import time
import weakref

from .errors import PenstockError

IDLE_SECONDS = 10.0     # after which a thread with nothing to do ends
TIDYING_SECONDS = 2.0   # that the end of the process waits for what was given up


class GivenUp(PenstockError):
    """Raised where it is waited, once nobody wants the answer: seen where the client was closed."""


class Errand:
    """Holds the sockets on which one caller waits. `give_up`, from any thread, breaks them off; what
    would begin after that raises GivenUp."""

    def __init__(self):
        self._lock = threading.Lock()
        self._sockets = set()
        self._given_up = False

    def check(self):
        if self._given_up:
            raise GivenUp("the client was closed, or nobody waits any more")

    def hold(self, sock):
        with self._lock:
            self.check()
            self._sockets.add(sock)

    def let_go(self, sock):
        with self._lock:
            self._sockets.discard(sock)

    def give_up(self):
        with self._lock:
            self._given_up = True
            for sock in self._sockets:
                with contextlib.suppress(OSError):  # whoever reads there is woken
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Errands:
    """Runs functions on threads, at most `most` at a time, each for an Errand: `on(errand)` is a
    context in which its function runs. The threads are daemons: a process that ends gives up what
    is under way, and waits for no more than the tidying that follows."""

    def __init__(self, most, on):
        self._most, self._on = most, on
        self._changed = threading.Condition()
        self._waiting = collections.deque()
        self._wanted = {}  # future -> errand, of what waits or runs
        self._threads = self._idle = 0
        self._closed = False
        _all.add(self)

    def start(self, errand, function):
        """A concurrent Future of what it returns. Raises RuntimeError once closed."""
        with self._changed:
            if self._closed:
                raise RuntimeError("this client has been closed")
            return self._add(errand, function)

    def tidy(self, function):
        """The same for what is still to be done once nobody wants the rest: is not given up."""
        with self._changed:
            return self._add(Errand(), function, is_wanted=False)

    def close(self):
        """Gives up what waits and what runs. Waits for nothing."""
        with self._changed:
            self._closed = True
            given_up = [errand for errand in self._wanted.values() if errand]
            self._changed.notify_all()
        for errand in given_up:
            errand.give_up()

    def settle(self, seconds):
        """Waits until nothing runs, but not for longer."""
        with self._changed:
            self._changed.wait_for(lambda: not self._wanted, seconds)

    def _add(self, errand, function, is_wanted=True):
        future = concurrent.futures.Future()
        self._wanted[future] = errand if is_wanted else None
        self._waiting.append((future, errand, function))
        if len(self._waiting) > self._idle and self._threads < self._most:
            self._grow()
        else:
            self._changed.notify()
        return future

    def _grow(self):
        self._threads += 1
        try:
            threading.Thread(target=self._work, name="penstock", daemon=True).start()
        except RuntimeError:  # the process is ending: the threads that are there do it
            self._threads -= 1

    def _work(self):
        while True:
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: self._waiting or self._closed, IDLE_SECONDS)
                self._idle -= 1
                if not self._waiting:
                    self._threads -= 1
                    return
                future, errand, function = self._waiting.popleft()
            self._run(future, errand, function)
            with self._changed:
                del self._wanted[future]
                self._changed.notify_all()
            del future, errand, function  # a thread that waits keeps nothing alive

    def _run(self, future, errand, function):
        if not future.set_running_or_notify_cancel():
            return
        try:
            with self._on(errand):
                said = function()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(said)


_all = weakref.WeakSet()


@atexit.register
def _end():
    until = time.monotonic() + TIDYING_SECONDS
    every = list(_all)
    for errands in every:
        errands.close()
    for errands in every:
        errands.settle(max(0.0, until - time.monotonic()))
