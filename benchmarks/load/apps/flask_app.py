"""Flask: the same."""

import os
import time

from flask import Flask, jsonify
from work import work

WAIT = float(os.environ.get("WAIT", "0"))
app = Flask(__name__)


@app.get("/")
def index():
    if WAIT:
        time.sleep(WAIT)
    return jsonify(value=work())
