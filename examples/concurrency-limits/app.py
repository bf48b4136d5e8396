"""The work behind the buttons: `sleep`, `crunch` and `paint`.

    PYTHONPATH=../../clients/python /usr/bin/python3 -m penstock worker app:worker --slots 8

How many of a kind run at a time is not said here: that is a setting of the kind, which holds for
all workers together. `--slots` is only how much this process could bear.
"""

import functools
import hashlib
import struct
import time
import zlib

import penstock

worker = penstock.Worker()

PIXELS_MAX = 4_000_000
ROUNDS_MAX = 100_000_000
STEPS = 160  # after which a point of the picture counts as inside


def checked(handler):
    """Input that can't work fails once, with a sentence, and is not tried again."""
    @functools.wraps(handler)
    def run(payload, job):
        try:
            return handler(payload, job)
        except (KeyError, TypeError, ValueError) as error:
            raise penstock.Fail("bad-input", repr(error), retryable=False) from error
    return run


@worker.kind("sleep")
@checked
def sleep(payload, job):
    """Stands for waiting on something else: it takes time, and no core."""
    if job.cancellation.wait(payload["seconds"]):
        raise penstock.Cancelled()
    return {"slept": payload["seconds"]}


@worker.kind("crunch")
@checked
def crunch(payload, job):
    """A fixed amount of work, outside of Python's lock: it takes longer when it has to share a
    core, which `spin` (a fixed time) would hide."""
    rounds = payload["rounds"]
    if not 0 < rounds <= ROUNDS_MAX:
        raise ValueError(f"rounds must be 1 to {ROUNDS_MAX}")
    before = time.thread_time()
    hashlib.pbkdf2_hmac("sha256", b"penstock", b"salt", rounds)
    return {"cpu_seconds": round(time.thread_time() - before, 6)}


@worker.kind("paint")
@checked
def paint(payload, job):
    """A PNG, row by row. Whoever watches sees how far it is."""
    width, height = payload["width"], payload["height"]
    if min(width, height) < 1 or width * height > PIXELS_MAX:
        raise ValueError(f"width times height must be 1 to {PIXELS_MAX}")
    packed = zlib.compressobj()
    data = b""
    for row in range(height):
        job.check()
        data += packed.compress(b"\0" + row_of(row, width, height))
        job.progress((row + 1) / height, f"row {row + 1} of {height}")
    return penstock.Opaque(png(width, height, data + packed.flush()), "image/png")


# ---- the picture


def row_of(row, width, height):
    """One row of the Mandelbrot set, three bytes a point."""
    y = (row / height - 0.5) * 2.4
    return b"".join(colour(x * 3.2 / width - 2.2, y) for x in range(width))


def colour(x, y):
    point, z = complex(x, y), 0j
    for step in range(STEPS):
        z = z * z + point
        if z.real * z.real + z.imag * z.imag > 4:
            return bytes((step * 7 % 256, min(255, 40 + step * 5), min(255, 90 + step * 9)))
    return b"\x0b\x10\x20"


def png(width, height, data):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits each of red, green, blue
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
