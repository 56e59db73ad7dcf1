"""The files of a gallery's photos: vectors in half precision, read through a view of the disk; keys and places beside.

::

    <gallery>/gallery.json       the card; what it does not name does not belong to the gallery
    <gallery>/part-000000.npy    vectors (n, d) float16
    <gallery>/part-000000.parquet  key, lat, lon of the same photos
    <gallery>/index-000000.usearch   the search index of a large gallery
    <gallery>/unreadable.txt     photos of the last build or add that could not be read

Nothing is ever unpickled. A part is written once and never changed; the card, which pins it, is written after it.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.gallery_card import GalleryPart
from data.assets import check_asset, read_asset
from data.errors import WeightsError
from data.packed_names import PackedNames
from data.printable import printable
from data.writing import write_whole

__all__ = ["CURE", "Places", "open_vectors", "read_places", "verify_part", "write_part"]

CURE: Final = "build that gallery again (`whence gallery build`)"

Floats = NDArray[np.float64]
_COLUMNS: Final = ["key", "lat", "lon"]


class Places:
    """Keys and places of photos.

    Attributes:
        keys: (n,) ``set/name``.
        lat: (n,) degrees.
        lon: (n,) degrees.
    """

    def __init__(self, keys: PackedNames, lat: Floats, lon: Floats) -> None:
        self.keys, self.lat, self.lon = keys, lat, lon

    def __len__(self) -> int:
        return len(self.lat)

    @classmethod
    def joined(cls, parts: list[Places]) -> Places:
        """Those of all parts, in order."""
        if not parts:
            return cls(PackedNames.of([]), np.zeros(0), np.zeros(0))
        return cls(
            PackedNames.joined([part.keys for part in parts]),
            np.concatenate([part.lat for part in parts]),
            np.concatenate([part.lon for part in parts]),
        )


def write_part(folder: Path, number: int, vectors: NDArray[np.float16], places: Places) -> GalleryPart:
    """Write a part of a gallery, each of its two files whole or not at all.

    The same photos give the same bytes.

    Raises:
        OSError: It cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(vectors, np.float16), allow_pickle=False)
    table = pa.table([places.keys.arrow, pa.array(places.lat), pa.array(places.lon)], names=_COLUMNS)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    contents = stream.getvalue(), sink.getvalue()
    hashes = [hashlib.sha256(content).hexdigest() for content in contents]
    part = GalleryPart(number, len(places), *hashes)
    for name, content in zip((part.vectors_file, part.places_file), contents, strict=True):
        write_whole(folder / name, content)
    return part


def open_vectors(folder: Path, part: GalleryPart, dimensions: int) -> NDArray[np.float16]:
    """The vectors (n, d) of a part, as a read-only view of its file; their bytes are read when they are asked for.

    Raises:
        WeightsError: The file is missing, or is not of this part.
    """
    path = folder / part.vectors_file
    try:
        with path.open("rb") as stream:  # np.load would unpickle nothing, but read archives
            version = np.lib.format.read_magic(stream)
            if version != (1, 0):
                raise ValueError(f"version {version}")
            shape, fortran, kind = np.lib.format.read_array_header_1_0(stream)
            start = stream.tell()
            size = stream.seek(0, 2)
        if kind != np.dtype("<f2") or fortran or shape != (part.photos, dimensions):
            raise ValueError(f"{shape} {kind}, not {(part.photos, dimensions)} float16")
        if size != start + 2 * part.photos * dimensions:
            raise ValueError(f"{size} bytes")
        view = np.memmap(path, np.float16, "r", offset=start, shape=(part.photos, dimensions))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return view


def read_places(folder: Path, part: GalleryPart) -> Places:
    """Keys and places of a part, checked against the card's sha256.

    Raises:
        WeightsError: The file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / part.places_file
    content = read_asset(path, part.places, error=WeightsError, cure=CURE)
    try:
        table = pq.read_table(io.BytesIO(content), columns=_COLUMNS)
        lat, lon = (table.column(name).to_numpy().astype(np.float64) for name in _COLUMNS[1:])
        keys = PackedNames.of_arrow(table.column("key"))
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise _unreadable(path, error) from error
    if len(keys) != part.photos or not (np.isfinite(lat).all() and np.isfinite(lon).all()):
        raise WeightsError(f"{printable(str(path))} has {len(keys)} places, not {part.photos} on the Earth: {CURE}")
    return Places(keys, lat, lon)


def verify_part(folder: Path, part: GalleryPart, dimensions: int) -> list[str]:
    """What is wrong with a part, each in a line; an empty list where nothing is. Reads all of it."""
    try:
        check_asset(folder / part.vectors_file, part.vectors, error=WeightsError, cure=CURE)
        view = open_vectors(folder, part, dimensions)
        read_places(folder, part)
    except WeightsError as error:
        return [str(error)]
    if not np.isfinite(view).all():
        return [f"{printable(str(folder / part.vectors_file))} holds values that are not finite: {CURE}"]
    return []


def _unreadable(path: Path, error: Exception) -> WeightsError:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return WeightsError(f"{printable(str(path))} cannot be used ({printable(said)[:200]}): {CURE}")
