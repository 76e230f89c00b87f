"""What a pull request's own code may hand on: refused with one line, or judged by its numbers and shown escaped."""

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate import codec
from perfgate.core.policy import Policy
from perfgate.core.report import Report, report
from perfgate.core.schedule import STRICT_EFFORT_S, planned_pairs
from perfgate.errors import ArtifactError
from perfgate.publishers.github import artifact
from perfgate.render import markdown
from tests.screenshots import html
from tests.test_publish import World, both, world

__all__ = ["world"]  # the fixture
Files = dict[str, bytes]


def honest() -> Files:
    return {name: codec.dump_run(run).encode() for name, run in both().items()}


HONEST = honest()


def packed(files: Files | list[tuple[str, bytes]], **options: Any) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", **{"compression": zipfile.ZIP_DEFLATED, **options}) as archive:
        for name, data in files.items() if isinstance(files, dict) else files:
            archive.NameToInfo.pop(name, None)  # a name may be there twice without a warning
            archive.writestr(zipfile.ZipInfo(name), data, archive.compression)
    return found.getvalue()


def head(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return an archive whose head was changed after it was measured."""
    document = json.loads(HONEST["head.json"])
    change(document)
    return packed({**HONEST, "head.json": json.dumps(document).encode()})


def run(change: Callable[[dict[str, Any]], object]) -> bytes:
    return head(lambda document: change(document["run"]))


def sample(change: Callable[[dict[str, Any]], object]) -> bytes:
    return run(lambda found: change(found["samples"][0]))


def raw(old: bytes, new: bytes) -> bytes:
    assert old in HONEST["head.json"]
    return packed({**HONEST, "head.json": HONEST["head.json"].replace(old, new, 1)})


def name(text: str) -> bytes:
    return sample(lambda found: found["sli"]["benchmark"].update(name=text))


def many(found: dict[str, Any]) -> None:
    one = found["samples"][0]
    found["samples"] = [
        {
            **one,
            "sli": {**one["sli"], "benchmark": {"suite": "micro", "name": f"b{i}"}},
            "processes": [[1.0]],
            "pairs": [0],
        }
        for i in range(5_001)
    ]


def plans(found: dict[str, Any]) -> None:
    many(found)
    found["samples"] = [{**sample, "planned": 500 + number} for number, sample in enumerate(found["samples"][:400])]


def lying_size() -> bytes:
    """A member that says it is small, and is not."""
    data = bytearray(packed({**HONEST, "head.json": b" " * (artifact.LARGEST_RUN + 10)}))
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 100)
    return bytes(data)


def encrypted() -> bytes:
    data = bytearray(packed(HONEST))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(mark, place + 4)
    return bytes(data)


PROCESS = {
    "pair": 0,
    "suite": "micro",
    "cpu": 0,
    "hash_seed": 1,
    "layout_seed": 1,
    "layout": [],
    "preempted": 0,
    "ran_s": 1.0,
}
FIRST = b'"processes":[['
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not a readable archive"),
    "no archive": (lambda: b"GIF89a" * 100, "not a readable archive"),
    "half an archive": (lambda: packed(HONEST)[:-40], "not a readable archive"),
    "a middle that is noise": (lambda: packed(HONEST)[:200] + b"\xff" * 500 + packed(HONEST)[700:], "artifact|json"),
    "an empty archive": (lambda: packed({}), "no base.json"),
    "no head": (lambda: packed({"base.json": HONEST["base.json"]}), "no head.json"),
    "only a verdict": (lambda: packed({"report.json": b'{"outcome": "pass"}'}), "no base.json"),
    "too many members": (lambda: packed({**HONEST, **{f"{i}.json": b"" for i in range(15)}}), "17 members"),
    "a way out": (lambda: packed({**HONEST, "../../etc/passwd": b"x"}), "only plain names"),
    "an absolute way": (lambda: packed({**HONEST, "/etc/passwd": b"x"}), "only plain names"),
    "a way of Windows": (lambda: packed({**HONEST, "..\\x": b"x"}), "only plain names"),
    "a directory": (lambda: packed({**HONEST, "a/": b""}), "only plain names"),
    "a name that commands": (lambda: packed({**HONEST, "x\n::set-output name=a::b": b""}), "only plain names"),
    "a hidden name": (lambda: packed({**HONEST, ".git": b""}), "only plain names"),
    "one name twice": (lambda: packed([*HONEST.items(), ("head.json", b"{}")]), "head.json twice"),
    "encrypted": (encrypted, "encrypted"),
    "packed in an unusual way": (lambda: packed(HONEST, compression=zipfile.ZIP_LZMA), "unusual way"),
    "a bomb": (lambda: packed({**HONEST, "head.json": b" " * (artifact.LARGEST_RUN + 1)}), "bytes unpacked"),
    "a bomb that says it is small": (lying_size, "artifact|head.json"),
    "no JSON": (lambda: packed({**HONEST, "head.json": b"hello"}), "not JSON"),
    "no text": (lambda: packed({**HONEST, "head.json": b"\xff\xfe\x00"}), "not JSON"),
    "a list": (lambda: packed({**HONEST, "head.json": b"[]"}), "not a file that perfgate wrote"),
    "deep nesting": (lambda: packed({**HONEST, "head.json": b"[" * 100_000 + b"]" * 100_000}), "head.json"),
    "a report for a run": (lambda: head(lambda d: d.update(kind="perfgate report")), "a perfgate run is wanted"),
    "a later schema": (lambda: head(lambda d: d.update(schema_version=99)), "schema 99"),
    "a key of its own": (lambda: head(lambda d: d.update(verdict="pass")), "damaged"),
    "a key with markup": (lambda: run(lambda r: r.update({"<img src=x>\n@team": 1})), "damaged"),
    "a forged number of a pull request": (lambda: run(lambda r: r.update(pull_request=1)), "damaged"),
    "no samples key": (lambda: run(lambda r: r.pop("samples")), "damaged"),
    "not a number": (lambda: raw(FIRST, FIRST + b"NaN,"), "head.json"),
    "without an end": (lambda: raw(FIRST, FIRST + b"Infinity,"), "head.json"),
    "beyond all": (lambda: raw(FIRST, FIRST + b"1e999,"), "head.json"),
    "the age of nothing": (lambda: raw(FIRST, FIRST + b"1e300,"), "a value that nothing measures"),
    "next to nothing": (lambda: raw(FIRST, FIRST + b"5e-324,"), "a value that nothing measures"),
    "a text for a number": (lambda: raw(FIRST, FIRST + b'"1.0",'), "damaged"),
    "a process without values": (lambda: sample(lambda s: s["processes"].__setitem__(0, [])), "damaged"),
    "a pair twice": (lambda: sample(lambda s: s["pairs"].__setitem__(1, s["pairs"][0])), "damaged"),
    "an SLI twice": (lambda: run(lambda r: r["samples"].append(r["samples"][0])), "damaged"),
    "too many benchmarks": (lambda: run(many), "5,001 benchmarks"),
    "too many processes": (
        lambda: sample(lambda s: s.update(processes=[[1.0]] * 1001, pairs=list(range(1001)))), "processes"),
    "a plan without end": (lambda: sample(lambda s: s.update(planned=10**9)), "planned pairs"),
    "plans that all differ": (lambda: run(plans), "plans that differ"),
    "a seed of a thousand digits": (lambda: run(lambda r: r["method"].update(seed=10**1000)), "out of|damaged|JSON"),
    "a pair of thirty digits": (lambda: sample(lambda s: s["pairs"].__setitem__(0, 10**30)), "out of|damaged"),
    "a process that starved for less than no time": (
        lambda: run(lambda r: r["processes"].append({**PROCESS, "starved_s": -1.0})), "out of bounds"),
    "a time that never ends": (lambda: run(lambda r: r["method"].update(budget_s=1e30)), "out of bounds"),
    "an empty name": (lambda: name(""), "a name of 0 characters"),
    "an endless name": (lambda: name("x" * 501), "a name of 501 characters"),
    "a name on two lines": (lambda: name("a\nb"), "cannot be printed"),
    "a name that turns around": (lambda: name("a\u202eb"), "cannot be printed"),
    "a name with an escape": (lambda: name("a\x1b[31m"), "cannot be printed"),
    "a name of half a character": (lambda: raw(b'"name":"parse"', b'"name":"\\ud800"'), "head.json"),
    "a commit that is an option": (lambda: run(lambda r: r["revision"].update(commit="--exec=x")), "is not a commit"),
    "no commit": (lambda: run(lambda r: r["revision"].update(commit=None)), "is not a commit"),
    "an endless label": (lambda: run(lambda r: r["revision"].update(label="x" * 10_001)), "a text of more than"),
    "endless warnings": (
        lambda: run(lambda r: r.update(warnings=[{"code": "x", "text": str(i), "hides": False} for i in range(6001)])),
        "more facts or warnings"),
    "endless facts": (
        lambda: run(lambda r: r["environment"].update(facts=[[str(i), "x"] for i in range(1001)])), "more facts"),
}  # fmt: skip


@pytest.mark.parametrize("effort_s", [STRICT_EFFORT_S, 60.0, 1e6])
def test_the_plan_of_any_effort_is_read(effort_s: float) -> None:
    planned = planned_pairs(1e-3, effort_s=effort_s)

    artifact.unpack(sample(lambda s: s.update(planned=planned)))


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_one_line(case: str) -> None:
    made, words = REFUSED[case]

    with pytest.raises(ArtifactError) as caught:
        artifact.unpack(made())

    assert re.search(words, caught.value.message), caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


def test_there_are_at_least_forty_and_the_honest_one_is_read() -> None:
    base, head = artifact.unpack(packed(HONEST))

    assert len(REFUSED) >= 40
    assert {"base.json": base, "head.json": head} == both()


@given(st.data())
def test_whatever_is_flipped_is_refused_or_still_a_run(data: st.DataObject) -> None:
    archive = bytearray(packed(HONEST))
    for _ in range(data.draw(st.integers(1, 4))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    try:
        base, head = artifact.unpack(bytes(archive))
    except ArtifactError as exc:
        said = exc.message
    else:
        said = f"{len(base.samples)} and {len(head.samples)} samples"
    assert said.isprintable()


@given(st.data())
def test_whatever_is_written_instead_is_refused_or_still_a_run(data: st.DataObject) -> None:
    text = HONEST["head.json"]
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    piece = data.draw(
        st.sampled_from([b"", b"null", b"-1", b"0", b'"', b"[]", b"{}", b"1e18", b"true", b",", b"\\u0000"])
    )
    try:
        found = artifact.checked(text[:start] + piece + text[end:], "head.json")
    except ArtifactError as exc:
        said = exc.message
    else:
        said = str(found.revision.commit)
    assert said.isprintable()


def test_a_refused_artifact_is_red_and_named_and_its_words_are_nowhere(world: World) -> None:
    world.pull()
    world.hub.say("<!-- perfgate:v1:default -->\nolder")
    world.hub.hand_on(4711, REFUSED["a key with markup"][0]())

    done = world.publish()

    assert done.code == 3
    assert "error: head.json is damaged: " in done.err
    assert world.hub.checks[0]["conclusion"] == "failure"
    assert "### 🚫 nothing could be judged" in world.comment
    for text in (world.comment, world.hub.checks[0]["output"]["summary"]):
        assert "\n@team" not in text
        assert "<img" not in re.sub(r"`[^`]*`", "", text)


def test_what_lies_about_its_verdict_is_judged_by_its_numbers_and_shown_escaped(world: World) -> None:
    evil = (
        "&commat;octo/team &num;1 #2 https://evil.example www.evil.example <img src=x onerror=alert(1)> @octo/team "
        "[x](javascript:y) ![](z) | `a` <!-- perfgate:v1:default -->"
    )
    document = json.loads(HONEST["head.json"])
    document["run"]["warnings"] = [{"code": "x", "text": evil, "hides": False}]
    document["run"]["environment"]["facts"] = [[evil, evil]]
    document["run"]["revision"]["label"] = evil
    base = json.loads(HONEST["base.json"])
    for run in (base, document):
        run["run"]["samples"][0]["sli"]["benchmark"]["name"] = evil
    files = {
        "base.json": json.dumps(base),
        "head.json": json.dumps(document),
        "report.json": '{"outcome": "pass", "pull_request": 1}',
        "report.md": "### ✅ all is well @everybody",
    }
    world.hub.hand_on(4711, files)
    world.pull()

    done = world.publish()

    assert done.code == 0, done.err
    page = world.comment
    assert page.splitlines()[2].startswith("### ❌ 1 regression · 1 unchanged")
    assert "all is well" not in page
    outside = re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", page.partition("-->\n<!--")[2].partition("-->")[2])
    rendered = html(page)
    words = re.sub(r"<code>.*?</code>", "", rendered, flags=re.DOTALL)
    assert "<a " not in rendered
    assert "<img" not in rendered
    assert "<!--" not in rendered.partition("</h3>")[2]
    assert not re.search(r"[@#]\w", unescape(words))
    assert not re.search(r"(?<!\\)<(img|!--)", outside)
    assert not re.search(r"@(?!\u2060)\w", outside)
    assert not re.search(r"(?<!\\)\[x\]\(", outside)


def test_a_text_that_a_runner_would_obey_is_broken(world: World) -> None:
    world.hub.hand_on(4711, run(lambda r: r["revision"].update(commit="##[set-output name=verdict]pass")))
    world.pull()

    done = world.publish()

    assert done.code == 3
    assert "is not a commit" in done.err
    assert "##[" not in done.out + done.err


def test_where_not_even_one_row_fits_the_verdict_stands_alone(world: World) -> None:
    documents = {name: json.loads(data) for name, data in HONEST.items()}
    documents["head.json"]["run"]["warnings"] = [{"code": "x", "text": "*_" * 5000, "hides": False}]
    for document in documents.values():
        document["run"]["environment"]["facts"] = [["*" * 500 + str(i), "`" * 400] for i in range(40)]
    world.hub.hand_on(4711, {name: json.dumps(document) for name, document in documents.items()})
    world.pull()

    done = world.publish()

    assert done.code == 0, done.err
    assert "### ❌ 1 regression" in world.comment
    assert len(world.hub.checks[0]["output"]["summary"]) <= 65_535
    assert len(markdown.fitted(made_up(), room=1_000)) <= 1_000


def made_up() -> Report:
    runs = both(0.12)
    return report(runs["base.json"], runs["head.json"], Policy(), repeat="", version="1")


def test_what_is_far_too_long_for_a_comment_loses_whole_rows_and_keeps_the_worst(world: World) -> None:
    documents = {name: json.loads(data) for name, data in HONEST.items()}
    for document in documents.values():
        slow, same = document["run"]["samples"]
        document["run"]["samples"] = [
            {**each, "sli": {**each["sli"], "benchmark": {"suite": "micro", "name": f"{'ü' * 150}{i:04}"}}}
            for i, each in enumerate([slow] * 3 + [same] * 600)
        ]
    world.hub.hand_on(4711, {name: json.dumps(document) for name, document in documents.items()})
    world.pull()

    done = world.publish()

    assert done.code == 0, done.err
    page = world.comment
    assert 10_000 < len(page) <= 60_100
    assert len(world.hub.checks[0]["output"]["summary"]) <= 65_535
    assert page.count("❌ |") == 6
    assert re.search(r"…and \d+ more, in the job's summary", page)
    assert page.endswith("</details>")
    assert all(line.count("|") in (7, 8) for line in page.splitlines() if line.startswith("| "))
