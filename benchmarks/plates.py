"""How well plates are read, and how well a plate tells its country, on photos with boxes and texts of plates.

    python benchmarks/plates.py ../shared/data/plates_dev

The folder has ``labels.csv`` (file, x, y, w, h, text, region: eu, us or br) and ``images/``. Each true box is widened
a little first, as a detector's boxes are. A plate is read exactly if the repaired text is the label's. The region is
right if the likeliest country, by evidence and by the shares of the world's photos, is the label's; for ``eu`` any
country of Europe. Prints figures only: the texts of plates stay in the process.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import machine
from data.images import load
from detectors.base import Box
from detectors.ocr import TextEngine
from detectors.plate_evidence import evidence_of_plate
from detectors.plate_formats import CONTINENTS
from detectors.plate_looks import fits
from detectors.plate_text import fold
from detectors.plate_words import places_of
from detectors.plates import PlateReader, PlateReading
from detectors.rapid import RapidEngine
from detectors.territories import photo_shares

WIDER = 0.06
"""Each side of a true box is moved outwards by this part of the box's width, or of its height."""
GROUPS = {"eu": frozenset(CONTINENTS["Europe"].split()), "us": frozenset({"US"}), "br": frozenset({"BR"})}


@dataclass(frozen=True)
class Row:
    """One plate: its group, and what was found."""

    group: str
    exact: bool
    exact_unrepaired: bool
    edits: int
    characters: int
    posterior: dict[str, float]
    state: str
    seconds: float

    @property
    def first(self) -> bool:
        """Whether the likeliest country is of the group."""
        return max(self.posterior, key=lambda c: self.posterior[c]) in GROUPS[self.group]

    @property
    def mass(self) -> float:
        """Probability of the group's countries."""
        return sum(p for c, p in self.posterior.items() if c in GROUPS[self.group])


def posterior_of(plate: PlateReading) -> dict[str, float]:
    """Probability of each country by the shares of the world's photos and this plate alone."""
    shares = photo_shares()
    if plate.found is None:
        return dict(shares)
    evidence = evidence_of_plate(
        plate.text,
        plate.found,
        source=plate.id,
        sure=plate.sure,
        look=float(fits(plate.looks).mean()),
        words=places_of(plate.words),
    )
    weights = {}
    for country, share in shares.items():
        regions = [v for r, v in evidence.regions.items() if r.startswith(country + ".")]
        plain = evidence.countries.get(country, evidence.elsewhere)
        # Of a country whose plates tell regions, those that are named are taken as a tenth each, half at most.
        part = min(0.1, 0.5 / max(len(regions), 1))
        weights[country] = share * (
            (1.0 - part * len(regions)) * math.exp(plain) + part * sum(math.exp(v) for v in regions)
        )
    total = sum(weights.values())
    return {c: w / total for c, w in weights.items()}


def edits(a: str, b: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def widened(label: dict[str, str], rng: random.Random | None) -> Box:
    """The true box, each side ``WIDER``; or moved at random, as a detector might: up to twice that out, or once in."""
    x, y, w, h = (float(label[k]) for k in "xywh")
    left, right = (w * (rng.uniform(-WIDER, 2 * WIDER) if rng else WIDER) for _ in range(2))
    top, bottom = (h * (rng.uniform(-1.5 * WIDER, 4 * WIDER) if rng else WIDER) for _ in range(2))
    a, b, c, d = x - left, y - top, x + w + right, y + h + bottom
    return (a, b), (c, b), (c, d), (a, d)


def measured(folder: Path, engine: TextEngine, most: int | None = None, *, moved: bool = False) -> list[Row]:
    """Every plate of ``folder``, read in its true box, or with ``moved`` in one that is off by some pixels."""
    reader, rows = PlateReader(engine), []
    rng = random.Random(3) if moved else None
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as stream:
        labels = list(csv.DictReader(stream))
    for label in labels[:: max(len(labels) // most, 1) if most else 1]:
        pixels = load(folder / "images" / label["file"]).pixels
        box = widened(label, rng)
        start = time.process_time()
        (plate,) = reader.read(pixels, [box])
        seconds = time.process_time() - start
        truth = fold(label["text"])
        rows.append(
            Row(
                label["region"],
                plate.best == truth,
                fold(plate.text) == truth,
                edits(plate.best, truth),
                len(truth),
                posterior_of(plate),
                next((c.region for c in plate.candidates[:1]), ""),
                seconds,
            )
        )
    return rows


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of a Markdown table."""
    head = "| group | plates | exact % | without repair % | character errors % | region first % | mean log2 p(region) |"
    out = [head, "|" + " --- |" * 7]
    for name in (*GROUPS, "all"):
        of = [r for r in rows if name in (r.group, "all")]
        if of:
            bits = sum(math.log2(max(r.mass, 1e-12)) for r in of) / len(of)
            out.append(
                f"| {name} | {len(of)} | {100 * sum(r.exact for r in of) / len(of):.1f} "
                f"| {100 * sum(r.exact_unrepaired for r in of) / len(of):.1f} "
                f"| {100 * sum(r.edits for r in of) / sum(r.characters for r in of):.1f} "
                f"| {100 * sum(r.first for r in of) / len(of):.1f} | {bits:.2f} |"
            )
    return out


def calibration(rows: Sequence[Row]) -> list[str]:
    """How often the likeliest group is right, by how likely it was said to be."""
    said = []
    for row in rows:
        mass = {name: sum(row.posterior.get(c, 0.0) for c in countries) for name, countries in GROUPS.items()}
        mass["else"] = 1.0 - sum(mass.values())
        best = max(mass, key=lambda name: mass[name])
        said.append((mass[best], best == row.group))
    out = ["| said | plates | mean said % | right % |", "| --- | --- | --- | --- |"]
    for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 0.99), (0.99, 1.01)):
        of = [(p, right) for p, right in said if low <= p < high]
        if of:
            mean, right = sum(p for p, _ in of) / len(of), sum(r for _, r in of) / len(of)
            out.append(f"| {low:g} to {min(high, 1):g} | {len(of)} | {100 * mean:.1f} | {100 * right:.1f} |")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plates", type=int, help="about so many, evenly from the list; default all")
    parser.add_argument("--moved", action="store_true", help="move the boxes' sides at random, as a detector might")
    arguments = parser.parse_args()
    rows = measured(arguments.folder, RapidEngine(), arguments.plates, moved=arguments.moved)
    print("\n".join([*table(rows), "", *calibration(rows)]))
    told = [row for row in rows if row.group == "us" and row.state.startswith("US.")]
    print(f"\na US state is told by {len(told)} of {sum(r.group == 'us' for r in rows)} US plates")
    print(f"{sum(r.seconds for r in rows) / len(rows):.2f} s of processor time a plate; {machine()}")


if __name__ == "__main__":
    main()
