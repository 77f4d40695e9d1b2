"""Model files: one ZIP archive with a JSON header and one NumPy array a leaf.

Loading runs no code. The format is described in docs/file-format.md.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Annotated, Any

import equinox as eqx
import jax
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from sparsid._errors import SparsidError
from sparsid._files import written_whole
from sparsid.data import Channels
from sparsid.models.architecture import AbstractArchitecture
from sparsid.models.derivative import DerivativeMLP
from sparsid.models.ensemble import Card, Ensemble, Scaling, Simulator
from sparsid.models.narx import NARX

FORMAT = "sparsid-model"
SCHEMA = 1
EPOCH = (1980, 1, 1, 0, 0, 0)  # no clock in the file: the same model gives the same bytes


class _Named(BaseModel):
    names: tuple[str, ...]
    units: tuple[str | None, ...]

    def model_post_init(self, _context) -> None:
        self.channels()

    def channels(self) -> Channels:
        return Channels(self.names, self.units)


class _Header(BaseModel):
    """The JSON header; unknown keys are let pass, so that notes may be added by others."""

    model_config = ConfigDict(extra="ignore")
    members: PositiveInt
    architecture: Annotated[DerivativeMLP | NARX, Field(discriminator="kind")]
    dt: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    states: _Named
    inputs: _Named
    box: dict[str, list[list[float]]]
    training_data_sha256: str
    training: dict[str, Any]
    versions: dict[str, str]


def save(ensemble: Ensemble, path: str | Path) -> None:
    """Writes `ensemble` to `path`, whole or not at all. Raises SparsidError if it cannot."""
    card = ensemble.card
    header = _Header(
        members=ensemble.size,
        architecture=card.architecture,  # pyright: ignore[reportArgumentType]
        dt=card.dt,
        states=_Named(names=card.states.names, units=card.states.units),
        inputs=_Named(names=card.inputs.names, units=card.inputs.units),
        box={name: rows.tolist() for name, rows in card.box.items()},
        training_data_sha256=card.digest,
        training=card.training,
        versions=card.versions,
    )
    said = {"format": FORMAT, "schema": SCHEMA} | header.model_dump(mode="json")
    with written_whole(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "header.json", json.dumps(said, indent=1).encode())
        for name, array in _named_leaves(ensemble.stacked).items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            _add(archive, f"{name}.npy", buffer.getvalue())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A ZipInfo brings its own compression: the archive's counts for bare names only.
    archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)


def load(path: str | Path) -> Ensemble:
    """The ensemble saved at `path`; loading runs no code.

    Raises SparsidError for a file that is missing, damaged, truncated, not a model file, or of a
    newer schema.
    """
    path = Path(path)
    if not path.is_file():
        raise SparsidError(f"There is no model file {path}; `sparsid fit` writes one.")
    try:
        with zipfile.ZipFile(path) as archive:
            header = _read_header(path, archive.read("header.json"))
            arrays = {
                name.removesuffix(".npy"): np.load(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
                if name.endswith(".npy")
            }
        return _assemble(path, header, arrays)
    except SparsidError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError, NotImplementedError) as e:
        raise SparsidError(
            f"{path} is not a whole sparsid model file ({e}); save it again from its source."
        ) from None
    except Exception as error:  # zlib.error is no ValueError
        raise SparsidError(f"{path} is damaged ({error}); save it again from its source.") from None


def _read_header(path: Path, text: bytes) -> _Header:
    said = json.loads(text)
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise SparsidError(f"{path} is not a sparsid model file; its header says so.")
    schema = said.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise SparsidError(
            f"{path} has schema {schema}, this sparsid reads up to {SCHEMA}: install a newer one."
        )
    try:
        return _Header.model_validate(said)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise SparsidError(
            f"{path} is damaged: its header has no proper `{where}`; save it again from its source."
        ) from None


def _assemble(path: Path, header: _Header, arrays: dict[str, np.ndarray]) -> Ensemble:
    states, inputs = header.states.channels(), header.inputs.channels()
    skeleton = _skeleton(header.architecture, header.members, len(states), len(inputs))
    named = _named_leaves(skeleton)
    wrong = [
        name
        for name, leaf in named.items()
        if name not in arrays
        or arrays[name].shape != leaf.shape
        or not np.issubdtype(arrays[name].dtype, np.floating)
    ]
    if wrong or set(arrays) != set(named):
        odd = (wrong or sorted(set(arrays) ^ set(named)))[0]
        raise SparsidError(
            f"{path} is damaged: the array {odd} does not fit its header; save it again from its "
            "source."
        )
    box = {name: np.array(rows, np.float64) for name, rows in header.box.items()}
    if {name: rows.shape for name, rows in box.items()} != {
        "states": (2, len(states)),
        "inputs": (2, len(inputs)),
    }:
        raise SparsidError(
            f"{path} is damaged: its header has no proper `box`; save it again from its source."
        )
    stacked = jax.tree.unflatten(jax.tree.structure(skeleton), [arrays[name] for name in named])
    card = Card(
        header.architecture,
        header.dt,
        states,
        inputs,
        box,
        header.training_data_sha256,
        header.training,
        header.versions,
    )
    return Ensemble(stacked, header.members, card)


def _skeleton(
    architecture: AbstractArchitecture, members: int, states: int, inputs: int
) -> Simulator:
    """Shapes of a stacked simulator, nothing computed."""

    def one(key):
        return architecture.skeleton(states, inputs, key=key)

    def stack():
        return jax.vmap(one)(jax.random.split(jax.random.key(0), members))

    model = eqx.filter_eval_shape(stack)
    shapes = [np.zeros(states), np.zeros(states), np.zeros(inputs), np.zeros(inputs)]
    return Simulator(model, Scaling(*shapes))


def _named_leaves(tree) -> dict[str, Any]:
    """Leaves by their dotted place in the tree, in the tree's order."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(place, simple=True, separator="."): leaf for place, leaf in leaves}
