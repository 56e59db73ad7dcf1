"""Prints the README's tables of fusion from `benchmarks/results/fusion.csv`.

python -m benchmarks.readme_table
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

_RESULTS: Final = Path(__file__).parent / "results" / "fusion.csv"
_BANDS: Final = (1, 25, 200, 750, 2500)
_ANSWERS: Final = {"prior": "prior alone", "ranker": "with text"}
_SYSTEMS: Final = ("prior", "best clue", "pool", "ranker")

Row = Mapping[str, str]


def main() -> None:
    """Print them as Markdown."""
    with _RESULTS.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    print("\n".join(answers(rows)))
    print()
    print("\n".join(systems(rows)))


def answers(rows: Sequence[Row]) -> Iterator[str]:
    """What the answers are worth with the visual prior that ships, all photos."""
    bands = "/".join(map(str, _BANDS))
    yield (
        f"| set | photos | answer | within {bands} km, % | median km | GeoScore | country first, % | "
        "50/80 % radius holds |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        if row["photos"] != "all" or row["system"] not in _ANSWERS or row["prior"] != "pixels":
            continue
        within = " / ".join(_short(row[f"within_{band}"]) for band in _BANDS if row[f"within_{band}"])
        held = f"{_short(row['radius_50'])} / {_short(row['radius_80'])}" if row["radius_50"] else ""
        cells = (
            row["set"], row["n"], _ANSWERS[row["system"]], within or "-", _whole(row["median_km"]),
            _whole(row["geoscore"]), _short(row["country"]), held,
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def systems(rows: Sequence[Row]) -> Iterator[str]:
    """What ways of fusing miss, photos with a clue."""
    names = " / ".join(_SYSTEMS)
    yield (
        f"| set | prior | photos with a clue | bits to the cell: {names} | bits to the country | "
        "country's ECE: pool / ranker | ranker over pool, bits to the cell | no band falls |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    keys = dict.fromkeys((row["set"], row["prior"]) for row in rows if row["photos"] == "clue")
    for key in keys:
        by = {row["system"]: row for row in rows if (row["set"], row["prior"], row["photos"]) == (*key, "clue")}
        cell = " / ".join(_short(by[name]["cell_bits"]) for name in _SYSTEMS) if by["prior"]["cell_bits"] else "-"
        country = " / ".join(_short(by[name]["country_bits"]) for name in _SYSTEMS)
        ece = " / ".join(_hundredths(by[name]["ece"]) for name in ("pool", "ranker"))
        gain = by["ranker"]["cell_bits_over_pool"] or f"country {by['ranker']['country_bits_over_pool']}"
        cells = (*key, by["prior"]["n"], cell, country, ece, gain, by["ranker"]["promise"])
        yield f"| {' | '.join(cells)} |"


def _short(text: str) -> str:
    return f"{float(text):.1f}" if text else "-"


def _hundredths(text: str) -> str:
    return f"{float(text):.2f}" if text else "-"


def _whole(text: str) -> str:
    return f"{float(text):.0f}" if text else ""


if __name__ == "__main__":
    main()
