"""Results that have been sent and are not yet recorded, as far as this worker was told."""

import collections
import logging

BYTES_MAX = 64 << 20
# What Python needs to keep a frame, and each of its rows, besides the bytes of it.
FRAME_COST = 300
ROW_COST = 100

log = logging.getLogger("penstock")


class _Frame:
    __slots__ = ("place", "bytes", "cost", "rows")

    def __init__(self, place, frame, rows):
        self.place, self.bytes, self.rows = place, frame, rows
        self.cost = len(frame) + FRAME_COST + ROW_COST * rows


class Kept:
    """Frames in the order in which they are sent, each until all of its rows are settled. At most
    `most` bytes: then the oldest go. The loop's own.

    The sink records what comes over one connection in order, and a new connection begins with all
    that is kept. So a frame that nobody will ever name (of another epoch, or of jobs that had ended
    when the newest join asked) goes with the first settled row of a frame behind it.

    A number is said once for each result of it, attempts of one job share it: each time it is the
    oldest one that isn't settled, and one that nobody need name only if there is no other.
    """

    def __init__(self, most=BYTES_MAX):
        self._most = most
        self._cost = 0
        self._last = 0                # the place of the newest frame
        self._asked = 0               # the last place before the newest join
        self._epoch = 0
        self._frames = collections.OrderedDict()  # by place
        self._awaited = {}            # number -> its frame
        self._repeated = {}           # number -> later frames of it, of later attempts
        self._unnamed = collections.deque()       # places of frames that nobody will name
        self._complained = False

    def __bool__(self):
        return bool(self._frames)

    def frames(self):
        return [kept.bytes for kept in self._frames.values()]

    def ask(self):
        """A join leaves now: of what is kept it names nothing, so hardly any will be named."""
        self._asked = self._last
        self._unnamed = collections.deque(self._frames)
        self._awaited = {number: kept for number, kept in self._awaited.items()
                         if kept.place in self._frames}
        self._repeated = {number: later for number, later in self._repeated.items()
                          if number in self._awaited}

    def enter(self, epoch):
        """A lane was granted: numbers are of this epoch."""
        if epoch != self._epoch:
            self._awaited.clear()
            self._repeated.clear()
            self._unnamed = collections.deque(self._frames)
        self._epoch = epoch

    def add(self, frame, epoch, numbers):
        """numbers: one for each row."""
        self._last += 1
        kept = self._frames[self._last] = _Frame(self._last, frame, len(numbers))
        self._cost += kept.cost
        if epoch == self._epoch:
            for number in numbers:
                self._await(number, kept)
        else:
            self._unnamed.append(kept.place)
        while self._cost > self._most and len(self._frames) > 1:
            self._forget(next(iter(self._frames)))
            if not self._complained:
                self._complained = True
                log.warning("results of more than %d MiB wait to be recorded: the oldest are kept "
                            "no longer, and are lost if the sink has not got them",
                            self._most >> 20)

    def settled(self, pairs):
        """pairs: first, count, first, count, ... numbers of jobs whose results are recorded."""
        newest = 0
        for first, count in zip(pairs[::2], pairs[1::2]):
            for number in self._within(first, count):
                kept = self._named(number)
                if kept is None:
                    continue
                newest = max(newest, kept.place)
                kept.rows -= 1
                if kept.rows == 0:
                    self._forget(kept.place)
        while self._unnamed and self._unnamed[0] < newest:
            self._forget(self._unnamed.popleft())

    def _within(self, first, count):
        if count <= len(self._awaited):
            return range(first, first + count)
        return [number for number in self._awaited if first <= number < first + count]

    def _await(self, number, kept):
        before = self._awaited.get(number)
        if before is None or before.place <= self._asked:
            self._awaited[number] = kept
            self._repeated.pop(number, None)
        else:
            self._repeated.setdefault(number, collections.deque()).append(kept)

    def _named(self, number):
        kept = self._awaited.pop(number, None)
        later = self._repeated.get(number)
        if later:
            self._awaited[number] = later.popleft()
            if not later:
                del self._repeated[number]
        return kept

    def _forget(self, place):
        kept = self._frames.pop(place, None)
        if kept is not None:
            self._cost -= kept.cost
            kept.bytes = None  # whoever awaits its numbers still has it


def pairs_of(message, key):
    """The numbers of a message of the lane; [] if there are none. Raises ValueError."""
    pairs = message.get(key, [])
    if not isinstance(pairs, list) or len(pairs) % 2 or not all(
            type(number) is int and number >= 0 for number in pairs):
        raise ValueError(f"`{key}` must be pairs of a number and a count")
    return pairs
