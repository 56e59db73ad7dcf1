"""Whether regions that steer reading pay: bits at the true country and seconds, with regions and without.

    python -m benchmarks.steering [--data DIR] [--sets NAME ...] [--photos N] [--csv OUT]

Each photo is read once as a whole; then its regions are found, its plates read, and its unread signs read again.
`bits`: mean of log2 of the posterior of the true country over the prior's. `lines`: what reading signs again
added; `on_plates`: lines that were left to the plates. All sets are dev sets.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fusion_photos import labelled
from benchmarks.machine import machine
from data.images import load
from detectors.base import Reading, TextReader
from detectors.looking import Looked, Looker
from fusion.locator import Locator
from fusion.pool import LogLinearPool

SETS = ("shopfronts_dev", "facades_test", "signs_dev", "places_dev", "streets_dev", "plates_dev")
_PLATE_COUNTRY = {"us": "US", "br": "BR"}  # plates_dev: "eu" is not one country
_COLUMNS = ("set", "photos", "bits_whole", "bits_regions", "country_whole", "country_regions", "lines", "on_plates",
            "plates", "plate_clues", "seconds_whole", "seconds_regions")  # fmt: skip


class _Remembering:
    """A reader that reads the same photo once."""

    def __init__(self, reader: TextReader) -> None:
        self.name, self.seconds = reader.name, 0.0
        self._reader = reader
        self._last: tuple[NDArray[np.uint8], list[Reading]] | None = None

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        """As the reader does."""
        if self._last is not None and self._last[0] is pixels:
            return self._last[1]
        start = time.perf_counter()
        readings = self._reader.read(pixels)
        if self._last is None:
            self._last, self.seconds = (pixels, readings), time.perf_counter() - start
        return readings

    def forget(self) -> None:
        """Make room for the next photo."""
        self._last = None


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="*", default=list(SETS), metavar="NAME")
    parser.add_argument("--photos", type=int, default=60, help="how many of each, drawn by a fixed seed (default 60)")
    parser.add_argument("--csv", type=Path, help="write the table to this file")
    args = parser.parse_args(argv)
    locator = Locator(offline=True, places="none")
    reader = _Remembering(locator.ocr)
    whole, steered = Looker(reader), Looker(reader, locator.looker.finder, locator.looker.plates)
    rows = []
    print(" | ".join(_COLUMNS))
    for name in args.sets:
        labels = [(path, country) for path, country in _photos(args.data, name) if country]
        labels = random.Random(0).sample(labels, min(args.photos, len(labels)))
        rows.append(_row(name, labels, locator, reader, whole, steered))
        print(" | ".join(str(rows[-1][column]) for column in _COLUMNS), flush=True)
    print(machine())
    if args.csv:
        with args.csv.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=_COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


def _photos(data: Path, name: str) -> list[tuple[Path, str]]:
    if name != "plates_dev":
        return [(photo.path, photo.country) for photo in labelled(data, name)]
    with (data / name / "labels.csv").open(newline="", encoding="utf-8") as stream:
        table = {row["file"]: _PLATE_COUNTRY.get(row["region"], "") for row in csv.DictReader(stream)}
    return [(data / name / "images" / file, country) for file, country in table.items()]


def _row(
    name: str,
    labels: Sequence[tuple[Path, str]],
    locator: Locator,
    reader: _Remembering,
    whole: Looker,
    steered: Looker,
) -> dict[str, object]:
    pool = LogLinearPool()
    [output] = locator.prior.predict([np.zeros((32, 32, 3), np.uint8)])
    prior = output.distribution
    before = prior.countries()
    bits, first, seconds = np.zeros((len(labels), 2)), np.zeros((len(labels), 2)), np.zeros((len(labels), 2))
    lines = on_plates = plates = plate_clues = 0
    for i, (path, country) in enumerate(labels):
        pixels = load(path).pixels
        reader.forget()
        for k, looker in enumerate((whole, steered)):
            start = time.perf_counter()
            looked: Looked = looker.look(pixels)
            seconds[i, k] = time.perf_counter() - start + (reader.seconds if k else 0.0)
            clues = locator.clues(looked.readings, looked.plates)
            after = pool.fuse(prior, clues).posterior.countries()
            bits[i, k] = math.log2(max(after.get(country, 0.0), 1e-9) / max(before.get(country, 0.0), 1e-9))
            first[i, k] = next(iter(after)) == country
            if k:
                text = sum(r.region != "plate" for r in looked.readings)
                inside = sum(steered.on_plate(r, looked.regions) for r in reader.read(pixels))
                on_plates += inside
                lines += text - (len(reader.read(pixels)) - inside)
                plates += sum(region.kind == "plate" for region in looked.regions)
                plate_clues += sum(clue.kind == "plate" for clue in clues)
    return {
        "set": name, "photos": len(labels),
        "bits_whole": round(float(bits[:, 0].mean()), 3), "bits_regions": round(float(bits[:, 1].mean()), 3),
        "country_whole": round(100 * float(first[:, 0].mean()), 1),
        "country_regions": round(100 * float(first[:, 1].mean()), 1),
        "lines": lines, "on_plates": on_plates, "plates": plates, "plate_clues": plate_clues,
        "seconds_whole": round(float(np.median(seconds[:, 0])), 2),
        "seconds_regions": round(float(np.median(seconds[:, 1])), 2),
    }  # fmt: skip


if __name__ == "__main__":
    main()
