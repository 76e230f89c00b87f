def order(db):
    lines = list(db.execute("SELECT product, amount FROM lines"))
    return [f"{amount} x {name(db, product)}" for product, amount in lines]


def name(db, product):
    return db.execute("SELECT name FROM products WHERE id = ?", (product,)).fetchone()[0]
