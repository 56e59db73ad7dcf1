"""Which photos of a set make an album: a CSV table with a row for each photo, in the order in which they were taken."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from data.errors import DatasetError
from data.photo_labels import NAME_COLUMNS
from data.photo_sets import PhotoSet
from data.printable import printable

__all__ = ["ALBUM_COLUMNS", "PhotoAlbums", "read_albums"]

ALBUM_COLUMNS: Final = ("album", "sequence")
"""What the column of the albums' names may be called, in lower case; the first that is there is taken."""


@dataclass(frozen=True)
class PhotoAlbums:
    """Albums of a set of photos.

    Attributes:
        albums: For each album its photos by number, in the order of the table's rows; every photo in one at most.
        unknown: Rows whose photo is not in the set.
    """

    albums: list[list[int]]
    unknown: int


def read_albums(path: str | os.PathLike[str], photos: PhotoSet) -> PhotoAlbums:
    """The albums that a CSV file with a header names, such as OSV-5M's table with its column ``sequence``.

    A photo is named as the set names it, with or without the ending of its file. A row without an album's name belongs
    to none.

    Args:
        path: The table: a column of ``data.photo_labels.NAME_COLUMNS`` and one of :data:`ALBUM_COLUMNS`.
        photos: The set.

    Raises:
        DatasetError: No such file or columns, a damaged table, a photo that stands twice, or none that is in the set.
    """
    path = Path(path)
    shown = printable(str(path))
    numbers: dict[str, int] = {}
    for k in range(len(photos)):
        key = photos.key(k)
        numbers[key] = k
        numbers.setdefault(_stem(key), k)
    albums: dict[str, list[int]] = {}
    seen: set[int] = set()
    unknown = 0
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.reader(stream, strict=True)
            header = [name.strip().lower() for name in next(rows, [])]
            name_at, album_at = _column(header, NAME_COLUMNS, shown), _column(header, ALBUM_COLUMNS, shown)
            for row in rows:
                if len(row) <= max(name_at, album_at) or not row[album_at].strip():
                    continue
                number = numbers.get(row[name_at], numbers.get(_stem(row[name_at])))
                if number is None:
                    unknown += 1
                    continue
                if number in seen:
                    raise DatasetError(f"{shown} names {photos.key(number)} twice: give each photo one row")
                seen.add(number)
                albums.setdefault(row[album_at].strip(), []).append(number)
    except OSError as error:
        raise DatasetError(f"cannot read {shown}: {error.strerror or error}; check the path") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{shown} is no CSV table in UTF-8 ({printable(str(error))}): write it again") from error
    if not albums:
        raise DatasetError(f"{shown} has no photo of {printable(photos.name)} in an album: name photos as the set does")
    return PhotoAlbums(list(albums.values()), unknown)


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix("")) if name.strip("./") else name


def _column(header: list[str], names: tuple[str, ...], shown: str) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise DatasetError(f"{shown} has no column {' or '.join(names)}: its first line should name one")
