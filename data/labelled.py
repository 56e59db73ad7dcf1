"""What is known of photos that are measured on, in the order of their labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.benchmark_cards import BenchmarkCard
from data.errors import RequestError
from data.images import ImageSource
from data.photo_sets import PhotoSet

__all__ = ["FilePhotos", "LabelledSet", "Photos", "SetPhotos"]

Floats = NDArray[np.float64]


class Photos(Protocol):
    """Index to what ``data.images.load`` takes."""

    def __getitem__(self, index: int, /) -> ImageSource:
        """Photo ``index``."""


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Photos and what is known of each.

    Attributes:
        name: Short and printable; a known benchmark's own.
        files: (n,) printable name of each photo in the set, all different, in the order of the labels (of
            shards: in the order there).
        lat: (n,) degrees, NaN where the point is not known.
        lon: (n,) degrees.
        country: (n,) ISO 3166-1 alpha-2, "" where not known; never guessed from the point.
        exact_km: (n,) how far the point may be off, km; 0.0 is exact.
        photos: Index to what ``data.images.load`` takes.
        groups: Further columns of the labels (``data.label_rows.GROUP_COLUMNS``): name to (n,) texts.
        human: What people guessed, of lists of rounds: ``lat`` and ``lon`` (n,) in degrees, NaN where nobody did. Of
            several players, the first one of the photo.
        players: Who guessed to (n, 2) degrees, NaN where there is no guess.
        left_out: Photo or label that could not be used to the reason.
        notes: What else to know, one sentence each.
        card: Of a known benchmark.
        labels_sha256: Of the table of labels, in hexadecimal digits; None where there is none.
    """

    name: str
    files: Sequence[str]
    lat: Floats
    lon: Floats
    country: Sequence[str]
    exact_km: Floats
    photos: Photos
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    human: Mapping[str, Floats] | None = None
    players: Mapping[str, Floats] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    card: BenchmarkCard | None = None
    labels_sha256: str | None = None

    def __len__(self) -> int:
        return len(self.files)

    def source(self, index: int) -> ImageSource:
        """Photo ``index``: a path where it is a file, else (H, W, 3) uint8.

        Raises:
            ImageError: It is in a shard and damaged.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"photo {index} of {len(self)}")
        return self.photos[index]

    def take(self, indices: ArrayLike) -> LabelledSet:
        """The photos at ``indices`` (k,), each at most once, in that order; what was left out stays told.

        Raises:
            RequestError: An index is no whole number, not in the set, or there twice.
        """
        chosen = np.asarray(indices)
        if chosen.ndim != 1 or (len(chosen) and not np.issubdtype(chosen.dtype, np.integer)):
            raise RequestError(f"some photos of {self.name} need indices in a list of whole numbers")
        if ((chosen < 0) | (chosen >= len(self))).any() or len(np.unique(chosen)) != len(chosen):
            raise RequestError(f"some photos of {self.name} need different indices from 0 to {len(self) - 1}")
        chosen = chosen.astype(np.int64)
        order = chosen.tolist()
        return replace(
            self,
            files=tuple(self.files[i] for i in order),
            lat=self.lat[chosen],
            lon=self.lon[chosen],
            country=tuple(self.country[i] for i in order),
            exact_km=self.exact_km[chosen],
            photos=_Chosen(self.photos, tuple(order)),
            groups={group: tuple(texts[i] for i in order) for group, texts in self.groups.items()},
            human=None if self.human is None else {key: degrees[chosen] for key, degrees in self.human.items()},
            players={player: guesses[chosen] for player, guesses in self.players.items()},
        )

    @cached_property
    def fingerprint(self) -> str:
        """The sha256, in hexadecimal digits, of names, points, their precision and countries, in their order."""
        digest = hashlib.sha256(f"whence labelled set 1 {len(self)}\n".encode())
        for texts in (self.files, self.country):
            digest.update("\n".join(texts).encode() + b"\0")
        for numbers in (self.lat, self.lon, self.exact_km):
            # One NaN, whatever its bits.
            digest.update(np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class FilePhotos:
    """Photos that are files of a folder."""

    root: str
    inside: tuple[str, ...]

    def __getitem__(self, index: int, /) -> ImageSource:
        return Path(self.root, self.inside[index])


@dataclass(frozen=True, eq=False)
class SetPhotos:
    """Photos that a set of another kind decodes."""

    photo_set: PhotoSet
    indices: tuple[int, ...]

    def __getitem__(self, index: int, /) -> ImageSource:
        return self.photo_set.pixels(self.indices[index])


@dataclass(frozen=True, eq=False)
class _Chosen:
    """Some photos of others."""

    photos: Photos
    indices: tuple[int, ...]

    def __getitem__(self, index: int, /) -> ImageSource:
        return self.photos[self.indices[index]]
