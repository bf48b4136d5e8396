"""How long to wait before something that was in vain is tried again."""

import random


def backoff(retry, first, most):
    """Seconds before the retry of this number, from 0: `first`, doubled by each, `most` at the most; at
    random from the half of that to all of it, so that many who lost the same thing come one by one."""
    return random.uniform(0.5, 1) * min(first * 2 ** min(retry, 60), most)
