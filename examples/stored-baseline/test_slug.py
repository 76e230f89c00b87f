from slug import slug, split

LONG = " ".join(f"word{i}" for i in range(200))


def test_split(benchmark):
    assert len(benchmark(split, LONG)) == 200


def test_long(benchmark):
    assert benchmark(slug, LONG).startswith("word0-word1-")
