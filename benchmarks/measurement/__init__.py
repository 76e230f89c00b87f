"""How steady the ways to measure are, on the machine at hand."""
