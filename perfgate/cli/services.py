"""Web services in a project, found by what their files say, and the load probe that is proposed for one."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_APP = re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(FastAPI|Starlette|Flask)\(", re.MULTILINE)
_ROUTE = re.compile(r"""(?:@\w+\.(?:get|route)|\bRoute)\(\s*["'](/[^"'{<]*)["']([^)\n]*)""")
_HEALTH = re.compile(r"/(health|healthz|ready|readyz|ping|status)/?")
_ELSEWHERE = ("tests", "test", "examples", "docs")
_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebService:
    """A service that could be loaded."""

    framework: str
    file: str
    command: str
    path: str
    """Of a request that needs no values."""
    ready: str
    """Path that tells that it is there; empty where none is known."""


def find_service(texts: Mapping[str, str]) -> WebService | None:
    """Return the service that the files of a project make, by path to text; the one nearest to the root."""
    said = "\n".join(text for file, text in texts.items() if file.endswith((".toml", ".txt", ".cfg")))
    gunicorn = "gunicorn" in said
    for file in sorted(texts, key=lambda file: (file.count("/"), file)):
        if not file.endswith(".py") or any(part in _ELSEWHERE for part in PurePosixPath(file).parts):
            continue
        if PurePosixPath(file).name == "manage.py" and _SETTINGS.search(texts[file]):
            return _django(file, texts, gunicorn)
        if found := _APP.findall(texts[file]):
            name, framework = next((each for each in found if each[0] in ("app", "application")), found[0])
            return _app(file, name, framework, texts, gunicorn)
    return None


def probe_toml(service: WebService, *, active: bool) -> str:
    """Return the table of a probe for it, as comments where it is only proposed."""
    lines = ["[suite.service]", 'runner = "load"', f"command = {quoted(service.command)}"]
    lines += [f'ready = "{service.ready}"'] if service.ready else []
    lines += [f'requests = {{ index = "GET {service.path}" }}  # what its users do; with values: rows = "rows.csv"']
    rule = [
        "",
        "[[rule]]",
        'sli = "service/*:latency.p95"',
        'limit = "10%"  # against base',
        '# slo = "200ms"  # absolute',
    ]
    text = "\n".join([*lines, *rule])
    if active:
        return text
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())


def _app(file: str, name: str, framework: str, texts: Mapping[str, str], gunicorn: bool) -> WebService:
    module, home = _module(file, texts)
    text, directory = texts[file], shlex.quote(home) if home else ""
    if framework != "Flask":
        command = f"python -m uvicorn {module}:{name} --port {{port}}"
        command += f" --app-dir {directory}" if directory else ""
    elif gunicorn:
        command = f"python -m gunicorn --bind 127.0.0.1:{{port}} --threads 4 {module}:{name}"
        command += f" --chdir {directory}" if directory else ""
    else:
        where = shlex.quote(f"{home}/{module.replace('.', '/')}" if home else module)
        command = f"python -m flask --app {where}:{name} run --port {{port}}"
    routes = [path for path, rest in _ROUTE.findall(text) if "methods" not in rest or "GET" in rest]
    plain = [route for route in routes if not _HEALTH.fullmatch(route)]
    ready = next((route for route in routes if _HEALTH.fullmatch(route)), "")
    return WebService(framework=framework, file=file, command=command, path=[*plain, "/"][0], ready=ready)


def _django(file: str, texts: Mapping[str, str], gunicorn: bool) -> WebService:
    home = str(PurePosixPath(file).parent)
    inside = "" if home == "." else f"{home}/"
    wsgi = next((path for path in sorted(texts) if path.startswith(inside) and path.endswith("/wsgi.py")), None)
    command = f"python {shlex.quote(file)} runserver --noreload 127.0.0.1:{{port}}"
    if gunicorn and wsgi:
        module = wsgi.removeprefix(inside).removesuffix(".py").replace("/", ".")
        command = f"python -m gunicorn --bind 127.0.0.1:{{port}} {module}"
        command += f" --chdir {shlex.quote(home)}" if inside else ""
    return WebService(framework="Django", file=file, command=command, path="/", ready="")


def _module(file: str, texts: Mapping[str, str]) -> tuple[str, str]:
    """Return the module's name, and the directory that it is imported from where that is not the root."""
    path = PurePosixPath(file)
    home = path.parent
    while str(home) != "." and f"{home}/__init__.py" in texts:
        home = home.parent
    parts = path.relative_to(home).with_suffix("").parts
    inside = parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts
    return ".".join(inside), "" if str(home) == "." else str(home)


def quoted(text: str) -> str:
    """Return `text` as a string of TOML."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
