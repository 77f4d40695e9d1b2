"""Recorded or simulated trajectories in physical units."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self, overload

import numpy as np

from sparsid._errors import SparsidError
from sparsid._types import Batch, Record
from sparsid.data.formats import READERS, write_as
from sparsid.data.kinds import INPUTS, KINDS, OUTPUTS, STATES, Kind


@dataclass(frozen=True)
class Channels:
    """Names and units of the columns of one array; a unit of None is not known."""

    names: tuple[str, ...] = ()
    units: tuple[str | None, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        units = tuple(self.units) or (None,) * len(self.names)
        object.__setattr__(self, "units", units)
        if len(units) != len(self.names):
            raise SparsidError(
                f"Every channel needs one unit: {len(self.names)} names, got {len(units)} units."
            )
        twice = sorted(name for name, count in Counter(self.names).items() if count > 1)
        if twice:
            raise SparsidError(f"Channel names must be unique; got {', '.join(twice)} twice.")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, names: Sequence[str], what: str) -> list[int]:
        """Indices of the given names; raises SparsidError naming the missing ones."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise SparsidError(
                f"The data has no {what} {', '.join(missing)}; "
                f"it has {', '.join(self.names) or 'none'}."
            )
        return [self.names.index(name) for name in names]

    def pick(self, at: Sequence[int]) -> "Channels":
        """The channels at these indices, in this order."""
        return Channels(tuple(self.names[i] for i in at), tuple(self.units[i] for i in at))


NONE = Channels()


@dataclass(frozen=True)
class Trajectory:
    """One record: row k holds the state x_k, the output y_k and the input u_k held from k to k+1.

    Arrays are float64, (samples, channels), with zero columns if there are none; `dt` is in s.
    """

    x: Record
    y: Record
    u: Record
    dt: float

    @property
    def samples(self) -> int:
        return len(self.x)

    def values(self, kind: Kind) -> Record:
        """The array of this kind of channels: x, y or u."""
        return getattr(self, kind.letter)

    def part(self, start: int, stop: int) -> "Trajectory":
        """Samples start..stop-1 as a new trajectory."""
        return Trajectory(self.x[start:stop], self.y[start:stop], self.u[start:stop], self.dt)


