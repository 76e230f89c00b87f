"""What the project demands of its own files."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
MODULES = sorted((ROOT / "perfgate").rglob("*.py"))
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "format", "--check", "."),
        ("ruff", "check", "."),
        ("mypy",),
        ("lint-imports",),
        ("vulture",),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS),
        ("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"),
        ("zizmor", "--offline", "--no-progress", "--persona", "auditor", ".github", "action.yml"),
        ("pre-commit", "validate-config"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_checks_of_the_house_are_clean(command: tuple[str, ...]) -> None:
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_above_600_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 600


@pytest.mark.parametrize("path", sorted((ROOT / "perfgate" / "shims").rglob("*.py")), ids=lambda path: path.name)
def test_what_runs_in_the_user_s_interpreter_needs_only_python_3_8(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    own = {
        "perfgate_agent",
        "perfgate_counts",
        "perfgate_origins",
        "perfgate_pages",
        "perfgate_heap",
        "sitecustomize",
        "perfgate_queries",
        "command_agent",
        "memray",
        "psycopg",
        "pyperf",
        "pytest",
        "pytest_benchmark",
        "pytest_codspeed",
        "django",
        "sqlalchemy",
        "gevent",
        "locust",
    }
    assert imported - own <= set(sys.stdlib_module_names)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, contextlib, io\nfrom perfgate.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()): assert main.run(['--help']) == 0\n"
        "heavy = ('numpy', 'scipy', 'pydantic', 'rich', 'jinja2', 'pytest', 'github', 'yaml', 'requests')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_installed_package_holds_what_is_not_python(tmp_path: Path) -> None:
    """A wheel without its shims or templates would work in a checkout only."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "wheel", "zip")
    names = {str(path.relative_to(tmp_path / "wheel")) for path in (tmp_path / "wheel").rglob("*") if path.is_file()}

    assert {
        "perfgate/shims/perfgate_agent.py",
        "perfgate/shims/pytest_agent.py",
        "perfgate/shims/pyperf_agent.py",
        "perfgate/shims/perfgate_counts.py",
        "perfgate/shims/command_agent.py",
        "perfgate/render/templates/report.md.j2",
        "perfgate/cli/templates/perfgate.yml",
        "perfgate/cli/templates/perfgate-report.yml",
    } <= names


@pytest.mark.parametrize("page", ["docs/github.md"])
def test_a_workflow_that_a_page_shows_passes_the_checks(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    place = tmp_path / ".github" / "workflows"
    place.mkdir(parents=True)
    for number, block in enumerate(blocks):
        (place / f"{number}.yml").write_text(block, encoding="utf-8")

    assert blocks
    for command in (
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, place.iterdir())),
        ("zizmor", "--offline", "--no-progress", "--min-severity", "medium", str(tmp_path)),
    ):
        done = subprocess.run([BIN / command[0], *command[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
