"""The trend site and the report page, in a real browser, from the disk and over a server."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from defusedxml.ElementTree import fromstring
from playwright.sync_api import Browser, Page, expect

from perfgate.cli import main
from perfgate.core.levels import Level
from perfgate.core.model import METRICS, TIME, Benchmark, Metric, Sli
from perfgate.core.units import Unit
from perfgate.pipeline.history import web_address
from perfgate.render import page as report_page
from perfgate.render.site.view import slug
from perfgate.stores.archive import Archive
from perfgate.stores.directory import open_directory
from tests import browser as browsers
from tests import runner, seeded
from tests.browser import Watched, served, violations
from tests.screenshots import pages as pages_shot
from tests.test_render import situations

pytestmark = pytest.mark.skipif(browsers.CHROMIUM is None, reason="needs Chromium: .ci/tools installs it")
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with browsers.chromium() as found:
        yield found


@pytest.fixture(scope="session")
def axe() -> Path:
    runner.executor()  # installs what is beside it
    return runner.PLACE / "node_modules" / "axe-core" / "axe.min.js"


def perfgate(root: Path, *args: str) -> int:
    with contextlib.chdir(root), mock.patch.dict(os.environ, {"NO_COLOR": "1"}):
        return main.run(args)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("seeded") / "shop"
    seeded.seed(root)
    return root


@pytest.fixture(scope="session")
def site(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "site"
    assert perfgate(project, "report", "-o", str(out), "--url", "https://example.org/perf") == 0
    return out


def pages(site: Path) -> list[str]:
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))


def page_of(site: Path, name: str) -> str:
    return f"file://{site}/sli/{slug(seeded.sli(name))}.html"


@pytest.mark.parametrize("where", ["disk", "server"])
def test_every_page_opens_without_a_complaint_or_a_request_to_another_host(
    site: Path, browser: Browser, where: str
) -> None:
    assert len(pages(site)) == 5 + len(seeded.STORY)
    with served(site) as address:
        root = f"file://{site}/" if where == "disk" else address
        with Watched(browser, host=address) as tab:
            for name in pages(site):
                page = tab.open(root + name)
                assert page.locator("h1").count() == 1
                for link in page.locator("a[href]").evaluate_all("all => all.map(one => one.href.split('#')[0])"):
                    assert (site / link.removeprefix(root)).is_file(), link

            assert tab.complaints == []


@pytest.mark.parametrize("look", browsers.LOOKS)
def test_no_page_keeps_anybody_out(site: Path, browser: Browser, axe: Path, look: str) -> None:
    names = ["index.html", "regressions.html", "accepted.html", "slo.html", "health.html"]
    with Watched(browser, look) as tab:
        for address in [*(f"file://{site}/{name}" for name in names), page_of(site, "micro/parse_header:time")]:
            assert violations(tab.open(address), axe) == [], address


def test_a_newcomer_finds_the_commit_that_slowed_a_benchmark_in_three_clicks(site: Path, browser: Browser) -> None:
    with Watched(browser) as tab:
        page = tab.open(f"file://{site}/index.html")
        page.locator("nav").get_by_text("Regressions").click()
        page.get_by_role("link", name="micro/parse_header:time").first.click()

        row = page.locator("table.steps tbody tr")
        assert row.count() == 1
        assert "Accept headers with comments" in row.inner_text()
        assert "+25" in row.inner_text()
        assert tab.complaints == []


def shown(page: Page) -> list[str]:
    return [name for name in page.locator("#slis tbody tr:visible th").all_inner_texts() if name]


def test_filters_and_order_are_kept_in_the_address(site: Path, browser: Browser) -> None:
    with Watched(browser) as tab:
        page = tab.open(f"file://{site}/index.html")
        assert len(shown(page)) == len(seeded.STORY)
        page.fill("[name=text]", "PARSE time")
        assert shown(page) == ["micro/parse_header:time", "micro/parse_config:time"]
        assert page.locator("#shown").inner_text() == f"2 of {len(seeded.STORY)}"
        page.select_option("[name=state]", "drifted")
        assert shown(page) == ["micro/parse_config:time"]

        page.fill("[name=text]", "")
        page.select_option("[name=state]", "")
        page.select_option("[name=metric]", "time")
        page.get_by_role("button", name="level").click()
        ordered = shown(page)
        assert ordered[0] == "micro/render_page:time"
        assert page.locator("[aria-sort=descending]").inner_text().startswith("level")
        again = tab.open(page.url)
        assert shown(again) == ordered

        page.get_by_role("button", name="level").click()
        assert shown(page)[-1] == "micro/render_page:time"
        page.get_by_role("button", name="level").click()
        assert page.locator("[aria-sort]").count() == 0
        page.evaluate("location.hash = 'suite=shop'")
        expect(page.locator("#shown")).to_have_text(re.compile("^1 of"))
        assert shown(page) == ["shop/index:latency.p95"]
        assert tab.complaints == []


def test_a_series_is_walked_by_keys_and_seen_from_near(site: Path, browser: Browser) -> None:
    with Watched(browser) as tab:
        page = tab.open(page_of(site, "micro/parse_header:time"))
        readout = page.locator("#readout")
        page.locator("#chart").focus()
        page.keyboard.press("PageDown")
        assert "Accept headers with comments" in readout.inner_text()
        assert "changed by +25" in readout.inner_text()
        assert "(open)" in readout.inner_text()
        page.keyboard.press("ArrowLeft")
        assert "Work on part 89" in readout.inner_text()
        assert re.search(r"1\.[12]\d* ms \[1\.\d+ ms, 1\.\d+ ms\]", readout.inner_text())
        page.keyboard.press("+")
        page.keyboard.press("+")
        near = page.evaluate("location.hash")
        assert re.search(r"from=[\d.]+&to=[\d.]+", near)
        page.keyboard.press("Home")
        assert "Work on part 0" in readout.inner_text()
        page.keyboard.press("End")
        assert "Work on part 119" in readout.inner_text()
        page.keyboard.press("PageUp")
        assert "Accept headers" in readout.inner_text()
        page.keyboard.press("PageDown")
        assert "Work on part 119" in readout.inner_text()  # there is no later change
        page.evaluate("location.hash = 'from=50&to=60'")
        page.locator("#chart").focus()
        for _ in range(119 - 60):
            page.keyboard.press("ArrowLeft")
        assert seeded.SUBJECTS[60] in readout.inner_text()
        page.keyboard.press("ArrowRight")
        assert "Work on part 61" in readout.inner_text()  # outside of what was seen
        page.keyboard.press("-")
        page.keyboard.press("Escape")
        assert "from" not in page.evaluate("location.hash")

        page.locator("#view [name=x]").select_option("date")
        page.locator("#view [name=y]").select_option("log")
        for button in ("in", "out", "all"):
            page.locator(f"#{button}").click()
        again = tab.open(page.url)
        assert [again.locator(f"#view [name={name}]").input_value() for name in "xy"] == ["date", "log"]
        again.locator("a.look").first.click()
        assert re.search(r"from=\d+&to=\d+", again.evaluate("location.hash"))
        assert tab.complaints == []


def test_dragging_comes_closer_and_pointing_tells(site: Path, browser: Browser) -> None:
    with Watched(browser) as tab:
        page = tab.open(page_of(site, "shop/index:latency.p95"))
        box = page.locator(".u-over").bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + 0.5 * box["width"], middle)
        assert "Work on part 5" in page.locator("#readout").inner_text() or "Work on part 6" in page.content()
        page.mouse.down()
        page.mouse.move(box["x"] + 0.8 * box["width"], middle, steps=5)
        page.mouse.up()
        found = re.search(r"from=([\d.]+)&to=([\d.]+)", page.evaluate("location.hash"))
        assert found
        assert 55 < float(found[1]) < 65
        assert 90 < float(found[2]) < 100
        again = tab.open(page.url)
        assert again.url == page.url
        assert tab.complaints == []


def test_what_is_drawn_is_drawn(site: Path, browser: Browser, tmp_path: Path) -> None:
    """A canvas that stayed empty has one colour."""
    with Watched(browser) as tab:
        page = tab.open(page_of(site, "micro/render_page:time"))
        colours = page.evaluate(
            "(() => { const c = document.querySelector('canvas'), d = c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data, seen = new Set();"
            "for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200) seen.add(`${d[i]},${d[i + 1]},${d[i + 2]}`);"
            "return [...seen]; })()"
        )
        assert len(colours) > 10
        for wanted in ((180, 35, 24), (17, 99, 41)):  # the change for the worse, and that it went away
            assert any(
                max(abs(int(part) - other) for part, other in zip(found.split(","), wanted, strict=True)) < 5
                for found in colours
            )


def test_the_changes_on_the_pages_are_those_of_history(project: Path, site: Path, browser: Browser) -> None:
    assert perfgate(project, "history", "--format", "json", "-o", str(site.parent / "history.json")) == 0
    found = json.loads((site.parent / "history.json").read_text(encoding="utf-8"))["history"]
    wanted: dict[str, list[str]] = {}
    for trend in found["trends"]:
        name = (
            f"{trend['sli']['benchmark']['suite']}/{trend['sli']['benchmark']['name']}:{trend['sli']['metric']['name']}"
        )
        wanted.setdefault(name, []).extend(shift["at"][:9] for shift in trend["shifts"])
    assert sum(map(len, wanted.values())) == 7
    with Watched(browser) as tab:
        for name, commits in wanted.items():
            page = tab.open(page_of(site, name))
            told = page.locator("table.steps tbody tr td:nth-of-type(4) > code").all_inner_texts()
            assert sorted(told) == sorted(commits), name


def test_what_was_accepted_is_said_with_its_reason(site: Path, browser: Browser) -> None:
    with Watched(browser) as tab:
        page = tab.open(f"file://{site}/accepted.html")
        assert "validates every key now, see #12" in page.content()
        assert "accepted by @maintainer: validates every key now" in page.content()
        page = tab.open(f"file://{site}/regressions.html")
        titles = page.locator("h2").all_inner_texts()
        counts = [table.locator("tbody tr").count() for table in page.locator("table.steps").all()]
    assert titles[:3] == ["Open", "Accepted", "Went away"]
    assert counts == [3, 1, 1]


def test_the_feed_is_atom_with_whole_links(site: Path) -> None:
    feed = fromstring((site / "regressions.atom").read_text(encoding="utf-8"))
    entries = feed.findall(f"{ATOM}entry")
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]

    assert feed.findtext(f"{ATOM}title") == "shop: what got slower"
    assert len(set(ids)) == len(ids) == 5
    assert all(entry.find(f"{ATOM}link").get("href").startswith("https://example.org/perf/sli/") for entry in entries)
    assert "+29 %" in entries[0].findtext(f"{ATOM}title")
    assert entries[0].findtext(f"{ATOM}updated") == seeded.iso(105)


def test_the_badge_says_how_many_got_slower(site: Path) -> None:
    badge = fromstring((site / "badge.svg").read_text(encoding="utf-8"))

    assert badge.get("aria-label") == "perf: 3 regressions"


HOSTILE = [
    "<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "\"'`&amp;", "a/../../b", "Case", "case",
    "🏎️ fast", "x" * 500, "x" * 499 + "y", "line\nbreak\x1b[31m\u202e", "{{ 7*7 }}", "%3Cb%3E", "con", "",
]  # fmt: skip


def test_hostile_names_and_values_are_shown_and_do_nothing(tmp_path: Path, browser: Browser, axe: Path) -> None:
    root, out = tmp_path / "p", tmp_path / "site"
    names = seeded.commits(root, 30, {3: "<img src=x onerror=alert(3)>"}, tags={"v<b>1": 5})
    values = [0.0, -1.0, 1e-12, 1e12, 1.0]
    strange = Metric(name="<b>odd</b>", unit=Unit.ONE)
    with open_directory(root / "runs") as store:
        runs = seeded.runs(names, seeded.STORY, lambda _: seeded.OLD)
        for number, run in enumerate(run for run in runs if run.suite == "micro"):
            level = Level(median=1e-3, low=1e-3, high=1e-3, n=3)
            told = {Sli(benchmark=Benchmark(suite="micro", name=name), metric=TIME): level for name in HOSTILE}
            for place, value in enumerate(values):
                odd = Level(median=value, low=value, high=values[number % 5], n=3)
                told[Sli(benchmark=Benchmark(suite="micro", name=f"value {place}"), metric=strange)] = odd
            mixed = replace(level, median=values[number % 5])
            told[Sli(benchmark=Benchmark(suite="micro", name="mixed"), metric=strange)] = mixed
            unit = METRICS["rate" if number < 15 else "time"]
            changed = Metric(name="pace", unit=unit.unit, direction=unit.direction)  # its unit changed
            told[Sli(benchmark=Benchmark(suite="micro", name="pace"), metric=changed)] = level
            if number % 7:  # gaps
                Archive(store).record([replace(run, levels=told)], message="x")
    (root / "perfgate.toml").write_text('[baseline]\ndirectory = "runs"\n', encoding="utf-8")

    assert perfgate(root, "report", "-o", str(out)) == 0
    made = [name for name in pages(out) if name.startswith("sli/")]
    assert len({name.lower() for name in made}) == len(made) == len(HOSTILE) + len(values) + 1 + 2
    assert all(re.fullmatch(r"sli/[a-z0-9-]{1,80}\.html", name) for name in made)
    with Watched(browser) as tab:
        for name in pages(out):
            page = tab.open(f"file://{out}/{name}")
            if name in ("index.html", made[0]):
                assert violations(page, axe) == []
        assert tab.complaints == []
        page = tab.open(f"file://{out}/index.html")
        assert HOSTILE[0] in page.locator("#slis").inner_text()
        assert page.locator("#slis img, #slis b").count() == 0
        page = tab.open(
            f"file://{out}/sli/{slug(Sli(benchmark=Benchmark(suite='micro', name='mixed'), metric=strange))}.html"
        )
        assert page.locator("[value=log]").is_disabled()


def test_a_branch_without_runs_and_one_with_one_are_told(tmp_path: Path, browser: Browser) -> None:
    root, out = tmp_path / "p", tmp_path / "site"
    names = seeded.commits(root, 3, {}, tags={})
    (root / "runs").mkdir()
    assert perfgate(root, "report", "-o", str(out)) == 0
    with Watched(browser) as tab:
        page = tab.open(f"file://{out}/index.html")
        assert "Nothing was recorded of this history yet" in page.inner_text("main")
        assert 'aria-label="perf: nothing recorded"' in (out / "badge.svg").read_text(encoding="utf-8")
        assert tab.complaints == []

        with open_directory(root / "runs") as store:
            Archive(store).record(seeded.runs(names[:1], seeded.STORY, lambda _: seeded.OLD), message="x")
        assert perfgate(root, "report", "-o", str(out)) == 0
        page = tab.open(page_of(out, "micro/quiet:time"))
        assert "Fewer than 14 runs" in page.inner_text("main")
        page.locator("#chart").focus()
        page.keyboard.press("End")
        assert "Work on part 0" in page.inner_text("#readout")
        assert 'aria-label="perf: too few runs"' in (out / "badge.svg").read_text(encoding="utf-8")
        assert "Too few runs to tell what got slower: it takes 14." in (out / "index.html").read_text(encoding="utf-8")
        assert tab.complaints == []


def test_what_changes_with_every_commit_stays_small(tmp_path: Path, browser: Browser) -> None:
    root, out = tmp_path / "p", tmp_path / "site"
    names = seeded.commits(root, 400, {}, tags={})
    size = {"micro/wheel:bytes": seeded.Told(level=50_000, changes={}, noise=0.001)}
    zero = {"micro/wheel:errors": seeded.Told(level=0.0, changes={}, noise=0.0)}
    with open_directory(root / "runs") as store:
        Archive(store).record(seeded.runs(names, size | zero, lambda _: seeded.OLD), message="x")
    assert perfgate(root, "report", "-o", str(out)) == 0

    assert sum(path.stat().st_size for path in (out / "sli").iterdir()) < 60_000
    assert (out / "index.html").stat().st_size < 20_000
    with Watched(browser) as tab:
        page = tab.open(page_of(out, "micro/wheel:bytes"))
        assert page.locator("table.steps tbody tr").count() == 50
        assert re.search(r"…and 3\d\d more", page.inner_text("main"))
        assert "None: all that moved" in tab.open(page_of(out, "micro/wheel:errors")).inner_text("main")
        assert tab.complaints == []


def test_history_that_was_rewritten_is_said(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    shutil.copytree(project, root)
    seeded.git(root, "reset", "--hard", "--quiet", "HEAD~20")
    assert perfgate(root, "report", "-o", str(tmp_path / "site")) == 0

    assert "40 stored runs are of commits that HEAD does not descend from" in (
        (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    )


def test_a_remote_gives_links_to_commits_and_ranges(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    shutil.copytree(project, root)
    seeded.git(root, "remote", "add", "origin", "git@github.com:octo/shop.git")
    assert perfgate(root, "report", "-k", "parse_header:time", "-o", str(tmp_path / "site")) == 0

    (name,) = (tmp_path / "site" / "sli").iterdir()
    text = name.read_text(encoding="utf-8")
    assert re.search(r'href="https://github\.com/octo/shop/commit/[0-9a-f]{40}"', text)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("git@github.com:octo/shop.git", "https://github.com/octo/shop"),
        ("https://token:x@github.com/octo/shop.git", "https://github.com/octo/shop"),
        ("https://git.example.org:8443/octo/shop/", "https://git.example.org:8443/octo/shop"),
        ("http://localhost:3000/octo/shop", "http://localhost:3000/octo/shop"),
        ("ssh://git@git.example.org:2222/octo/shop.git", "https://git.example.org/octo/shop"),
        ("file:///srv/git/shop.git", ""),
        ("/srv/git/shop.git", ""),
        ("../shop", ""),
        ('https://evil.example/"><script>', ""),
        ("javascript:alert(1)//@x:y", ""),
        ("", ""),
    ],
)
def test_where_git_fetches_from_is_where_a_person_looks(url: str, address: str) -> None:
    assert web_address(url) == address


def test_a_directory_of_somebody_s_own_is_left_alone(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    (tmp_path / "file").write_text("x", encoding="utf-8")

    assert perfgate(project, "report", "-o", str(tmp_path / "mine")) == 2
    assert "holds thesis.txt, which is not a file of a perfgate site" in capsys.readouterr().err
    assert perfgate(project, "report", "-o", str(tmp_path / "file")) == 2
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert perfgate(project, "report", "-o", str(tmp_path / "site")) == 0
    assert perfgate(project, "report", "-o", str(tmp_path / "site")) == 0
    (tmp_path / "site" / "CNAME").write_text("perf.example.org", encoding="utf-8")
    assert perfgate(project, "report", "-o", str(tmp_path / "site")) == 2
    assert (tmp_path / "site" / "CNAME").exists()


def test_a_disk_that_fills_up_leaves_the_site_that_was_there(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site"
    assert perfgate(project, "report", "-o", str(out)) == 0
    before = sorted(path.relative_to(out) for path in out.rglob("*"))
    written = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "badge.svg":
            raise OSError(28, "No space left on device")
        return written(path, data)

    with mock.patch.object(Path, "write_bytes", full):
        assert perfgate(project, "report", "-o", str(out)) == 3
    assert "No space left on device" in capsys.readouterr().err
    assert sorted(path.relative_to(out) for path in out.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("name", situations())
def test_a_report_is_one_page_that_complains_of_nothing(name: str, tmp_path: Path, browser: Browser, axe: Path) -> None:
    found = situations()[name]
    path = tmp_path / "report.html"
    path.write_text(report_page.render(found), encoding="utf-8")
    with Watched(browser, "dark" if len(name) % 2 else "phone") as tab:
        page = tab.open(f"file://{path}")

        assert page.locator("#slis tbody tr").count() == len(found.judgements)
        assert page.locator("img").count() == 0
        assert violations(page, axe) == []
        assert tab.complaints == []


def test_a_report_s_pairs_are_drawn_sorted_and_filtered(tmp_path: Path, browser: Browser) -> None:
    found = situations()["pull-request"]
    path = tmp_path / "report.html"
    path.write_text(report_page.render(found), encoding="utf-8")
    with Watched(browser) as tab:
        page = tab.open(f"file://{path}")
        drawn = page.locator("details[open] svg.pairs")
        assert drawn.count() == 4  # what changed, and what could not be told
        assert drawn.first.locator("circle.dot").count() == 15 + 2 * 15
        assert drawn.first.locator("line.limit").count() == 1
        assert "15 pairs" in (drawn.first.get_attribute("aria-label") or "")

        page.locator("summary", has_text="same").click()
        expect(drawn).to_have_count(5)
        page.select_option("[name=state]", "improvement")
        assert shown(page)[0].startswith("micro/faster:time")
        page.select_option("[name=state]", "")
        page.get_by_role("button", name="change").click()
        assert shown(page)[0].startswith("micro/doubled:time")
        assert tab.complaints == []


def test_the_pictures_of_the_documentation_are_of_these_pages(site: Path, browser: Browser, tmp_path: Path) -> None:
    pages_shot(browser, site, tmp_path)

    made = sorted(path.name for path in tmp_path.glob("*.png"))
    assert made == sorted(path.name for path in (runner.ROOT / "docs" / "images").glob("site-*.png"))
    assert all(10_000 < (tmp_path / name).stat().st_size < 150_000 for name in made)


def test_what_has_no_ratio_is_sorted_last(tmp_path: Path, browser: Browser) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_page.render(situations()["exact"]), encoding="utf-8")
    with Watched(browser) as tab:
        page = tab.open(f"file://{path}#sort=-change")
        assert [name.split(":")[0] for name in shown(page)] == ["micro/none", "micro/parse"]


@pytest.mark.parametrize("name", ["dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE"])
def test_what_is_shipped_of_others_is_as_they_made_it(name: str) -> None:
    runner.executor()
    theirs = runner.PLACE / "node_modules" / "uplot" / name
    ours = runner.ROOT / "perfgate" / "render" / "assets" / "uplot" / theirs.name

    assert ours.read_bytes() == theirs.read_bytes()
    assert "1.6.32" in (runner.ROOT / "docs" / "site.md").read_text(encoding="utf-8")


def test_a_stored_report_becomes_a_page(tmp_path: Path) -> None:
    from perfgate import codec

    (tmp_path / "report.json").write_text(codec.dump_report(situations()["pull-request"]), encoding="utf-8")

    assert perfgate(tmp_path, "report", "report.json", "-o", "report.html") == 0
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert perfgate(tmp_path, "report", "report.json", "--format", "text", "-o", "report.txt") == 0
    assert "2 regressions" in (tmp_path / "report.txt").read_text(encoding="utf-8")
