"""XML that is written here: nothing is parsed."""

import re
from xml.etree.ElementTree import Element, indent, tostring

_ILLEGAL = re.compile(
    "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    "|[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]"  # legal, and could turn what a terminal or page shows
)


def legal(text: str) -> str:
    """Return `text` without what XML cannot hold, and without what changes the direction of text."""
    return _ILLEGAL.sub("\ufffd", text)


def document(root: Element) -> str:
    """Return a whole document, one element a line."""
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode")
