"""Small labelled sets and locators that answer them quickly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.labelled import LabelledSet
from data.labelled_sets import open_labelled
from detectors.base import Box, Clue, Evidence, Reading
from fusion.locator import Locator
from tests.small_photos import photo, write_table

BOX: Box = ((0.0, 0.0), (40.0, 0.0), (40.0, 10.0), (0.0, 10.0))
LABELS = (
    ("a.jpg", 40.4168, -3.7038, "ES", ""),
    ("b.jpg", 48.2, 16.37, "AT", ""),
    ("c.jpg", 48.21, 16.38, "AT", 25),
    ("d.jpg", "", "", "FR", ""),
    ("e.jpg", -33.9, 151.2, "AU", ""),
)


class Grey:
    """Reads a word off each of ``small_photos``, by how grey it is: even ones say where, odd ones say nothing."""

    name = "grey"

    def __init__(self) -> None:
        self.looks = 0

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        self.looks += 1
        number = round((float(pixels.mean()) - 40.0) / 10.0)
        return [Reading(f"r{number}", f"word {number}", BOX, 0.9, "Latn")] if number % 2 == 0 else []


class Words:
    """Word 0 points to Spain, word 2 to Germany (which is wrong) and the phone code of Austria, word 4 nowhere."""

    kind = "language"

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        found = []
        for reading in readings:
            if reading.text == "word 0":
                found.append(_clue("language", "ES", reading))
            if reading.text == "word 2":
                found += [_clue("language", "DE", reading), _clue("phone", "AT", reading, 6.0)]
        return found


def _clue(kind: str, country: str, reading: Reading, nats: float = 3.0) -> Clue:
    return Clue(kind, reading.text, f"{reading.text} is of {country}", Evidence(-nats, {country: 0.5}),)  # fmt: skip


def small_set(folder: Path, labels: Iterable[Sequence[object]] = LABELS, *, broken: Iterable[str] = ()) -> LabelledSet:
    """Photos of one gray value each, in the order of ``labels``; those that are ``broken`` are no photos."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = list(labels)
    for number, (file, *_) in enumerate(labels):
        content = b"no photo" if file in broken else photo(number)
        (folder / str(file)).write_bytes(content)
    write_table(folder / "labels.csv", labels, "file,lat,lon,country,precision_km")
    return open_labelled(folder)


def quick_locator(*, workers: int = 1, reader: Grey | None = None) -> Locator:
    """Answers by density and the words of :class:`Words`."""
    return Locator(
        "density", ocr=reader or Grey(), regions="none", scenes="none", clue_readers=[Words()], ranker="pool",
        places="none", offline=True, workers=workers,
    )  # fmt: skip
