"""CSV and Parquet tables: columns chosen by name; a file is one trajectory, or says how many."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sparsid._errors import SparsidError
from sparsid._files import written_whole
from sparsid._registry import unknown
from sparsid._types import Record, Vector
from sparsid.data.blocks import TRAJECTORY, blocks, told
from sparsid.data.dataset import Dataset
from sparsid.data.headings import find, with_unit
from sparsid.data.matching import joined
from sparsid.data.parquet import ParquetTable, write_parquet
from sparsid.data.sampling import check_step, constant_step, in_seconds
from sparsid.data.text import TextTable

if TYPE_CHECKING:
    import pandas as pd

type Table = TextTable | ParquetTable
type Paths = str | Path | Sequence[str | Path]

OPENERS: dict[str, Callable[[Path, Sequence[str] | None], Table]] = {
    ".csv": TextTable.open,
    ".txt": TextTable.open,
    ".dat": TextTable.open,
    ".tsv": TextTable.open,
    ".parquet": ParquetTable.open,
    ".pq": ParquetTable.open,
}


def read_tables(
    paths: Paths,
    *,
    states: Sequence[str] = (),
    outputs: Sequence[str] = (),
    inputs: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    time: str | None = None,
    dt: float | None = None,
) -> Dataset:
    """A dataset from tables, each file a trajectory; columns are named with or without their unit.

    A table with a column `trajectory`, as `write_table` makes it, is cut where its value changes,
    and a note says so; it is an ordinary column where it is chosen as one.
    `columns` names the columns of files that have no header line. `time` is a column of times,
    numbers (in s, unless the heading states another unit) or ISO timestamps, whose steps must be
    constant; without it, `dt` says the sampling time in s. Raises SparsidError for whatever does
    not fit, with file, row and column.
    """
    if dt is not None:
        check_step(dt)
    if dt is None and time is None:
        raise SparsidError(
            "A table needs a sampling time: give `dt` in s (--dt), or name the column of times "
            "with `time` (--time)."
        )
    chosen = {"states": tuple(states), "outputs": tuple(outputs), "inputs": tuple(inputs)}
    _check_chosen(chosen, time)
    datasets: list[Dataset] = []
    for path in as_paths(paths):
        known = datasets[0].dt if datasets else dt
        datasets.append(_read_one(path, chosen, columns, time, known))
    return joined(datasets)


def as_paths(paths: Paths) -> list[Path]:
    """One path or several, as a list. Raises SparsidError for none, or for one that is missing."""
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    if not listed:
        raise SparsidError("There is no data file to read; name at least one.")
    found = [Path(path) for path in listed]
    for path in found:
        if not path.exists():
            raise SparsidError(f"There is no file {path}; check its name and folder.")
        if not path.is_file():
            raise SparsidError(f"{path} is a folder; name the data files in it.")
    return found


def write_table(dataset: Dataset, path: str | Path) -> None:
    """Writes CSV or Parquet, by suffix: trajectory, time, then states, outputs and inputs.

    Headings hold the unit, `name [unit]`. Raises SparsidError if the file cannot be written.
    """
    path = Path(path)
    writers = {".csv": _write_csv, ".parquet": write_parquet}
    if path.suffix.lower() not in writers:
        raise SparsidError(unknown("suffix for a table:", path.suffix, writers))
    with written_whole(path) as part:
        writers[path.suffix.lower()](_as_frame(dataset), part)


def _check_chosen(chosen: dict[str, tuple[str, ...]], time: str | None) -> None:
    if not chosen["states"] and not chosen["outputs"]:
        raise SparsidError(
            "Name the columns to learn, as `states` (--states) or as `outputs` (--outputs); "
            "got neither."
        )
    names = [*(n for kind in chosen.values() for n in kind), *([time] if time is not None else ())]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SparsidError(
                f"A column can be chosen once only, as state, output, input or time; {name!r} is "
                "chosen twice."
            )
        seen.add(name)


def _read_one(
    path: Path,
    chosen: dict[str, tuple[str, ...]],
    columns: Sequence[str] | None,
    time: str | None,
    dt: float | None,
) -> Dataset:
    """One file as a dataset; of one trajectory, unless its column `trajectory` numbers several."""
    if path.suffix.lower() not in OPENERS:
        raise SparsidError(unknown(f"suffix of {path}:", path.suffix, OPENERS))
    table = OPENERS[path.suffix.lower()](path, columns)
    found = {kind: [find(n, table.headings, str(path)) for n in chosen[kind]] for kind in chosen}
    clock = [] if time is None else [find(time, table.headings, str(path))]
    places = [at for kind in found.values() for at, _ in kind] + [at for at, _ in clock]
    _check_once(places, table)
    counter = [at for at, h in enumerate(table.headings) if h.written == TRAJECTORY]
    counter = [at for at in counter if at not in places]
    frame = table.frame([*places, *counter])
    if len(frame) < 2:
        raise SparsidError(f"A trajectory needs at least 2 samples; {path} has {len(frame)}.")
    parts = [slice(0, len(frame))]
    if counter:
        parts = blocks(frame.loc[:, counter[0]], table.place)
    x, y, u = (_numbers(table, frame, [at for at, _ in kind]) for kind in found.values())
    for at, unit in clock:
        dt = _step(table, parts, _times(table, frame.loc[:, at], at, unit), at, dt)
    assert dt is not None
    names = {kind: [table.headings[at].name for at, _ in found[kind]] for kind in found}
    units = {kind: [unit for _, unit in found[kind]] for kind in found}
    return Dataset.from_arrays(
        x=[x[part] for part in parts] if found["states"] else None,
        y=[y[part] for part in parts] if found["outputs"] else None,
        u=[u[part] for part in parts] if found["inputs"] else None,
        dt=dt,
        state_names=names["states"],
        output_names=names["outputs"],
        input_names=names["inputs"],
        state_units=units["states"],
        output_units=units["outputs"],
        input_units=units["inputs"],
        notes=told(path.name, len(parts)),
        attributes={"source": path.name},
    )


def _step(table: Table, parts: list[slice], times: Vector, at: int, dt: float | None) -> float:
    """The sampling time that all parts share. Raises SparsidError where there is none."""
    where = f"The time column {table.headings[at].name} of {table.path}"
    for part in parts:
        dt = constant_step(times[part], where, lambda k, b=part.start: table.place(b + k), dt)
    assert dt is not None
    return dt


def _check_once(places: list[int], table: Table) -> None:
    for at in places:
        if places.count(at) > 1:
            raise SparsidError(
                "A column can be chosen once only, as state, output, input or time; "
                f"{table.headings[at].name!r} is chosen twice."
            )


def _numbers(table: Table, frame: "pd.DataFrame", places: list[int]) -> Record:
    """Columns as float64, all finite. Raises SparsidError naming row and column."""
    record = np.empty((len(frame), len(places)))
    for j, at in enumerate(places):
        record[:, j] = _as_float(frame.loc[:, at], table.decimal_comma)
        if len(bad := np.flatnonzero(~np.isfinite(record[:, j]))):
            raise _not_a_number(table, int(bad[0]), at)
    return record


def _as_float(column: "pd.Series", decimal_comma: bool) -> Vector:
    """NaN where there is no number. A column of text may have either decimal mark, not both."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return np.full(len(column), np.nan)
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    text = column.astype("str").str.strip()
    point = _parsed(text)
    if not decimal_comma:
        return point
    # "1.234,5" and "1.234" are not told apart from 1.234 safely: refused, never guessed.
    swapped = text.str.replace(".", "?", regex=False).str.replace(",", ".", regex=False)
    comma = _parsed(swapped)
    return comma if np.isfinite(comma).sum() > np.isfinite(point).sum() else point


