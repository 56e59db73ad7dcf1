"""A finished evaluation on disk, opened again: its summary, its rows, and the columns that figures are made of."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError, RequestError
from data.photo_places import places
from data.printable import printable
from fusion.evaluation.journal import JOURNAL, TABLE
from fusion.evaluation.rows import COLUMNS, SYSTEMS
from fusion.evaluation.scores import CELL_EXACT_KM

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMAT", "SUMMARY", "VERSION", "PhotoColumns", "Run", "open_run", "read_table"]

SUMMARY: Final = "summary.json"
"""Name of the summary in a run's folder."""
FORMAT: Final = "whence-evaluation"
VERSION: Final = 1

PLACE_KM: Final = 25.0
"""Photos this near to each other are of one place."""

_SCORES: Final = {
    "km": "km", "within": "within", "denser": "denser", "area_km2": "area_km2", "cell_bits": "cell_bits",
    "country_bits": "country_bits", "sure": "country_p", "right": "country_right", "region_right": "region_right",
    "city_right": "city_right",
}  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PhotoColumns:
    """One prior's rows, as arrays over its photos (n,).

    Attributes:
        file: Names.
        systems: ``"prior"`` and ``"text"`` to their columns, as ``fusion.evaluation.figures`` takes them; a photo that
            failed has infinite ``km`` and ``area_km2`` and is right about nothing that is known of it.
        exact_km: How far true points may be off.
        place: Number of each photo's place, from 0; photos without a point, or known no better than 25 km, and photos
            of a set that is one place, are places of their own.
        table: The rows.
    """

    file: Sequence[str]
    systems: Mapping[str, Mapping[str, Floats]]
    exact_km: Floats
    place: NDArray[np.int64]
    table: pa.Table

    def __len__(self) -> int:
        return len(self.file)

    def take(self, indices: NDArray[np.int64]) -> PhotoColumns:
        """Some of the photos, places numbered anew."""
        _, place = np.unique(self.place[indices], return_inverse=True)
        return PhotoColumns(
            [self.file[k] for k in indices.tolist()],
            {name: {key: values[indices] for key, values in one.items()} for name, one in self.systems.items()},
            self.exact_km[indices],
            place.astype(np.int64),
            self.table.take(indices),
        )

    def texts(self, name: str) -> list[str]:
        """A column of text (n,), empty where there is none."""
        return [value or "" for value in self.table.column(name).to_pylist()]

    def reals(self, name: str) -> Floats:
        """A column of numbers (n,), NaN where there is none."""
        return _reals(self.table, name)


