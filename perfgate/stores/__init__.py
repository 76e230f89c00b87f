"""Where stored runs are kept: a branch of the repository, or a directory; both hold the same files."""
