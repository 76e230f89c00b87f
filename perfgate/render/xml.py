"""XML that is written here: nothing is parsed."""

import re
from xml.etree.ElementTree import Element, indent, tostring

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """Return `text` without what XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)


def document(root: Element) -> str:
    """Return a whole document, one element a line."""
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode")
