"""Facts about this process: its clock, its name, what it uses."""

import os
import re
import resource
import secrets
import socket
import time

if hasattr(time, "CLOCK_BOOTTIME"):
    def now():
        """Seconds on a clock that also counts while the machine is suspended."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)
else:
    now = time.monotonic


def new_name():
    """host-pid-random: one per process life, so that a re-join is known as one."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:64] or "host"
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


def cpu_seconds():
    """CPU time used so far, all threads."""
    return time.process_time()


def rss_bytes():
    """Memory resident now; where /proc is missing, the most there ever was."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
