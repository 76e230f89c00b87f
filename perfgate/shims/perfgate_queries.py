"""Counts the statements that a service sends to its database for each request, and says so in a header of the answer.

A load probe of perfgate puts it on the path of the services that it starts; elsewhere it is not there, or may be
copied. It needs nothing but the standard library of Python 3.8. In the application:

    with contextlib.suppress(ImportError):
        import perfgate_queries

        app = perfgate_queries.asgi(app)    # Starlette, FastAPI, Django's ASGI
        app = perfgate_queries.wsgi(app)    # or, for Flask and Django's WSGI

and one for what it uses (Django's and SQLAlchemy's connections are found by themselves once they are imported):

    perfgate_queries.watch_sqlite3(connection)      # a connection of sqlite3, returned
    perfgate_queries.watch_psycopg(connection)      # a connection of psycopg 3, returned

Without PERFGATE_QUERIES=1 in the environment, which a load probe sets, all of this does nothing.
The header `x-perfgate-queries` holds how many statements there were, how often the most repeated one was repeated, and
where that one came from.
"""

import contextlib
import os
import sys
from collections import Counter
from contextvars import ContextVar
from urllib.parse import quote

HEADER = "x-perfgate-queries"
ON = os.environ.get("PERFGATE_QUERIES") == "1"
LONGEST = 200  # characters of a statement that are told

_seen = ContextVar("perfgate_queries", default=None)
_watched = set()
_open = []  # the ledger of a benchmark, which counts for all of its threads


class Ledger:
    """The statements of one request: (statement, caller) to how often."""

    def __init__(self):
        self.counts = Counter()

    def summary(self):
        """Return how many statements there were, how often one was repeated, and that one with where it came from."""
        total = sum(self.counts.values())
        if not total:
            return 0, 0, ""
        (statement, caller), most = self.counts.most_common(1)[0]
        return total, most - 1, "%s, from %s" % (" ".join(statement.split())[:LONGEST], caller)

    def header(self):
        """Return what is told of it."""
        total, repeated, words = self.summary()
        return "%d;%d;%s" % (total, repeated, quote(words, safe=" ,:()*=.<>'\"/")) if total else "0;0"


def note(statement):
    """Count one statement for the request that is being answered, if any."""
    ledger = _seen.get() or (_open[0] if _open else None)
    if ledger is not None:
        ledger.counts[str(statement), caller(sys._getframe(1))] += 1


def asgi(app):
    """Return an ASGI application that counts."""
    if not ON:
        return app
    _find()

    async def counting(scope, receive, send):
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        ledger = Ledger()
        token = _seen.set(ledger)

        async def tell(message):
            if message["type"] == "http.response.start":
                told = (HEADER.encode(), ledger.header().encode("latin-1"))
                message = dict(message, headers=[*message.get("headers", ()), told])
            await send(message)

        try:
            await app(scope, receive, tell)
        finally:
            _seen.reset(token)

    return counting


def wsgi(app):
    """Return a WSGI application that counts."""
    if not ON:
        return app
    _find()

    def counting(environ, start_response):
        ledger = Ledger()
        token = _seen.set(ledger)

        def tell(status, headers, *rest):
            return start_response(status, [*headers, (HEADER, ledger.header())], *rest)

        try:
            return app(environ, tell)
        finally:
            _seen.reset(token)

    return counting


def watch_sqlite3(connection):
    """Count what a connection of sqlite3 executes; return the connection."""
    if ON:
        # Statements that sqlite3 adds by itself are not the application's.
        connection.set_trace_callback(lambda sql: sql.startswith(("BEGIN", "COMMIT")) or note(sql_shape(sql)))
    return connection


def watch_psycopg(connection):
    """Count what cursors of a psycopg 3 connection execute, blocking or not; return the connection."""
    if not ON:
        return connection
    plain = connection.cursor_factory

    class Counting(plain):
        def execute(self, query, *args, **kwargs):
            note(query)
            return super().execute(query, *args, **kwargs)

    connection.cursor_factory = Counting
    return connection


