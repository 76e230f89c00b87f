"""What a project's files say: what it builds, what its benchmarks need, and how perfgate would run them.

Pure: a list of paths and a way to read them go in, so a working tree and any commit are looked at alike.
"""
