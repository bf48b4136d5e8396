"""Values of jobs as JSON carries them, and as Python has them. JSON can't say bytes: the gateway
writes them as {"$bin": base64}, and so they are read as bytes wherever a result is read."""

import base64
import json
import re

OPAQUE = "application/octet-stream"
JSON = "application/json"
CONTENT_TYPE = re.compile(r"[!-~]+/[ -~]*")
CONTENT_TYPE_MAX = 128


class Opaque(bytes):
    """Bytes that say what they are, as a handler's result: whoever asks for it over HTTP gets them
    with this content type.

        return penstock.Opaque(png, "image/png")
    """

    def __new__(cls, data, content_type=OPAQUE):
        if not CONTENT_TYPE.fullmatch(content_type) or len(content_type) > CONTENT_TYPE_MAX:
            raise ValueError(f"{content_type!r} is no content type; one looks like image/png")
        made = super().__new__(cls, data)
        made.content_type = content_type
        return made


def value_of_view(view):
    """The result in a job's view: the same as that of the answer that is the result itself."""
    value = from_json(view.get("result"))
    content_type = media_type(view.get("content_type"))
    if content_type and isinstance(value, (str, bytes)):
        return _opaque(value.encode() if isinstance(value, str) else value, content_type)
    return value


def value_of_answer(answer):
    """The result that is an answer's whole body: decoded JSON, or bytes."""
    return _opaque(answer.body, answer.content_type or JSON)


def _opaque(body, content_type):
    """Bytes that say that they are JSON are read as JSON: nobody can tell them from what a handler
    returned as a value, where the answer is the result itself."""
    if content_type != JSON:
        return body
    try:
        return from_json(json.loads(body)) if body else None
    except ValueError:
        return body


def media_type(content_type):
    return (content_type or "").partition(";")[0].strip().lower()


def from_json(value):
    if isinstance(value, dict):
        read = _bytes_of(value)
        return {key: from_json(item) for key, item in value.items()} if read is None else read
    return [from_json(item) for item in value] if isinstance(value, list) else value


def _bytes_of(value):
    """What {"$bin": base64} stands for; None for any other dict, which then is just a dict."""
    text = value.get("$bin")
    if len(value) != 1 or not isinstance(text, str):
        return None
    try:
        read = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return read if base64.b64encode(read).decode() == text else None  # as the gateway writes it
