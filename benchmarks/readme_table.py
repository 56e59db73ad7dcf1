"""Prints the README's table of accuracy from `benchmarks/results/accuracy.csv`.

python -m benchmarks.readme_table
"""

from __future__ import annotations

import csv
from pathlib import Path

from data.geodesy import BANDS_KM

_RESULTS = Path(__file__).parent / "results" / "accuracy.csv"


def main() -> None:
    """Print it as Markdown."""
    bands = "/".join(f"{band:g}" for band in BANDS_KM)
    head = f"within {bands} km, % | median km | GeoScore | country first, % | 50/80 % radius holds"
    print(f"| set (dev) | photos | answer | {head} |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with _RESULTS.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            shares = [row[f"within_{band:g}_km"] for band in BANDS_KM]
            within = " / ".join(f"{float(x):.1f}" for x in shares) if shares[0] else "-"
            held = f"{row['coverage_50']} / {row['coverage_80']}" if row["coverage_50"] else ""
            what = (
                "prior alone"
                if row["answer"] == "prior"
                else f"with text ({float(row['with_clue']):.0f} % have a clue)"
            )
            cells = (row["set"], row["photos"], what, within, row["median_km"], row["geoscore"], row["country"], held)
            print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
