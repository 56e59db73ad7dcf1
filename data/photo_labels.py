"""Where each photo of a set was taken: label tables, photos matched with them by name, and gaps refused by name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.packed_names import PackedNames
from data.photo_tables import POINT_COLUMNS
from data.printable import printable

__all__ = ["LabelledPhotos", "Missing", "PhotoLabels", "is_label_table", "matched", "on_earth", "read_labels"]

Missing = Literal["refuse", "skip"]
"""What to do about photos without coordinates and coordinates without a photo."""

NAME_COLUMNS: Final = ("file", "filename", "file_name", "img_id", "key", "id")
"""What the column of the photos' names may be called, in lower case; the first that is there is taken."""

_SHOWN = 5  # how many photos an error names
_BLOCK = 8 * 2**20  # bytes that are parsed at a time


@dataclass(frozen=True, eq=False)
class PhotoLabels:
    """Names (n,) and degrees (n,); NaN where a table has no number."""

    names: PackedNames
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelledPhotos:
    """What all sets have: keys and coordinates.

    Attributes:
        name: Short name, for logs.
        lat: Degrees (n,).
        lon: Degrees (n,).
        keys: What a log calls each photo (n,).
        skipped: How many photos and labels were left out because they lack the other.
    """

    name: str
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    keys: PackedNames
    skipped: int

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, index: int) -> str:
        """What an error or a log calls photo ``index``; unique in the set."""
        return printable(self.keys[index])

    @cached_property
    def fingerprint(self) -> str:
        """The sha256, in hexadecimal digits, over all keys and coordinates in their order."""
        digest = hashlib.sha256(f"whence photo set 1 {len(self)}".encode())
        for array, kind in ((self.keys.text, "<u1"), (self.keys.starts, "<i8"), (self.lat, "<f8"), (self.lon, "<f8")):
            digest.update(np.ascontiguousarray(array, kind).data)
        return digest.hexdigest()


