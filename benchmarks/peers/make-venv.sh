#!/bin/sh
# Make the peers' own environment, with the Python given (default: python3).
set -eu
cd "$(dirname "$0")"

rm -rf .venv
"${1:-python3}" -I -m venv .venv
.venv/bin/python -m pip --disable-pip-version-check install --quiet --requirement requirements.txt
