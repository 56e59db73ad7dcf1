"""Writes the README's tables of answers and of fusion from what is kept in `benchmarks/results`.

    python -m benchmarks.readme_table [--check]

A table stands between ``<!-- table NAME: this command -->`` and ``<!-- end of table -->``, the rest stays. With
``--check`` nothing is written, and the exit code is 1 where the README has other tables.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

__all__ = ["answers", "systems", "written"]

_HERE: Final = Path(__file__).parent
_README: Final = _HERE.parent / "README.md"
_BANDS: Final = (1, 25, 200, 750, 2500)
_ANSWERS: Final = {"prior": "prior alone", "text": "with clues"}
_SYSTEMS: Final = ("prior", "best clue", "pool", "ranker")

Row = Mapping[str, str]


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(argv)
    before = _README.read_text(encoding="utf-8")
    after = written(before)
    if args.check:
        return int(after != before)
    _README.write_text(after, encoding="utf-8")
    return 0


def written(readme: str) -> str:
    """``readme`` with the tables of the results that are kept.

    Raises:
        ValueError: It lacks a table's place, or has it twice.
    """
    tables = {"answers": answers(_rows("evaluation.csv")), "fusion": systems(_rows("fusion.csv"))}
    for name, lines in tables.items():
        place = re.compile(rf"(<!-- table {name}: [^\n]*-->\n).*?(<!-- end of table -->)", re.DOTALL)
        text = "\n".join(lines)
        readme, count = place.subn(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", readme)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"README.md has {count} places for the table {name}")
    return readme


def answers(rows: Iterable[Row]) -> Iterator[str]:
    """What answers are worth, by set, prior, and with or without clues."""
    bands = "/".join(map(str, _BANDS))
    yield (
        f"| set | photos (with a clue) | prior | answer | within {bands} km, % | median km | GeoScore [95 %] | "
        "country first, % | bits to the country | 50/80 % radius holds |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        within = " / ".join(_short(row[f"within_{band}"]) for band in _BANDS)
        known = any(row[f"within_{band}"] for band in _BANDS)
        score = f"{_whole(row['geoscore'])} [{_whole(row['geoscore_low'])}, {_whole(row['geoscore_high'])}]"
        held = f"{_whole(row['radius_50'])} / {_whole(row['radius_80'])}"
        cells = (
            row["set"], f"{row['photos']} ({row['with_clue']})", row["prior"], _ANSWERS[row["answer"]],
            within if known else "-", _whole(row["median_km"]) or "-", score if known else "-",
            _short(row["country"]), _short(row["country_bits"]), held if known else "-",
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


def _rows(name: str) -> list[Row]:
    with (_HERE / "results" / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _short(text: str) -> str:
    return f"{float(text):.1f}" if text else "-"


def _hundredths(text: str) -> str:
    return f"{float(text):.2f}" if text else "-"


def _whole(text: str) -> str:
    return f"{float(text):.0f}" if text else ""


if __name__ == "__main__":
    sys.exit(main())
