import orders


def test_order(benchmark):
    assert len(benchmark(orders.order)) == 10
