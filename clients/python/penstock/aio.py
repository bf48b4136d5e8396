"""The client for asyncio: the same calls, awaited.

    client = penstock.AsyncClient("http://127.0.0.1:8080")
    await client.run("add", {"a": 3, "b": 4})
    async for result in client.map("resize", images): ...

Requests are made on threads, as many at a time as `threads` says: a call that waits for a job holds
one of them, until it is cancelled. Standard library only.
"""

import asyncio
import functools

from .client import Client
from .errands import Errand, Errands

_END = object()


class _Asynchronous:
    """Awaits the methods of `inner`, a plain object, on threads."""

    def __init__(self, inner, errands):
        self._inner = inner
        self._errands = errands

    async def _call(self, function, *arguments, **named):
        return await self._on(Errand(), functools.partial(function, *arguments, **named))

    async def _on(self, errand, function):
        try:
            return await asyncio.wrap_future(self._errands.start(errand, function))
        except asyncio.CancelledError:
            errand.give_up()  # else its thread would wait on, perhaps for ever
            raise

    async def _each(self, iterator):
        errand, coming = Errand(), None
        try:
            while True:
                coming = self._errands.start(errand, functools.partial(next, iterator, _END))
                item = await asyncio.wrap_future(coming)
                if item is _END:
                    return
                yield item
        except asyncio.CancelledError:
            errand.give_up()
            raise
        finally:
            # Its thread may be in the middle of reading: it is closed after that.
            if coming is not None and hasattr(iterator, "close"):
                coming.add_done_callback(  # it may have something to ask
                    lambda _: self._errands.tidy(iterator.close))


def _awaited(of, name):
    plain = getattr(of, name)

    @functools.wraps(plain)
    async def method(self, *arguments, **named):
        return await self._call(getattr(self._inner, name), *arguments, **named)
    return method


def _iterated(of, name):
    plain = getattr(of, name)

    @functools.wraps(plain)
    def method(self, *arguments, **named):
        return self._each(iter(getattr(self._inner, name)(*arguments, **named)))
    return method


class AsyncGroup(_Asynchronous):
    """A group or a chain: as `Group` and `Chain`, awaited; `outcomes` and `results` are for
    `async for`."""

    @property
    def id(self):
        return self._inner.id

    @property
    def ids(self):
        return self._inner.ids


class AsyncPieces(_Asynchronous):
    """The result of a job bit by bit: as `Client.partials`, for `async for`."""

    def __aiter__(self):
        return self._each(iter(self._inner))

    @property
    def result(self):
        return self._inner.result

    @property
    def dropped(self):
        return self._inner.dropped


class AsyncClient(_Asynchronous):
    """As `Client`, with the same arguments. Everything is awaited, except what is iterated over
    with `async for`: list, map, events and partials."""

    def __init__(self, url="http://127.0.0.1:8080", *, threads=32, **options):
        client = Client(url, **options)
        super().__init__(client, Errands(threads, client._http.on))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()

    def close(self):
        """Breaks off what is under way, which raises a PenstockError. Waits for nothing."""
        self._errands.close()

    async def group(self, *arguments, **named):
        return AsyncGroup(await self._call(self._inner.group, *arguments, **named), self._errands)

    async def chain(self, *arguments, **named):
        return AsyncGroup(await self._call(self._inner.chain, *arguments, **named), self._errands)

    def partials(self, id):
        return AsyncPieces(self._inner.partials(id), self._errands)


def _equip():
    from .groups import Group
    for name in ("submit", "run", "bulk", "status", "wait", "wait_all", "wait_any", "result",
                 "run_group", "cancel", "retry", "cancel_many", "retry_many", "purge", "explain", "kinds",
                 "set_kind", "workers"):
        setattr(AsyncClient, name, _awaited(Client, name))
    for name in ("list", "map", "events"):
        setattr(AsyncClient, name, _iterated(Client, name))
    for name in ("status", "wait", "result", "cancel"):
        setattr(AsyncGroup, name, _awaited(Group, name))
    for name in ("outcomes", "results"):
        setattr(AsyncGroup, name, _iterated(Group, name))


_equip()
