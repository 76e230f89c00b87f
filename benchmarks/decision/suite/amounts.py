"""How much work: units of every workload, of single ones, and what else is done to them."""

UNITS = 200
MORE = {}
MODE = ""
