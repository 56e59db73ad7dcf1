"""What is known of the field's benchmarks: where their photos are had, how they are laid out, what to beware of.

Nothing of them is shipped but this: a small file for each in ``data/assets/benchmarks``, in which every statement names
the place where it was seen.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from data.assets import read_asset

__all__ = [
    "BENCHMARKS",
    "BENCHMARKS_VARIABLE",
    "CARDS_SHA256",
    "BenchmarkCard",
    "Source",
    "benchmark_folder",
    "fingerprint_of_ids",
    "known_benchmarks",
]

BENCHMARKS: Final = Path(__file__).parent / "assets" / "benchmarks"
"""Where the cards are."""

CARDS_SHA256: Final[Mapping[str, str]] = {
    "im2gps": "c9b259491aa8aa52f54ece049752ea5c6d4bfb5c21a9965d1aa7749fcb12c67e",
    "im2gps3k": "5c75f1081010a22a27e428d41b33e384f0ee465a6f76a1de40a5ebdb13eaf5d8",
    "yfcc4k": "25eae6faad1903ee118e96809325c22500cb6a2c6ac6c94d4131647e31f5c557",
    "mp16-val": "5ca59841f141cc614e9e3a13a8789351af9c6ad54e2c3662549347e67025cc48",
    "osv5m": "c559e69ec6f7784a1eaf52f4383eac3cb86da425d812a45b84760192de2271ad",
}
"""The sha256 of each card, in the order of the benchmarks' age."""

BENCHMARKS_VARIABLE: Final = "WHENCE_BENCHMARKS"
"""The environment's variable for the folder in which each benchmark has a folder of its own name."""


@dataclass(frozen=True)
class Source:
    """A statement and where it was seen.

    Attributes:
        text: What is said.
        source: The page, file or thread that says so.
    """

    text: str
    source: str


@dataclass(frozen=True)
class BenchmarkCard:
    """A benchmark that others publish figures on.

    Attributes:
        name: What ``open_labelled`` and ``whence evaluate`` call it.
        title: What its authors call it.
        paper: Authors and title of the paper that it came with.
        year: Of the paper.
        photos: How many photos it has; None where no source was seen.
        labels: How many labels the list in use has; None where no source was seen.
        about_counts: What the two numbers rest on.
        photos_from: Where the photos are had.
        labels_from: Where the labels are had.
        label_files: Names of the label table that are looked for, the first that is there is taken.
        columns: Of the public list of labels.
        layout: How the folder is to be laid out.
        licence: Terms as far as they were seen.
        pitfalls: What makes figures on it wrong, or not comparable.
        ids: Names of its photos in the public list, sorted; none where the list was not had.
        ids_sha256: Fingerprint of these (:func:`fingerprint_of_ids`), None without them.
        about_ids: Where the list was read, or why there is none.
    """

    name: str
    title: str
    paper: str
    year: int
    photos: int | None
    labels: int | None
    about_counts: str
    photos_from: Sequence[Source]
    labels_from: Sequence[Source]
    label_files: Sequence[str]
    columns: Sequence[str]
    layout: Sequence[str]
    licence: Source
    pitfalls: Sequence[Source]
    ids: Sequence[str]
    ids_sha256: str | None
    about_ids: str

    def where(self) -> str:
        """Where photos and labels are had and how to lay them out, for an error."""
        had = "; ".join(f"{one.text}: {one.source}" for one in (*self.photos_from, *self.labels_from))
        return f"{had}. Lay them out as {'; '.join(self.layout)}"


@cache
def known_benchmarks() -> Mapping[str, BenchmarkCard]:
    """Name to card of all benchmarks that are known, in the order of their age.

    Raises:
        DatasetError: A shipped card is missing or damaged.

    >>> card = known_benchmarks()["im2gps"]
    >>> card.photos, len(card.ids), card.year
    (237, 237, 2008)
    """
    return MappingProxyType({name: _card(name) for name in CARDS_SHA256})


def fingerprint_of_ids(ids: Iterable[str]) -> str:
    r"""The sha256, in hexadecimal digits, of the names sorted by code point and joined with ``\n``, in UTF-8.

    >>> fingerprint_of_ids(["b.jpg", "a.jpg"]) == hashlib.sha256(b"a.jpg\nb.jpg").hexdigest()
    True
    """
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def benchmark_folder(name: str) -> Path | None:
    """Where benchmark ``name`` is expected when nothing else is said; None when the environment says nothing."""
    root = os.environ.get(BENCHMARKS_VARIABLE)
    return Path(root) / name if root else None


def _card(name: str) -> BenchmarkCard:
    told: dict[str, Any] = json.loads(read_asset(BENCHMARKS / f"{name}.json", CARDS_SHA256[name]))
    told["licence"] = Source(**told["licence"])
    for key in ("photos_from", "labels_from", "pitfalls"):
        told[key] = tuple(Source(**one) for one in told[key])
    for key in ("label_files", "columns", "layout", "ids"):
        told[key] = tuple(told[key])
    return BenchmarkCard(**told)
