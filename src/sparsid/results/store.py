"""The folder of a study: its specification, one JSON file per row, and models."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sparsid._errors import SparsidError
from sparsid._files import atomic_write, make_folder, remove_orphans
from sparsid.results.row import NewerSchema, Row

FORMAT = "sparsid-study"
SCHEMA = 1


@dataclass(frozen=True)
class ResultStore:
    """Rows under `folder/rows`, models under `folder/models`, the study in `folder/study.json`.

    `folder/unfinished` holds checkpoints. Files are written atomically, so that every existing row
    is complete; resuming runs the cells without a row. Reading runs no code.
    """

    folder: Path

    @classmethod
    def begin(cls, folder: str | Path, name: str, study: Mapping[str, Any]) -> "ResultStore":
        """Prepares the folder for the study `name` and stores `study` (JSON) in it.

        Several runs may share the folder, also on different hosts: of two specifications of one
        name the last one is kept, and all rows are kept. Part files of ended processes are removed.
        Raises SparsidError if the folder belongs to another study or cannot be created.
        """
        store = cls(Path(folder))
        if (store.folder / "study.json").exists() and (other := store.study()["name"]) != name:
            raise SparsidError(
                f"{folder} holds the study {other!r}, not {name!r}; choose another folder with "
                "--out."
            )
        places = store.rows_folder, store.models_folder, store.unfinished_folder
        for place in places:
            make_folder(place)
        for place in (store.folder, *places):
            remove_orphans(place)
        content = {"format": FORMAT, "schema": SCHEMA, "name": name} | dict(study)
        with atomic_write(store.folder / "study.json") as part:
            part.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return store

    @classmethod
    def open(cls, folder: str | Path) -> "ResultStore":
        """The store in an existing folder. Raises SparsidError if there is none."""
        store = cls(Path(folder))
        store.study()
        return store

    @property
    def rows_folder(self) -> Path:
        return self.folder / "rows"

    @property
    def models_folder(self) -> Path:
        return self.folder / "models"

    @property
    def unfinished_folder(self) -> Path:
        return self.folder / "unfinished"

    def model_path(self, key: str) -> Path:
        """The file of the model of the cell `key`."""
        return self.models_folder / f"{key}.sparsid"

    def study(self) -> dict[str, Any]:
        """The contents of study.json. Raises SparsidError for a missing or damaged file."""
        path = self.folder / "study.json"
        if not path.is_file():
            raise SparsidError(
                f"{self.folder} holds no study; `sparsid study run NAME --out {self.folder}` "
                "makes one."
            )
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise SparsidError(f"{path} is damaged ({error}); {_AGAIN}.") from None
        if (
            not isinstance(content, dict)
            or content.get("format") != FORMAT
            or not isinstance(content.get("name"), str)
            or type(content.get("schema")) is not int
        ):
            raise SparsidError(f"{path} is damaged (it describes no study); {_AGAIN}.")
        if content["schema"] > SCHEMA:
            raise SparsidError(_newer(path, content["schema"]))
        return content

    def keys(self) -> frozenset[str]:
        """Keys of all stored rows; reads no file."""
        names = (path.name for path in self.rows_folder.glob("*.json"))
        return frozenset(n.removesuffix(".json") for n in names if not n.startswith("."))

    def read(self, key: str) -> Row:
        """The row `key`. Raises SparsidError if it is missing, damaged or of a newer schema."""
        path = self.rows_folder / f"{key}.json"
        try:
            row = Row.from_json(path.read_bytes().decode())
        except FileNotFoundError:
            raise SparsidError(f"There is no row {path}; run the study again.") from None
        except NewerSchema as newer:
            raise SparsidError(_newer(path, newer.args[0])) from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise SparsidError(f"{path} is damaged ({error}); {_AGAIN}.") from None
        if row.key != key:
            raise SparsidError(f"{path} is damaged (it holds the row {row.key}); {_AGAIN}.")
        return row

    def write(self, row: Row) -> None:
        """Writes `row` atomically under its key. Raises SparsidError if it cannot be written."""
        with atomic_write(self.rows_folder / f"{row.key}.json") as part:
            part.write_text(row.to_json(), encoding="utf-8")

    def rows(self) -> Iterator[Row]:
        """All rows, in the order of their keys. Raises SparsidError as `read` does."""
        return (self.read(key) for key in sorted(self.keys()))

    def save_checkpoint(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Saves arrays of unfinished work as NetCDF, replacing an earlier checkpoint."""
        import xarray as xr

        content = xr.Dataset(
            {
                name: ([f"{name}_{axis}" for axis in range(array.ndim)], array)
                for name, array in arrays.items()
            }
        )
        with atomic_write(self._checkpoint_path(key)) as part:
            content.to_netcdf(part, engine="h5netcdf")

    def load_checkpoint(self, key: str) -> dict[str, np.ndarray] | None:
        """The checkpoint `key`; None if it does not exist or cannot be read."""
        import xarray as xr

        try:
            with xr.open_dataset(self._checkpoint_path(key), engine="h5netcdf") as content:
                return {str(name): array.values for name, array in content.items()}
        except (OSError, ValueError):
            return None

    def drop(self, key: str) -> None:
        """Removes the checkpoint `key`."""
        with suppress(OSError):
            self._checkpoint_path(key).unlink(missing_ok=True)

    def _checkpoint_path(self, key: str) -> Path:
        return self.unfinished_folder / f"{key}.nc"


_AGAIN = "delete it and run the study again"


def _newer(path: Path, schema: int) -> str:
    return f"{path} has schema {schema}; this version of sparsid reads up to {SCHEMA}: upgrade it."
