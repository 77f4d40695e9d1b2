"""Reading studies from TOML: presets and user files."""

from importlib import resources
from pathlib import Path
from typing import Any

from sparsid import papers
from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import parse, read_toml
from sparsid.study.task import TASKS, Task

FILES = ("files", "validation_files", "test_files")  # keys of [data]


def read_study(name_or_path: str | Path) -> Any:
    """The study of a preset or a TOML file; file names in it are relative to the file.

    Raises SparsidError for an unknown name or an invalid file.
    """
    known = presets()
    if str(name_or_path) in known:
        return parse_study(_preset_tables(str(name_or_path)), str(name_or_path))
    path = Path(name_or_path)
    if path.suffix.lower() != ".toml" and not path.is_file():
        raise SparsidError(
            unknown("study", str(name_or_path), known) + " A study of your own is a .toml file."
        )
    study = parse_study(read_toml(path), str(path))
    data = getattr(study, "data", None)
    resolved = {
        name: tuple(str(path.parent / file) for file in getattr(data, name))
        for name in FILES
        if getattr(data, name, ())
    }
    if data is None or not resolved:
        return study
    return study.model_copy(update={"data": data.model_copy(update=resolved)})


def presets() -> dict[str, Any]:
    """Name -> file of each study that comes with the package."""
    return dict(sorted(papers.presets().items()))


def overview() -> dict[str, Any]:
    """Name -> preset as written, for listing; `read_study` returns it ready to run."""
    return {name: _parsed(_preset_tables(name), name)[1] for name in presets()}


def _preset_tables(name: str) -> dict[str, Any]:
    with resources.as_file(presets()[name]) as path:
        return read_toml(path)


def parse_study(tables: dict[str, Any], source: str) -> Any:
    """Validates tables; each task has its own specification.

    `base` names a preset whose values are used where these tables set none. Raises SparsidError for
    the first error; the message begins with `source`.
    """
    task, study = _parsed(tables, source)
    try:
        task.check(study)
    except SparsidError as error:
        raise SparsidError(f"{source}: {error}") from None
    return task.ready(study)


def _parsed(own: dict[str, Any], source: str) -> tuple[Task, Any]:
    """The study as written, each table validated on its own; does not need JAX."""
    tables = _on_base(dict(own), source)
    name = tables.get("task", "simulate")
    if name not in TASKS:
        raise SparsidError(f"{source}: " + unknown("task", str(name), TASKS))
    task = TASKS[name]
    return task, parse(task.spec, task.expand(tables, own, source), source)


def _on_base(tables: dict[str, Any], source: str) -> dict[str, Any]:
    """The tables merged with those of the preset `base`, key by key within each table."""
    base = tables.pop("base", None)
    if base is None:
        return tables
    known = presets()
    if not isinstance(base, str):
        raise SparsidError(f"{source}: `base` must be the name of a study; got {base!r}.")
    if base not in known:
        raise SparsidError(f"{source}: " + unknown("study", base, known))
    below = _on_base(_preset_tables(base), base)

    def merged(name: str, own: Any) -> Any:
        both = isinstance(own, dict) and isinstance(below.get(name), dict)
        return below[name] | own if both else own

    return below | {name: merged(name, own) for name, own in tables.items()}
