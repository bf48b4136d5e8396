"""How long it takes from the start of a process that there is only one of, until things happen again."""

import time

WATCHED = {
    "ventilator": ("first run", lambda history: len(history.runs)),
    "sink": ("first 202", lambda history: len(history.accepted)),
}


class Recoveries:
    """Those that another blow cut short are left out."""

    def __init__(self):
        self._awaited = {}  # role -> (when it started, what had happened until then)
        self.seconds = {role: [] for role in WATCHED}

    def started(self, role, history):
        if role in WATCHED:
            self._awaited[role] = (time.monotonic(), WATCHED[role][1](history))

    def struck(self):
        self._awaited.clear()

    def look(self, history):
        for role, (began, before) in list(self._awaited.items()):
            if WATCHED[role][1](history) > before:
                self.seconds[role].append(time.monotonic() - began)
                del self._awaited[role]

    def figures(self):
        """By role: what is waited for, how often, and the median and the longest in seconds."""
        out = {}
        for role, seconds in self.seconds.items():
            if seconds:
                ordered = sorted(seconds)
                out[role] = {"until": WATCHED[role][0], "count": len(ordered),
                             "p50": round(ordered[len(ordered) // 2], 3),
                             "p90": round(ordered[len(ordered) * 9 // 10], 3),
                             "max": round(ordered[-1], 3)}
        return out
