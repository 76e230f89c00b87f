import prices

ORDERS = [[(i % 7 + 1, i % 3) for i in range(n % 20 + 1)] for n in range(300)]


def test_total(benchmark):
    benchmark(prices.total, ORDERS)


def test_dearest(benchmark):
    benchmark(prices.dearest, ORDERS)


def test_busiest(benchmark):
    benchmark(prices.busiest, ORDERS)
