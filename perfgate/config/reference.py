"""The reference of all keys, written from the schema, so that it cannot say anything else."""

from typing import Any

from pydantic import BaseModel

from perfgate.config.schema import (
    AcceptTable,
    Baseline,
    Build,
    CommandSuite,
    Config,
    History,
    Perfgate,
    PytestSuite,
    RuleTable,
)

TABLES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("[perfgate]", Perfgate),
    ("[build]", Build),
    ('[suite.NAME], runner = "pytest-benchmark"', PytestSuite),
    ('[suite.NAME], runner = "command"', CommandSuite),
    ("[[rule]]", RuleTable),
    ("[[accept]]", AcceptTable),
    ("[baseline]", Baseline),
    ("[history]", History),
)


def markdown() -> str:
    """Return the reference as Markdown."""
    parts = ["# Configuration", "", _INTRODUCTION.strip()]
    for title, model in TABLES:
        parts += ["", f"## `{title}`", "", " ".join((model.__doc__ or "").split()), "", *_table(model)]
    parts += ["", "## `[environment]`", "", str(Config.model_fields["environment"].description).replace("\n", " ")]
    return "\n".join(parts) + "\n"


_INTRODUCTION = """
`perfgate.toml` at the root of the repository, or the same under `[tool.perfgate]` in `pyproject.toml`, where the
keys of `[perfgate]` stand in `[tool.perfgate]` itself. Nothing is required. A flag overrides an environment
variable, which overrides the file. `perfgate config show` says where each value came from, `perfgate config check`
lists every fault with its line.

This page is generated: `perfgate config schema --format markdown`.
"""


def _table(model: type[BaseModel]) -> list[str]:
    lines = ["| key | type | default | |", "|---|---|---|---|"]
    schema = model.model_json_schema()["properties"]
    for key, info in model.model_fields.items():
        name = info.alias or key
        default = "required" if info.is_required() else f"`{_toml(info.get_default(call_default_factory=True))}`"
        text = " ".join((info.description or "").split()).replace("|", "\\|")
        lines.append(f"| `{name}` | {_type(schema[name])} | {default} | {text} |")
    return lines


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"] if option.get("type") != "null")
    if "const" in schema:
        return f"`{_toml(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{_toml(choice)}`" for choice in schema["enum"])
    if schema.get("type") == "array":
        return "list of texts"
    if schema.get("type") == "object":
        return "table of texts"
    examples = ", ".join(f"`{_toml(example)}`" for example in schema.get("examples", ()))
    names = {"string": "date" if schema.get("format") == "date" else "text", "boolean": "true or false"}
    return f"text as in {examples}" if examples else names[schema["type"]]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return "none" if value is None else f'"{value}"'
