"""The machine: the only place with processes, clocks, files, environment and git."""
