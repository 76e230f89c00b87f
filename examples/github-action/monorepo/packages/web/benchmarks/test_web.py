import web


def test_answer(benchmark):
    benchmark(web.answer, 2000)
