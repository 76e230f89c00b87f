def total(orders):
    """Return what all orders cost."""
    return sum(price * count for order in orders for price, count in order)


def dearest(orders):
    """Return the price of the dearest thing."""
    return max(price for order in orders for price, _ in order)


def busiest(orders):
    """Return the size of the largest order."""
    return max(map(len, orders))
