"""Jobs that belong together: groups, chains, and the results of both in their order."""

import collections
import itertools
import json

from .asking import as_job, plain
from .errands import GivenUp
from .errors import OutcomeUnknown, Unreachable, error_of_outcome
from .ids import new_id
from .values import value_of_view

MAP_PIECE = 500   # jobs in one request of `map`
MAP_AHEAD = 4     # pieces that are under way before the first is waited for


class Group:
    """A group or a chain that was submitted. `id` is all there is to it: `penstock.Group(client,
    id)` is the same group in another process. `ids`: its members', in order, where it was
    submitted. `state` of its status is "succeeded" or "failed" in the end, as its mode says."""

    def __init__(self, client, id, ids=None):
        self.id = id
        self.ids = ids
        self._client = client

    def __repr__(self):
        return f"<penstock.Group {self.id}>"

    def status(self, *, wait=None):
        """What is known of it, a dict. wait: hold the answer until all of it is finished."""
        return self._client._group_view(self.id, wait)

    def wait(self, timeout=None):
        """Returns the status once all of it is finished. Raises NotFinished."""
        return self._client._until_final(self.id, self.status, timeout)

    def outcomes(self):
        """Yields what each member came to, in the order of submission, as soon as it is known:
        dicts of id, state, and result or error."""
        return self._client._group_lines(self.id)

    def results(self):
        """Yields the members' results in the order of submission, as soon as they are there.
        Raises JobFailed at the first member that has none."""
        for view in self.outcomes():
            if view["state"] != "succeeded":
                raise error_of_outcome(view)
            yield value_of_view(view)

    def result(self, timeout=None):
        """The results of all members, a list in the order of submission; where one success was
        enough (mode "first"), that one's. Raises NotFinished, and JobFailed where there is none."""
        if self.wait(timeout).get("mode") != "first":
            return list(self.results())
        views = list(self.outcomes())
        for view in views:
            if view["state"] == "succeeded":
                return value_of_view(view)
        raise error_of_outcome(views[0])

    def cancel(self):
        """Cancels what is not finished."""
        self._client._cancel_group(self.id)


class Chain(Group):
    """A chain that was submitted. Its members are its steps."""

    def result(self, timeout=None):
        """The result of the last step. Raises NotFinished, and JobFailed if a step has none: the
        first that failed."""
        self.wait(timeout)
        last = None
        for last in self.results():
            pass
        return last


def body_of(jobs, then, on_failure, mode, id):
    """The request for a group: all its jobs are named here, so that it can be repeated."""
    listed = [plain(as_job(job)) for job in jobs]
    if not listed:
        raise ValueError("a group needs at least one job")
    body = {"id": id or new_id(), "jobs": listed}
    if mode is not None:
        body["mode"] = mode
    for name, callback in (("then", then), ("on_failure", on_failure)):
        if callback is not None:
            body[name] = plain(as_job(callback))
    return json.dumps(body).encode()


def map_results(client, kind, payloads, piece, ahead, on_error, terms):
    """See Client.map."""
    payloads = iter(payloads)
    under_way = collections.deque()

    def submit_next():
        jobs = [{"kind": kind, "payload": payload, **terms}
                for payload in itertools.islice(payloads, piece)]
        if jobs:
            id = new_id()
            try:
                under_way.append(client.group(jobs, id=id))
            except (GivenUp, OutcomeUnknown, Unreachable):
                under_way.append(Group(client, id))  # it may be there
                raise
        return bool(jobs)

    try:
        while len(under_way) < ahead and submit_next():
            pass
        while under_way:
            for view in under_way[0].outcomes():
                if view["state"] == "succeeded":
                    yield value_of_view(view)
                else:
                    yield on_error(error_of_outcome(view))
            under_way.popleft()
            submit_next()
    finally:  # given up, or failed: what was submitted ahead is wanted by nobody
        for group in under_way:
            client._give_up(group)


def raise_it(error):
    raise error
