#include <benchmark/benchmark.h>

#include <numeric>
#include <vector>

static void Sum(benchmark::State& state) {
  std::vector<int> values(4096, 1);
  for (auto _ : state) {
    int total = std::accumulate(values.begin(), values.end(), 0);
    benchmark::DoNotOptimize(total);
  }
}
BENCHMARK(Sum);

BENCHMARK_MAIN();
