"""The client: submits jobs over HTTP and reads what became of them. Standard library only.

    client = penstock.Client("http://127.0.0.1:8080")
    id = client.submit("add", {"a": 3, "b": 4})
    client.result(id, wait=5)                  # 7
    client.run("add", {"a": 3, "b": 4})        # 7, in one request
    list(client.map("resize", images))         # many, in order
"""

import collections
import json
import time

from . import asking, groups, streams
from .errors import NotFinished, OutcomeUnknown, PenstockError, error_of
from .http import Http
from .ids import new_id
from .values import value_of_answer, value_of_view

WAIT_MAX = 300.0   # seconds that one request may be held; longer waits are several requests
PAGE = 1_000
WAIT_IDS_MAX = 10_000
JSON_BODY = {"Content-Type": "application/json"}
FINAL = frozenset(("succeeded", "failed", "cancelled", "expired", "quarantined"))

Bulk = collections.namedtuple("Bulk", "ids errors")
Bulk.__doc__ = """What became of `Client.bulk`: ids (of the jobs that were accepted) and errors (one
problem for each line that was not), as the gateway lists them."""

Waited = collections.namedtuple("Waited", "done pending")
Waited.__doc__ = """What became of `Client.wait_all` and `wait_any`: done (the statuses of those that have
finished) and pending (the ids of the others)."""


