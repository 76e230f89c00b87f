"""A workflow command: a line of output by which GitHub Actions shows an annotation."""

LONGEST = 4_000  # characters of a message; the runner cuts a command at 4,096


def command(level: str, title: str, message: str) -> str:
    """Return the command that shows `message` at a level (error, warning, notice); nothing in it can end it early."""
    heading = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={heading}::{_escaped(message[:LONGEST])}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
