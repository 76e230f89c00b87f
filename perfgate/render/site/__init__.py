"""The trend site: static pages over data files that each loads what it shows, from a disk as well as from a server.

index.html             every SLI in a row
sli/<slug>.html        one SLI's picture, its changes of level and whom to ask
regressions.html       what got worse: open, accepted, gone; regressions.atom is its feed
accepted.html          what was let pass, by whom and why
slo.html               error budgets
health.html            whether the gate can be trusted, and which benchmarks fell silent
data/<slug>.js         a series; data/commits.js the commits of all
assets/                what all pages share
badge.svg
"""

from collections.abc import Iterator

from perfgate.core.outlook import Outlook
from perfgate.render import html
from perfgate.render.site import badge, feed, series
from perfgate.render.site.view import View

PAGES = ("index", "regressions", "accepted", "slo", "health")
ASSETS = ("site.css", "site.js", "uplot/uPlot.iife.min.js", "uplot/uPlot.min.css", "uplot/LICENSE")


def files(outlook: Outlook, *, url: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every file.

    Args:
        url: where the site will be; the feed's links need it.
    """
    view = View(outlook)
    environment = html.environment()
    for name in PAGES:
        template = environment.get_template(f"site/{name}.html.j2")
        yield f"{name}.html", template.render(view=view, outlook=outlook, page=name, root="")
    template = environment.get_template("site/sli.html.j2")
    for row in view.rows:
        yield f"sli/{row.slug}.html", template.render(view=view, outlook=outlook, page="sli", root="../", row=row)
        yield f"data/{row.slug}.js", series.load(row.standing, view)
    yield "data/commits.js", series.history(view)
    yield "regressions.atom", feed.atom(view, url)
    yield "badge.svg", badge.svg(*badge.words(outlook))
    for name in ASSETS:
        yield f"assets/{name.rpartition('/')[2]}", html.asset(name)
