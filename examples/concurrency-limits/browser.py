"""A headless Chromium, driven through a pair of pipes by its DevTools protocol. Standard library
only: what a person would do with a mouse, and reading what stands on the page."""

import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import time

from house import PATIENCE, Trouble, tail

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No sandbox: root and most containers can't have one, and it sees nothing but our own page.
FLAGS = ("--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu",
         "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check",
         "--disable-extensions", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--hide-scrollbars", "--window-size=1100,900", "about:blank")

# Resolves as soon as `looked for` is truthy: looks whenever the page has changed.
UNTIL = """new Promise((resolve, reject) => {
    const look = () => { const found = (%s); if (found) end(() => resolve(found)); };
    const end = (say) => { seen.disconnect(); clearTimeout(patience); say(); };
    const seen = new MutationObserver(look);
    const patience = setTimeout(() => end(() => reject("this never came true")), %d);
    seen.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
    look();
})"""


def installed():
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One tab. folder: for its profile and what it says."""

    def __init__(self, folder):
        self._log = pathlib.Path(folder) / "chromium.log"
        self._numbers = 0
        self._read = b""
        command = [installed(), f"--user-data-dir={folder}/chromium", *FLAGS]
        his_in, self._to = os.pipe()
        self._from, his_out = os.pipe()
        # It reads descriptor 3 and writes descriptor 4. Neither may be overwritten by the other.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (his_in, his_out)]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                ["/bin/bash", "-c", f'exec "$@" 3<&{ends[0]} 4>&{ends[1]}', "bash", *command],
                pass_fds=ends, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        for end in (his_in, his_out, *ends):
            os.close(end)
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target,
                                  flatten=True)["sessionId"]
        self.call("Page.enable")

    def close(self):
        """Ends it, and whatever it started. True: it went by itself."""
        os.close(self._to)  # it leaves when its pipe ends
        try:
            self._process.wait(10)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
            os.close(self._from)

    # ---- the protocol: JSON with a zero after each

    def call(self, method, **parameters):
        self._numbers += 1
        said = {"id": self._numbers, "method": method, "params": parameters}
        if self._session:
            said["sessionId"] = self._session
        frame = json.dumps(said).encode() + b"\0"
        try:
            while frame:
                frame = frame[os.write(self._to, frame):]
        except BrokenPipeError:
            raise self._gone() from None
        until = time.monotonic() + 2 * PATIENCE
        while True:
            heard = self._next(until)
            if heard.get("id") == self._numbers:
                if "error" in heard:
                    raise Trouble(f"{method}: {heard['error'].get('message')}")
                return heard["result"]

    def _next(self, until):
        while b"\0" not in self._read:
            if not select.select([self._from], [], [], max(0, until - time.monotonic()))[0]:
                raise Trouble(f"Chromium does not answer. {tail(self._log)}")
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise self._gone()
            self._read += piece
        frame, _, self._read = self._read.partition(b"\0")
        return json.loads(frame)

    def _gone(self):
        return Trouble(f"Chromium ended. {tail(self._log)}")

    # ---- looking and pressing

    def open(self, url):
        said = self.call("Page.navigate", url=url)
        if said.get("errorText"):
            raise Trouble(f"{url}: {said['errorText']}")
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def read(self, expression):
        """What the JavaScript expression is, or becomes if it is a promise."""
        said = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                         returnByValue=True)
        if "exceptionDetails" in said:
            wrong = said["exceptionDetails"]
            text = wrong.get("exception", {})
            raise Trouble(text.get("description") or text.get("value") or wrong["text"])
        return said["result"].get("value")

    def until(self, expression):
        """Waits until it is true of the page; returns what it is."""
        try:
            return self.read(UNTIL % (expression, PATIENCE * 1000))
        except Trouble as trouble:
            text = self.read("document.body ? document.body.innerText : ''")
            raise Trouble(f"{trouble}: {expression}\nThe page says:\n{text}") from None

    def click(self, selector):
        """Presses the mouse in the middle of an element."""
        x, y = self.read(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: "center"}});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()""")
        for deed in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=deed, x=x, y=y, button="left", clickCount=1)

    def write(self, selector, text):
        """Types into a field in place of what stood there, and presses Enter."""
        self.read(f"document.querySelector({json.dumps(selector)}).select()")
        self.call("Input.insertText", text=text)
        for deed in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=deed, key="Enter", code="Enter",
                      windowsVirtualKeyCode=13, text="\r" if deed == "keyDown" else "")

    def picture(self, path):
        """What it looks like, as a PNG file."""
        import base64
        said = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        pathlib.Path(path).write_bytes(base64.b64decode(said["data"]))
