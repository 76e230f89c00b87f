import tomli

TEXT = "[project]\nname = 'x'\n" + "".join(f"key{i} = [{i}, {i + 1}.5, 'text {i}']\n" for i in range(50))


def test_read(benchmark):
    assert len(benchmark(tomli.loads, TEXT)["project"]) == 51
