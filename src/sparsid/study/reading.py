"""Studies read from TOML: presets, files of one's own, and lists of phases given by name."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from sparsid import papers
from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import Table, parse, read_toml
from sparsid.study.tasks.map.spec import MapStudySpec, check_maps
from sparsid.study.tasks.prune.spec import PathStudySpec, check_paths
from sparsid.study.tasks.simulate.spec import StudySpec, check

type AnyStudy = StudySpec | PathStudySpec | MapStudySpec


def read_study(name_or_path: str | Path) -> AnyStudy:
    """The study of a preset's name or a TOML file, whose file names are relative to it.

    Raises SparsidError for an unknown name and for anything wrong in the file, in a sentence.
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
    if not isinstance(study, StudySpec):
        return study
    beside = {
        name: tuple(str(path.parent / file) for file in getattr(study.data, name))
        for name in ("files", "validation_files", "test_files")
    }
    return study.model_copy(update={"data": study.data.model_copy(update=beside)})


def presets() -> dict[str, Any]:
    """Name -> file of the studies that come with the package."""
    return dict(sorted(papers.presets().items()))


def overview() -> dict[str, AnyStudy]:
    """Name -> preset as it is written, to be listed: `read_study` gives it ready to run."""
    return {name: _parsed(_preset_tables(name), name) for name in presets()}


def _preset_tables(name: str) -> dict[str, Any]:
    with resources.as_file(presets()[name]) as path:
        return read_toml(path)


def parse_study(tables: dict[str, Any], source: str) -> AnyStudy:
    """Validates tables, lists of phases given by name put in their place.

    `base` names a preset whose tables stand where these say nothing. Raises SparsidError with one
    sentence for the first thing wrong; `source` begins it.
    """
    study = _parsed(tables, source)
    try:
        CHECKS[type(study)](study)
    except SparsidError as error:
        raise SparsidError(f"{source}: {error}") from None
    return _with_effort(study) if isinstance(study, StudySpec) else study


def _parsed(tables: dict[str, Any], source: str) -> AnyStudy:
    """The study as it is written, each table checked by itself; needs no JAX."""
    own_phases = tables.get("phases", {})
    tables = _on_base(dict(tables), source)
    if tables.get("task") == "prune":
        return parse(PathStudySpec, tables, source)
    if tables.get("task") == "map":
        return parse(MapStudySpec, tables, source)
    phases = tables.pop("phases", {})
    if not isinstance(phases, dict):
        raise SparsidError(
            f"{source}: `phases` holds tables by name ([phases.start]); got {phases!r}."
        )
    given = tables.get("configuration")
    if isinstance(given, list):
        tables["configuration"] = [_spelt_out(table, phases, source) for table in given]
        _check_used(own_phases, given, source)
    return parse(StudySpec, tables, source)


def _check_used(own_phases: dict[str, Any], configurations: list[Any], source: str) -> None:
    """Every list of phases that the file itself names is used; those of its base need not be."""
    used = {
        phase
        for table in configurations
        if isinstance(table, dict) and isinstance(table.get("phases"), list)
        for phase in table["phases"]
        if isinstance(phase, str)
    }
    if idle := [name for name in own_phases if name not in used]:
        raise SparsidError(
            f"{source}: no configuration uses the phases {idle[0]!r}; name them in the `phases` of "
            "one, or leave them out."
        )


def _check_pruning(study: PathStudySpec) -> None:
    check_paths(study)
    if study.training.start != "random":
        raise SparsidError(
            f"[training] of a study of pruning takes no `start` (got {study.training.start!r}); "
            "every [[configuration]] may have its own."
        )


CHECKS: dict[type[Table], Callable[[Any], None]] = {
    StudySpec: check,
    PathStudySpec: _check_pruning,
    MapStudySpec: check_maps,
}


def _on_base(tables: dict[str, Any], source: str) -> dict[str, Any]:
    """The tables over those of the preset that `base` names; within a table, key by key."""
    base = tables.pop("base", None)
    if base is None:
        return tables
    known = presets()
    if not isinstance(base, str):
        raise SparsidError(f"{source}: `base` is the name of one study; got {base!r}.")
    if base not in known:
        raise SparsidError(f"{source}: " + unknown("study", base, known))
    below = _on_base(_preset_tables(base), base)

    def over(name: str, own: Any) -> Any:
        both = isinstance(own, dict) and isinstance(below.get(name), dict)
        return below[name] | own if both else own

    return below | {name: over(name, own) for name, own in tables.items()}


def _with_effort(study: StudySpec) -> StudySpec:
    configurations = tuple(
        c.model_copy(update={"phases": tuple(p.with_effort(study.effort) for p in c.phases)})
        for c in study.configuration
    )
    return study.model_copy(update={"configuration": configurations, "effort": 1.0})


def _spelt_out(table: Any, named_phases: dict[str, Any], source: str) -> Any:
    """A configuration whose phases given by name are written out; what is odd is left as it is."""
    if not isinstance(table, dict) or not isinstance(table.get("phases"), list):
        return table
    phases = []
    for phase in table["phases"]:
        if not isinstance(phase, str):
            phases.append(phase)
        elif phase not in named_phases:
            raise SparsidError(f"{source}: " + unknown("list of phases", phase, named_phases))
        else:
            found = named_phases[phase]
            phases += found if isinstance(found, list) else [found]
    return table | {"phases": phases}
