"""The labelled photos that fusion is measured on, each with what was read in it and the clues that came of it.

    python -m benchmarks.fusion_photos KEEP [SET ...] [--data DIR]

Reading takes seconds a photo, so what was read is kept in ``KEEP/SET.jsonl`` and not read again: readings and clues
are masked. Delete a file after a change to the readers.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.labels import read_labels
from data.images import find_images
from detectors.base import Clue, Reading
from fusion.clue_rows import clue_of, clue_values, keep_row, kept_rows, reading_of, reading_values
from fusion.locator import Locator

__all__ = ["ReadPhoto", "labelled", "read_photos"]

SETS = ("shopfronts_dev", "signs_dev", "places_dev", "facades_test", "streets_dev", "travel_train", "streets_train",
        "facades_train")  # fmt: skip
FACADES_AT = (59.94, 30.31, "RU")
COUNTRY_ONLY = frozenset({"signs_dev"})
"""Their points are those of an area."""
CITY_ONLY = frozenset({"facades_test", "facades_train"})
"""Their points are those of a city: nothing below 25 km can be told."""


@dataclass(frozen=True)
class ReadPhoto:
    """A labelled photo and what was read in it.

    Attributes:
        set: Name of its set.
        path: The photo.
        country: ISO 3166-1 alpha-2 code, empty where it is not known.
        at: Latitude and longitude in degrees, or None.
        readings: Masked.
        clues: Masked.
    """

    set: str
    path: Path
    country: str
    at: tuple[float, float] | None
    readings: Sequence[Reading]
    clues: Sequence[Clue]


@dataclass(frozen=True)
class Labelled:
    """A photo and where it was taken, as far as that is known."""

    path: Path
    country: str
    at: tuple[float, float] | None


def labelled(data: Path, name: str) -> list[Labelled]:
    """The photos of a set."""
    if name.startswith("facades_"):
        images = data / "facades" / "images" / name.removeprefix("facades_")
        return [Labelled(path, FACADES_AT[2], FACADES_AT[:2]) for path in find_images([images])]
    return [
        Labelled(x.path, x.country, None if math.isnan(x.lat) or name in COUNTRY_ONLY else (x.lat, x.lon))
        for x in read_labels(data / name)
    ]


def read_photos(
    data: Path, name: str, keep: Path, locator: Locator | None = None, *, only: Container[str] | None = None
) -> Iterator[ReadPhoto]:
    """The photos of a set with what was read, read now where ``keep`` does not hold it; unreadable ones are left out.

    Args:
        data: Folder of the sets.
        name: Of the set.
        keep: Folder of what was read before.
        locator: What reads; None for one with all that ships.
        only: Names of the files that are wanted; None for all.
    """
    cache = keep / f"{name}.jsonl"
    known = {row["file"]: row for row in kept_rows(cache)}
    for photo in labelled(data, name):
        if only is not None and photo.path.name not in only:
            continue
        if photo.path.name not in known:
            locator = locator or Locator("density", scenes="none", offline=True, ranker="pool", places="none")
            answer = locator.locate(photo.path)
            row: dict[str, Any] = {
                "file": photo.path.name,
                "readings": [reading_values(reading) for reading in answer.readings],
                "clues": [clue_values(clue) for clue in answer.clues],
            }
            keep_row(cache, row)
            known[photo.path.name] = row
        row = known[photo.path.name]
        yield ReadPhoto(
            name,
            photo.path,
            photo.country,
            photo.at,
            [reading_of(values) for values in row["readings"]],
            [clue_of(values) for values in row["clues"]],
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Read what is not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    args = parser.parse_args(argv)
    locator = Locator("density", scenes="none", offline=True, ranker="pool", places="none")
    for name in args.sets:
        photos = list(read_photos(args.data, name, args.keep, locator))
        print(f"{name}: {len(photos)} photos, {sum(bool(photo.clues) for photo in photos)} with a clue", flush=True)


if __name__ == "__main__":
    main()
