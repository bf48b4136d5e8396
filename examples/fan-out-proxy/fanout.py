#!/usr/bin/python3
"""Sends images to several inference servers at once, and brings back their answers in order.

    fanout.py IMAGES OUT --gateway URL --server NAME=URL [--server ...]    a directory in, one out
    fanout.py --health   --gateway URL --server NAME=URL [--server ...]

What a proxy would do is done by Penstock: an image is a group of `http` jobs, one for each server, in
one request that is answered when all of them have come to something. It logs one line for each image:
the group's id, what each server came to, and the time; the servers got the same id.
"""

import argparse
import base64
import concurrent.futures
import dataclasses
import json
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "clients" / "python"))
import models  # noqa: E402
import penstock  # noqa: E402

PATIENCE = 60.0  # seconds for a whole image; the servers' own time is `timeout`
AT_ONCE = 8


@dataclasses.dataclass
class Answer:
    """What one server came to."""
    server: str
    state: str            # succeeded, failed, ...
    job: str
    value: object = None  # JSON as Python has it, or bytes
    seconds: float = 0.0  # by the server's own clock
    error: str = ""       # a code: timeout, http-422, http-error, ...


class Fanout:
    """gateway: its URL. servers: name to URL; answers come in this order."""

    def __init__(self, gateway, servers):
        self.gateway, self.servers = gateway, dict(servers)
        self.client = penstock.Client(gateway)

    def jobs(self, image, id, *, form="bytes", timeout=5.0, attempts=3):
        """The group of an image: one job for each server. form: how the servers get it, as it is
        or as JSON with base64. timeout: seconds of one attempt."""
        encoded = base64.b64encode(image).decode()
        if form == "bytes":
            content_type, body = models.PPM, {"$bin": encoded}
        else:
            content_type, body = "application/json", json.dumps({"image": encoded})
        headers = {"Content-Type": content_type, "Penstock-Group": id}
        return [{"kind": "http", "timeout": timeout, "max_attempts": attempts,
                 "payload": {"url": f"{url}/predict", "method": "POST", "headers": headers,
                             "body": body}} for url in self.servers.values()]

    def ask(self, image, *, id=None, **terms):
        """(id, answers in the order of the servers). One request."""
        id = id or penstock.new_id()
        views = self.client.run_group(self.jobs(image, id, **terms), timeout=PATIENCE, id=id)
        return id, self.answers(views)

    def answers(self, views):
        return [answer_of(name, view) for name, view in zip(self.servers, views)]

    def health(self):
        """Every part by its name, in one call: it goes the way that an image goes, so when it is
        answered there are a gateway, a ventilator, a worker and a sink; what they say of
        themselves, and each server, are the answers."""
        urls = {"house": f"{self.gateway}/healthz?verbose",
                **{name: f"{url}/health" for name, url in self.servers.items()}}
        jobs = [{"kind": "http", "timeout": 2, "payload": {"url": url, "result": "body"}}
                for url in urls.values()]
        jobs[0]["payload"]["any_status"] = True  # a house that is not well says 503, and why
        try:
            views = self.client.run_group(jobs, timeout=5)
        except penstock.PenstockError as error:
            return {"status": "down", "parts": {"way": {"status": "down", "why": str(error)}}}
        said = {name: part_of(view) for name, view in zip(urls, views)}
        house = said.pop("house")
        parts = {**house.get("parts", {"gateway": house}), **said}
        fine = all(part.get("status") == "ok" for part in parts.values())
        return {"status": "ok" if fine else "degraded", "parts": parts}


def part_of(view):
    if view["state"] == "succeeded":
        return {"status": "ok", **view["result"]}
    return {"status": "down", "why": view["error"]["message"]}


def answer_of(name, view):
    if view["state"] != "succeeded":
        return Answer(name, view["state"], view["id"],
                      error=view.get("error", {}).get("code", view["state"]))
    response = view["result"]  # {status, headers, body}
    headers, body = response["headers"], response["body"]
    if headers["content-type"] == "application/json":
        value = json.loads(body)
    else:
        value = body.encode() if isinstance(body, str) else body  # bytes that happen to be text
    return Answer(name, "succeeded", view["id"], value, float(headers["seconds"]))


def line_of(id, image, answers, seconds):
    each = " ".join(f"{a.server}={a.seconds:.4f}" if a.state == "succeeded"
                    else f"{a.server}={a.error}" for a in answers)
    return f"{time.strftime('%H:%M:%S')} group={id} image={image} total={seconds:.4f} {each}"


def save(folder, name, answers):
    """NAME.json with the answers in order; what is an image goes beside it."""
    listed = []
    for a in answers:
        view = {"server": a.server, "state": a.state, "job": a.job}
        if a.error:
            view["error"] = a.error
        elif isinstance(a.value, bytes):
            view["image"] = f"{name}.{a.server}.pgm"
            (folder / view["image"]).write_bytes(a.value)
        else:
            view["result"] = a.value
        listed.append(view)
    (folder / f"{name}.json").write_text(json.dumps(listed, indent=1) + "\n")


def one_image(fanout, path, out):
    started = time.monotonic()
    id, answers = fanout.ask(path.read_bytes())
    print(line_of(id, path.name, answers, time.monotonic() - started), file=sys.stderr, flush=True)
    save(out, path.stem, answers)
    return all(answer.state == "succeeded" for answer in answers)


def directory(fanout, images, out):
    """True if every server had an answer for every image."""
    out.mkdir(parents=True, exist_ok=True)
    paths = sorted(images.glob("*.ppm"))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        whole = list(pool.map(lambda path: one_image(fanout, path, out), paths))
    print(f"{len(paths)} images, {sum(whole)} with all {len(fanout.servers)} answers",
          file=sys.stderr)
    return bool(whole) and all(whole)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="?", type=pathlib.Path)
    parser.add_argument("out", nargs="?", type=pathlib.Path)
    parser.add_argument("--health", action="store_true")
    parser.add_argument("--gateway", default="http://127.0.0.1:8080")
    parser.add_argument("--server", action="append", required=True, metavar="NAME=URL")
    options = parser.parse_args()
    fanout = Fanout(options.gateway, [text.split("=", 1) for text in options.server])
    if options.health:
        said = fanout.health()
        print(json.dumps(said, indent=1))
        return 0 if said["status"] == "ok" else 1
    if not options.images or not options.out:
        parser.error("name the directory of images and the one for answers")
    return 0 if directory(fanout, options.images, options.out) else 1


if __name__ == "__main__":
    sys.exit(main())
