"""What perfgate claims about itself, as commands that print the figures."""
