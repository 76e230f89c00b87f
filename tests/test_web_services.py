"""`init` looks for web services, and what it proposes is right."""

import tomllib

import pytest

from perfgate.cli.init import look, toml
from perfgate.cli.services import WebService, find_service
from perfgate.config.probe import LoadSuite
from tests.live import Project

FASTAPI = """
from fastapi import FastAPI
app: FastAPI = FastAPI(title="shop")
@app.get("/items/{id}")
def item(id: int): ...
@app.get("/healthz")
def health(): ...
@app.get("/items")
def items(): ...
"""
FLASK = "import flask\nweb = flask.Flask(__name__)\n@web.route('/users/<name>')\ndef user(name): ...\n"
STARLETTE = 'routes = [Route("/hello", hello)]\napplication = Starlette(routes=routes)\n'
MANAGE = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site.settings")\n'


@pytest.mark.parametrize(
    ("texts", "framework", "command", "path", "ready"),
    [
        (
            {"shop/web.py": FASTAPI},
            "FastAPI",
            "python -m uvicorn web:app --port {port} --app-dir shop",
            "/items",
            "/healthz",
        ),
        (
            {"back end/app/main.py": FASTAPI, "back end/app/__init__.py": ""},
            "FastAPI",
            "python -m uvicorn app.main:app --port {port} --app-dir 'back end'",
            "/items",
            "/healthz",
        ),
        (
            {"src/shop/__init__.py": FASTAPI},
            "FastAPI",
            "python -m uvicorn shop:app --port {port} --app-dir src",
            "/items",
            "/healthz",
        ),
        ({"main.py": STARLETTE}, "Starlette", "python -m uvicorn main:application --port {port}", "/hello", ""),
        ({"web.py": FLASK}, "Flask", "python -m flask --app web:web run --port {port}", "/", ""),
        (
            {"web.py": FLASK, "requirements.txt": "flask\ngunicorn\n"},
            "Flask",
            "python -m gunicorn --bind 127.0.0.1:{port} --threads 4 web:web",
            "/",
            "",
        ),
        (
            {"manage.py": MANAGE, "site/wsgi.py": ""},
            "Django",
            "python manage.py runserver --noreload 127.0.0.1:{port}",
            "/",
            "",
        ),
        (
            {"web/manage.py": MANAGE, "web/site/wsgi.py": "", "pyproject.toml": '"gunicorn"'},
            "Django",
            "python -m gunicorn --bind 127.0.0.1:{port} site.wsgi --chdir web",
            "/",
            "",
        ),
    ],
)
def test_services_are_found(texts: dict[str, str], framework: str, command: str, path: str, ready: str) -> None:
    file = next(iter(texts))

    found = find_service(texts)

    assert found == WebService(framework=framework, file=file, command=command, path=path, ready=ready)


def test_the_service_nearest_to_the_root_is_taken_and_without_one_there_is_none() -> None:
    found = find_service({"tools/a.py": FLASK, "z.py": FLASK})

    assert found is not None
    assert found.file == "z.py"
    assert find_service({"examples/app.py": FLASK, "tests/app.py": FASTAPI}) is None
    assert find_service({"a.py": "def Flask(): ...", "b.txt": FLASK}) is None


def test_a_project_that_is_only_a_service_gets_a_probe_that_is_valid(project: Project) -> None:
    project.put("web.py", FASTAPI)

    text = toml(look(project.root, ["web.py"])[1])

    config = tomllib.loads(text)
    assert set(config["suite"]) == {"service"}
    suite = LoadSuite.model_validate(config["suite"]["service"])
    assert suite.requests == {"index": "GET /items"}
    assert config["rule"][0]["sli"] == "service/*:latency.p95"


def test_beside_benchmarks_the_probe_is_only_proposed(project: Project) -> None:
    project.put("web.py", FASTAPI)
    project.put("test_it.py", "def test_x(benchmark): benchmark(list)\n")

    _, found = look(project.root, ["test_it.py", "web.py"])
    text = toml(found)

    assert any("proposes a load probe" in note for note in found.notes)
    assert set(tomllib.loads(text)["suite"]) == {"benchmarks"}
    uncommented = "".join(
        f"{line.removeprefix('# ')}\n" for line in text.partition("# [suite.service]")[2].splitlines()
    )
    assert set(tomllib.loads(f"[suite.service]\n{uncommented}")["suite"]) == {"service"}
