"""The report as JUnit XML, which every CI system shows: one test case an SLI."""

from xml.etree.ElementTree import Element, SubElement  # written here, nothing is parsed

from perfgate.core.report import Report
from perfgate.core.verdict import Judgement, Verdict
from perfgate.render import phrases
from perfgate.render.xml import document, legal


def render(report: Report) -> str:
    """Return the report as JUnit XML."""
    rows = report.judgements
    suites = Element("testsuites", name="perfgate")
    suite = SubElement(
        suites,
        "testsuite",
        name="perfgate",
        tests=str(len(rows)),
        failures=str(sum(row.blocks for row in rows)),
        skipped=str(sum(_is_skipped(row) for row in rows)),
        errors="0",
    )
    for row in rows:
        _add_case(suite, row)
    return document(suites)


def _add_case(suite: Element, row: Judgement) -> None:
    case = SubElement(suite, "testcase", classname=legal(row.benchmark.suite), name=legal(row.name))
    words = legal(f"{row.verdict}: {_numbers(row)} {phrases.why(row)}".strip())
    if row.blocks:
        SubElement(case, "failure", message=words, type=str(row.verdict))
    elif _is_skipped(row):
        SubElement(case, "skipped", message=words)
    else:
        SubElement(case, "system-out").text = words


def _is_skipped(row: Judgement) -> bool:
    return not row.blocks and row.verdict in (Verdict.INCONCLUSIVE, Verdict.SKIPPED, Verdict.NEW)


def _numbers(row: Judgement) -> str:
    if row.comparison is None:
        return ""
    base, head = phrases.levels(row.comparison)
    return f"{base} -> {head}, {phrases.changed(row.comparison)}, limit {phrases.limit(row)}"
