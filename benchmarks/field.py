"""What a stranger gets from perfgate on projects that others wrote, without any configuration.

    python -m benchmarks.field [--clones DIRECTORY] [--only NAME ...] [--budget 3m] [--steps compare again ...]

`DIRECTORY` holds a clone of each repository under its own name; without it they are cloned from their public addresses.
Each is checked out at a fixed commit. Then, with empty caches, as somebody would who has just installed perfgate:

1. `perfgate compare HEAD~1 HEAD`, and the same again: is the verdict usable, and how long does it take?
2. `perfgate init`, and `perfgate compare HEAD~1` with what it wrote.
3. a slowdown of half, or more, is planted into the project's own code (compiled code where there is any), committed,
   and compared: it must be blocked.

After each step the repository must be byte by byte as it was: its files, index, configuration, references and hooks.
What is expected of each stands beside it. Takes about an hour and a half.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

VERDICT = re.compile(r"^(✅|❌|❔|⚠️)")
WRAP = """

def _slower_(function):
    import time
    def slower(*args, **options):
        began = time.perf_counter()
        result = function(*args, **options)
        until = 1.6 * time.perf_counter() - 0.6 * began
        while time.perf_counter() < until:
            pass
        return result
    return slower
{name} = _slower_({name})
"""
"""Makes a Python function take 1.6 times as long."""
C_LOOP = "for (volatile int slow_ = 0; slow_ < {times}; slow_++) {{}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapped:
    """A Python function that is slowed down."""

    file: str
    name: str

    def plant(self, root: Path) -> None:
        """Slow it down."""
        path = root / self.file
        path.write_text(path.read_text(encoding="utf-8") + WRAP.format(name=self.name), encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inserted:
    """A line that is added after a place in a source file, which is compiled."""

    file: str
    after: str
    text: str

    def plant(self, root: Path) -> None:
        """Add it."""
        path = root / self.file
        before = path.read_text(encoding="utf-8")
        assert self.after in before, f"{self.file} has changed: {self.after!r} is gone"
        path.write_text(before.replace(self.after, f"{self.after}{self.text}"), encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One repository, and what is expected of it."""

    address: str
    """Of GitHub, OWNER/NAME."""
    commit: str
    about: str
    """Its harness and back-end."""
    says: str = ""
    """What the error must say, where there is nothing that perfgate can run; empty expects a verdict."""
    plant: Wrapped | Inserted | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.address.partition("/")[2]


