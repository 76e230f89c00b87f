import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from perfgate.core.comparison import Change
from perfgate.core.model import Environment, Reason, Revision, Run, Warning
from perfgate.core.policy import DEFAULT_RULE, Acceptance, Policy, Rule
from perfgate.core.report import Report, Trail, report
from perfgate.core.units import Unit
from perfgate.render import junit, markdown, phrases, text
from tests.core.build import BYTES, THERE, failure, noisy_pair, run, sample, sli
from tests.screenshots import html


def suite(**effects: float) -> tuple[Run, Run]:
    samples = [
        noisy_pair(effect, pairs=15 if abs(effect) != 0.05 else 9, seed=i, name=name)
        for i, (name, effect) in enumerate(effects.items())
    ]
    return run(*(base for base, _ in samples)), run(*(head for _, head in samples), label="change")


def made(base: Run, head: Run, policy: Policy | None = None) -> Report:
    return report(base, head, policy or Policy(), repeat="perfgate compare 012345678 --seed 1", version="0.1.0")


ACCEPTING = Policy(
    accept=(Acceptance(sli="*/meant:*", up_to=0.12, reason="checks | UTF-8 now", until="2027-01-31", who="@ada"),),
    today="2026-11-21",
)


CHANGES = (
    "this change alters the policy; until it is merged that of base counts: rule micro/*:time: 5 % → 200 %, warns only"
)


def situations() -> dict[str, Report]:
    """Every shape of report that a person may meet."""
    mixed = suite(slower=0.12, faster=-0.2, same=0.0, doubled=1.3, near=0.05)
    names = {"a|b`c``d": 0.2, "<img src=x onerror=alert(1)> @team": 0.2, "line\nbreak\x1b[31m": 0.0, "ü" * 10_000: 0.2}
    warns = Policy(rules=(Rule(sli="*", limit=0.05, floor=10e-6, floor_unit=Unit.SECOND, critical=False),))
    gone = run(
        *suite(kept=0.0)[0].samples,
        *suite(missing=0.0)[0].samples,
        failures=[failure("skipped", Reason.SKIPPED, "no net")],
    )
    left = run(
        *suite(kept=0.0)[1].samples,
        *suite(fresh=0.0)[1].samples,
        failures=[failure("broken", text="ValueError: no\nsecond line"), failure("skipped", Reason.SKIPPED, "no net")],
    )
    hostile = [replace(side, revision=Revision(label="\x1b[2J<b>@team", commit="0" * 40)) for side in suite(**names)]
    evil = Environment(facts=(("<img src=y>\n# cpu @team", "[x](y)\x1b[2J"),))
    hostile[1] = replace(hostile[1], environment=evil, warnings=(Warning(code="x", text="\x1b[2J<img src=z> @team"),))
    unpaired = suite(parse=0.1)
    doubtful = suite(parse=0.0)
    doubt = Warning(code="budget-spent", text="the budget of 60 s ended before everything was settled")
    rows = {f"benchmark_{i:02}": 0.2 if i == 7 else 0.0 for i in range(20)}
    return {
        "pass": made(*suite(parse=0.0, render=0.0)),
        "regression": made(*mixed),
        "warns-only": made(*suite(parse=0.12), warns),
        "incomplete": made(gone, left),
        "nothing": made(run(), run()),
        "two-files": made(unpaired[0], replace(unpaired[1], measurement="other")),
        "other-machine": made(unpaired[0], replace(unpaired[1], measurement=None, environment=THERE)),
        "hostile-names": made(*hostile),
        "doubts": made(doubtful[0], replace(doubtful[1], warnings=(doubt,))),
        "exact": made(
            run(sample([[1000.0]], metric=BYTES), sample([[0.0]], "none", metric=BYTES)),
            run(sample([[1020.0]], metric=BYTES), sample([[5.0]], "none", metric=BYTES)),
            Policy(rules=(Rule(sli="*", limit=0.01), DEFAULT_RULE)),
        ),
        "accepted": made(*suite(meant=0.1, innocent=0.0), ACCEPTING),
        "many": made(*suite(**rows)),
        "pull-request": replace(
            made(*mixed),
            accept_label="perfgate: accept",
            trails=(
                Trail(sli=sli("slower"), values=tuple(1e-3 * (1 + i % 3 / 100) for i in range(30))),
                Trail(sli=sli("faster"), values=(1.2e-3, 1.1e-3, 1.0e-3, 1.0e-3)),
            ),
            warnings=(Warning(code="policy-changes", text=CHANGES),),
        ),
        "few-pairs": made(*(run(side) for side in noisy_pair(0.0, pairs=1))),
    }


@pytest.mark.parametrize("name", situations())
@pytest.mark.parametrize(("form", "suffix"), [(text.render, "txt"), (markdown.render, "md"), (junit.render, "xml")])
def test_what_a_person_reads(
    golden: Callable[[str, str], None], name: str, form: Callable[[Report], str], suffix: str
) -> None:
    golden(f"{name}.{suffix}", form(situations()[name]) + "\n")


@pytest.mark.parametrize("name", situations())
def test_junit_is_xml_with_one_case_a_row(name: str) -> None:
    shown = situations()[name]
    root = fromstring(junit.render(shown).encode())

    assert len(root.findall(".//testcase")) == len(shown.judgements)
    assert len(root.findall(".//failure")) == sum(row.blocks for row in shown.judgements)


