def slug(title):
    """Return a title as it stands in an address."""
    return "-".join(word for word in title.lower().split() if word.isalnum())
