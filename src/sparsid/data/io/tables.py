"""Tables of every format: columns selected by name; one trajectory per file, or numbered ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._types import Record, Vector
from sparsid.data.dataset import Dataset
from sparsid.data.formats import TABLES, suffix_of
from sparsid.data.io.blocks import TRAJECTORY, blocks, details
from sparsid.data.io.headings import Heading, find
from sparsid.data.kinds import INPUTS, OUTPUTS, STATES, Kind
from sparsid.data.matching import joined
from sparsid.data.sampling import check_step, constant_step, in_seconds

if TYPE_CHECKING:
    import pandas as pd

type Chosen = dict[Kind, tuple[str, ...]]
type Paths = str | Path | Sequence[str | Path]


class Table(Protocol):
    """A table in a file: headings are read when it is opened, columns on request.

    Rows are counted from 0 below the headings, columns by their index among the headings.
    """

    @property
    def path(self) -> Path: ...
    @property
    def headings(self) -> tuple[Heading, ...]: ...

    @property
    def headed(self) -> bool:
        """Whether the file has a header line (else the caller named the columns)."""
        ...

    @property
    def decimal_comma(self) -> bool:
        """Whether the text 1,5 may mean the number 1.5."""
        ...

    def frame(self, at: Sequence[int]) -> "pd.DataFrame":
        """The columns at these indices, labelled by them. Raises SparsidError on failure."""
        ...

    def place(self, row: int) -> str:
        """The position of a row, for messages: "in row 3 of plant.csv"."""
        ...

    def written(self, row: int, column: int) -> str:
        """The text of a cell, for messages; empty if the value is missing."""
        ...


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
    """A dataset from tables, one trajectory per file; columns are named with or without their unit.

    A table with a column `trajectory`, as written by `write_table`, is split where its value
    changes, with a note, unless that column is selected as a channel. `columns` names the columns
    of files without a header line. `time` is a column of times with constant steps: numbers (in s,
    unless the heading states another unit) or ISO timestamps; without it, `dt` is the sampling time
    in s. Raises SparsidError for invalid content, naming file, row and column.
    """
    if dt is not None:
        check_step(dt)
    if dt is None and time is None:
        raise SparsidError(
            "A table needs a sampling time: give `dt` in s (--dt), or name the column of times "
            "with `time` (--time)."
        )
    chosen = {STATES: tuple(states), OUTPUTS: tuple(outputs), INPUTS: tuple(inputs)}
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


def _check_chosen(chosen: Chosen, time: str | None) -> None:
    if not chosen[STATES] and not chosen[OUTPUTS]:
        raise SparsidError(
            "Name the columns to simulate, as `states` (--states) or as `outputs` (--outputs); "
            "got neither."
        )
    names = [*(n for kind in chosen.values() for n in kind), *([time] if time is not None else ())]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SparsidError(
                f"A column can be selected only once, as state, output, input or time; {name!r} is "
                "selected twice."
            )
        seen.add(name)


def _read_one(
    path: Path,
    chosen: Chosen,
    columns: Sequence[str] | None,
    time: str | None,
    dt: float | None,
) -> Dataset:
    """One file as a dataset of one trajectory, or of those in its column `trajectory`."""
    if suffix_of(path) not in TABLES:
        raise SparsidError(unknown(f"suffix of {path}:", path.suffix, TABLES))
    table: Table = TABLES[suffix_of(path)](path, columns)
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
    channels: dict[str, Any] = {}
    for kind, columns_of in found.items():
        numbers = _numbers(table, frame, [at for at, _ in columns_of])
        channels |= kind.keywords(
            [numbers[part] for part in parts] if columns_of else None,
            [table.headings[at].name for at, _ in columns_of],
            [unit for _, unit in columns_of],
        )
    for at, unit in clock:
        dt = _step(table, parts, _times(table, frame.loc[:, at], at, unit), at, dt)
    assert dt is not None
    return Dataset.from_arrays(
        **channels,
        dt=dt,
        notes=details(path.name, len(parts)),
        attributes={"source": path.name},
    )


def _step(table: Table, parts: list[slice], times: Vector, at: int, dt: float | None) -> float:
    """The common sampling time of all parts. Raises SparsidError if they differ."""
    where = f"The time column {table.headings[at].name} of {table.path}"
    for part in parts:
        dt = constant_step(times[part], where, lambda k, b=part.start: table.place(b + k), dt)
    assert dt is not None
    return dt


def _check_once(places: list[int], table: Table) -> None:
    for at in places:
        if places.count(at) > 1:
            raise SparsidError(
                "A column can be selected only once, as state, output, input or time; "
                f"{table.headings[at].name!r} is selected twice."
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
    """NaN where there is no number. A text column has one decimal mark: a point or a comma."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return np.full(len(column), np.nan)
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    text = column.astype("str").str.strip()
    point = _parsed(text)
    if not decimal_comma:
        return point
    # "1.234,5" and "1.234" cannot be told from 1.234 safely: they are rejected, not guessed.
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
    return SparsidError(f"Column {name} must contain numbers; {table.place(row)} {got}: {remedy}.")


def _times(table: Table, column: "pd.Series", at: int, unit: str | None) -> Vector:
    """Times in s since the first row. Raises SparsidError for neither numbers nor ISO times."""
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
            f"{where[0].upper()}{where[1:]} must contain numbers or ISO timestamps "
            f"(2024-05-31T12:00:00); {table.place(int(bad[0]))} it contains {got!r}."
        )
    return moments
