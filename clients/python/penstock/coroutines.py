"""The thread on which async handlers run: one event loop for all of them."""

import asyncio
import threading


class Coroutines:
    """`begin(call)` starts what a call runs, and returns its coroutine. `end(call, said)` gets what
    it returned, or the exception that ended it. Both are called on the event loop's thread.
    `start`, `told`, `run` and `close` may be called from any other thread."""

    def __init__(self, begin, end):
        self._begin = begin
        self._end = end
        self._loop = None
        self._lock = threading.Lock()

    def start(self, call):
        self._running().call_soon_threadsafe(self._enter, call)

    def told(self, call):
        """One of its jobs was cancelled: if nobody waits for any of them, so is the coroutine."""
        if call.is_async and call.cancelled:
            self._running().call_soon_threadsafe(self._cancel, call)

    def run(self, coroutine):
        """Runs it and returns what it says: for what is to be done before there are jobs."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running()).result()

    def close(self):
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None

    def _running(self):
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_serve, args=(self._loop,), name="async-handlers",
                                 daemon=True).start()
            return self._loop

    # ---- on its thread

    def _enter(self, call):
        # Not the handler's own coroutine: one that is cancelled before its first step never runs.
        call.task = asyncio.ensure_future(_guarded(self._begin(call)))
        call.task.add_done_callback(lambda task: self._end(call, _said(task)))
        self._cancel(call)

    @staticmethod
    def _cancel(call):
        if call.cancelled and call.task is not None:
            call.task.cancel()


def _serve(loop):
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _guarded(coroutine):
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as error:  # they would end the event loop for all
        return error


def _said(task):
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception() or task.result()