@dataclass(frozen=True, eq=False)
class Run:
    """An evaluation.

    Attributes:
        folder: Where it lies.
        summary: What ``summary.json`` says.
    """

    folder: Path
    summary: Mapping[str, Any]

    @property
    def priors(self) -> list[str]:
        """The priors that were evaluated, in order."""
        return [run["prior"] for run in self.summary["runs"]]

    def rows(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows, or some of their columns (``fusion.evaluation.rows.COLUMNS``).

        Raises:
            DatasetError: The table is missing or damaged.
        """
        return read_table(self.folder, columns)

    def photos(self, prior: str | None = None) -> PhotoColumns:
        """One prior's rows as arrays; of the first prior where none is named.

        Raises:
            RequestError: There is no such prior.
        """
        prior = self.priors[0] if prior is None else prior
        if prior not in self.priors:
            raise RequestError(f"{printable(str(self.folder))} has no prior {prior}: it has {', '.join(self.priors)}")
        table = read_table(self.folder)
        return photo_columns(table, prior)


def photo_columns(table: pa.Table, prior: str) -> PhotoColumns:
    """The rows of ``prior`` in ``table`` as arrays."""
    import pyarrow.compute as pc

    table = table.filter(pc.equal(table.column("prior"), prior))
    failed = np.array([error is not None for error in table.column("error").to_pylist()], bool)
    exact_km = _reals(table, "exact_km")
    placed = ~np.isnan(_reals(table, "true_lat"))
    known = {
        "km": placed,
        "area_km2": placed & (exact_km <= CELL_EXACT_KM),
        "right": _there(table, "true_country"),
        "region_right": _there(table, "true_region"),
        "city_right": _there(table, "true_city"),
    }
    systems = {}
    for system in SYSTEMS:
        columns = {name: _reals(table, f"{system}_{column}") for name, column in _SCORES.items()}
        for name, there in known.items():
            columns[name] = np.where(failed & there, math.inf if name.endswith(("km", "km2")) else 0.0, columns[name])
        systems[system] = columns
    place = _places(_reals(table, "true_lat"), _reals(table, "true_lon"), exact_km)
    return PhotoColumns(table.column("file").to_pylist(), systems, exact_km, place, table)


def open_run(folder: str | Path) -> Run:
    """The evaluation in ``folder``.

    Raises:
        DatasetError: There is none, it is not finished, or it is damaged or of another version.
    """
    folder = Path(folder)
    shown = printable(str(folder))
    if not folder.is_dir():
        raise DatasetError(f"no evaluation at {shown}: make one with whence evaluate DATASET --out {shown}")
    if (folder / JOURNAL).exists():
        raise DatasetError(f"the evaluation in {shown} is not finished: run the same whence evaluate command again")
    path = folder / SUMMARY
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(
            f"{shown} holds no evaluation ({SUMMARY}: {error.strerror or error}): make one with whence evaluate"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{printable(str(path))} is damaged: run the same whence evaluate command again") from error
    if not isinstance(summary, dict) or summary.get("format") != FORMAT:
        raise DatasetError(f"{printable(str(path))} is no summary of an evaluation: name another folder")
    if summary.get("version") != VERSION:
        raise DatasetError(
            f"{printable(str(path))} was written by another version of whence: run the same command again"
        )
    if not (folder / TABLE).is_file():
        raise DatasetError(f"{shown} has a summary and no {TABLE}: run the same whence evaluate command again")
    runs = summary.get("runs")
    if (
        not isinstance(summary.get("dataset"), dict)
        or not isinstance(runs, list)
        or not runs
        or not all(isinstance(one, dict) and isinstance(one.get("prior"), str) for one in runs)
    ):
        raise DatasetError(f"{printable(str(path))} is damaged: run the same whence evaluate command again")
    return Run(folder, summary)


def read_table(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows in a run's folder.

    Raises:
        DatasetError: The table is missing, damaged, or is another one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / TABLE
    shown = printable(str(path))
    try:
        table = pq.read_table(path, columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = printable((str(error).splitlines() or [""])[0])[:200]
        raise DatasetError(f"{shown} is missing or damaged ({reason}): run whence evaluate again") from error
    lacking = [name for name in (COLUMNS if columns is None else columns) if name not in table.column_names]
    if lacking:
        raise DatasetError(f"{shown} has no column {lacking[0]}: it was written by another version of whence")
    return table


def _places(lat: Floats, lon: Floats, exact_km: Floats) -> NDArray[np.int64]:
    n = len(lat)
    found = np.arange(n)
    known = np.flatnonzero(~np.isnan(lat) & ~np.isnan(lon) & (exact_km < PLACE_KM))
    if len(known):
        together = places(lat[known], lon[known], PLACE_KM)
        if together.any() or len(known) < n:
            found[known] = n + together
    _, numbered = np.unique(found, return_inverse=True)
    return numbered.astype(np.int64)


def _there(table: pa.Table, name: str) -> NDArray[np.bool_]:
    return np.array([value is not None for value in table.column(name).to_pylist()], bool)


def _reals(table: pa.Table, name: str) -> Floats:
    column = table.column(name)
    return np.array([math.nan if value is None else value for value in column.to_pylist()], np.float64)
