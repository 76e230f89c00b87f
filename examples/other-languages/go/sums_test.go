package sums

import "testing"

var sink int

func BenchmarkSum(b *testing.B) {
	values := make([]int, 4096)
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		sink += Sum(values)
	}
}