@dataclass(frozen=True)
class Dataset:
    """Trajectories of one plant with common channels and sampling time; lengths may differ.

    `dataset[i]` is a Trajectory, `dataset[a:b]` a Dataset. `dt` is in s. `notes` holds warnings for
    the user, such as a trajectory that became NaN or infinite; `attributes` holds free text that is
    stored in the file (process, seed, source).
    """

    trajectories: tuple[Trajectory, ...]
    dt: float
    states: Channels = NONE
    outputs: Channels = NONE
    inputs: Channels = NONE
    notes: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_arrays(
        cls,
        x=None,
        y=None,
        u=None,
        *,
        dt: float,
        state_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        input_names: Sequence[str] | None = None,
        state_units: Sequence[str | None] | None = None,
        output_units: Sequence[str | None] | None = None,
        input_units: Sequence[str | None] | None = None,
        notes: Sequence[str] = (),
        attributes: dict[str, str] | None = None,
    ) -> Self:
        """A dataset from states `x`, outputs `y` and inputs `u`; x or y is required.

        Each is a 3-D array (trajectory, time, channel) or a list of 2-D ones (time, channel).
        Names default to x1.., y1.., u1... Raises SparsidError for lengths that differ, values
        that are not finite, fewer than two samples, or dt <= 0.
        """
        if x is None and y is None:
            raise SparsidError("A dataset needs states (x) or outputs (y); got neither.")
        if not (np.isscalar(dt) and np.isfinite(dt) and dt > 0):
            raise SparsidError(f"The sampling time `dt` must be a positive number of s; got {dt}.")
        given = {
            STATES: (x, state_names, state_units),
            OUTPUTS: (y, output_names, output_units),
            INPUTS: (u, input_names, input_units),
        }
        parts = {kind: _records(array, kind.letter) for kind, (array, _, _) in given.items()}
        observed = parts[STATES] or parts[OUTPUTS]
        for kind, records in parts.items():
            if records and len(records) != len(observed):
                raise SparsidError(
                    f"Every array needs the same number of trajectories: `{kind.letter}` has "
                    f"{len(records)}, the others {len(observed)}."
                )
        filled = {
            kind: records or [np.zeros((len(record), 0)) for record in observed]
            for kind, records in parts.items()
        }
        trajectories = []
        for i, length in enumerate(map(len, observed)):
            rows = {kind: len(records[i]) for kind, records in filled.items()}
            if len(set(rows.values())) > 1:
                content = ", ".join(f"`{k.letter}` {n}" for k, n in rows.items() if parts[k])
                raise SparsidError(
                    f"The arrays of trajectory {i} must have equal lengths; got {content}."
                )
            if length < 2:
                raise SparsidError(
                    f"A trajectory needs at least 2 samples; trajectory {i} has {length}."
                )
            trajectories.append(Trajectory(*(filled[kind][i] for kind in KINDS), dt=float(dt)))
        channels = {
            kind.plural: _channels(kind.letter, filled[kind][0].shape[1], names, units)
            for kind, (_, names, units) in given.items()
        }
        return cls(
            tuple(trajectories),
            float(dt),
            **channels,
            notes=tuple(notes),
            attributes=dict(attributes or {}),
        )

    def __len__(self) -> int:
        return len(self.trajectories)

    def __iter__(self) -> Iterator[Trajectory]:
        return iter(self.trajectories)

    @overload
    def __getitem__(self, at: int) -> Trajectory: ...
    @overload
    def __getitem__(self, at: slice) -> "Dataset": ...
    def __getitem__(self, at):
        if isinstance(at, slice):
            return replace(self, trajectories=self.trajectories[at])
        return self.trajectories[at]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Samples of each trajectory."""
        return tuple(trajectory.samples for trajectory in self)

    @property
    def samples(self) -> int:
        """Samples of all trajectories together."""
        return sum(self.lengths)

    def channels(self, kind: Kind) -> Channels:
        """Names and units of this kind of channels."""
        return getattr(self, kind.plural)

    def padded(self) -> tuple[Batch, Batch, Batch]:
        """x, y, u as (trajectory, time, channel), shorter ones padded with their last row."""
        longest = max(self.lengths)

        def stack(records):
            return np.stack(
                [np.pad(r, ((0, longest - len(r)), (0, 0)), mode="edge") for r in records]
            )

        x, y, u = (stack([t.values(kind) for t in self]) for kind in KINDS)
        return x, y, u

    def split_at(self, share: float) -> tuple["Dataset", "Dataset"]:
        """The first `share` of every trajectory's time, and the rest.

        Raises SparsidError if a part would have fewer than two samples.
        """
        cuts = [round(share * length) for length in self.lengths]
        if any(cut < 2 or length - cut < 2 for cut, length in zip(cuts, self.lengths, strict=True)):
            raise SparsidError(
                f"Splitting at {share:g} must leave at least 2 samples in both parts; the shortest "
                f"trajectory has {min(self.lengths)}."
            )
        parts = list(zip(self, cuts, strict=True))
        early = tuple(t.part(0, cut) for t, cut in parts)
        late = tuple(t.part(cut, t.samples) for t, cut in parts)
        return replace(self, trajectories=early), replace(self, trajectories=late)

    def split(
        self, *parts: int | float, rng: np.random.Generator | None = None
    ) -> tuple["Dataset", ...]:
        """Splits by trajectory: counts (ints) that add up to all, or shares that add up to 1.

        The order is kept unless `rng` is given, which shuffles first. Raises SparsidError for parts
        that do not add up or would be empty.
        """
        counted = all(isinstance(part, int | np.integer) for part in parts)
        whole = len(self) if counted else 1.0
        if not parts or min(parts) <= 0 or abs(sum(parts) - whole) > 1e-9:
            raise SparsidError(
                f"Parts must be positive and either counts that add up to {len(self)} trajectories "
                f"or shares that add up to 1; got {', '.join(map(str, parts)) or 'none'}."
            )
        ends = [round(float(end) * len(self) / whole) for end in np.cumsum(parts)]
        starts = [0, *ends[:-1]]
        if any(start == end for start, end in zip(starts, ends, strict=True)):
            raise SparsidError(
                "Every part needs at least one trajectory; shares "
                f"{', '.join(f'{p:g}' for p in parts)} of {len(self)} leave one empty."
            )
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        groups = [order[start:end] for start, end in zip(starts, ends, strict=True)]
        return tuple(
            replace(self, trajectories=tuple(self.trajectories[i] for i in part)) for part in groups
        )

    def select(
        self,
        *,
        states: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None,
        inputs: Sequence[str] | None = None,
    ) -> "Dataset":
        """The named channels only, in the order given; None keeps all.

        Raises SparsidError naming a channel that is missing.
        """
        wanted = {STATES: states, OUTPUTS: outputs, INPUTS: inputs}
        at = {kind: self._indices(kind, names) for kind, names in wanted.items()}
        trajectories = tuple(
            Trajectory(*(t.values(kind)[:, at[kind]] for kind in KINDS), dt=t.dt) for t in self
        )
        channels = {kind.plural: self.channels(kind).pick(at[kind]) for kind in KINDS}
        return replace(self, trajectories=trajectories, **channels)

    def _indices(self, kind: Kind, names: Sequence[str] | None) -> list[int]:
        channels = self.channels(kind)
        if names is None:
            return list(range(len(channels)))
        return channels.index(names, kind.singular)

    def outputs_as_states(self) -> "Dataset":
        """The outputs as states, for models that simulate outputs.

        Raises SparsidError if there are no outputs.
        """
        if not len(self.outputs):
            raise SparsidError("The data has no outputs to simulate; name its output columns.")
        trajectories = tuple(Trajectory(t.y, t.y[:, :0], t.u, t.dt) for t in self)
        return replace(self, trajectories=trajectories, states=self.outputs, outputs=NONE)

    def constant_inputs(self) -> tuple[str, ...]:
        """Names of the inputs that are constant over all trajectories."""
        rows = np.concatenate([t.u for t in self])
        constant = np.ptp(rows, axis=0) == 0 if rows.size else np.zeros(len(self.inputs), bool)
        return tuple(np.array(self.inputs.names, dtype=object)[constant])

    def constant_states(self) -> tuple[str, ...]:
        """Names of the states that are constant over all trajectories."""
        constant = np.ptp(np.concatenate([t.x for t in self]), axis=0) == 0
        return tuple(np.array(self.states.names, dtype=object)[constant])

    def digest(self) -> str:
        """SHA-256 of values, names, units and sampling time; identifies a model's training data."""
        sha = hashlib.sha256()
        channels = [self.channels(kind) for kind in KINDS]
        content = (self.dt, *((c.names, c.units) for c in channels))
        sha.update(repr(content).encode())
        for trajectory in self:
            for array in map(trajectory.values, KINDS):
                sha.update(repr(array.shape).encode())
                sha.update(np.ascontiguousarray(array, "<f8").tobytes())
        return sha.hexdigest()

    def to_netcdf(self, path: str | Path) -> None:
        """Writes a NetCDF file (docs/file-format.md). Raises SparsidError on failure."""
        write_as(".nc", self, path)

    @classmethod
    def from_netcdf(cls, path: str | Path) -> "Dataset":
        """Reads a file by `to_netcdf` or of the same layout. Raises SparsidError on failure."""
        return READERS[".nc"](Path(path))


