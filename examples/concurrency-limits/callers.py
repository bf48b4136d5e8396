"""Those who want something: a person at the page, and whoever calls the API with curl. Both can
submit jobs of a kind, set its limit, and say what they were answered."""

import json
import subprocess
import uuid

from house import PATIENCE, Trouble, get

HELD = 120  # seconds that an API call is willing to be held


class Curl:
    """`held`: every call waits for its result. One process for each, all at once."""

    name = "API"

    def __init__(self, url, payloads):
        self.url = url
        self.payloads = payloads
        self._held = {}  # id -> process

    def submit(self, kind, count):
        ids = [str(uuid.uuid4()) for _ in range(count)]
        for id in ids:
            self._held[id] = self._start("POST", f"/v1/jobs?wait={HELD}", self._job(id, kind))
        return ids

    def submit_in_turn(self, kind, payload=None):
        """Returns once the job is accepted."""
        id = str(uuid.uuid4())
        status, said = self._end(self._start("POST", "/v1/jobs", self._job(id, kind, payload)))
        if status != 202:
            raise Trouble(f"curl was answered {status}: {said}")
        return id

    def set_limit(self, kind, limit):
        status, said = self._end(self._start("PATCH", f"/v1/kinds/{kind}", {"max_running": limit}))
        if status != 200 or json.loads(said)["settings"]["max_running"] != limit:
            raise Trouble(f"PATCH of {kind} was answered {status}: {said}")

    def answered(self, ids):
        """How many of these calls got their result."""
        good = 0
        for id in ids:
            status, said = self._end(self._held.pop(id))
            good += status == 200 and json.loads(said)["state"] == "succeeded"
        return good

    def _job(self, id, kind, payload=None):
        return {"id": id, "kind": kind, "payload": payload or self.payloads[kind]}

    def _start(self, method, path, body):
        return subprocess.Popen(
            ["curl", "-sS", "-X", method, "-H", "Content-Type: application/json", "-d",
             json.dumps(body), "-w", "\n%{http_code}", self.url + path],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @staticmethod
    def _end(process):
        said, wrong = process.communicate(timeout=HELD + PATIENCE)
        body, _, status = said.rpartition("\n")
        if process.returncode != 0:
            raise Trouble(f"curl ended with {process.returncode}: {wrong.strip()}")
        return int(status), body

    def close(self):
        for process in self._held.values():
            process.kill()
            process.communicate()


class Page:
    """A person with a mouse."""

    name = "page"

    def __init__(self, browser, url, payloads):
        self.browser = browser
        sizes = "&".join(f"{name}={value}" for payload in payloads.values()
                         for name, value in payload.items())
        browser.open(f"{url}/?{sizes}")
        browser.until("document.body.dataset.watching")

    def submit(self, kind, count):
        before = self.browser.read("document.querySelectorAll('#mine tr').length")
        for _ in range(count):
            self.browser.click(f"#kind-{kind} button")
        return self.browser.read(f"""[...document.querySelectorAll('#mine tr')].reverse()
                                     .slice({before}).map(row => row.id)""")

    def submit_in_turn(self, kind):
        id, = self.submit(kind, 1)
        self.browser.until(f"document.getElementById('{id}').dataset.state !== 'sending'")
        return id

    def set_limit(self, kind, limit):
        self.browser.write(f"#kind-{kind} .limit", str(limit))
        self.browser.until(f"document.getElementById('kind-{kind}').dataset.limit === '{limit}'")

    def answered(self, ids):
        rows = self._rows(ids)
        self.browser.until(f"{rows}.every(row => row.dataset.done)")
        return self.browser.read(f"{rows}.filter(row => row.dataset.state === 'succeeded' && "
                                 "row.querySelector('.outcome').childNodes.length).length")

    def shows_places(self, ids, places):
        """Waits until the page says that these jobs have these places in line."""
        said = f"{self._rows(ids)}.map(row => row.querySelector('.place').textContent).join()"
        self.browser.until(f"{said} === '{','.join(map(str, places))}'")

    def shows_starts(self, ids):
        """Waits until it says of each when it is expected to start; returns that, in seconds."""
        texts = f"{self._rows(ids)}.map(row => row.querySelector('.start').textContent)"
        self.browser.until(f"{texts}.every(text => text.startsWith('in '))")
        return [float(text.split()[1]) for text in self.browser.read(texts)]

    def shows_queue(self, kind, running, waiting):
        row = f"document.getElementById('kind-{kind}')"
        self.browser.until(f"{row}.querySelector('.running').textContent === '{running}' && "
                           f"{row}.querySelector('.queued').textContent === '{waiting}'")

    @staticmethod
    def _rows(ids):
        return f"{json.dumps(ids)}.map(id => document.getElementById(id))"


class PageServer(Curl):
    """What the page asks for, without a browser: through the server that serves it."""

    name = "page"

    def __init__(self, url, payloads):
        super().__init__(url, payloads)
        status, body = get(url + "/")
        if status != 200 or b"/v1/events" not in body:
            raise Trouble(f"{url}/ answered {status}: {body[:200]!r}")