class Client:
    """url: the gateway's. timeout: seconds for one answer, besides what is waited for on purpose.
    retries: how often a request is repeated when the connection breaks or a 503 says Retry-After;
    submissions carry an id that is made here, so a repeated one is the same job. token: sent as
    `Authorization: Bearer`. May be used from several threads: each has its own connection.

    Every method raises `Unreachable`, or the `ApiError` that fits the answer. Durations are
    seconds. The terms of a job, all optional: priority (0-9, 9 first), delay, run_at, ttl,
    deadline, timeout, max_attempts, backoff, redeliver, tags, tenant, needs (labels that its
    worker must have), then and on_failure (jobs that follow it: "kind", ("kind", payload) or a
    dict; `then` gets its result, `on_failure` what became of it).
    """

    def __init__(self, url="http://127.0.0.1:8080", *, timeout=30.0, retries=3, token=None):
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = Http(url, timeout, retries, headers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes this thread's connection."""
        self._http.close()

    # ---- submitting

    def submit(self, kind, payload=None, *, id=None, idempotency_key=None, content_type=None,
               **terms):
        """Returns the job's id once the job is stored. payload: anything that JSON can say, or
        bytes (of `content_type`, by default application/octet-stream). Either name the job with
        `id`, or give an `idempotency_key`; with neither, a new id is made."""
        answer = self._submit(kind, payload, id, idempotency_key, content_type, terms, None)
        return _json(answer)["id"]

    def run(self, kind, payload=None, *, timeout=60.0, id=None, idempotency_key=None,
            content_type=None, **terms):
        """Submits, waits, and returns the result. timeout: seconds to wait for it. Raises
        NotFinished when they are up (its `id` can be waited for again) and JobFailed."""
        until = time.monotonic() + timeout
        if id is None and idempotency_key is None:
            id = new_id()
        answer = self._submit(kind, payload, id, idempotency_key, content_type, terms,
                              min(timeout, WAIT_MAX))
        view = _json(answer)
        if view.get("state") == "succeeded" and "result" in view:
            return value_of_view(view)
        return self.result(view.get("id") or id, wait=max(0.0, until - time.monotonic()))

    def bulk(self, jobs):
        """Submits many at once, as NDJSON of at most 64 MiB. jobs: dicts of `kind`, `payload` and
        terms, or ("kind", payload); those without an `id` are given one here. One bad job does not
        sink the rest: see `errors` of the Bulk that it returns."""
        lines = [json.dumps({"id": new_id(), **asking.plain(asking.as_job(job))}) for job in jobs]
        answer = self._checked("POST", "/v1/jobs/bulk", body="\n".join(lines).encode(),
                               headers={"Content-Type": "application/x-ndjson"})
        said = _json(answer)
        return Bulk(said.get("ids", []), said.get("errors", []))

    def _submit(self, kind, payload, id, idempotency_key, content_type, terms, wait):
        if id is not None and idempotency_key is not None:
            raise ValueError("give an id or an idempotency_key, not both: the key makes the id")
        terms = asking.plain(terms)
        headers = {}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        elif id is None:
            id = new_id()
        if wait is not None:
            headers["Prefer"] = f"wait={asking.seconds(wait)}"
        if isinstance(payload, (bytes, bytearray, memoryview)):
            headers["Content-Type"] = content_type or "application/octet-stream"
            path, query = f"/v1/kinds/{asking.quoted(kind)}/jobs", asking.as_query(terms, id)
            body = bytes(payload)
        else:
            headers["Content-Type"] = "application/json"
            job = {"kind": kind, "payload": payload, **terms}
            if id is not None:
                job["id"] = id
            path, query, body = "/v1/jobs", None, json.dumps(job).encode()
        try:
            return self._checked("POST", path, query, body, headers, wait or 0.0)
        except OutcomeUnknown:  # once more: the same id makes the same job
            return self._checked("POST", path, query, body, headers, wait or 0.0)

    # ---- looking

    def status(self, id, *, wait=None):
        """What is known of the job, a dict: id, kind, state, attempt, ... wait: hold the answer
        until it has finished, at most this long (and at most 300 s)."""
        query = {"wait": asking.seconds(wait)} if wait else None
        return _json(self._checked("GET", asking.job(id), query, wait=wait or 0.0))

    def wait(self, id, timeout=None):
        """Returns the status once the job has finished, however it ended. timeout: seconds; None
        waits for ever. Raises NotFinished."""
        return self._until_final(id, lambda wait: self.status(id, wait=wait), timeout)

    def wait_all(self, ids, timeout=None):
        """Waits until all of these jobs have finished, or the time is up: a Waited."""
        until = None if timeout is None else time.monotonic() + timeout
        ids, done, pending = list(ids), [], []
        for i in range(0, len(ids), WAIT_IDS_MAX):
            left = None if until is None else max(0.0, until - time.monotonic())
            waited = self._wait_for(ids[i:i + WAIT_IDS_MAX], "all", left)
            done += waited.done
            pending += waited.pending
        return Waited(done, pending)

    def wait_any(self, ids, timeout=None):
        """Waits until one of these jobs, at most 10,000, has finished, or the time is up: a
        Waited."""
        return self._wait_for(list(ids), "any", timeout)

    def _wait_for(self, ids, mode, timeout):
        for hold in _holds(timeout):
            body = json.dumps({"ids": ids, "mode": mode, "timeout": hold}).encode()
            said = _json(self._checked("POST", "/v1/jobs/wait", None, body, JSON_BODY, hold))
            waited = Waited(said["done"], said["pending"])
            if not waited.pending or (mode == "any" and waited.done):
                break
        return waited

    def _until_final(self, id, status, timeout):
        for hold in _holds(timeout):
            view = status(wait=hold)
            if view.get("state") in FINAL:
                return view
        raise NotFinished(id)

    def result(self, id, *, wait=0.0):
        """The result itself: decoded JSON, or bytes where the handler returned bytes. Raises
        NotFinished, JobFailed (failed, cancelled, expired, quarantined), Gone, NotFound."""
        for hold in _holds(wait):
            query = {"wait": asking.seconds(hold)} if hold else None
            answer = self._checked("GET", asking.job(id) + "/result", query, wait=hold)
            if answer.status != 202:
                return value_of_answer(answer)
        raise NotFinished(id)

    def list(self, *, state=None, kind=None, tag=None, since=None, limit=None):
        """Yields the statuses of jobs, page by page. since: RFC 3339. limit: at most so many."""
        query = {"state": state, "kind": kind, "tag": tag, "since": since,
                 "limit": min(limit or PAGE, PAGE)}
        path, left = "/v1/jobs", limit
        while path:
            answer = self._checked("GET", path, query)
            said = _json(answer)
            for view in said["jobs"] if isinstance(said, dict) else said:
                if left == 0:
                    return
                yield view
                left = left and left - 1
            path, query = asking.next_page(answer), None

    def cancel(self, id):
        """Cancels. Returns "cancelled" if it was waiting, "telling" if it runs (the worker is told,
        and `wait` says how it ended). Raises Conflict if it had finished."""
        answer = self._checked("DELETE", asking.job(id))
        return "telling" if answer.status == 202 else "cancelled"

    def retry(self, id):
        """Submits a finished job again, as a new one; returns the new id. Raises Conflict if it has
        not finished."""
        headers = {"Idempotency-Key": new_id()}  # a repeated request makes no second job
        return _json(self._checked("POST", asking.job(id) + "/retry", headers=headers))["id"]

    def cancel_many(self, ids=None, *, dry_run=False, **which):
        """Cancels these jobs, or all of a `state`, `kind`, `tag`. Returns how many that were;
        dry_run: only counts them."""
        return self._many("cancel", ids, dry_run, which)["matched"]

    def retry_many(self, ids=None, **which):
        """Submits these finished jobs again, or all of a `state`, `kind`, `tag`. Returns the new
        ids. Not repeated by itself: after `Unreachable` some may have been made."""
        return self._many("retry", ids, False, which)["ids"]

    def purge(self, ids=None, *, dry_run=False, **which):
        """Forgets these finished jobs and their results, or all of a `state`, `kind`, `tag`.
        Returns how many; dry_run: only counts them."""
        return self._many("purge", ids, dry_run, which)["matched"]

    def _many(self, deed, ids, dry_run, which):
        unknown = set(which) - {"state", "kind", "tag"}
        if unknown:
            raise TypeError(f"{deed}: there is no filter {', '.join(sorted(unknown))}")
        if (ids is None) == (not which):
            raise ValueError(f"{deed}: give either ids or at least one of state, kind, tag")
        body = {"filter": which} if ids is None else {"ids": list(ids)}
        answer = self._checked("POST", f"/v1/jobs/{deed}", {"dry_run": "true"} if dry_run else None,
                               json.dumps(body).encode(), JSON_BODY, WAIT_MAX, deed != "retry")
        return _json(answer)

    def explain(self, id):
        """Why the job is not running yet, a dict: `why` for programs, `text` for people."""
        return _json(self._checked("GET", asking.job(id) + "/explain"))

    # ---- many that belong together

    def group(self, jobs, *, then=None, on_failure=None, mode=None, id=None):
        """Submits jobs that belong together, all or none; returns a Group. jobs: dicts of `kind`,
        `payload` and terms, or ("kind", payload). then: the job that gets the ordered results once
        all have succeeded; on_failure: the one that gets what became of each, if not. mode:
        "all", or "first": one success is enough, and the rest is cancelled."""
        body = groups.body_of(jobs, then, on_failure, mode, id)
        return groups.Group(self, **self._submit_group("/v1/groups", body))

    def run_group(self, jobs, *, timeout=60.0, mode=None, id=None):
        """Submits a group and waits for it, in one request. What each job came to, in the order
        given: dicts of id, state, and result (as `result` gives it) or error; one that failed does
        not hide the others. Raises NotFinished when the time is up: `penstock.Group(client,
        error.id)` waits on."""
        until = time.monotonic() + timeout
        body = groups.body_of(jobs, None, None, mode, id)
        hold = min(timeout, WAIT_MAX)
        said = self._post_group("/v1/groups", body,
                                {**JSON_BODY, "Prefer": f"wait={asking.seconds(hold)}"}, hold)
        if "results" not in said:  # not finished, or too much for one answer
            group = groups.Group(self, said["id"])
            group.wait(max(0.0, until - time.monotonic()))
            said["results"] = group.outcomes()
        return [{**view, "result": value_of_view(view)} if "result" in view else view
                for view in said["results"]]

    def chain(self, jobs, *, then=None, on_failure=None, id=None):
        """Submits jobs that run one after the other; returns a Chain. A step without a payload gets
        the result of the one before as its payload; a dict gets it as its member `previous`."""
        body = groups.body_of(jobs, then, on_failure, None, id)
        return groups.Chain(self, **self._submit_group("/v1/chains", body))

    def map(self, kind, payloads, *, piece=groups.MAP_PIECE, ahead=groups.MAP_AHEAD,
            on_error=groups.raise_it, **terms):
        """Yields the results of `kind` for these payloads, in their order, as soon as they are
        there. Submits `piece` jobs in a request, as a group, and `ahead` requests before it waits
        for the first: payloads may be endless, and are taken as they are needed. on_error(error)
        says what is yielded for a job that has no result; without it JobFailed is raised. When it is
        closed early, what is under way is cancelled."""
        if piece < 1 or ahead < 1:
            raise ValueError(f"piece and ahead must be at least 1, not {piece} and {ahead}")
        return groups.map_results(self, kind, payloads, piece, ahead, on_error, terms)

    def _submit_group(self, path, body):
        said = self._post_group(path, body, JSON_BODY, 0.0)
        return {"id": said["id"], "ids": said.get("ids")}

    def _post_group(self, path, body, headers, wait):
        try:
            return _json(self._checked("POST", path, None, body, headers, wait))
        except OutcomeUnknown:  # once more: the same id makes the same group
            return _json(self._checked("POST", path, None, body, headers, wait))

    def _group_view(self, id, wait):
        query = {"wait": asking.seconds(wait)} if wait else None
        return _json(self._checked("GET", asking.group(id), query, wait=wait or 0.0))

    def _group_lines(self, id):
        return streams.members(self._http, asking.group(id) + "/results")

    def _cancel_group(self, id):
        self._checked("DELETE", asking.group(id))

    def _give_up(self, group):
        try:
            with self._http.on(None):  # whoever had it made may have given up
                group.cancel()
        except PenstockError:
            pass  # it has finished, or nobody is there to be told

    # ---- watching

    def events(self, id=None, *, group=None, after=None, state=None, kind=None, tag=None):
        """Yields each Event as it happens: of everything; of the job `id`, until it has finished;
        or of a `group` (a Group or its id), until that has. after: the id of the last event that
        was seen. Connects again by itself and goes on where it was."""
        query = {"state": state, "kind": kind, "tag": tag}
        path = "/v1/events"
        if id is not None:
            path = asking.job(id) + "/events"
        elif group is not None:
            path = asking.group(getattr(group, "id", group)) + "/events"
        return streams.events(self._http, path, query, after, path == "/v1/events")

    def partials(self, id):
        """The result of a job bit by bit: iterate over the Pieces for each Piece, as its handler
        says it; then `.result` is the result."""
        return streams.Pieces(self._http, asking.job(id) + "/result")

    # ---- the house

    def workers(self):
        """The workers that have joined, as dicts."""
        said = _json(self._checked("GET", "/v1/workers"))
        return said["workers"] if isinstance(said, dict) else said

    def kinds(self):
        """The kinds that are known, as dicts: what waits, what runs, and their settings."""
        return _json(self._checked("GET", "/v1/kinds"))["kinds"]

    def set_kind(self, kind, **settings):
        """Sets what holds for all jobs of a kind, whoever submits them: max_running, rate (a
        second), paused, weight, timeout; None clears one. Returns all settings."""
        return _json(self._checked("PATCH", f"/v1/kinds/{asking.quoted(kind)}", None,
                                   json.dumps(settings).encode(), JSON_BODY))

    def _checked(self, method, path, query=None, body=None, headers=None, wait=0.0, repeat=True):
        answer = self._http.request(method, path, query, body, headers, wait, repeat)
        if answer.status >= 400:
            raise error_of(answer.status, answer.body)
        return answer


def _holds(total):
    """How long each request of a wait may be held: at least one, at most 300 s each."""
    until = None if total is None else time.monotonic() + total
    hold = WAIT_MAX if total is None else min(total, WAIT_MAX)
    yield hold
    while until is None or time.monotonic() < until:
        yield WAIT_MAX if until is None else min(max(0.0, until - time.monotonic()), WAIT_MAX)


def _json(answer):
    try:
        return json.loads(answer.body)
    except ValueError:
        raise error_of(answer.status, answer.body) from None
