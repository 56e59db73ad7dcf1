"""How like real photos the simulated ones are: what is read, which clues fire, how often each is right.

    python -m benchmarks.fusion_features KEEP [SET ...] --count 300 --png /tmp/features.png

Prints a table of the kinds of clues and, for each feature, the Jensen-Shannon distance (base 2, 0 to 1; 0 where both
are spread alike) between simulated photos and each set. Only photos in which something was read are compared.
Nothing is read anew: of each set the photos that ``KEEP`` holds (``benchmarks.fusion_photos``).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backbone.density import DensityPrior
from benchmarks.fusion_photos import CITY_ONLY, COUNTRY_ONLY, SETS, read_photos
from data.partition import Partition, load_default
from detectors.base import Clue, Reading
from fusion.evidence import log_likelihood_ratio
from fusion.simulate import simulate

Floats = NDArray[np.float64]

EDGES: Mapping[str, Sequence[float]] = {
    "readings": (1.5, 2.5, 4.5, 8.5, 16.5, 32.5),
    "clues": (0.5, 1.5, 2.5, 4.5, 8.5, 16.5),
    "kinds of clues": (0.5, 1.5, 2.5, 3.5, 5.5),
    "letters of a reading": (2.5, 4.5, 7.5, 11.5, 16.5, 24.5),
    "confidence of a reading": (0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995),
    "nats of a clue at the truth": (-4.0, -2.0, -1.0, -0.3, 0.3, 1.0, 2.0, 4.0),
    "nats of all clues at the truth": (-4.0, -2.0, -0.5, 0.5, 2.0, 4.0, 8.0),
}
"""Features with a number, and the edges between their bins; "kind" is counted beside them."""
_COLOURS = ("#888888", "#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#17becf", "#bcbd22")


@dataclass(frozen=True)
class Case:
    """A photo: what was read, and where it was taken.

    Attributes:
        readings: All text.
        clues: What the readers made of it.
        country: ISO 3166-1 alpha-2 code; empty where it is not known.
        at: Latitude and longitude in degrees; None where only the country is known.
    """

    readings: Sequence[Reading]
    clues: Sequence[Clue]
    country: str
    at: tuple[float, float] | None


class Features:
    """Counts over the photos of one set.

    Args:
        partition: Of the evidence.
    """

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._density: Floats = DensityPrior(partition).distribution.p.astype(np.float64)
        self._base = partition.country_mass(self._density)
        self.photos = 0
        self.values: dict[str, list[float]] = {name: [] for name in EDGES}
        self.fired: dict[str, int] = defaultdict(int)
        self.right: dict[str, list[bool]] = defaultdict(list)
        self.nats: dict[str, list[float]] = defaultdict(list)
        self.kinds: dict[str, int] = defaultdict(int)

    def add(self, case: Case) -> None:
        """Count a photo; one in which nothing was read is left out."""
        texts = [reading for reading in case.readings if reading.text]
        if not texts:
            return
        self.photos += 1
        kinds = {clue.kind for clue in case.clues}
        for name, value in (("readings", len(texts)), ("clues", len(case.clues)), ("kinds of clues", len(kinds))):
            self.values[name].append(value)
        self.values["letters of a reading"] += [len(reading.text) for reading in texts]
        self.values["confidence of a reading"] += [reading.confidence for reading in texts]
        for kind in kinds:
            self.fired[kind] += 1
        truth = self._truth(case)
        if truth is None:
            return
        together = 0.0
        by_kind: dict[str, Floats] = {}
        for clue in case.clues:
            ratio = log_likelihood_ratio(clue.evidence, self._partition)
            nats = self._at(ratio, truth)
            together += nats
            self.kinds[clue.kind] += 1
            self.nats[clue.kind].append(nats)
            self.values["nats of a clue at the truth"].append(nats)
            by_kind[clue.kind] = by_kind.get(clue.kind, np.zeros(len(ratio))) + ratio
        if case.clues:
            self.values["nats of all clues at the truth"].append(together)
        for kind, ratio in by_kind.items():
            if np.ptp(ratio) > 1e-6 and case.country:
                p = self._density * np.exp(ratio - ratio.max())
                self.right[kind].append(next(iter(self._partition.country_mass(p / p.sum()))) == case.country)

    def _truth(self, case: Case) -> Floats | None:
        """Weights (n,) of the cells where the photo may have been taken."""
        if case.at is not None:
            weights = np.zeros(len(self._partition))
            weights[int(self._partition.cells_of(*case.at)[0])] = 1.0
            return weights
        inside = self._density * self._partition.country_shares(case.country)
        return np.asarray(inside / inside.sum()) if inside.sum() > 0.0 else None

    def _at(self, ratio: Floats, truth: Floats) -> float:
        """Nats of a likelihood ratio, averaged over where the photo may have been taken, beside that of all photos."""
        at = truth > 0.0
        return float(np.log(np.exp(ratio[at]) @ truth[at]) - np.log(np.exp(ratio) @ self._density))

    def spread(self, name: str) -> Floats:
        """Share of each bin of a feature."""
        edges = EDGES[name]
        counts = np.bincount(np.searchsorted(edges, self.values[name]), minlength=len(edges) + 1).astype(np.float64)
        return counts / max(float(counts.sum()), 1.0)


def distance(a: Floats, b: Floats) -> float:
    """Jensen-Shannon distance of two distributions, base 2.

    >>> distance(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    1.0
    """
    middle = (a + b) / 2.0
    total = 0.0
    for p in (a, b):
        at = p > 0.0
        total += 0.5 * float((p[at] * np.log2(p[at] / middle[at])).sum())
    return max(total, 0.0) ** 0.5


def simulated(count: int, seed: int, partition: Partition) -> Iterator[Case]:
    """Simulated photos."""
    for photo in simulate(count, seed, partition):
        here = np.zeros(len(partition))
        here[int(partition.cells_of(photo.lat, photo.lon)[0])] = 1.0
        country = next(iter(partition.country_mass(here)), "")
        yield Case(photo.context.readings, photo.clues, country, (photo.lat, photo.lon))


def real(data: Path, name: str, keep: Path) -> Iterator[Case]:
    """Photos of a set that ``keep`` holds."""
    kept = keep / f"{name}.jsonl"
    count = len(kept.read_text(encoding="utf-8").splitlines()) if kept.exists() else 0
    for photo in islice(read_photos(data, name, keep), count):  # those kept come first
        at = None if name in COUNTRY_ONLY or name in CITY_ONLY else photo.at
        if photo.country or at:
            yield Case(photo.readings, photo.clues, photo.country, at)


def table(of: Mapping[str, Features]) -> str:
    """Kinds of clues, then features, a column a set."""
    rows = [
        "photos: " + ", ".join(f"{name} {features.photos}" for name, features in of.items()),
        "fires in % of the photos / first country right in % where it fires / mean nats at the truth",
        "| kind | " + " | ".join(of) + " |",
        "| --- |" + " --- |" * len(of),
    ]
    total: dict[str, float] = defaultdict(float)
    for features in of.values():
        for kind, fired in features.fired.items():
            total[kind] += fired / features.photos
    for kind in sorted(total, key=lambda kind: (-total[kind], kind)):
        rows.append(f"| {kind} | " + " | ".join(_said(features, kind) for features in of.values()) + " |")
    first, *others = of
    rows += ["", f"Jensen-Shannon distance to {first}", "| feature | " + " | ".join(others) + " |"]
    rows.append("| --- |" + " --- |" * len(others))
    for name in EDGES:
        own = of[first].spread(name)
        rows.append(f"| {name} | " + " | ".join(f"{distance(own, of[x].spread(name)):.2f}" for x in others) + " |")
    kinds = {x: _shares(features, sorted(total)) for x, features in of.items()}
    rows.append("| kind of clue | " + " | ".join(f"{distance(kinds[first], kinds[x]):.2f}" for x in others) + " |")
    return "\n".join(rows)


def _said(features: Features, kind: str) -> str:
    if not features.fired[kind]:
        return ""
    right, nats = features.right[kind], features.nats[kind]
    said = f"{100 * features.fired[kind] / features.photos:.0f}"
    said += f" / {100 * np.mean(right):.0f}" if right else " / -"
    return said + (f" / {np.mean(nats):+.1f}" if nats else " / -")


def _shares(features: Features, kinds: Sequence[str]) -> Floats:
    counts = np.array([features.kinds[kind] for kind in kinds], np.float64)
    return counts / max(float(counts.sum()), 1.0)


def draw(of: Mapping[str, Features], path: Path) -> None:
    """One panel a feature: the first set as bars, the others as lines."""
    from PIL import Image, ImageDraw

    wide, high, columns = 420, 240, 3
    kinds = sorted({kind for features in of.values() for kind in features.kinds})
    panels = {name: [features.spread(name) for features in of.values()] for name in EDGES}
    panels["kind of clue"] = [_shares(features, kinds) for features in of.values()]
    marks = {name: [f"{edge:g}" for edge in edges] for name, edges in EDGES.items()}
    rows = -(-(len(panels) + 1) // columns)
    picture = Image.new("RGB", (columns * wide, rows * high), "white")
    pen = ImageDraw.Draw(picture)
    for at, (name, spreads) in enumerate(panels.items()):
        x0, y0 = (at % columns) * wide + 30, (at // columns) * high + 30
        w, h = wide - 50, high - 80
        most = max(float(spread.max()) for spread in spreads) or 1.0
        pen.text((x0, y0 - 20), f"{name} (top: {100 * most:.0f}%)", fill="black")
        step = w / len(spreads[0])
        for value, x in zip(spreads[0], range(len(spreads[0])), strict=True):
            left = x0 + x * step
            pen.rectangle((left + 1, y0 + h - h * float(value) / most, left + step - 2, y0 + h), fill="#cccccc")
        for spread, colour in zip(spreads[1:], _COLOURS[1:], strict=False):
            line = [(x0 + (k + 0.5) * step, y0 + h - h * float(v) / most) for k, v in enumerate(spread)]
            pen.line(line, fill=colour, width=2)
        pen.line((x0, y0 + h, x0 + w, y0 + h), fill="black")
        for k, mark in enumerate(marks.get(name, ())):
            pen.text((x0 + (k + 1) * step - 8, y0 + h + 3), mark, fill="black")
        for k, kind in enumerate(kinds if name not in marks else ()):
            pen.text((x0 + k * step, y0 + h + 3 + 11 * (k % 4)), kind[:12], fill="black")
    at = len(panels)
    x0, y0 = (at % columns) * wide + 30, (at // columns) * high + 30
    for k, (name, colour) in enumerate(zip(of, _COLOURS, strict=False)):
        pen.rectangle((x0, y0 + 18 * k, x0 + 20, y0 + 18 * k + 10), fill=colour)
        pen.text((x0 + 28, y0 + 18 * k), f"{name}, {of[name].photos} photos", fill="black")
    picture.save(path)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table and draw the panels."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--count", type=int, default=300, help="simulated photos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--png", type=Path)
    args = parser.parse_args(argv)
    partition = load_default()
    of = {"simulated": Features(partition)}
    for case in simulated(args.count, args.seed, partition):
        of["simulated"].add(case)
    for name in args.sets:
        features = Features(partition)
        for case in real(args.data, name, args.keep):
            features.add(case)
        if features.photos:
            of[name] = features
    print(table(of))
    if args.png:
        draw(of, args.png)


if __name__ == "__main__":
    main()
