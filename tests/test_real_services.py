"""Services as people run them, each started, loaded and ended by a probe."""

import shutil
import sys
from pathlib import Path

import pytest

from perfgate.host.service import Ready
from tests.test_load import measured, values

BIN = Path(sys.executable).parent

FLASK = """
from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    return {"hello": "flask"}
"""
DJANGO = """
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="test")
urlpatterns = [path("", lambda request: JsonResponse({"hello": "django"}))]
application = get_wsgi_application()
"""
STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def index(request):
    return JSONResponse({"hello": "starlette"})
app = Starlette(routes=[Route("/", index)])
"""
NODE = """
require("http").createServer((request, response) => {
  response.setHeader("Content-Type", "application/json");
  response.end('{"hello": "node"}');
}).listen(Number(process.env.PORT), "127.0.0.1", () => console.log("at your service"));
"""
NGINX = """
import sys
from pathlib import Path
port, data = sys.argv[1:]
(Path(data) / "index.html").write_text("hello")
(Path(data) / "nginx.conf").write_text(f'''
{"user root;" if __import__("os").getuid() == 0 else ""}
pid {data}/pid; error_log stderr crit; worker_processes 2;
events {{ }}
http {{
  access_log off; client_body_temp_path {data}/a; proxy_temp_path {data}/b;
  fastcgi_temp_path {data}/c; uwsgi_temp_path {data}/d; scgi_temp_path {data}/e;
  server {{ listen 127.0.0.1:{port}; root {data}; }}
}}''')
"""
POSTGRES_APP = """
import os
import psycopg
from contextlib import suppress
from fastapi import FastAPI
api = FastAPI()
connection = psycopg.connect(os.environ["DSN"], autocommit=True)
app = api
with suppress(ImportError):
    import perfgate_queries
    connection = perfgate_queries.watch_psycopg(connection)
    app = perfgate_queries.asgi(api)
@api.get("/")
async def index():
    (one,) = connection.execute("SELECT 1").fetchone()
    rows = [connection.execute("SELECT %s::int * 2", (n,)).fetchone()[0] for n in range(3)]
    return {"one": one, "rows": rows}
"""
UVICORN = f"{sys.executable} -m uvicorn app:app --port {{port}} --log-level warning"
SERVICES = {
    "uvicorn and Starlette": ({"app.py": STARLETTE}, UVICORN, None, Ready()),
    "gunicorn and Flask": (
        {"app.py": FLASK},
        f"{sys.executable} -m gunicorn --bind 127.0.0.1:{{port}} --workers 2 --threads 2 app:app",
        None,
        Ready(path="/"),
    ),
    "gunicorn and Django": (
        {"site_.py": DJANGO},
        f"{sys.executable} -m gunicorn --bind 127.0.0.1:{{port}} site_",
        None,
        Ready(path="/"),
    ),
    "Node": ({"server.js": NODE}, f"{BIN}/node server.js", None, Ready(line="at your service")),
    "nginx": (
        {"make.py": NGINX},
        "nginx -c {data}/nginx.conf -g 'daemon off;'",
        f"{sys.executable} make.py {{port}} {{data}}",
        Ready(),
    ),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_real_service_is_started_loaded_and_ended(tmp_path: Path, name: str) -> None:
    texts, command, prepare, ready = SERVICES[name]
    if name == "nginx" and shutil.which("nginx") is None:
        pytest.skip("nginx is missing: run .ci/tools")
    write(tmp_path, texts)

    found = measured(tmp_path, None, "good", command=command, prepare=prepare, ready=ready)

    assert found.failures == ({},)
    seen = values(found, 0)
    assert seen["errors"] == 0
    assert 0 < seen["latency.p50"] <= seen["latency.p95"]
    assert 0 < seen["cpu-per-request"] < 1
    assert seen["rss"] > 2**20
    assert not [warning.text for warning in found.warnings if warning.code == "hangs"]


def write(home: Path, texts: dict[str, str]) -> None:
    (home / "side0").mkdir()
    for file, text in texts.items():
        (home / "side0" / file).write_text(text, encoding="utf-8")


def test_queries_to_a_real_postgresql_are_counted(tmp_path: Path, dsn: str) -> None:
    write(tmp_path, {"app.py": POSTGRES_APP})

    found = measured(tmp_path, None, "good", command=UVICORN, environment={"DSN": dsn})

    assert found.failures == ({},)
    seen = values(found, 0)
    assert seen["errors"] == 0
    assert (seen["queries"], seen["queries.repeated"]) == (4, 2)
    (note,) = found.tracks["total"].notes["queries.repeated"]
    assert note.text.startswith("repeated 2 times in one request: SELECT %s::int * 2, from app.py:")
