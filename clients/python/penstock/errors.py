"""Every exception of the package.

`PenstockError` is what a client catches; `Fail` and `Cancelled` are what a handler raises.
"""

import json
import re

_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")


class PenstockError(Exception):
    """Base of what `Client` raises."""


class Unreachable(PenstockError, ConnectionError):
    """No answer from the gateway. A submission may be repeated with the same id."""


class NotFinished(PenstockError, TimeoutError):
    """The job has no outcome yet, and the time to wait for it is up. `id` is the job's."""

    def __init__(self, id):
        super().__init__(f"job {id} is not finished yet; wait for it again")
        self.id = id


class ApiError(PenstockError):
    """An answer of 400 and above.

    status: the HTTP status. slug: the stable last part of the problem's `type` ("unknown-kind").
    detail: a sentence for people. fields: every member of the problem document.
    """

    def __init__(self, status, slug, detail, fields):
        super().__init__(f"{status} {slug}: {detail}" if slug else f"{status}: {detail}")
        self.status = status
        self.slug = slug
        self.detail = detail
        self.fields = fields

    @property
    def id(self):
        """The job's id, where the answer names one (504 does), else None."""
        return self.fields.get("id")


class Invalid(ApiError):
    """400, 411, 413, 415, 422: the request itself is wrong; repeating it does not help."""


class NotFound(ApiError):
    """404: no such job."""


class Conflict(ApiError):
    """409: the job has finished, so it can't be cancelled."""


class Gone(ApiError):
    """410: the job was finished, but its result is not kept any more."""


class JobFailed(ApiError):
    """424: the job ended without a result: failed, cancelled, expired or quarantined."""


class Unavailable(ApiError):
    """503: certainly not accepted, and still so after the client's retries."""


class OutcomeUnknown(ApiError):
    """504: it may have been accepted. Ask for `id`, or submit the same id again."""


_BY_STATUS = {
    400: Invalid, 411: Invalid, 413: Invalid, 415: Invalid, 422: Invalid, 404: NotFound,
    409: Conflict, 410: Gone, 424: JobFailed, 503: Unavailable, 504: OutcomeUnknown,
}


def error_of(status, body):
    """The exception for an HTTP answer: `body` is a problem document, or anything else."""
    try:
        fields = json.loads(body)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        fields = {"detail": body[:500].decode("utf-8", "replace").strip()}
    kind = fields.get("type")
    slug = re.split(r"[/#:]", kind)[-1] if isinstance(kind, str) and kind != "about:blank" else ""
    detail = fields.get("detail") or fields.get("title") or "no details were given"
    return _BY_STATUS.get(status, ApiError)(status, slug, str(detail), fields)


def error_of_outcome(view):
    """The JobFailed for a job's view that has a final state and no result."""
    error = view.get("error") or {}
    state = view.get("state", "failed")
    said = " ".join(str(error[name]) for name in ("code", "message") if error.get(name))
    return JobFailed(424, f"job-{state}", f"job {view.get('id')} is {state}: {said}", dict(view))


class StartError(ValueError):
    """A sentence for the person who started the process."""


class Fail(Exception):
    """Raised by a handler: this attempt failed, for a reason that has a name.

    code: a slug for programs, 1-128 characters of [A-Za-z0-9._-]. message: for people, cut at 4096
    bytes. retryable=False: further attempts would fail the same way, so none is made.
    """

    def __init__(self, code, message="", retryable=True):
        if not isinstance(code, str) or not _NAME.match(code):
            raise ValueError(f"a code is 1-128 characters of [A-Za-z0-9._-], not {code!r}")
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = str(message)
        self.retryable = bool(retryable)


class Cancelled(Fail):
    """Raised by a handler that saw `job.cancelled` and stopped."""

    def __init__(self, message="the handler stopped"):
        super().__init__("cancelled", message, retryable=False)
