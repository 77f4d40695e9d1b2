"""The README's Python quick start runs as it stands, and its file for `sparsid fit` is valid."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from sparsid._tables import parse
from sparsid.identify import FitSpec

README = Path(__file__).parents[2] / "README.md"


def test_the_quick_start_runs(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "duffing.sparsid").is_file()
    assert len(done.stdout.strip().splitlines()) == 2


def test_the_file_for_fit_is_valid():
    (content,) = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    spec = parse(FitSpec, tomllib.loads(content), "README.md")
    assert [phase.epochs for phase in spec.phase] == [60, 40]