@contextlib.contextmanager
def counting(ledger):
    """Count what is executed meanwhile, in any thread."""
    _find()
    _find_psycopg()
    _open.append(ledger)
    try:
        yield
    finally:
        _open.clear()


def watch_all():
    """Watch every connection of sqlite3 from here on: existing ones cannot be watched."""
    import sqlite3

    plain = sqlite3.connect

    def connect(*args, **kwargs):
        connection = plain(*args, **kwargs)
        connection.set_trace_callback(_note_sqlite3)
        return connection

    sqlite3.connect = sqlite3.dbapi2.connect = connect


def _note_sqlite3(sql):
    if not sql.startswith(("BEGIN", "COMMIT", "ROLLBACK")) and not _from_above():
        note(sql_shape(sql))


def _find_psycopg():
    """Watch what cursors of psycopg 3 execute."""
    if "psycopg" not in sys.modules or "psycopg" in _watched:
        return
    import psycopg

    _watched.add("psycopg")

    def watched(plain):
        def execute(self, query, *args, **kwargs):
            if not _from_above():
                note(query)
            return plain(self, query, *args, **kwargs)

        return execute

    cursors = (psycopg.Cursor, psycopg.AsyncCursor, psycopg.ServerCursor, psycopg.AsyncServerCursor)
    for cursor in cursors:
        for name in ("execute", "executemany", "stream"):
            if name in vars(cursor):  # what is inherited is watched where it is defined
                setattr(cursor, name, watched(vars(cursor)[name]))


def _from_above():
    """Return whether SQLAlchemy or Django executes this, which count for themselves."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(("sqlalchemy.", "django.db.")):
            return True
        frame = frame.f_back
    return False


def sql_shape(sql):
    """Return a statement with its literals as `?`: sqlite3 tells them filled in."""
    out, place = [], 0
    while place < len(sql):
        char = sql[place]
        end = place + 1
        if char == "'":
            while end < len(sql) and (sql[end] != "'" or sql[end : end + 2] == "''"):
                end += 2 if sql[end : end + 2] == "''" else 1
            end += 1
            out.append("?")
        elif char.isdigit() and not (place and (sql[place - 1].isalnum() or sql[place - 1] in '_"')):
            while end < len(sql) and (sql[end].isalnum() or sql[end] == "."):
                end += 1
            out.append("?")
        else:
            out.append(char)
        place = end
    return "".join(out)


def _find():
    """Watch what has been imported and can be watched as a whole."""
    if "sqlalchemy" in sys.modules and "sqlalchemy" not in _watched:
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        _watched.add("sqlalchemy")
        event.listen(Engine, "before_cursor_execute", lambda c, cursor, statement, *rest: note(statement))
    if "django" in sys.modules and "django" not in _watched:
        from django.db.backends.signals import connection_created

        _watched.add("django")
        connection_created.connect(_wrap_django, weak=False)
        from django.db import connections

        for connection in connections.all(initialized_only=True):
            _wrap_django(connection=connection)


def _wrap_django(connection, **kwargs):
    """Watch a connection of Django, once: it keeps its wrappers when it connects anew."""
    if _counting not in connection.execute_wrappers:
        connection.execute_wrappers.append(_counting)


def _counting(execute, sql, params, many, context):
    note(sql)
    return execute(sql, params, many, context)


_HERE = os.path.abspath(__file__)
_FOREIGN = ("site-packages", "dist-packages", os.path.dirname(os.__file__))


def caller(frame, own=_HERE):
    """Return file, line and function of the innermost frame from `frame` on that is the application's own.

    Nothing below the path `own` is.
    """
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((own, "<")) and not any(part in path for part in _FOREIGN):
            return "%s:%d in %s" % (os.path.relpath(path), frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back
    return "somewhere"