def _records(given, name: str) -> list[Record]:
    """One float64 (time, channel) array per trajectory; checked to be finite."""
    if given is None:
        return []
    records = []
    for i, record in enumerate(given):
        try:
            array = np.array(record, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise SparsidError(
                f"`{name}` must contain numbers only; trajectory {i} does not ({error})."
            ) from None
        if array.ndim != 2:
            raise SparsidError(
                f"`{name}` must be a 3-D array (trajectory, time, channel) or a list of 2-D ones; "
                f"got {array.ndim} dimensions for trajectory {i}."
            )
        array.setflags(write=False)
        records.append(array)
    if not records:
        raise SparsidError(f"`{name}` must contain at least one trajectory; got none.")
    if len({record.shape[1] for record in records}) > 1:
        got = sorted({record.shape[1] for record in records})
        raise SparsidError(
            f"Trajectories of `{name}` must have the same number of channels; got {got}."
        )
    for i, record in enumerate(records):
        bad = np.argwhere(~np.isfinite(record))
        if len(bad):
            row, column = bad[0]
            raise SparsidError(
                f"`{name}` must be finite; trajectory {i} has {record[row, column]} at row {row}, "
                f"channel {column}: remove or repair those rows."
            )
    return records


def _channels(letter: str, width: int, names, units) -> Channels:
    names = tuple(names) if names is not None else tuple(f"{letter}{i + 1}" for i in range(width))
    if len(names) != width:
        raise SparsidError(f"`{letter}` has {width} channels and needs as many names; got {names}.")
    return Channels(names, tuple(units) if units is not None else ())
