"""A shop's orders: FastAPI over SQLite."""

import os
import sqlite3
from contextlib import closing, suppress

from fastapi import FastAPI

app = FastAPI()


def connect():
    connection = sqlite3.connect(os.environ["DATABASE"])
    with suppress(ImportError):  # there when perfgate measures
        import perfgate_queries

        perfgate_queries.watch_sqlite3(connection)
    return connection


@app.get("/orders/{customer}")
async def orders(customer: int):
    with closing(connect()) as connection:
        rows = connection.execute(
            "SELECT orders.id, products.name FROM orders JOIN products ON products.id = product WHERE customer = ?",
            (customer,),
        )
        return [{"order": number, "product": name} for number, name in rows]


@app.get("/products/{number}")
async def product(number: int):
    with closing(connect()) as connection:
        (name,) = connection.execute("SELECT name FROM products WHERE id = ?", (number,)).fetchone()
        return {"product": name}


with suppress(ImportError):
    import perfgate_queries

    app = perfgate_queries.asgi(app)
