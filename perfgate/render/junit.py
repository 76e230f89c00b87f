"""The report as JUnit XML, which every CI system shows: one test case an SLI."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring  # written here, nothing is parsed

from perfgate.core.report import Report
from perfgate.core.verdict import Judgement, Verdict
from perfgate.render import phrases

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode")


def _add_case(suite: Element, row: Judgement) -> None:
    case = SubElement(suite, "testcase", classname=_legal(row.benchmark.suite), name=_legal(row.name))
    words = _legal(f"{row.verdict}: {_numbers(row)} {phrases.why(row)}".strip())
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


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
