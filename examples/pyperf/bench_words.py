import pyperf
import words

TEXT = "the quick brown fox jumps over the lazy dog " * 50

runner = pyperf.Runner()
runner.bench_func("count", words.count, TEXT)
runner.bench_func("longest", words.longest, TEXT)
runner.timeit("split", "TEXT.split()", globals={"TEXT": TEXT})