NO_BENCHMARKS = "no benchmarks found in"
CANNOT_RUN = "no benchmarks that perfgate can run were found"
FIELD = (
    Entry(
        address="python-attrs/attrs",
        commit="c1dc5dcba16e",
        about="codspeed markers, hatch, groups",
        plant=Wrapped(file="src/attr/_next_gen.py", name="define"),
    ),
    Entry(
        address="python-attrs/cattrs",
        commit="82b02c07ca53",
        about="pytest-benchmark, hatch, src layout, groups",
        plant=Wrapped(file="src/cattrs/converters.py", name="BaseConverter.unstructure"),
    ),
    Entry(
        address="aio-libs/yarl",
        commit="7009e844cec7",
        about="codspeed, Cython, own back-end",
        plant=Inserted(
            file="yarl/_quoting_c.pyx", after="    def __call__(self, val):\n", text="        sum(range(300))\n"
        ),
    ),
    Entry(
        address="aio-libs/multidict",
        commit="41c1b9144b13",
        about="codspeed and pyperf, C, setuptools",
        plant=Inserted(
            file="multidict/_multidict.c",
            after="multidict_mp_subscript(MultiDictObject *self, PyObject *key)\n{\n",
            text=C_LOOP.format(times=3000),
        ),
    ),
    Entry(
        address="executablebooks/markdown-it-py",
        commit="2c3f71ec46c4",
        about="pytest-benchmark, flit, extras",
        plant=Wrapped(file="markdown_it/main.py", name="MarkdownIt.render"),
    ),
    Entry(
        address="python-jsonschema/jsonschema",
        commit="b37f7be6dc79",
        about="pyperf scripts, hatch",
        plant=Inserted(
            file="jsonschema/_keywords.py",
            after="def contains(validator, contains, instance, schema):\n",
            text="    sum(range(3000))\n",
        ),
    ),
    Entry(
        address="tobymao/sqlglot",
        commit="37362f4fc1d6",
        about="pyperf, a private submodule, setuptools",
        plant=Wrapped(file="sqlglot/optimizer/optimizer.py", name="optimize"),
    ),
    Entry(
        address="jcrist/msgspec",
        commit="3b2543b838a0",
        about="pytest-benchmark behind a fixture, C, setuptools-scm",
        plant=Inserted(
            file="src/msgspec/_core.c",
            after="Encoder_encode(Encoder *self, PyObject *const *args, Py_ssize_t nargs)\n{\n",
            text=C_LOOP.format(times=30_000_000),
        ),
    ),
    Entry(
        address="graphql-python/graphql-core",
        commit="e49e4e2d8aa7",
        about="pytest-benchmark, uv, groups",
        plant=Wrapped(file="src/graphql/language/parser.py", name="parse"),
    ),
    Entry(
        address="pytest-dev/pluggy",
        commit="e382e72789f8",
        about="pytest-benchmark, setuptools-scm",
        plant=Wrapped(file="src/pluggy/_hooks.py", name="varnames"),
    ),
    Entry(
        address="aio-libs/propcache",
        commit="334a3ae71c32",
        about="codspeed, Cython, own back-end",
        plant=Inserted(
            file="src/propcache/_helpers_c.pyx",
            after="    def __get__(self, object inst, owner):\n",
            text="        sum(range(300))\n",
        ),
    ),
    Entry(
        address="ionelmc/python-tblib",
        commit="d88606aab343",
        about="pytest-benchmark, setuptools",
        plant=Wrapped(file="src/tblib/__init__.py", name="Traceback.as_traceback"),
    ),
    Entry(
        address="Fatal1ty/mashumaro",
        commit="22cf57636213",
        about="pyperf through a class, libraries undeclared",
        plant=Inserted(
            file="mashumaro/codecs/basic.py",
            after="        code_builder.add_decode_method(shape_type, self, pre_decoder_func)\n",
            text="        once = self.decode\n        self.decode = lambda data: (once(data), once(data))[1]\n",
        ),
    ),
    Entry(
        address="konradhalas/dacite",
        commit="9898ccbb783e",
        about="pytest-benchmark, setuptools, extras",
        plant=Wrapped(file="dacite/core.py", name="from_dict"),
    ),
    Entry(
        address="python-zeroconf/python-zeroconf",
        commit="fce7094fc55d",
        about="codspeed, Cython, poetry-core",
        plant=Inserted(
            file="src/zeroconf/_protocol/incoming.py",
            after="        now: float | None = None,\n    ) -> None:\n",
            text="        sum(range(30000))\n",
        ),
    ),
    Entry(
        address="ionelmc/python-lazy-object-proxy",
        commit="f970e323d03b",
        about="pytest-benchmark, C, setuptools-scm",
        plant=Inserted(
            file="src/lazy_object_proxy/cext.c",
            after="static PyObject *Proxy_str(ProxyObject *self)\n{\n",
            text=C_LOOP.format(times=300),
        ),
    ),
    Entry(
        address="hgrecco/pint",
        commit="6fc05335ef28",
        about="pytest-benchmark, hatch, 394 benchmarks",
        plant=Wrapped(file="pint/facets/plain/registry.py", name="GenericPlainRegistry.convert"),
    ),
    Entry(
        address="bdraco/ulid-transform",
        commit="6f1781866dcd",
        about="an older codspeed, Cython and C++, poetry-core",
        plant=Inserted(
            file="src/ulid_transform/_ulid_impl.pyx",
            after='    """Generate a ULID."""\n',
            text="    sum(range(300))\n",
        ),
    ),
    Entry(
        address="Bluetooth-Devices/dbus-fast",
        commit="d508c2c9360d",
        about="codspeed, Cython, poetry-core",
        plant=Wrapped(file="src/dbus_fast/unpack.py", name="unpack_variants"),
    ),
    Entry(
        address="tobgu/pyrsistent",
        commit="0c0b7aec8cd2",
        about="for pyperform, C, setuptools",
        says=NO_BENCHMARKS,
    ),
    Entry(address="ionelmc/pytest-benchmark", commit="47d66c88b84b", about="its own tests, options of plug-ins"),
    Entry(
        address="graphql-python/graphene",
        commit="82903263080b",
        about="pytest-benchmark among the tests, setuptools",
        plant=Wrapped(file="graphene/types/schema.py", name="Schema.execute"),
    ),
    Entry(
        address="horejsek/python-fastjsonschema",
        commit="8a7cde990f1f",
        about="pytest-benchmark, setuptools",
        plant=Inserted(
            file="fastjsonschema/__init__.py",
            after="    func = global_state[resolver.get_scope_name()]\n",
            text="    plain = func\n    func = lambda data: (sum(range(400)), plain(data))[1]\n",
        ),
    ),
    Entry(
        address="seperman/deepdiff",
        commit="60ac5b903dbd",
        about="pytest-benchmark, flit, extras",
        plant=Wrapped(file="deepdiff/lfucache.py", name="LFUCache.set"),
    ),
    Entry(address="pallets/click", commit="2c8cd3ac958a", about="none", says=NO_BENCHMARKS),
    Entry(address="encode/starlette", commit="cb8f84f5284d", about="none", says=NO_BENCHMARKS),
    Entry(address="DaveGamble/cJSON", commit="a29814f285cc", about="none, C", says=NO_BENCHMARKS),
    Entry(address="Textualize/rich", commit="42899d8a0a96", about="asv, poetry", says=CANNOT_RUN),
    Entry(address="contourpy/contourpy", commit="cc418a2c2983", about="asv, meson", says=CANNOT_RUN),
)


