#!/bin/sh
# Make a bare .venv from the newest Python that runs, with uv in it where the machine has none.
set -eu

python=$(sh tools/find-python.sh)
rm -rf .venv
if uv --version >/dev/null 2>&1; then
    "$python" -I -m venv --without-pip .venv
else
    "$python" -I -m venv .venv
    .venv/bin/python -m pip --disable-pip-version-check install -qq 'uv>=0.7,<1'
fi
