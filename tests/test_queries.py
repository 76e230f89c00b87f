"""The counting of queries in real applications: the shim is imported by them, not by perfgate."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

SHIMS = str(files("perfgate") / "shims")

ASGI = """
import asyncio
async def ask(app, path="/"):
    told = []
    async def receive():
        return {"type": "http.request", "body": b""}
    async def send(message):
        told.append(message)
    await app({"type": "http", "path": path, "method": "GET", "headers": [], "query_string": b""}, receive, send)
    return dict(told[0]["headers"]).get(b"x-perfgate-queries", b"none").decode()
"""
SQLITE = """
import sqlite3
import perfgate_queries
connection = perfgate_queries.watch_sqlite3(sqlite3.connect(":memory:"))
connection.execute("CREATE TABLE t (a INTEGER, b TEXT)")
async def app(scope, receive, send):
    connection.execute("INSERT INTO t VALUES (1, 'it''s 5')")
    for number in range(4):
        connection.execute("SELECT b FROM t WHERE a = ?", (number,)).fetchall()
    await send({"type": "http.response.start", "status": 200, "headers": []})
app = perfgate_queries.asgi(app)
print(asyncio.run(ask(app)))
"""
SQLALCHEMY = """
import sqlalchemy
import perfgate_queries
engine = sqlalchemy.create_engine("sqlite://")
async def app(scope, receive, send):
    with engine.connect() as connection:
        for number in range(3):
            connection.execute(sqlalchemy.text("SELECT :n"), {"n": number})
    await send({"type": "http.response.start", "status": 200, "headers": []})
app = perfgate_queries.asgi(app)
print(asyncio.run(ask(app)))
print(asyncio.run(ask(app)))
"""
DJANGO = """
import django
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}},
                   ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
django.setup()
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponse
from django.urls import path
import perfgate_queries
def view(request):
    with connection.cursor() as cursor:
        for number in range(5):
            cursor.execute("SELECT %s", [number])
    return HttpResponse("ok")
urlpatterns = [path("", view)]
app = perfgate_queries.wsgi(get_wsgi_application())
import io
def ask():
    found = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "x", "SERVER_PORT": "1",
               "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http"}
    list(app(environ, lambda status, headers, *rest: found.extend(headers)))
    return dict(found).get("x-perfgate-queries", "none")
from django.core.signals import request_finished
print(ask())
request_finished.send(sender=None)  # closes the connection, as CONN_MAX_AGE says; the next request opens it again
print(ask())
"""
PSYCOPG = """
import perfgate_queries
class Cursor:
    def execute(self, query, *args):
        return query
class Connection:  # as psycopg's, whose cursors come from this attribute
    cursor_factory = Cursor
connection = perfgate_queries.watch_psycopg(Connection())
async def app(scope, receive, send):
    for number in range(2):
        assert connection.cursor_factory().execute("SELECT %s", number) == "SELECT %s"
    await send({"type": "http.response.start", "status": 200, "headers": []})
app = perfgate_queries.asgi(app)
print(asyncio.run(ask(app)))
"""


def run(tmp_path: Path, code: str, **environ: str) -> list[str]:
    (tmp_path / "service.py").write_text(ASGI + code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "service.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": SHIMS, "PERFGATE_QUERIES": "1", **environ},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (SQLITE, ["5;3;SELECT b FROM t WHERE a = %3F, from service.py:19 in app"]),
        (SQLALCHEMY, ["3;2;SELECT %3F, from service.py:18 in app"] * 2),
        (DJANGO, ["5;4;SELECT %25s, from service.py:25 in view"] * 2),
        (PSYCOPG, ["2;1;SELECT %25s, from service.py:21 in app"]),
    ],
    ids=["sqlite3", "sqlalchemy", "django", "psycopg"],
)
def test_statements_are_counted_with_the_line_that_repeats_one(tmp_path: Path, code: str, told: list[str]) -> None:
    assert run(tmp_path, code) == told


def test_without_a_probe_nothing_is_counted_and_nothing_told(tmp_path: Path) -> None:
    assert run(tmp_path, SQLITE, PERFGATE_QUERIES="") == ["none"]
    assert run(tmp_path, PSYCOPG, PERFGATE_QUERIES="") == ["none"]


def test_a_request_without_statements_says_so_and_what_is_no_request_passes(tmp_path: Path) -> None:
    code = """
import perfgate_queries
async def app(scope, receive, send):
    perfgate_queries
    await send({"type": "http.response.start", "status": 200, "headers": []})
counting = perfgate_queries.asgi(app)
print(asyncio.run(ask(counting)))
async def life():
    told = []
    async def send(message):
        told.append(message)
    await counting({"type": "lifespan"}, None, send)
    return told[0]["headers"]
print(asyncio.run(life()))
perfgate_queries.note("SELECT 1")
"""
    assert run(tmp_path, code) == ["0;0", "[]"]


@pytest.mark.parametrize(
    ("sql", "shape"),
    [
        ("SELECT * FROM t1 WHERE a = 12 AND b = 'x'", "SELECT * FROM t1 WHERE a = ? AND b = ?"),
        ("VALUES (1.5, 'it''s', 0x1F)", "VALUES (?, ?, ?)"),
        ('SELECT a2, "3d" FROM x_9', 'SELECT a2, "3d" FROM x_9'),
        ("SELECT 'open", "SELECT ?"),
    ],
)
def test_literals_do_not_make_a_statement_another_one(tmp_path: Path, sql: str, shape: str) -> None:
    assert run(tmp_path, f"import perfgate_queries\nprint(perfgate_queries.sql_shape({sql!r}))\n") == [shape]
