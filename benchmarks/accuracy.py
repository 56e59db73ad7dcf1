"""Accuracy of `locate` on a folder of labelled photos, with the prior alone and with text.

    python -m benchmarks.accuracy SET [SET ...] [--prior NAME] [--country-only] [--name NAME] [--csv OUT.csv]

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
_COLUMNS = (
    *("set", "photos", "prior", "answer", *(f"within_{band:g}_km" for band in BANDS_KM)),
    *("median_km", "mean_km", "geoscore", "coverage_50", "coverage_80", "country", "with_clue"),
    *("country_of_those_with_clue", "bits"),
)


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
    parser.add_argument("--csv", type=Path, help="append the table to this file")
    parser.add_argument("--name", help="what to call the set in the table (default: the folder's name)")
    args = parser.parse_args(argv)
    locator = Locator(args.prior, offline=True, places="none")
    table: list[dict[str, object]] = []
    for folder in args.sets:
        if args.at:
            lat, lon, country = args.at.split(",")
            labels = [Label(path, float(lat), float(lon), country) for path in find_images([folder])]
        else:
            labels = read_labels(folder)
        table += measure(args.name or folder.name, labels[: args.limit], locator, country_only=args.country_only)
    print(machine())
    if args.csv:
        new = not args.csv.exists()
        with args.csv.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=_COLUMNS)
            if new:
                writer.writeheader()
            writer.writerows(table)


def measure(name: str, labels: Sequence[Label], locator: Locator, *, country_only: bool) -> list[dict[str, object]]:
    """Locate every photo, print the set's table and return it as rows: the prior alone, then with text."""
    start = time.perf_counter()
    rows, failures = [], 0
    for label, result in zip(labels, locator.locate_many([label.path for label in labels]), strict=True):
        if not isinstance(result, Answer):
            failures += 1
            print(f"{label.path.name}: {result.error}", file=sys.stderr)
            continue
        rows.append((label, result.prior.point(locator.utility), summarise(label, result)))
    pace = f"{(time.perf_counter() - start) / len(labels):.2f} s a photo"
    print(f"\n{name}: {len(rows)} photos, {failures} failed, prior {locator.prior.name}, {pace}")
    if not rows:
        return []
    table: list[dict[str, object]] = [
        {"set": name, "photos": len(rows), "prior": locator.prior.name, "answer": what} for what in ("prior", "text")
    ]
    km = np.array([[haversine_km(*point, label.lat, label.lon), row["km"]] for label, point, row in rows], np.float64)
    country = np.array([[row["prior_country"] == x.country, row["country"] == x.country] for x, _, row in rows])
    clue = np.array([int(row["clues"]) > 0 for *_, row in rows])
    scored = np.array([bool(label.country) for label, *_ in rows])
    placed = np.isfinite(km[:, 1]) & (not country_only)
    if placed.any():
        print(f"{'':<12} {' '.join(f'{band:>6}' for band in BANDS_KM)} km  | median km  mean km  GeoScore")
        for k, what in enumerate(("prior alone", "with text")):
            distance = km[placed, k]
            shares = [100 * float(np.mean(distance <= band)) for band in BANDS_KM]
            middle, mean, score = np.median(distance), np.mean(distance), np.mean(geoscore(distance))
            print(f"{what:<12} {' '.join(f'{x:6.1f}' for x in shares)} %   | {middle:9.0f} {mean:8.0f} {score:9.0f}")
            table[k] |= {f"within_{band:g}_km": round(x, 2) for band, x in zip(BANDS_KM, shares, strict=True)}
            table[k] |= {"median_km": round(middle), "mean_km": round(mean), "geoscore": round(score)}
        lower = [_lower_end(km[placed, 0] <= band, km[placed, 1] <= band) for band in BANDS_KM]
        gains = " ".join(f"{x:+6.1f}" for x in lower)
        print(f"{'gain, 2.5 %':<12} {gains} points (lower end of the paired 95 % interval)")
        for mass in (0.5, 0.8):
            inside = np.array([row[f"inside_{mass}"] for *_, row in rows])
            print(f"within the {100 * mass:.0f} % radius: {100 * inside[placed].mean():.1f} %", end="")
            print(
                f"; of photos with a clue {100 * inside[placed & clue].mean():.1f} %" if (placed & clue).any() else ""
            )
            table[1][f"coverage_{100 * mass:.0f}"] = round(100 * float(inside[placed].mean()), 1)
    if scored.any():
        before, after = 100 * country[scored].mean(axis=0)
        print(f"country first: prior alone {before:.1f} %, with text {after:.1f} %")
        table[0]["country"], table[1]["country"] = round(before, 2), round(after, 2)
    print(f"photos with a clue: {100 * clue.mean():.1f} %", end="")
    table[1]["with_clue"] = round(100 * clue.mean(), 2)
    if (clue & scored).any():
        before, after = 100 * country[clue & scored].mean(axis=0)
        print(f"; country first in {after:.1f} % of these (prior alone {before:.1f} %)", end="")
        table[1]["country_of_those_with_clue"] = round(after, 2)
    if scored.any():
        table[1]["bits"] = round(float(np.mean([row["bits"] for label, _, row in rows if label.country])), 3)
        print(f"\nbits gained at the true country, mean over all photos: {table[1]['bits']:+}")
    return table


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


def _lower_end(before: np.ndarray, after: np.ndarray) -> float:
    """Lower end of the 95 % paired bootstrap interval of the difference, in percentage points."""
    rng = np.random.default_rng(0)
    difference = after.astype(np.float64) - before.astype(np.float64)
    draws = rng.integers(0, len(difference), (_BOOTSTRAP, len(difference)))
    return 100 * float(np.percentile(difference[draws].mean(axis=1), 2.5))


if __name__ == "__main__":
    main()
