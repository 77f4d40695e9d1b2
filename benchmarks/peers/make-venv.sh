#!/bin/sh
# Make the peers' own environment: make-venv.sh PYTHON [more words for pip, such as an index].
set -eu
cd "$(dirname "$0")"

python=${1:-python3}
[ $# -eq 0 ] || shift
rm -rf .venv
"$python" -I -m venv .venv
.venv/bin/python -m pip --disable-pip-version-check install --quiet --requirement requirements.txt "$@" ||
    { rm -rf .venv; exit 1; }
