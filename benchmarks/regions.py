"""How many signs and plates are found, beside what reading the whole photo finds, and how long it takes.

    python benchmarks/regions.py ../shared/data --network detectors/assets/regions.onnx --ocr 40

Signs: the 114 photos of ``facades/test``; average precision over all points of the curve at an intersection over
union of at least 0.5 (mAP50; one class), and recall at the detector's own threshold. Plates: the 224 photos of
``plates_dev``, each with one plate labelled; recall at 0.3. Other plates in them are not labelled, so their precision
is a lower bound. For reading, a thing counts as found where a line of text lies in it by at least half of the line, and
precision does not apply. Both sets are dev: nothing was trained on them.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import machine
from data.images import load
from detectors.base import bounding_box
from detectors.region_data import FACADE_NAMES
from detectors.region_labels import facade_classes, read_labels
from detectors.regions import REGIONS_PATH, Region, RegionConfig, RegionDetector

Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A photo and the boxes of what is in it: (n, 4) left, top, right, bottom in pixels."""

    path: Path
    kind: str
    boxes: Boxes
    group: str = ""


@dataclass
class Found:
    """What was found in all photos of one kind."""

    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    things: int = 0
    hit: int = 0
    false: int = 0
    seconds: list[float] = field(default_factory=list)
    widths: list[tuple[float, bool]] = field(default_factory=list)


def sign_cases(data: Path) -> list[Case]:
    cases = []
    for photo in read_labels(data / "facades", facade_classes(FACADE_NAMES), "test"):
        height, width = load(photo.path).pixels.shape[:2]
        cases.append(Case(photo.path, "sign", photo.boxes.astype(float) * [width, height, width, height]))
    return cases


def plate_cases(data: Path) -> list[Case]:
    folder = data / "plates_dev"
    found: dict[str, list[list[float]]] = {}
    regions: dict[str, str] = {}
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            x, y, w, h = (float(row[k]) for k in "xywh")
            found.setdefault(row["file"], []).append([x, y, x + w, y + h])
            regions[row["file"]] = row["region"]
    paths = {str(p.relative_to(folder / "images")): p for p in sorted((folder / "images").rglob("*.jpg"))}
    paths |= {p.name: p for p in paths.values()} | {f"images/{k}": p for k, p in paths.items()}
    return [Case(paths[name], "plate", np.array(boxes), regions[name]) for name, boxes in found.items()]