def on_earth(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each pair is a point in degrees (n,): finite, latitude within -90 to 90, longitude within -180 to 180."""
    with np.errstate(invalid="ignore"):
        return (np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0)


def is_label_table(path: Path) -> bool:
    """Whether the first line of a CSV file has the columns of a label table."""
    try:
        _columns(path)
    except DatasetError:
        return False
    return True


def read_labels(path: str | os.PathLike[str]) -> PhotoLabels:
    """Rows of a CSV file with a header: a column of :data:`NAME_COLUMNS`, and lat and lon as in ``data.photo_tables``.

    A coordinate that is empty or not a number is NaN: the photo may not be asked for, and who asks names it.

    Raises:
        DatasetError: No such file, no such columns, a damaged table, or a name that stands twice.
    """
    path = Path(path)
    columns = _columns(path)
    name, lat, lon = columns
    try:
        table = _parsed(path, columns, numbers=True)
        coordinates = [table.column(k).to_numpy().astype(np.float64) for k in (lat, lon)]
    except _arrow_errors():
        # Some coordinate is not a number. Once more, as text: only then is it known whose it is.
        table = _parsed_or_refused(path, columns)
        coordinates = [np.array([_number(text) for text in table.column(k).to_pylist()]) for k in (lat, lon)]
    names = PackedNames.of_arrow(table.column(name))
    if len(names) == 0:
        raise DatasetError(f"{printable(str(path))} holds no rows: give a table with a row for each photo")
    refuse_repeated(names, printable(str(path)))
    return PhotoLabels(names, *coordinates)


def refuse_repeated(keys: PackedNames, where: str) -> None:
    """Refuse photos that are called alike.

    Raises:
        DatasetError: It names the first few.
    """
    if len(repeated := keys.repeated()):
        raise DatasetError(
            f"{where} has {_listed(keys, repeated)} more than once: give each photo a name of its own, and one label"
        )


def matched(
    photos: PackedNames, labels: PhotoLabels, *, where: str, labels_from: str, missing: Missing
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Which photo goes with which label.

    Args:
        photos: Names of the photos at hand (p,), all different.
        labels: The labels (n,), their names all different.
        where: What an error calls the place of the photos, safe to show.
        labels_from: What it calls the place of the labels, safe to show.
        missing: Whether a photo without a point on the Earth, and a label without a photo, are refused or left out.

    Returns:
        Indices of photos (k,) and their labels (k,) in the order of the labels; how many of either were left out.

    Raises:
        DatasetError: Something is missing, each kind with the names of the first few; or nothing is left.
    """
    photo_of = photos.positions(labels.names)
    found, sound = photo_of >= 0, on_earth(labels.lat, labels.lon)
    lacking = np.ones(len(photos), bool)
    lacking[photo_of[found]] = False
    unlabelled, unplaced, orphaned = np.flatnonzero(lacking), np.flatnonzero(found & ~sound), np.flatnonzero(~found)
    gaps: list[str] = []
    if len(unplaced):
        gaps.append(f"without coordinates on the Earth in {labels_from}: {_listed(labels.names, unplaced)}")
    if len(unlabelled):
        gaps.append(f"without a label in {labels_from}: {_listed(photos, unlabelled)}")
    if len(orphaned):
        gaps.append(f"with a label and no photo: {_listed(labels.names, orphaned)}")
    said = f" ({'; '.join(gaps)})" if gaps else ""
    if gaps and missing == "refuse":
        raise DatasetError(
            f"{where} is incomplete{said}: add what is missing, or leave these out with "
            'missing="skip" (--skip-unlabelled)'
        )
    kept = np.flatnonzero(found & sound)
    if not len(kept):
        raise DatasetError(
            f"{where} holds no photo with coordinates{said}: check the path, "
            f"and that the names in {labels_from} are those of the photos"
        )
    return photo_of[kept], kept, len(unplaced) + len(unlabelled) + len(orphaned)


def _listed(names: PackedNames, indices: Sequence[int] | NDArray[np.int64]) -> str:
    """How many, and the first few by name."""
    first = [printable(names[int(i)])[:200] or "(no name)" for i in indices[:_SHOWN]]
    more = ", ..." if len(indices) > _SHOWN else ""
    return f"{len(indices)} {'photo' if len(indices) == 1 else 'photos'}, {', '.join(first)}{more}"


def _arrow_errors() -> tuple[type[BaseException], ...]:
    import pyarrow as pa

    return (pa.ArrowException, UnicodeDecodeError)


def _columns(path: Path) -> tuple[str, str, str]:
    """What the table calls its columns of names, latitudes and longitudes.

    Raises:
        DatasetError: No such file, or no such columns.
    """
    from pyarrow import csv

    shown = printable(str(path))
    if not path.is_file():
        raise DatasetError(f"no table of labels at {shown}: check the path")
    try:
        with csv.open_csv(path, read_options=_reading(), parse_options=_parsing()) as reader:
            header = reader.schema.names
    except OSError as error:
        raise DatasetError(f"cannot read {shown}: {error.strerror or printable(str(error))}") from error
    except _arrow_errors() as error:
        raise _damaged(shown, error) from error
    named: dict[str, list[str]] = {}
    for column in header:
        named.setdefault(column.strip().lower(), []).append(column)
    chosen: list[str] = []
    for wanted in (NAME_COLUMNS, *POINT_COLUMNS):
        column = next((named[name] for name in wanted if name in named), [])
        if len(column) != 1:
            raise DatasetError(
                f"{shown} has {'two columns' if column else 'no column'} {' or '.join(wanted)} in its first line: "
                "name the columns file, lat and lon there"
            )
        chosen += column
    return chosen[0], chosen[1], chosen[2]


def _parsed_or_refused(path: Path, columns: tuple[str, str, str]) -> Any:
    try:
        return _parsed(path, columns, numbers=False)
    except _arrow_errors() as error:
        raise _damaged(printable(str(path)), error) from error


def _parsed(path: Path, columns: tuple[str, str, str], *, numbers: bool) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    kind = pa.float64() if numbers else pa.string()
    name, lat, lon = columns
    types = csv.ConvertOptions(
        include_columns=list(columns), column_types={name: pa.string(), lat: kind, lon: kind}, strings_can_be_null=False
    )
    try:
        return csv.read_csv(path, read_options=_reading(), parse_options=_parsing(), convert_options=types)
    except OSError as error:
        raise DatasetError(f"cannot read {printable(str(path))}: {error.strerror or printable(str(error))}") from error


def _reading() -> Any:
    from pyarrow import csv

    return csv.ReadOptions(block_size=_BLOCK)


def _parsing() -> Any:
    from pyarrow import csv

    return csv.ParseOptions(newlines_in_values=True)


def _damaged(shown: str, error: BaseException) -> DatasetError:
    detail = printable((str(error).splitlines() or [""])[0])[:300]
    return DatasetError(f"{shown} is no table of labels or is damaged ({detail}): give a CSV file in UTF-8")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
