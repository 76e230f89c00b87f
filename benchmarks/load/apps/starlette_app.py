"""Starlette: a request does some work, and waits if it is told to."""

import asyncio
import os

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from work import work

WAIT = float(os.environ.get("WAIT", "0"))


async def index(request):
    if WAIT:
        await asyncio.sleep(WAIT)
    return JSONResponse({"value": work()})


app = Starlette(routes=[Route("/", index)])
