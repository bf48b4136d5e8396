"""What the Python clients share."""

import json
import os
import time


def payloads(count):
    """100 distinct characters each: JSON has no bytes."""
    salt = os.urandom(8).hex()
    return [(f"{salt}{number:016x}" * 4)[:100] for number in range(count)]


class Stopwatch:
    def __init__(self):
        self._start, self._cpu = time.monotonic(), time.process_time()

    def say(self, jobs):
        seconds = time.monotonic() - self._start
        print(json.dumps({"jobs": jobs, "seconds": seconds, "jobs_s": jobs / seconds,
                          "cpu_seconds": time.process_time() - self._cpu}), flush=True)
