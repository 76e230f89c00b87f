"""A basket: FastAPI that remembers what was put in."""

import asyncio

from fastapi import FastAPI

PAUSE = 0.0
app = FastAPI()
baskets: dict[str, list[str]] = {}


@app.post("/baskets/{customer}/{product}")
async def put(customer: str, product: str):
    baskets.setdefault(customer, []).append(product)
    return {"size": len(baskets[customer])}


@app.get("/baskets/{customer}")
async def basket(customer: str):
    await asyncio.sleep(PAUSE)
    return {"products": baskets.get(customer, [])[-10:]}
