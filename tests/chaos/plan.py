"""What is done to whom, and when: all of it follows from the seed."""

import random
from dataclasses import dataclass

PAIRED = 0.12          # of the kills hit a second process in the same moment, if nobody says otherwise
AT_ONCE = 0.5          # of the killed are started again at once; the others after a pause
PAUSE_SECONDS = (0.05, 1.2)
GAP_SECONDS = (0.15, 0.45)
STOP_SECONDS = (0.5, 5.0)


@dataclass(frozen=True)
class Victim:
    role: str
    which: float       # 0 to 1: among the living ones of its role, when the time comes
    pause: float       # seconds until it is started again; of a stop, until it goes on


@dataclass(frozen=True)
class Blow:
    gap: float         # seconds since the last one, at least
    victims: tuple     # of Victim
    kills: bool = True  # False: they are stopped, and go on after their pauses


@dataclass(frozen=True)
class Stops:
    count: int = 0
    roles: tuple = ()
    seconds: tuple = STOP_SECONDS


def blows(seed, kills, roles, stops=Stops(), paired=PAIRED):
    """`kills` kills, as many of each role as of any other, and the stops in between."""
    chance = random.Random(f"blows {seed}")
    out = []
    dealt = _deal(chance, kills, roles)
    while dealt:
        victims = [_victim(chance, dealt.pop())]
        if dealt and dealt[-1] != victims[0].role and chance.random() < paired:
            victims.append(_victim(chance, dealt.pop()))
        out.append(Blow(chance.uniform(*GAP_SECONDS), tuple(victims)))
    for role in _deal(chance, stops.count, stops.roles):
        stop = Victim(role, chance.random(), chance.uniform(*stops.seconds))
        out.insert(chance.randrange(len(out) + 1), Blow(chance.uniform(*GAP_SECONDS), (stop,), False))
    return out


def _deal(chance, count, roles):
    dealt = []
    while len(dealt) < count:
        hand = list(roles) * 3  # no role waits long for its turn
        chance.shuffle(hand)
        dealt += hand
    return dealt[:count]


def _victim(chance, role):
    at_once = chance.random() < AT_ONCE
    return Victim(role, chance.random(), 0.0 if at_once else chance.uniform(*PAUSE_SECONDS))
