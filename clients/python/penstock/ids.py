"""Ids of jobs that the client makes, so that submitting twice makes one job."""

import os
import time
import uuid


def new_id():
    """A UUIDv7 as text: sorts by the millisecond it was made in, the rest is random."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76   # version 7
    value = value & ~(0x3 << 62) | 0x2 << 62   # the variant of RFC 9562
    return str(uuid.UUID(int=value))
