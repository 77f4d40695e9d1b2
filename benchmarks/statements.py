"""python -m benchmarks.statements [REVISION]: how large the code is, beside an earlier revision.

Statements of src/, a row a package or module. Docstrings, comments, imports and the wrapping of
lines do not count, so that a word of explanation is free.
"""

import ast
import subprocess
import sys
from collections import Counter

from rich.console import Console
from rich.table import Table

ROOT = "src/sparsid/"


def count(source: str) -> int:
    """How many statements `source` holds, without imports and docstrings."""
    return sum(
        isinstance(node, ast.stmt)
        and not isinstance(node, ast.Import | ast.ImportFrom)
        and not (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        for node in ast.walk(ast.parse(source))
    )


def sizes(revision: str) -> Counter[str]:
    """Statements of each package and module directly in src/sparsid, as committed."""
    listed = _git("ls-tree", "-r", "--name-only", revision, ROOT).splitlines()
    found: Counter[str] = Counter()
    for path in listed:
        if path.endswith(".py"):
            part = path.removeprefix(ROOT).split("/")[0]
            found[part] += count(_git("show", f"{revision}:{path}"))
    return found


def _git(*words: str) -> str:
    return subprocess.run(("git", *words), capture_output=True, text=True, check=True).stdout


def main() -> None:
    now = sizes("HEAD")
    before = sizes(sys.argv[1]) if len(sys.argv) > 1 else None
    table = Table("part", "now", *(["before", "change"] if before is not None else []))
    rows = {name: (now[name], (before or now)[name]) for name in sorted(now | (before or now))}
    rows["whole"] = (now.total(), (before or now).total())
    for name, (here, there) in rows.items():
        extra = [str(there), f"{here - there:+d}"] if before is not None else []
        table.add_row(name, str(here), *extra)
    Console().print(table)


if __name__ == "__main__":
    main()
