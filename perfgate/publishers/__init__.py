"""Where results are published: in the CI job itself, and on the pull request."""
