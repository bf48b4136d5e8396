"""The snippets of README.md, run one after the other."""

import contextlib
import io
import re
import unittest

from tests.fakes import until
from tests.house import HERE, HouseCase

SNIPPETS = re.findall(r"^```python\n(.*?)^```$", (HERE.parent / "README.md").read_text(),
                      re.MULTILINE | re.DOTALL)


def steps_of(snippet):
    """Its statements, each with the value that its comment promises, if that can be read."""
    for step in re.split(r"\n(?=[^\s)\]}])", snippet):
        promise = re.search(r"^[^\n]*?\S  +# ([^\n]*)$", step, re.MULTILINE)
        value = re.match(r'("[^"]*"|\d+|\[\d+\]|\{.*?\})(?=$|[:,;])', promise[1] if promise else "")
        yield step, eval(value[1]) if value and not step.startswith("for ") else None


def settled(step, known):
    """What it says once the ventilator has heard of the job too: a moment after the client."""
    return until(lambda: [value for value in [eval(step, known)] if value != "storing"],
                 "known to the ventilator")[0]


class ReadmeTest(HouseCase):
    app = SNIPPETS[0]

    def test_the_worker_is_the_first_snippet(self):
        self.assertTrue(self.app.startswith("# app.py"))

    def test_every_snippet_does_what_it_says(self):
        self.start_worker()
        known, checked = {}, 0
        for snippet in SNIPPETS[1:]:
            for step, promised in steps_of(snippet.replace("http://127.0.0.1:8080", self.url)):
                with self.subTest(step=step), contextlib.redirect_stdout(io.StringIO()):
                    if promised is None:
                        exec(step, known)
                    else:
                        self.assertEqual(settled(step, known), promised)
                        checked += 1
        self.assertGreaterEqual(checked, 7)


if __name__ == "__main__":
    unittest.main()