def _parsed(text: "pd.Series") -> Vector:
    import pandas as pd

    return np.asarray(pd.to_numeric(text, errors="coerce"), dtype=np.float64)


def _not_a_number(table: Table, row: int, at: int) -> SparsidError:
    text = table.written(row, at)
    got = f"{text!r} is not a finite number" if text else "a value is missing"
    remedy = "repair or remove those rows"
    if row == 0 and not table.headed:
        remedy = "leave `columns` out if this is the header line"
    name = table.headings[at].name
    return SparsidError(f"Column {name} must hold numbers; {table.place(row)} {got}: {remedy}.")


def _times(table: Table, column: "pd.Series", at: int, unit: str | None) -> Vector:
    """Times in s since the first row. Raises SparsidError for what is neither number nor ISO."""
    import pandas as pd

    where = f"the time column {table.headings[at].name} of {table.path}"
    numbers = _as_float(column, table.decimal_comma)
    if pd.api.types.is_numeric_dtype(column) or np.isfinite(numbers[0]):
        bad = np.flatnonzero(~np.isfinite(numbers))
        moments = numbers * in_seconds(unit, where)
    else:
        stamps = pd.to_datetime(column, format="ISO8601", utc=True, errors="coerce")
        bad = np.flatnonzero(stamps.isna())
        moments = (stamps - stamps.iloc[0]).dt.total_seconds().to_numpy()
    if len(bad):
        got = table.written(int(bad[0]), at)
        raise SparsidError(
            f"{where[0].upper()}{where[1:]} must hold numbers or ISO timestamps "
            f"(2024-05-31T12:00:00); {table.place(int(bad[0]))} it holds {got!r}."
        )
    return moments


def _as_frame(dataset: Dataset) -> "pd.DataFrame":
    import pandas as pd

    lengths = dataset.lengths
    data: dict[str, np.ndarray] = {
        TRAJECTORY: np.repeat(np.arange(len(dataset)), lengths),
        "time [s]": np.concatenate([np.arange(n) for n in lengths]) * dataset.dt,
    }
    for heading, letter, at in _column_order(dataset):
        data[heading] = np.concatenate([getattr(t, letter)[:, at] for t in dataset])
    return pd.DataFrame(data)


def _column_order(dataset: Dataset) -> list[tuple[str, str, int]]:
    """Heading, array and place of each channel; a name in use twice says its kind first."""
    kinds = (("state", "x", dataset.states), ("output", "y", dataset.outputs))
    kinds = (*kinds, ("input", "u", dataset.inputs))
    taken = [TRAJECTORY, "time", *(name for _, _, channels in kinds for name in channels.names)]
    return [
        (with_unit(name if taken.count(name) == 1 else f"{kind} {name}", unit), letter, at)
        for kind, letter, channels in kinds
        for at, (name, unit) in enumerate(zip(channels.names, channels.units, strict=True))
    ]


def _write_csv(frame: "pd.DataFrame", path: Path) -> None:
    frame.to_csv(path, index=False)
