"""Which photos of a set make an album: a CSV table with a row for each photo, in the order in which they were taken."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

import numpy as np

from data.errors import DatasetError
from data.photo_columns import columns_of, rows_of
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
        unknown: Rows with an album whose photo is not in the set.
    """

    albums: list[list[int]]
    unknown: int


def read_albums(path: str | os.PathLike[str], photos: PhotoSet) -> PhotoAlbums:
    """The albums that a CSV file with a header names, such as OSV-5M's table with its column ``sequence``.

    A row without an album's name belongs to none.

    Args:
        path: The table: a column of photos' names, as ``data.photo_columns`` has them, and one of
            :data:`ALBUM_COLUMNS`.
        photos: The set.

    Raises:
        DatasetError: No such file or columns, a damaged table, a photo that stands twice, or none that is in the set.
    """
    shown = printable(os.fspath(path))
    names, columns = columns_of(path, ALBUM_COLUMNS)
    called = next((columns[name] for name in ALBUM_COLUMNS if name in columns), None)
    if called is None:
        raise DatasetError(f"{shown} has no column {' or '.join(ALBUM_COLUMNS)}: its first line should name one")
    photo_of = np.full(len(names), -1)
    rows = rows_of(photos, names, where=shown)
    photo_of[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    albums: dict[str, list[int]] = {}
    unknown = 0
    for album, photo in zip((name.strip() for name in called), photo_of.tolist(), strict=True):
        if album and photo >= 0:
            albums.setdefault(album, []).append(photo)
        unknown += bool(album) and photo < 0
    if not albums:
        raise DatasetError(f"{shown} has no photo of {printable(photos.name)} in an album: fill its column")
    return PhotoAlbums(list(albums.values()), unknown)