def overlaps(a: Boxes, b: Boxes) -> Boxes:
    """Intersection over union of each of ``a`` (n, 4) with each of ``b`` (m, 4): (n, m)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a, area_b = (np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b))
    out: Boxes = shared / np.maximum(area_a[:, None] + area_b[None, :] - shared, 1e-9)
    return out


def score(found: Found, case: Case, regions: list[Region], same: float, least: float) -> None:
    """Match, surest first, each region to the free thing that it overlaps most."""
    ours = sorted((r for r in regions if r.kind == case.kind), key=lambda r: -r.confidence)
    shared = overlaps(np.array([r.bounds for r in ours]).reshape(-1, 4), case.boxes)
    free = np.ones(len(case.boxes), bool)
    hit = np.zeros(len(case.boxes), bool)
    for region, row in zip(ours, shared, strict=True):
        row = np.where(free, row, 0)
        best = int(row.argmax()) if len(row) else 0
        right = bool(len(row)) and row[best] >= same
        found.scores.append(region.confidence)
        found.right.append(right)
        if right:
            free[best] = False
        if region.confidence >= least:
            if right:
                hit[best] = True
            else:
                found.false += 1
    found.things += len(case.boxes)
    found.hit += int(hit.sum())
    found.widths += [(float(box[2] - box[0]), bool(h)) for box, h in zip(case.boxes, hit, strict=True)]


def average_precision(found: Found) -> float:
    """Area under precision over recall, precision made to fall."""
    order = np.argsort(-np.array(found.scores), kind="stable")
    right = np.array(found.right, float)[order]
    if not right.size:
        return 0.0
    recall = np.cumsum(right) / found.things
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def read_hits(case: Case, lines: Boxes) -> int:
    """Things in which at least half of some line of text lies."""
    if not len(lines):
        return 0
    low = np.maximum(lines[:, None, :2], case.boxes[None, :, :2])
    high = np.minimum(lines[:, None, 2:], case.boxes[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    return int((shared >= 0.5 * np.prod(lines[:, 2:] - lines[:, :2], axis=1)[:, None]).any(axis=0).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the detector of signs and plates.")
    parser.add_argument("data", type=Path, help="folder with facades/ and plates_dev/")
    parser.add_argument("--network", type=Path, help="another network than the one that ships")
    parser.add_argument("--photos", type=int, default=10**6, help="most photos of each set, spread over it")
    parser.add_argument("--ocr", type=int, default=0, metavar="N", help="read N photos of each set as well")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", type=int, help="pixels that the network looks at at once")
    parser.add_argument("--tiles", type=int, help="most parts of a photo that are looked at")
    args = parser.parse_args()
    config = RegionConfig()
    changes = {"side": args.side, "most_tiles": args.tiles}
    config = replace(config, **{k: v for k, v in changes.items() if v})
    detector = RegionDetector(
        args.network or (None if REGIONS_PATH.exists() else args.network),
        threads=args.threads,
        config=replace(config, least=(0.02, 0.02)),
    )
    print(f"{machine()}; {args.threads} threads; {config}")
    for name, cases, same, kind in (
        ("signs, facades/test", sign_cases(args.data), 0.5, 0),
        ("plates, plates_dev", plate_cases(args.data), 0.3, 1),
    ):
        cases = cases[:: max(len(cases) // args.photos, 1)]
        found = Found()
        groups: dict[str, Found] = {}
        for case in cases:
            pixels = load(case.path).pixels
            start = time.perf_counter()
            regions = detector.find(pixels)
            seconds = time.perf_counter() - start
            for tally in (found, groups.setdefault(case.group, Found())):
                score(tally, case, regions, same, config.least[kind])
                tally.seconds.append(seconds)
        report(name, found, same, config.least[kind])
        for group, tally in groups.items():
            if group:
                report(f"  {group}", tally, same, config.least[kind])
        if args.ocr:
            compare_with_reading(cases[:: max(len(cases) // args.ocr, 1)], same)


def report(name: str, found: Found, same: float, least: float) -> None:
    recall, precision = found.hit / max(found.things, 1), found.hit / max(found.hit + found.false, 1)
    print(f"{name}: {len(found.seconds)} photos, {found.things} things, {np.mean(found.seconds):.2f} s a photo")
    print(f"    AP at IoU {same:g} {average_precision(found):.3f}; at confidence {least:g}", end=" ")
    print(f"recall {recall:.1%}, precision {precision:.1%}")
    for low, high in ((0, 40), (40, 80), (80, 160), (160, 10**6)):
        hits = [hit for width, hit in found.widths if low <= width < high]
        if hits and not name.startswith(" "):
            print(f"    {low} to {high if high < 10**6 else 'more'} px wide: {np.mean(hits):.1%} of {len(hits)}")


def compare_with_reading(cases: list[Case], least: float) -> None:
    from detectors.ocr import make_reader

    reader = make_reader("rapidocr", offline=True)
    hits = same = things = 0
    start = time.perf_counter()
    for case in cases:
        lines = [bounding_box([r.box]) for r in reader.read(load(case.path).pixels)]
        boxes = np.array([(*box[0], *box[2]) for box in lines], float).reshape(-1, 4)
        hits += read_hits(case, boxes)
        same += int((overlaps(boxes, case.boxes) >= least).any(axis=0).sum()) if len(boxes) else 0
        things += len(case.boxes)
    seconds = (time.perf_counter() - start) / len(cases)
    touched = f"touched {hits / things:.1%} of {things}, {same / things:.1%} by a line at IoU {least:g}"
    print(f"  reading the whole photo: {len(cases)} photos, {touched}; {seconds:.1f} s a photo")


if __name__ == "__main__":
    main()