@dataclass(slots=True, kw_only=True)
class Told:
    """What a command said."""

    code: int
    first: str
    took_s: float
    errors: str

    @property
    def usable(self) -> bool:
        """Whether it is a verdict."""
        return bool(VERDICT.match(self.first))


@dataclass(slots=True, kw_only=True)
class Seen:
    """What came of one repository."""

    entry: Entry
    told: dict[str, Told] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    """Steps after which the repository was not as before."""

    @property
    def as_expected(self) -> bool:
        """Whether all went as it should."""
        if self.entry.says:
            first = self.told["compare"]
            return first.code == 3 and self.entry.says in first.errors and not self.touched
        innocent = [told for step, told in self.told.items() if step != "planted"]
        planted = self.told.get("planted")
        return (
            all(told.usable and told.code == 0 for told in innocent)
            and (planted is None or planted.code == 1)
            and not self.touched
        )


def checked_out(entry: Entry, clones: Path | None, home: Path) -> Path:
    """Clone the repository at its commit."""
    root = home / entry.name
    source = str(clones / entry.name) if clones else f"https://github.com/{entry.address}"
    subprocess.run(["git", "clone", "--quiet", source, str(root)], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", entry.commit], cwd=root, check=True)
    return root


def fingerprint(root: Path) -> str:
    """Return a hash of every file of a repository, those of git's own included."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(root)}\0{path.stat().st_mode}\0".encode(errors="surrogateescape"))
            digest.update(path.read_bytes())
    return digest.hexdigest()


def perfgate(root: Path, *args: str) -> Told:
    """Run perfgate as a user would."""
    environ = {**os.environ, "PERFGATE_CACHE": str(root.parent / f"cache-{root.name}")}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "perfgate", *args], cwd=root, env=environ, capture_output=True, text=True, check=False
    )
    log = root.parent / f"{root.name}.log"
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ perfgate {' '.join(args)}\n{done.stdout}{done.stderr}\n")
    first = done.stdout.partition("\n")[0]
    return Told(code=done.returncode, first=first, took_s=time.monotonic() - began, errors=done.stderr)


def steps(entry: Entry, root: Path, options: argparse.Namespace) -> Iterator[tuple[str, Told]]:
    """Yield what each step was told."""
    compare = ("compare", "HEAD~1", "HEAD", "--budget", options.budget)
    if entry.says or "compare" in options.steps:
        yield "compare", perfgate(root, *compare)
    if entry.says:
        return
    if "again" in options.steps:
        yield "again", perfgate(root, *compare)
    if "init" in options.steps:
        wrote = perfgate(root, "init", "--no-workflows")
        told = perfgate(root, *compare)
        told.took_s += wrote.took_s
        (root / "perfgate.toml").unlink(missing_ok=True)
        yield "init", told
    if entry.plant and "planted" in options.steps:
        entry.plant.plant(root)
        subprocess.run(["git", "commit", "--quiet", "-am", "slower"], cwd=root, check=True)
        yield "planted", perfgate(root, *compare)
        subprocess.run(["git", "reset", "--quiet", "--hard", "HEAD~1"], cwd=root, check=True)


def tried(entry: Entry, clones: Path | None, home: Path, options: argparse.Namespace) -> Seen:
    """Take one repository through all steps."""
    seen = Seen(entry=entry)
    root = checked_out(entry, clones, home)
    before = fingerprint(root)
    for step, told in steps(entry, root, options):
        seen.told[step] = told
        if step != "planted" and fingerprint(root) != before:
            seen.touched.append(step)
    shutil.rmtree(root)
    shutil.rmtree(home / f"cache-{entry.name}", ignore_errors=True)
    return seen


def row(seen: Seen) -> str:
    """Return a row of the table."""

    def cell(step: str) -> str:
        told = seen.told.get(step)
        if told is None:
            return ""
        words = told.first if told.usable or told.first else next(iter(re.findall(r"error: (.*)", told.errors)), "")
        return f"{words[:60]} ({told.took_s:.0f} s)"

    mark = "" if seen.as_expected else " **not as expected**"
    touched = f" touched by {', '.join(seen.touched)}" if seen.touched else ""
    cells = " | ".join(cell(step) for step in ("compare", "again", "init", "planted"))
    return f"| {seen.entry.name} | {seen.entry.about} | {cells} |{mark}{touched}"


def summary(found: list[Seen]) -> str:
    """Return what all of it comes to."""
    with_benchmarks = [seen for seen in found if not seen.entry.says]
    lines = []
    for step, words in (("compare", "zero configuration"), ("init", "what init wrote, unedited")):
        told = [seen.told[step] for seen in with_benchmarks if step in seen.told]
        if told:
            lines.append(f"{words}: a usable verdict on {sum(one.usable for one in told)} of {len(told)}")
    innocent = [told for seen in found for step, told in seen.told.items() if step != "planted"]
    planted = [seen.told["planted"] for seen in found if "planted" in seen.told]
    lines.append(f"commits that change nothing: blocked as a regression in {sum(t.code == 1 for t in innocent)} runs")
    lines.append(f"planted: blocked in {sum(told.code == 1 for told in planted)} of {len(planted)}")
    sentences = [seen for seen in found if seen.entry.says]
    lines.append(
        f"without benchmarks: the right sentence in {sum(s.as_expected for s in sentences)} of {len(sentences)}"
    )
    lines.append(f"repositories touched: {sum(bool(seen.touched) for seen in found)} of {len(found)}")
    return "\n".join(lines)


def main() -> None:
    """Try every repository and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--steps", nargs="*", default=["compare", "again", "init", "planted"])
    parser.add_argument("--logs", type=Path, help="keep what was said to each repository here")
    options = parser.parse_args()
    found = []
    print("| repository | what it has | compare HEAD~1 | again | after init | planted |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for entry in FIELD:
            if options.only and entry.name not in options.only:
                continue
            found.append(tried(entry, options.clones, Path(scratch), options))
            print(row(found[-1]), flush=True)
            if options.logs:
                options.logs.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path(scratch) / f"{entry.name}.log", options.logs)
    print(f"\n{summary(found)}")


if __name__ == "__main__":
    main()
