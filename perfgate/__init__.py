"""perfgate: a performance gate that says regression, pass, or plainly that it cannot tell."""

__version__ = "0.1.0"
