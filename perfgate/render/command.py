"""Workflow commands: lines of output that GitHub Actions obeys, made on purpose and never by accident."""

import re

LONGEST = 4_000  # characters of a message; the runner cuts a command at 4,096


def command(level: str, title: str, message: str) -> str:
    """Return the command that shows `message` at a level (error, warning, notice); nothing in it can end it early."""
    heading = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={heading}::{_escaped(message[:LONGEST])}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def harmless(text: str) -> str:
    """Return text in which no line is a command that a CI system's log would obey.

    GitHub's runner takes a line that begins with `::`, after any white space, and `##[` wherever it stands.
    """
    broken = text.replace("##[", "#\ufffd[")
    return _COMMAND.sub("\\1:\ufffd:", broken) if "::" in broken else broken


_COMMAND = re.compile(r"(?m)^(\s*)::")
