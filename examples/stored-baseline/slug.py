def split(title):
    return [word for word in title.lower().split() if word.isalnum()]


def slug(title):
    words = split(title)
    return "-".join(words)
