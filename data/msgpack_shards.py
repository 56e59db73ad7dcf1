"""MP-16's msgpack shards: a stream of maps ``{"id": ..., "image": ...}``, as TIBHannover/GeoEstimation writes them.

A msgpack stream holds data and runs no code; what is bounded here is how large it may say that it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from data.errors import DatasetError, ImageError
from data.packed_names import PackedNames
from data.photo_tables import POINT_COLUMNS
from data.printable import printable
from data.shard_index import ShardIndex

__all__ = ["image_of", "index_msgpack"]

_LARGEST: Final = 256 * 2**20  # bytes of one record: as large as a photo may be, and no shard of MP-16's is larger
# Lists and maps are set aside at the length that they claim, before their elements are read. Old shards hold the photo
# as text (``use_bin_type=False``), so texts are left as bytes.
_BOUNDS: Final[dict[str, Any]] = {"raw": True, "max_array_len": 65536, "max_map_len": 4096, "max_ext_len": 4096}


def index_msgpack(path: Path) -> ShardIndex:
    """The photos in a shard in their order, and where their records say that they were taken.

    Raises:
        DatasetError: The file is no stream of such maps, is cut short or damaged, or two photos share an id.
    """
    import msgpack

    shown = printable(str(path))
    keys: list[str] = []
    places: list[tuple[int, int]] = []
    points: list[tuple[float, float]] = []
    at = 0
    try:
        with path.open("rb", buffering=0) as file:
            stream = msgpack.Unpacker(file, max_buffer_size=_LARGEST, **_BOUNDS)
            for record in stream:
                start, at = at, stream.tell()
                if record is None:  # what a photo that could not be fetched leaves behind
                    continue
                key, point = _checked(record, shown, start)
                keys.append(key)
                places.append((start, at - start))
                points.append(point)
    except OSError as error:
        raise DatasetError(f"cannot read {shown}: {error.strerror or error}") from error
    except (ValueError, msgpack.UnpackException) as error:  # also too long, too deep, and a buffer that is full
        raise _damaged(shown, at, printable(str(error))[:200] or type(error).__name__) from error
    # The stream ends without a word where the last record is not whole.
    if at != path.stat().st_size:
        raise DatasetError(f"{shown} is cut short after {at} bytes, within a record: fetch or pack it again")
    numbers, degrees = np.array(places, np.int64).reshape(-1, 2), np.array(points, np.float64).reshape(-1, 2)
    return ShardIndex(PackedNames.of(keys), numbers[:, 0], numbers[:, 1], degrees[:, 0], degrees[:, 1])


def image_of(record: bytes, key: str) -> bytes:
    """The photo's bytes in the record of ``key``.

    Raises:
        ImageError: The bytes are not that record: the shard was changed or damaged after it was indexed.
    """
    import msgpack

    try:
        fields = msgpack.unpackb(record, **_BOUNDS)
        if _text(fields[b"id"]) == key and isinstance(fields[b"image"], bytes):
            return bytes(fields[b"image"])
    except (ValueError, TypeError, KeyError, msgpack.UnpackException):
        pass
    raise ImageError("its record is damaged, or the shard was changed after it was indexed: open the set again")


def _checked(record: Any, shown: str, start: int) -> tuple[str, tuple[float, float]]:
    """Key and coordinates of a record; NaN where it has none.

    Raises:
        DatasetError: It is no map with an id and an image.
    """
    if not isinstance(record, dict) or not {b"id", b"image"} <= record.keys():
        raise _damaged(shown, start, "no map with id and image")
    if not isinstance(record[b"image"], bytes) or not isinstance(record[b"id"], bytes | int):
        raise _damaged(shown, start, "its id is no text, or its image no bytes")
    named = {name.lower(): value for name, value in record.items() if isinstance(name, bytes)}
    lat, lon = (
        _degrees(next((named[name.encode()] for name in names if name.encode() in named), None))
        for names in POINT_COLUMNS
    )
    return _text(record[b"id"]), (lat, lon)


def _damaged(shown: str, at: int, detail: str) -> DatasetError:
    return DatasetError(
        f"{shown} is damaged or no shard of msgpack maps with id and image (record at byte {at}: {detail}): "
        "fetch or pack it again"
    )


def _text(name: bytes | int) -> str:
    return name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else str(name)


def _degrees(value: Any) -> float:
    try:
        return float(value) if isinstance(value, int | float | bytes) and not isinstance(value, bool) else np.nan
    except (ValueError, OverflowError):
        return np.nan
