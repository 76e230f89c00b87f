"""The reference of all keys, written from the schema, so that it cannot say anything else."""

from typing import Any

from pydantic import BaseModel

from perfgate.config.load import ENVIRONMENT
from perfgate.config.probe import LoadSuite, LoginTable, RequestTable, StageTable
from perfgate.config.schema import (
    AcceptTable,
    Baseline,
    Build,
    CommandSuite,
    Config,
    History,
    MetricTable,
    Perfgate,
    PyperfSuite,
    PytestSuite,
    RuleTable,
    SideTable,
    SizeSuite,
)
from perfgate.core.load.plan import Shape

TABLES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("[perfgate]", Perfgate),
    ("[build]", Build),
    ("[sides.base], [sides.head]", SideTable),
    ('[suite.NAME], runner = "pytest-benchmark"', PytestSuite),
    ('[suite.NAME], runner = "pyperf"', PyperfSuite),
    ('[suite.NAME], runner = "command"', CommandSuite),
    ('[suite.NAME], runner = "size"', SizeSuite),
    ('[suite.NAME], runner = "load"', LoadSuite),
    ("[suite.NAME.requests.REQUEST]", RequestTable),
    ("[suite.NAME.login]", LoginTable),
    ("[[suite.NAME.stages]]", StageTable),
    ("[[rule]]", RuleTable),
    ("[metric.NAME]", MetricTable),
    ("[[accept]]", AcceptTable),
    ("[baseline]", Baseline),
    ("[history]", History),
)


def markdown() -> str:
    """Return the reference as Markdown."""
    variables = ", ".join(f"`{name}`" for name in ENVIRONMENT)
    parts = ["# Configuration", "", _INTRODUCTION.replace("VARIABLES", variables).strip()]
    for title, model in TABLES:
        parts += ["", f"## `{title}`", "", " ".join((model.__doc__ or "").split()), "", *_table(model)]
    parts += ["", "## `[environment]`", "", str(Config.model_fields["environment"].description).replace("\n", " ")]
    return "\n".join(parts) + "\n"


_INTRODUCTION = """
perfgate reads `perfgate.toml` at the root of the repository, or the same tables under `[tool.perfgate]` in
`pyproject.toml`; there, the keys of `[perfgate]` are in `[tool.perfgate]` itself. Every key is optional. An option of
the command line overrides an environment variable, and that overrides the file. `perfgate config show` shows where
each value came from, `perfgate config check` lists every fault with its line, and `perfgate config schema` prints a
JSON schema for editors.

The environment variables are VARIABLES. Two more do not belong to a key: `PERFGATE_CACHE`, the directory of prepared
sides (default: in the user's cache directory), and `PERFGATE_TOKEN`, the token for GitHub and the results branch.

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
    if "$ref" in schema:
        return _REFERRED.get(schema["$ref"].rpartition("/")[2], "table")
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{_toml(choice)}`" for choice in schema.get("enum", [schema.get("const")]))
    if examples := ", ".join(f"`{_toml(example)}`" for example in schema.get("examples", ())):
        return f"text as in {examples}"
    return _plain_type(schema)


def _plain_type(schema: dict[str, Any]) -> str:
    match schema.get("type"):
        case "array":
            items = {"integer": "numbers", "string": "texts"}
            return f"list of {items.get(schema['items'].get('type'), 'tables')}"
        case "object":
            values = schema.get("additionalProperties", {})
            texts = "texts" if isinstance(values, dict) and values.get("type") == "string" else "texts or tables"
            return f"table of {texts}" if values and values is not True else "table"
        case "string":
            return "date" if schema.get("format") == "date" else "text"
        case "boolean":
            return "true or false"
        case None:
            return "anything"
        case _:
            return "number"


_REFERRED = {"Shape": ", ".join(f'`"{shape}"`' for shape in Shape)}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, dict) and not value:
        return "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return "none" if value is None else f'"{value}"'
