"""Values of jobs as JSON carries them, and as Python has them. JSON can't say bytes: the gateway
writes them as {"$bin": base64}."""

import base64
import json
import re

OPAQUE = "application/octet-stream"
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
    """The result in a job's view."""
    return from_json(view.get("result"))


def from_json(value):
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get("$bin"), str):
            return base64.b64decode(value["$bin"])
        return {key: from_json(item) for key, item in value.items()}
    return [from_json(item) for item in value] if isinstance(value, list) else value


def value_of_answer(answer):
    """The result that is an answer's whole body: decoded JSON, or bytes."""
    json_like = answer.content_type in ("", "application/json")
    return json.loads(answer.body) if json_like and answer.body else answer.body or None
