"""How often the level that an answer vouches for is right, on simulated photos in places never trained on.

    python -m benchmarks.levels [--photos N] [--seed SEED] [--confidence P ...]

A street is right where the photo was taken within 1 km of the point, a city within 25 km; region, country and continent
by the gazetteer's nearest place to the photo. A level is calibrated where the share that is right is what was stated.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from benchmarks.fusion import simulated_cases
from benchmarks.machine import machine
from data.continents import CONTINENTS
from data.gazetteer import load_default as load_gazetteer
from data.geodesy import haversine_km
from data.partition import load_default
from fusion.level import CITY_KM, LEVELS, STREET_KM, Level, level_of
from fusion.ranker import FusionRanker


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=4000, help="simulated, of which a tenth lies in test places")
    parser.add_argument("--seed", type=int, default=2, help="of those; training's is 0")
    parser.add_argument("--confidence", type=float, nargs="*", default=[0.5, 0.8, 0.95])
    args = parser.parse_args(argv)
    ranker = FusionRanker()
    told: dict[tuple[float, str], list[tuple[float, bool]]] = defaultdict(list)
    count = 0
    for cases in simulated_cases(args.photos, args.seed, load_default()).values():
        for case in cases:
            count += 1
            posterior = ranker.fuse(case.prior, case.clues, case.context).posterior
            lat, lon = posterior.point()
            for confidence in args.confidence:
                level = level_of(posterior, lat, lon, confidence)
                name = "none" if level is None else level.level
                right = level is not None and case.at is not None and is_right(level, (lat, lon), case.at)
                told[confidence, name].append((0.0 if level is None else level.probability, right))
    print(f"{count} photos; {machine()}")
    print(f"{'confidence':<12}{'level':<12}{'photos':>8}{'stated':>9}{'right':>8}")
    for confidence in args.confidence:
        for shown in (*LEVELS, "none"):
            rows = told[confidence, shown]
            if not rows:
                continue
            stated, held = 100.0 * np.array(rows, np.float64).mean(axis=0)
            figures = "" if shown == "none" else f"{stated:8.1f}%{held:7.1f}%"
            print(f"{confidence:<12g}{shown:<12}{len(rows):>8}{figures}")


def is_right(level: Level, point: tuple[float, float], at: tuple[float, float]) -> bool:
    """Whether a photo taken ``at`` lies in what is vouched for, with the answer's ``point``."""
    if level.level in ("street", "city"):
        within = STREET_KM if level.level == "street" else CITY_KM
        return bool(haversine_km(*point, *at) <= within)
    place, _ = load_gazetteer().nearest(*at)
    if level.level == "region":
        return place.admin1 == level.code
    return place.country == level.code if level.level == "country" else CONTINENTS.get(place.country) == level.code


if __name__ == "__main__":
    main()
