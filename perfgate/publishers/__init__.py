"""Telling somebody: the CI job itself, and the pull request."""
