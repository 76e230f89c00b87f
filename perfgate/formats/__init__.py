"""Readers of result files, one tool each: bytes in, a run out; pure, and strict about what they do not understand."""