def shown_comment() -> Report:
    """The comment that docs/github.md shows."""
    effects = {
        "test_parse.py::test_document": 0.112,
        "test_parse.py::test_tokens": -0.21,
        "test_render.py::test_table[1000]": 0.0,
        "test_render.py::test_table[10]": 0.0,
        "test_render.py::test_escape": 0.0,
    }
    base, head = suite(**effects)
    near = noisy_pair(0.03, pairs=42, spread=0.05, seed=3, name="test_io.py::test_save")
    return made(run(*base.samples, near[0]), run(*head.samples, near[1], label="change"))


def test_the_comment_that_the_documentation_shows_is_rendered(request: pytest.FixtureRequest) -> None:
    page = Path(__file__).parent.parent / "docs" / "github.md"
    before, start, rest = page.read_text(encoding="utf-8").partition("<!-- comment -->\n")
    _, end, after = rest.partition("<!-- /comment -->\n")
    if request.config.getoption("--renew"):
        page.write_text(f"{before}{start}{markdown.render(shown_comment())}\n{end}{after}", encoding="utf-8")

    assert f"{start}{markdown.render(shown_comment())}\n{end}" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", situations())
def test_github_makes_of_it_what_is_meant_and_nothing_else(name: str) -> None:
    """By GitHub's own renderer: no image, link, comment or raw tag comes out of a name, a warning or a fact."""
    page = html(markdown.render(situations()[name]))
    tags = set(re.findall(r"<(/?[a-z0-9!-]+)", page))
    rows = re.findall(r"<tr>(.*?)</tr>", page, flags=re.DOTALL)

    plain = {"h3", "p", "code", "table", "thead", "tbody", "tr", "th", "td", "strong", "ul", "li", "details", "summary"}
    assert tags <= {f"{end}{tag}" for tag in plain | {"blockquote"} for end in ("", "/")}
    assert all(len(re.findall("<t[hd]", row)) in (6, 7) for row in rows)


def test_nothing_in_a_name_leaves_its_code_span() -> None:
    page = markdown.render(situations()["hostile-names"])
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", page)

    assert not re.search(r"(?<!\\)<img", outside)
    assert "@team" not in outside
    assert "\x1b" not in text.render(situations()["hostile-names"])
    assert "\x1b" not in page
    assert all(line.count(" | ") <= 6 for line in page.splitlines() if line.startswith("|"))
    assert max(map(len, page.splitlines())) < 1000


@pytest.mark.parametrize(
    ("amount", "unit", "spread", "written"),
    [
        (0.0123456, Unit.SECOND, 0.01, "12.3 ms"),
        (0.0123456, Unit.SECOND, 0.0001, "12.346 ms"),
        (0.0123456, Unit.SECOND, 0.3, "12 ms"),
        (0.0009999, Unit.SECOND, 0.01, "1.00 ms"),
        (3.2e-10, Unit.SECOND, 0.01, "0.32 ns"),
        (123.0, Unit.SECOND, 0.01, "123 s"),
        (0.0, Unit.SECOND, 0.01, "0.00 ns"),
        (2e-12, Unit.SECOND, 0.01, "0.002 ns"),
        (1e-12, Unit.ONE, 0.01, "1e-12"),
        (3 * 2.0**20, Unit.BYTE, 0.01, "3.00 MiB"),
        (1500.0, Unit.PER_SECOND, 0.01, "1.50 k/s"),
        (7.0, Unit.ONE, 0.01, "7.00"),
        (0.5, Unit.SECOND, 0.0, "500 ms"),
    ],
)
def test_an_amount_is_written_to_the_digits_it_deserves(amount: float, unit: Unit, spread: float, written: str) -> None:
    assert phrases.value(amount, unit, spread=spread) == written


@pytest.mark.parametrize("longest", [24, 40, 160])
def test_a_long_name_becomes_as_short_as_is_asked_for(longest: int) -> None:
    assert len(phrases.name("x" * 1000, longest)) == longest
    assert phrases.name("x" * longest, longest) == "x" * longest


@pytest.mark.parametrize(
    ("ratio", "low", "high", "written"),
    [
        (1.106, 1.098, 1.115, "+10.6 % [+9.8, +11.5]"),
        (0.9, 0.85, 0.95, "−10 % [−15, −5]"),
        (1.0, 1.0, 1.0, "0.0 %"),
        (1.0004, 0.97, 1.03, "0 % [−3, +3]"),
        (1.02, 1.02, 1.02, "+2.0 %"),
        (2.314, 2.25, 2.37, "2.31× [2.25, 2.37]"),
        (3.0, 3.0, 3.0, "3.0×"),
        (1.5, 0.0, float("inf"), "+50.0 % [no interval]"),
        (2.5, 0.0, float("inf"), "2.5× [no interval]"),
        (float("inf"), float("inf"), float("inf"), "from nothing"),
    ],
)
def test_a_change_is_written_with_its_interval(ratio: float, low: float, high: float, written: str) -> None:
    assert phrases.change(Change(ratio=ratio, low=low, high=high)) == written


@pytest.mark.parametrize(("amount", "written"), [(45.2, "45 s"), (240, "4 min"), (7200, "2.0 h")])
def test_a_duration_is_written_for_a_person(amount: float, written: str) -> None:
    assert phrases.seconds(amount) == written
