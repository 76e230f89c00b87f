"""GitHub itself: what an event means, the pull request, its comment, its check."""
