"""The badge: what a README says of performance in a few words."""

from html import escape

from perfgate.core.outlook import Outlook, together

LABEL = "perf"
GREEN, RED, GREY = "#1a7f37", "#cf222e", "#59636e"
WIDE, NARROW = 7.0, 3.6  # pixels of a letter, about, in 11 px Verdana
PADDING = 10


def words(outlook: Outlook) -> tuple[str, str]:
    """Return the message and its colour."""
    if not outlook.standings:
        return "nothing recorded", GREY
    count = len({found.trend.sli for found in outlook.open})
    if count:
        return f"{count} regression{'s' * (count != 1)}", RED
    if outlook.past.unknown:
        return "too few runs", GREY
    return f"passing{_since(outlook)}", GREEN


def _since(outlook: Outlook) -> str:
    """Return by how much all of it together changed since the last release."""
    factor = together(outlook.standings)
    if factor is None:
        return ""
    text = f"{100 * (factor - 1):+.0f}".replace("-", "−")
    return f", {'±0' if text in ('+0', '−0') else text} % since {outlook.release.removeprefix('v')[:20]}"


def svg(message: str, colour: str) -> str:
    """Return the badge, in the shape that READMEs know."""
    left, right = (round(_width(text) + PADDING) for text in (LABEL, message))
    label, said = escape(LABEL), escape(message)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
        f' aria-label="{label}: {said}"><title>{label}: {said}</title>'
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="20" fill="#3d444d"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        '</g><g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{label}</text><text x="{left + right / 2:g}" y="14">{said}</text></g></svg>\n'
    )


def _width(text: str) -> float:
    return sum(NARROW if char in " .,:;il1|!'" else WIDE for char in text)
