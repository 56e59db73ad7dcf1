"""Accuracy of `locate` on a folder of labelled photos, with the prior alone and with text.

    python -m benchmarks.accuracy SET [SET ...] [--prior NAME] [--limit N] [--country-only] [--csv OUT.csv]

SET is a folder with `labels.csv` (file, lat, lon, country; what is empty is not scored) and `images/`; or any folder
of photos together with `--at LAT,LON,ISO`, for photos that all come from one place. Distances are haversine with
R = 6371.0088 km, bands are inclusive. Intervals are 95 % paired bootstrap intervals of the difference to the prior.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from data.geodesy import BANDS_KM, geoscore, haversine_km
from data.images import find_images
from fusion.answer import Answer
from fusion.locator import Locator

_BOOTSTRAP = 2000


@dataclass(frozen=True)
class Label:
    """A photo and where it was taken; ``country`` is empty and the point NaN where they are not known."""

    path: Path
    lat: float
    lon: float
    country: str


def read_labels(folder: Path) -> list[Label]:
    """Labels of ``folder/labels.csv``; photos lie in ``folder/images`` or beside the table."""
    images = folder / "images" if (folder / "images").is_dir() else folder
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as stream:
        return [
            Label(images / row["file"], _degrees(row.get("lat")), _degrees(row.get("lon")), row.get("country") or "")
            for row in csv.DictReader(stream)
        ]


def _degrees(text: str | None) -> float:
    return float(text) if text else float("nan")


def main(argv: Sequence[str] | None = None) -> None:
    """Print one table per set."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET")
    parser.add_argument("--prior", default="auto")
    parser.add_argument("--limit", type=int, help="only the first N photos")
    parser.add_argument("--at", help="LAT,LON,ISO of every photo, for a folder without labels.csv")
    parser.add_argument("--country-only", action="store_true", help="the points are areas: score countries only")
    parser.add_argument("--csv", type=Path, help="write one row per photo")
    args = parser.parse_args(argv)
    locator = Locator(args.prior, offline=True)
    for folder in args.sets:
        if args.at:
            lat, lon, country = args.at.split(",")
            labels = [Label(path, float(lat), float(lon), country) for path in find_images([folder])]
        else:
            labels = read_labels(folder)
        measure(folder.name, labels[: args.limit], locator, country_only=args.country_only, out=args.csv)
    print(machine())


def measure(name: str, labels: Sequence[Label], locator: Locator, *, country_only: bool, out: Path | None) -> None:
    """Locate every photo and print the set's table."""
    start = time.perf_counter()
    rows, failures = [], 0
    for label, result in zip(labels, locator.locate_many([label.path for label in labels]), strict=True):
        if not isinstance(result, Answer):
            failures += 1
            print(f"{label.path.name}: {result.error}", file=sys.stderr)
            continue
        rows.append((label, result.prior.point(locator.utility), summarise(label, result)))
    seconds = time.perf_counter() - start
    pace = f"{seconds / len(labels):.2f} s a photo"
    print(f"\n{name}: {len(rows)} photos, {failures} failed, prior {locator.prior.name}, {pace}")
    if not rows:
        return
    prior_km = np.array([haversine_km(*point, label.lat, label.lon) for label, point, _ in rows], dtype=np.float64)
    text_km = np.array([row["km"] for *_, row in rows])
    clue = np.array([row["clues"] > 0 for *_, row in rows])
    scored = np.array([bool(label.country) for label, *_ in rows])
    right_prior = np.array([row["prior_country"] == label.country for label, _, row in rows])
    right = np.array([row["country"] == label.country for label, _, row in rows])
    bits = np.array([row["bits"] for *_, row in rows])
    placed = np.isfinite(text_km)
    if not country_only and placed.any():
        prior_km, text_km = prior_km[placed], text_km[placed]
        head = " ".join(f"{band:>6}" for band in BANDS_KM)
        print(f"{'':<12} {head} km  | median km  mean km  GeoScore")
        for what, km in (("prior alone", prior_km), ("with text", text_km)):
            shares = " ".join(f"{100 * np.mean(km <= band):6.1f}" for band in BANDS_KM)
            print(f"{what:<12} {shares} %   | {np.median(km):9.0f} {np.mean(km):8.0f} {np.mean(geoscore(km)):9.0f}")
        lower = " ".join(f"{_interval(prior_km <= band, text_km <= band)[0]:+6.1f}" for band in BANDS_KM)
        print(f"{'gain, 2.5 %':<12} {lower} points (lower end of the paired 95 % interval)")
        for mass in (0.5, 0.8):
            inside = np.mean([row[f"inside_{mass}"] for (*_, row), known in zip(rows, placed, strict=True) if known])
            print(f"within the {100 * mass:.0f} % radius: {100 * inside:.1f} %")
    if scored.any():
        before, after = 100 * right_prior[scored].mean(), 100 * right[scored].mean()
        print(f"country first: prior alone {before:.1f} %, with text {after:.1f} %")
    print(f"photos with a clue: {100 * clue.mean():.1f} %", end="")
    both = clue & scored
    if both.any():
        before, after = 100 * right_prior[both].mean(), 100 * right[both].mean()
        print(f"; country first in {after:.1f} % of these (prior alone {before:.1f} %)", end="")
    gained = np.mean(bits[scored]) if scored.any() else np.nan
    print(f"\nbits gained at the true country, mean over all photos: {gained:+.3f}")
    if out is not None:
        with out.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=["file", "true_country", *rows[0][2]])
            writer.writeheader()
            writer.writerows({"file": label.path.name, "true_country": label.country, **row} for label, _, row in rows)


def summarise(label: Label, answer: Answer) -> dict[str, float | int | str | bool]:
    """What is scored of one answer."""
    km = float(haversine_km(answer.lat, answer.lon, label.lat, label.lon))
    prior = answer.prior.countries()
    p, p0 = answer.countries.get(label.country, 0.0), prior.get(label.country, 0.0)
    return {
        "lat": answer.lat,
        "lon": answer.lon,
        "km": km,
        "radius_km": answer.radius_km,
        "inside_0.5": km <= answer.radius_km,
        "inside_0.8": km <= answer.credible_radius_km(0.8),
        "country": answer.country,
        "p_country": answer.countries[answer.country],
        "prior_country": next(iter(prior)),
        "bits": float(np.log2(max(p, 1e-9) / max(p0, 1e-9))) if label.country else 0.0,
        "clues": len(answer.clues),
        "kinds": " ".join(sorted({clue.kind for clue in answer.clues})),
        "readings": len(answer.readings),
    }


def _interval(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """95 % paired bootstrap interval of the difference in percentage points."""
    rng = np.random.default_rng(0)
    difference = after.astype(np.float64) - before.astype(np.float64)
    draws = rng.integers(0, len(difference), (_BOOTSTRAP, len(difference)))
    low, high = np.percentile(difference[draws].mean(axis=1), [2.5, 97.5])
    return 100 * float(low), 100 * float(high)


if __name__ == "__main__":
    main()
