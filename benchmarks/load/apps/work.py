"""About 0.7 ms of CPU, times WORK: so much that a share more of it is nearly that share of the whole request."""

import os

ROUNDS = round(12_000 * float(os.environ.get("WORK", "1")))


def work():
    total = 0
    for i in range(ROUNDS):
        total += i * i
    return total
