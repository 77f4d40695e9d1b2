#!/bin/sh
# Print the path of the newest Python from 3.12 to 3.14 that really runs, or say what is missing.
# Every candidate is run, for a name on PATH may be a shim that only fails. The upper bound is the
# newest Python whose wheels were checked for everything in constraints.txt.
set -u

# Without uv, pip has to come from ensurepip, which some systems leave out.
module=ensurepip
uv --version >/dev/null 2>&1 && module=venv

probe='
import sys, sysconfig
version = "%d.%d.%d" % sys.version_info[:3]
fits = (
    (3, 12) <= sys.version_info[:2] <= (3, 14)
    and sys.version_info.releaselevel == "final"
    and sys.implementation.name == "cpython"
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
)
try:
    __import__(sys.argv[1])
except ImportError:
    fits, version = False, version + " without " + sys.argv[1]
print(sys.hexversion if fits else 0)
print(version)
print(getattr(sys, "_base_executable", sys.executable))
'

best=0 found='' tried=''
for candidate in python3.14 python3.13 python3.12 python3 python \
    "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv/python}"/*/bin/python3 \
    "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/*/bin/python; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    answer=$("$candidate" -I -c "$probe" "$module" 2>/dev/null </dev/null) || answer=''
    { read -r rank; read -r version; read -r path; } <<ANSWER
${answer:-0
does not run
}
ANSWER
    tried="$tried, $candidate ($version)"
    if [ "$rank" -gt "$best" ]; then
        best=$rank found=$path
    fi
done

if [ -z "$found" ]; then
    tried=${tried#, }
    echo "sparsid needs a Python from 3.12 to 3.14 that runs, and none was found among those on" \
        "PATH, uv's and pyenv's (${tried:-there are none}); install one, for example with" \
        "'uv python install 3.13' or 'pyenv install 3.13', and run make again." >&2
    exit 1
fi
echo "$found"
