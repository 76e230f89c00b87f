import sqlite3

db = sqlite3.connect(":memory:")
db.executescript(
    """
    CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE lines (product INTEGER, amount INTEGER);
    """
)
db.executemany("INSERT INTO products VALUES (?, ?)", [(i, f"product {i}") for i in range(10)])
db.executemany("INSERT INTO lines VALUES (?, 1)", [(i,) for i in range(10)])


def order():
    query = "SELECT name, amount FROM lines JOIN products ON products.id = lines.product"
    return [f"{amount} x {name}" for name, amount in db.execute(query)]
