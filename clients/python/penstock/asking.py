"""How requests are written: paths, queries, short forms of jobs, and the page after this one."""

import json
import re
import urllib.parse


def seconds(number):
    return f"{number:.3f}".rstrip("0").rstrip(".")


def plain(terms):
    """Callbacks may be written short."""
    for name in ("then", "on_failure"):
        if terms.get(name) is not None:
            terms = {**terms, name: plain(as_job(terms[name]))}
    return terms


def as_job(job):
    """A dict of kind, payload and terms; "kind" and ("kind", payload) are short for one."""
    if isinstance(job, str):
        return {"kind": job}
    if isinstance(job, (tuple, list)):
        kind, payload = job
        return {"kind": kind, "payload": payload}
    return dict(job)


def group(id):
    return "/v1/groups/" + quoted(id)


def job(id):
    return "/v1/jobs/" + quoted(id)


def quoted(text):
    return urllib.parse.quote(text, safe="")


def as_query(terms, id):
    said = {k: json.dumps(v) if isinstance(v, bool) else v for k, v in terms.items()}
    for name in ("tags", "needs"):
        if isinstance(said.get(name), (list, tuple)):
            said[name] = ",".join(said[name])
    return {**said, "id": id}


def next_page(answer):
    """The path of the page after this one, or None."""
    for target, rest in re.findall(r"<([^>]*)>([^,]*)", answer.headers.get("Link", "")):
        if 'rel="next"' in rest or "rel=next" in rest:
            parts = urllib.parse.urlsplit(target)
            return parts.path + (f"?{parts.query}" if parts.query else "")
    return None
