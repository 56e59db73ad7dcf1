"""Nearest vectors of a gallery: all compared while there are few, an HNSW graph on disk (usearch) when there are many.

The graph (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable
small world graphs", 2018) is read through a view of its file. It proposes candidates; their distances are then taken
again from the gallery's own vectors, so that both ways of searching tell the same distance.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.gallery_card import IndexFile
from backbone.gallery_parts import CURE
from data.errors import WeightsError
from data.printable import printable

if TYPE_CHECKING:
    from usearch.index import Index

__all__ = ["EXACT_UP_TO", "build_index", "check_index", "exact_search", "open_index"]

EXACT_UP_TO: Final = 20_000
"""Photos of a gallery that are all compared with a query; a larger one gets an index."""

Vectors = NDArray[np.float16]
Floats32 = NDArray[np.float32]

_CONNECTIVITY: Final = 24  # links of a node in HNSW's lower layers, half of them at most above
_WHEN_ADDING: Final = 128  # candidates that are kept while a node finds its links
_WHEN_SEARCHING: Final = 400  # the same for a query: more are slower and find more of the true neighbours
_AT_ONCE: Final = 4_096  # rows that are in single precision at one time
_HASHED: Final = 256 * 2**20  # bytes of an index that is hashed when it is opened; `verify` hashes larger ones


def exact_search(parts: Sequence[Vectors], queries: Floats32, k: int) -> tuple[NDArray[np.int64], Floats32]:
    """Rows and squared Euclidean distances (q, k) of the nearest vectors, nearest first; of equals the lower row first.

    Args:
        parts: Vectors (n_i, d), numbered through; k is at most their number.
        queries: (q, d).
        k: How many.
    """
    rows = np.zeros((len(queries), 0), np.int64)
    far = np.zeros((len(queries), 0), np.float32)
    own = np.einsum("qd,qd->q", queries, queries)[:, None]
    start = 0
    for part in parts:
        for low in range(0, len(part), _AT_ONCE):
            some = part[low : low + _AT_ONCE].astype(np.float32)
            square = own - 2.0 * (queries @ some.T) + np.einsum("nd,nd->n", some, some)
            rows = np.concatenate([rows, np.broadcast_to(np.arange(len(some)) + start + low, square.shape)], axis=1)
            far = np.concatenate([far, np.maximum(square, 0.0)], axis=1)
            if far.shape[1] > k:
                # Rows come in order, and a stable sort keeps it among equals.
                nearest = np.argsort(far, axis=1, kind="stable")[:, :k]
                rows = np.take_along_axis(rows, nearest, axis=1)
                far = np.take_along_axis(far, nearest, axis=1)
        start += len(part)
    order = np.argsort(far, axis=1, kind="stable")
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(far, order, axis=1)


def build_index(
    folder: Path, name: str, parts: Iterable[Vectors], dimensions: int, *, before: Path | None = None, known: int = 0
) -> IndexFile:
    """Write the index ``folder / name`` over all vectors and say what it is.

    Args:
        folder: Of the gallery.
        name: Of the file.
        parts: Vectors (n_i, d), numbered through.
        dimensions: d.
        before: An index over the first ``known`` vectors, which is gone on from.
        known: How many.

    Raises:
        OSError: It cannot be written.
        WeightsError: ``before`` cannot be read.
    """
    index = _new(dimensions)
    if before is not None:
        _opened(index, before, dimensions, view=False)
    row = 0
    for part in parts:
        low = min(max(known - row, 0), len(part))
        if low < len(part):
            keys = np.arange(row + low, row + len(part), dtype=np.uint64)
            index.add(keys, np.ascontiguousarray(part[low:]))
        row += len(part)
    partial = folder / f"{name}.part"
    try:
        index.save(str(partial))
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.seek(0, 2)
        partial.replace(folder / name)
    finally:
        partial.unlink(missing_ok=True)
    return IndexFile(name, row, size, sha256)


def open_index(folder: Path, file: IndexFile, dimensions: int) -> Index:
    """The index as a view of its file, checked: small ones by their sha256, others by their size.

    Raises:
        WeightsError: It is missing, damaged or another gallery's.
    """
    check_index(folder, file, whole=file.size_bytes <= _HASHED)
    index = _new(dimensions)
    _opened(index, folder / file.file, dimensions, view=True)
    if len(index) != file.photos:
        raise WeightsError(f"{printable(str(folder / file.file))} holds {len(index)} photos, not {file.photos}: {CURE}")
    return index


def check_index(folder: Path, file: IndexFile, *, whole: bool) -> None:
    """Check the file of an index: its size, and with ``whole`` its sha256.

    Raises:
        WeightsError: It is missing or another.
    """
    path = folder / file.file
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            found = hashlib.file_digest(stream, "sha256").hexdigest() if whole and size == file.size_bytes else ""
    except OSError as error:
        raise WeightsError(f"{printable(str(path))} cannot be read ({error.strerror or error}): {CURE}") from error
    if size != file.size_bytes or (whole and found != file.sha256):
        raise WeightsError(f"{printable(str(path))} is damaged or not the index of this gallery: {CURE}")


def _new(dimensions: int) -> Index:
    from usearch.index import Index  # 0.1 s to import, and only large galleries need it

    return Index(
        ndim=dimensions, metric="l2sq", dtype="f16", connectivity=_CONNECTIVITY, expansion_add=_WHEN_ADDING,
        expansion_search=_WHEN_SEARCHING,
    )  # fmt: skip


def _opened(index: Any, path: Path, dimensions: int, *, view: bool) -> None:
    from usearch.index import Index

    try:
        told = Index.metadata(str(path))
        if told is None or told["dimensions"] != dimensions:
            raise ValueError(f"it is an index of {None if told is None else told['dimensions']} numbers")
        (index.view if view else index.load)(str(path))
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        raise WeightsError(f"{printable(str(path))} cannot be used ({printable(str(error))[:200]}): {CURE}") from error
