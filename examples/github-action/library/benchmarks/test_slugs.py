import slugs


def test_slug(benchmark):
    benchmark(slugs.slug, "A rather long title with Nineteen words " * 20)
