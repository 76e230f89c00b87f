#!/usr/bin/env bash
# Puts perfgate into an environment of its own: nothing of the job's is changed, and the locked files are what was tested.
set -euo pipefail

venv="$RUNNER_TEMP/perfgate"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

if [ ! -e "$venv/ready" ]; then
  found=
  for python in ${PERFGATE_ACTION_PYTHON:+"$PERFGATE_ACTION_PYTHON"} python3 python python3.13 python3.12 python3.11; do
    if "$python" -I -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      found="$python"
      break
    fi
  done
  if [ -z "$found" ]; then
    echo "::error title=perfgate::perfgate needs Python 3.11 or later, and this runner has none. Before it, add:%0A  - uses: actions/setup-python@v6%0A    with:%0A      python-version: \"3.13\""
    exit 2
  fi
  "$found" -I -m venv --clear "$venv"
  pip=("$venv/bin/python" -I -m pip --disable-pip-version-check --no-input --quiet install --no-deps)
  "${pip[@]}" --require-hashes --only-binary :all: -r "$here/action/requirements.txt"
  "${pip[@]}" --no-build-isolation "$here"
  touch "$venv/ready"
fi
echo "venv=$venv" >> "$GITHUB_OUTPUT"
