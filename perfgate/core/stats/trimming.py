"""How many outliers are left out: the fewer pairs, the more eager a trimmed t becomes far in its tail."""

OUTLIERS_FROM = 18  # pairs; with fewer, what one of them met cannot be told from what all would
PART = 12  # of the pairs one at either end


def left_out(pairs: int) -> int:
    """Return how many of so many pairs are left out at either end."""
    return pairs // PART if pairs >= OUTLIERS_FROM else 0
