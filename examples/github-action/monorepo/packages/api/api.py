def answer(n):
    """Return something that takes as long as n is large."""
    return sum(i * i for i in range(n))
