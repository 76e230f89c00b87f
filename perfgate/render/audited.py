"""What `perfgate doctor --audit` says, as text."""

from collections.abc import Iterator, Mapping

from perfgate.core.audit import Audit
from perfgate.render import phrases

COLUMNS = ("SLI", "judged", "inconclusive", "blocked", "contradicted", "nothing changed", "overridden")
MOST = 30  # rows


def audited(found: Audit, rules: Mapping[str, str]) -> str:
    """Return a table of what became of the verdicts, the trust they earned, and what to quarantine.

    Args:
        rules: SLI to the rule that quarantines it.
    """
    if not found.runs:
        return "no verdict is kept yet: perfgate record REPORT.json keeps one, and perfgate publish --record all"
    rows = [COLUMNS, *((
        phrases.name(r.name), f"{r.judged}", phrases.share(r.inconclusive / r.judged), f"{r.blocked}", f"{r.flipped}",
        f"{r.null}", f"{r.overridden}",
    ) for r in found.records[:MOST])]  # fmt: skip
    more = len(found.records) - MOST
    return "\n".join(
        [*phrases.table(rows), *([f"and {more} more"] if more > 0 else []), "", *whole(found), *_rules(rules)]
    )


def whole(found: Audit) -> Iterator[str]:
    """Yield sentences on all verdicts together, and what trust they earned."""
    invalid = f", {found.invalid} of them invalid by the canary" if found.invalid else ""
    unsure = phrases.share(found.inconclusive / found.judged) if found.judged else "none"
    yield f"{found.runs} runs of the gate{invalid}; {unsure} of {found.judged:,} verdicts inconclusive"
    if found.trust is None:
        yield "nothing was ever blocked, so nothing is known of how right that would have been"
        return
    low, high = (f"{100 * bound:.0f}" for bound in found.trust)
    stood = found.blocked - found.doubted
    yield f"trust: {stood} of {found.blocked} blocks were not contradicted [{low}, {high} %]"


def _rules(rules: Mapping[str, str]) -> Iterator[str]:
    for name, rule in rules.items():
        yield f"\nproposed for quarantine, {phrases.name(name)}: before the other rules of perfgate.toml\n{rule}"
