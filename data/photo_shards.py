"""Photos in shards, tar or msgpack: indexed once, then read one by one in any order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError, ImageError
from data.images import DEFAULT_LIMITS, load
from data.msgpack_shards import image_of, index_msgpack
from data.packed_names import PackedNames
from data.photo_labels import LabelledPhotos, Missing, PhotoLabels, matched, read_labels, refuse_repeated
from data.printable import printable
from data.shard_index import ShardIndex, cached_index
from data.tar_shards import PHOTO_ENDINGS, index_tar

__all__ = ["ShardPhotos", "expanded", "in_order", "open_shards"]

_RANGE: Final = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")
_MOST_SHARDS: Final = 100_000
_AT_ONCE: Final = 8  # shards
_READERS: Final = {"tar": index_tar, "msgpack": index_msgpack}


@dataclass(frozen=True, eq=False)
class ShardPhotos(LabelledPhotos):
    """Photos that lie in shards. A shard is opened for each photo: no handle is kept, so workers may fork or spawn.

    Attributes:
        shards: Paths of the shards.
        kind: What they are.
        shard: int32 (n,), in which shard each photo lies.
        offset: int64 (n,), where its bytes begin there.
        size: int64 (n,), how many they are.
    """

    shards: tuple[str, ...]
    kind: Literal["tar", "msgpack"]
    shard: NDArray[np.int32]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]

    def pixels(self, index: int, *, at_least: int = 0) -> NDArray[np.uint8]:
        """(H, W, 3) RGB, upright; decoded smaller where that is faster, the shorter side never under ``at_least``.

        Raises:
            ImageError: The photo is damaged.
            DatasetError: Its shard cannot be read any more.
        """
        key = self.key(index)
        try:
            content = self._content(index)
            if self.kind == "msgpack":
                content = image_of(content, self.keys[index])
            return load(content, at_least=at_least).pixels
        except ImageError as error:
            raise ImageError(f"{key} in {printable(self._path(index).name)}: {error}") from error

    def _path(self, index: int) -> Path:
        return Path(self.shards[self.shard[index]])

    def _content(self, index: int) -> bytes:
        size = int(self.size[index])
        if size > DEFAULT_LIMITS.max_bytes:
            raise ImageError(f"it has {size} bytes, more than a photo may have: make it smaller")
        path = self._path(index)
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(int(self.offset[index]))
                content = file.read(size)
        except OSError as error:
            raise DatasetError(
                f"cannot read shard {printable(str(path))}: {error.strerror or error}; check that it is still there"
            ) from error
        if len(content) != size:
            raise ImageError("the shard was cut short after it was indexed: open the set again")
        return content


def open_shards(
    paths: Sequence[Path], kind: Literal["tar", "msgpack"], *, name: str, labels: Path | None, missing: Missing
) -> ShardPhotos:
    """The photos in ``paths`` in their order.

    Args:
        paths: The shards.
        kind: What they are.
        name: Short name of the set.
        labels: A table that says where the photos were taken; by default the shards themselves say it. In a tar, whose
            keys have no ending, ``7.jpg`` in the table is the photo ``7``.
        missing: What to do about photos without coordinates and coordinates without a photo.

    Raises:
        DatasetError: A shard or the table is missing or damaged, two photos share a key, or something is missing.
    """
    if not paths:
        raise DatasetError(f"{name} names no shard: check the pattern")
    lost = [path for path in paths if not path.exists()]
    if lost:
        raise DatasetError(
            f"{len(lost)} of {len(paths)} shards are not there ({', '.join(printable(str(p)) for p in lost[:5])}"
            f"{', ...' if len(lost) > 5 else ''}): fetch them, or leave them out of the pattern"
        )
    # Headers lie far apart: what takes the time is waiting for the disk, which several shards can do at once.
    with ThreadPoolExecutor(min(_AT_ONCE, len(paths))) as pool:
        parts = [*pool.map(lambda path: cached_index(path, kind, _READERS[kind]), paths)]
    whole = ShardIndex(
        PackedNames.joined([part.keys for part in parts]),
        *(np.concatenate([getattr(part, column) for part in parts]) for column in ("offset", "size", "lat", "lon")),
    )
    shard = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.keys) for part in parts])
    shown = printable(name)
    at_hand = np.flatnonzero(whole.offset >= 0)
    photos = whole.keys.take(at_hand)
    refuse_repeated(photos, f"{shown} ({len(paths)} shards)")
    if labels is None:
        table, labels_from = _inner_labels(whole), "the shards"
    else:
        table, labels_from = read_labels(labels), printable(str(labels))
        if kind == "tar":
            keys = table.names.without_endings(PHOTO_ENDINGS)
            refuse_repeated(keys, labels_from)
            table = PhotoLabels(keys, table.lat, table.lon)
    photo, label, skipped = matched(photos, table, where=shown, labels_from=labels_from, missing=missing)
    # In the order of the shards, so that what lies together is read together where the order is the reader's to choose.
    order = np.argsort(photo, kind="stable")
    rows = at_hand[photo[order]]
    return ShardPhotos(
        name=name,
        lat=table.lat[label[order]],
        lon=table.lon[label[order]],
        keys=whole.keys.take(rows),
        skipped=skipped,
        shards=tuple(str(path) for path in paths),
        kind=kind,
        shard=shard[rows],
        offset=whole.offset[rows],
        size=whole.size[rows],
    )


def _inner_labels(index: ShardIndex) -> PhotoLabels:
    """What the shards themselves say; of a photo and a label in two shards that share a key, the photo's."""
    photos, alone = np.flatnonzero(index.offset >= 0), np.flatnonzero(index.offset < 0)
    rows = np.concatenate([photos, alone])
    names = index.keys.take(rows)
    first = np.delete(np.arange(len(rows)), names.repeated())
    return PhotoLabels(names.take(first), index.lat[rows[first]], index.lon[rows[first]])


def expanded(pattern: str) -> list[str]:
    """The paths that a pattern with numbers in braces stands for; one without stands for itself.

    Raises:
        DatasetError: The numbers run backwards, or stand for too many paths.

    >>> expanded("shard-{008..010}.tar")
    ['shard-008.tar', 'shard-009.tar', 'shard-010.tar']
    """
    pieces = _RANGE.split(pattern)
    ranges: list[list[str]] = []
    total = 1
    for first, last in zip(pieces[1::3], pieces[2::3], strict=True):
        total *= int(last) - int(first) + 1
        if not 0 < total <= _MOST_SHARDS:
            raise DatasetError(
                f"{printable(pattern)} stands for {max(total, 0)} shards: give 1 to {_MOST_SHARDS}, lowest number first"
            )
        width = len(first) if first.startswith("0") else 0
        ranges.append([str(number).zfill(width) for number in range(int(first), int(last) + 1)])
    fixed = pieces[::3]
    return [
        "".join(text for pair in zip(fixed, (*numbers, ""), strict=True) for text in pair)
        for numbers in product(*ranges)
    ]


def in_order(names: Sequence[str]) -> list[str]:
    """Names in the order of the numbers in them: ``shard_2.msg`` before ``shard_10.msg``."""
    return sorted(names, key=lambda n: ([(int(k), "") if k.isdecimal() else (-1, k) for k in re.split(r"(\d+)", n)], n))
