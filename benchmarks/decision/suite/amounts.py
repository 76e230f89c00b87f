"""How much work: units of every workload, which ones, units of single ones, and what else is done to them."""

UNITS = 200
ONLY = ()
MORE = {}
MODE = ""
