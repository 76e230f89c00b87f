"""How often perfgate is right, live, on the machine at hand."""
