"""Edits that change nothing, and what they do to benchmarks."""
