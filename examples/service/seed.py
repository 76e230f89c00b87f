"""Fills a fresh database: 200 customers with ten orders each, the same every time."""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1])
connection.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT)")
connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, product INTEGER)")
connection.execute("CREATE INDEX customers ON orders (customer)")
connection.executemany("INSERT INTO products VALUES (?, ?)", [(i, f"product {i}") for i in range(500)])
connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(i, i % 200, 7 * i % 500) for i in range(2000)])
connection.commit()
