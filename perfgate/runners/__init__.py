"""One adapter a kind of benchmark: how its processes are started."""
