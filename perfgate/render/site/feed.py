"""What got worse, as an Atom feed (RFC 4287): people hear of it where they hear of other things."""

import hashlib
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement  # written here, nothing is parsed

from perfgate.core.outlook import State
from perfgate.render import phrases
from perfgate.render.site.view import Step, View
from perfgate.render.xml import document, legal

ATOM = "http://www.w3.org/2005/Atom"
MOST = 50


def atom(view: View, url: str) -> str:
    """Return the newest regressions, whatever became of them.

    Args:
        url: where the site will be; without one the links are relative, which not every reader follows.
    """
    base = f"{url.rstrip('/')}/" if url else ""
    feed = Element("feed", xmlns=ATOM)
    SubElement(feed, "title").text = legal(f"{view.outlook.project}: what got slower")
    SubElement(feed, "id").text = f"{base}regressions.atom" if base else _urn(view.outlook.project)
    SubElement(feed, "updated").text = _time(view.newest)
    SubElement(SubElement(feed, "author"), "name").text = "perfgate"
    SubElement(feed, "link", rel="self", href=f"{base}regressions.atom")
    SubElement(feed, "link", href=f"{base}regressions.html")
    every = [step for state in State for step in view.regressions[state]]
    for step in sorted(every, key=lambda step: -view.order[step.shift.at])[:MOST]:
        _entry(feed, step, view, base)
    return document(feed) + "\n"


def _entry(feed: Element, step: Step, view: View, base: str) -> None:
    entry = SubElement(feed, "entry")
    SubElement(entry, "title").text = legal(f"{phrases.name(str(step.sli))} {step.change} ({step.state})")
    SubElement(entry, "id").text = _urn(f"{view.outlook.project} {step.slug} {step.environment} {step.shift.at}")
    SubElement(entry, "updated").text = _time(view.outlook.commits[step.shift.at].second)
    SubElement(entry, "link", href=f"{base}sli/{step.slug}.html")
    said = f"{step.levels}, since {step.shift.at[:9]} {step.subject}"
    SubElement(entry, "summary").text = legal(f"{said}. {step.reason}".strip())


def _urn(text: str) -> str:
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"urn:uuid:{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
