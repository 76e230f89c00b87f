"""How fast result files are read and compared."""
