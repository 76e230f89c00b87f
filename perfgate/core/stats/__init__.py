"""The statistics: arrays in, numbers out; the only place that imports numpy and scipy."""
