import api


def test_answer(benchmark):
    benchmark(api.answer, 2000)
