"""Phases of a study of simulators: lists given by name, and the effort."""

from typing import Any

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.study.tasks.simulate.spec import StudySpec


def expand(tables: dict[str, Any], own: dict[str, Any], source: str) -> dict[str, Any]:
    """The tables with named lists of phases replaced by the phases.

    Raises SparsidError for an unknown name, and for a list of the file's own that is not used.
    """
    tables = dict(tables)
    phases = tables.pop("phases", {})
    if not isinstance(phases, dict):
        raise SparsidError(
            f"{source}: `phases` holds tables by name ([phases.start]); got {phases!r}."
        )
    given = tables.get("configuration")
    if isinstance(given, list):
        tables["configuration"] = [_with_phases(table, phases, source) for table in given]
        _check_used(own.get("phases", {}), given, source)
    return tables


def _check_used(own_phases: dict[str, Any], configurations: list[Any], source: str) -> None:
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


def _with_phases(table: Any, named_phases: dict[str, Any], source: str) -> Any:
    """A configuration with its named phases written out; an invalid one is left unchanged."""
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


def with_effort(study: StudySpec) -> StudySpec:
    """The study with its effort applied to the phases."""
    configurations = tuple(
        c.model_copy(update={"phases": tuple(p.with_effort(study.effort) for p in c.phases)})
        for c in study.configuration
    )
    return study.model_copy(update={"configuration": configurations, "effort": 1.0})
