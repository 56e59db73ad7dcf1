"""What the field published of its systems, to stand beside figures of our own: read, never measured here.

``assets/published_figures.csv`` holds a row for each system, set and variant, copied by hand from the documents that it
names (``seen_in``). Where two documents disagree both rows stand, each with a note. The papers' protocols are their
own: ``<`` or ``<=``, other radii of the Earth, missing images, test-time crops, galleries that hold the test photos'
neighbours. None of it was checked by running a system.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Final

from data.assets import read_asset
from data.errors import DatasetError

__all__ = [
    "FIGURES",
    "MEASURED",
    "PUBLISHED",
    "PUBLISHED_PATH",
    "PUBLISHED_SHA256",
    "Beside",
    "Published",
    "beside",
    "parse",
    "published",
]

PUBLISHED_PATH: Final = Path(__file__).parent.parent / "assets" / "published_figures.csv"
PUBLISHED_SHA256: Final = "29b404f8460d5385ccdb8f6cba866244d8939e01c87c23a1688d841cc72bdaa2"

PUBLISHED: Final = "published, not measured here"
MEASURED: Final = "measured here"

_BANDS: Final = ("within_1", "within_25", "within_200", "within_750", "within_2500")
_SHARES: Final = (*_BANDS, "country", "region", "city")
FIGURES: Final = (*_BANDS, "median_km", "mean_km", "geoscore", "country", "region", "city")
"""Names of figures that papers give: shares within 1 to 2500 km and of right countries, regions and cities in percent,
median and mean distance in km, mean GeoScore from 0 to 5000."""
_COLUMNS: Final = ("system", "variant", "year", "set", "photos", *FIGURES, "trained_on", "source", "seen_in", "note")
_CURE: Final = "reinstall whence"
_YEARS: Final = range(2008, 2100)


@dataclass(frozen=True, slots=True)
class Published:
    """One row: what a document says of one system on one set.

    Attributes:
        system: Its name, or who answered.
        variant: Which of its networks or settings, or who says so; may be empty.
        year: Of the system.
        set: Short name of the photos, as of a known benchmark (``"im2gps3k"``).
        photos: How many, as the documents count them; None where they do not.
        figures: Name, of :data:`FIGURES`, to value; what is not given is left out.
        trained_on: Photos that it learnt from, as far as that was seen.
        source: Paper and table that the figures are of.
        seen_in: Addresses of the documents in which they were read. ``github-file:N`` is a file of a public repository
            that a stored index holds under the number N without naming the repository.
        note: What to beware of when comparing; may be empty.
    """

    system: str
    variant: str
    year: int
    set: str
    photos: int | None
    figures: Mapping[str, float]
    trained_on: str
    source: str
    seen_in: tuple[str, ...]
    note: str

    @property
    def name(self) -> str:
        """System, variant and year for a table."""
        return f"{self.system} ({', '.join(part for part in (self.variant, str(self.year)) if part)})"


@dataclass(frozen=True, slots=True)
class Beside:
    """A row of a table that has measured and published figures.

    Attributes:
        name: Who answered.
        measured: Whether it was measured here.
        text: :data:`MEASURED` or :data:`PUBLISHED`, to be shown in the row.
        figures: Name to value, as in :class:`Published`.
        row: The published row; None where measured.
    """

    name: str
    measured: bool
    text: str
    figures: Mapping[str, float]
    row: Published | None


def published(set_name: str | None = None) -> list[Published]:
    """What was published about a set, or about all of them, by year and then by the name of the system.

    Args:
        set_name: Of a known benchmark; None for all. A set of which nothing was seen has no rows.

    Raises:
        DatasetError: The shipped table is missing or damaged.

    >>> [row.figures["median_km"] for row in published("geoguessr") if "duel" in row.variant]
    [1131.7, 2320.75]
    """
    return [row for row in _shipped() if set_name is None or row.set == set_name]


def beside(figures: Mapping[str, float], set_name: str, *, name: str = "whence") -> list[Beside]:
    """Rows of a table: what was measured, then what was published about the same set and may be compared with it.

    Args:
        figures: Measured: name to value. Those that papers do not give (:data:`FIGURES`) and NaN are left out, and so
            are published rows that share no figure with them.
        set_name: Name of the benchmark.
        name: Of what was measured.

    Raises:
        DatasetError: The shipped table is missing or damaged.

    >>> ours, *theirs = beside({"within_25": 3.0}, "im2gps")
    >>> ours.text, theirs[0].name, theirs[0].figures["within_25"], theirs[0].text
    ('measured here', 'PlaNet (2016)', 24.5, 'published, not measured here')
    """
    ours = {key: float(figures[key]) for key in FIGURES if key in figures and not math.isnan(figures[key])}
    rows = [Beside(name, True, MEASURED, MappingProxyType(ours), None)]
    rows += [
        Beside(row.name, False, PUBLISHED, row.figures, row)
        for row in published(set_name)
        if not ours.keys().isdisjoint(row.figures)
    ]
    return rows


def parse(text: str) -> list[Published]:
    """The rows of a table in the form of the shipped one, checked, by year and name.

    Raises:
        DatasetError: A column is missing, a number is none or out of range, bands fall with distance, a row has no
            source or no address, or two rows are of the same system, variant and set.
    """
    lines = csv.DictReader(StringIO(text))
    missing = [column for column in _COLUMNS if column not in (lines.fieldnames or ())]
    if missing:
        raise DatasetError(f"published figures: no column {', '.join(missing)}: {_CURE}")
    rows = list(_rows(lines))
    keys = [(row.system, row.variant, row.set) for row in rows]
    for key in keys:
        if keys.count(key) > 1:
            raise DatasetError(f"published figures: {' / '.join(key)} stands there twice: {_CURE}")
    return sorted(rows, key=lambda row: (row.year, row.system.casefold()))


@lru_cache(maxsize=1)
def _shipped() -> Sequence[Published]:
    return tuple(parse(read_asset(PUBLISHED_PATH, PUBLISHED_SHA256).decode()))


def _rows(lines: csv.DictReader[str]) -> Iterator[Published]:
    for line in lines:
        where = f"published figures, line {lines.line_num}"
        if any(line[column] is None for column in _COLUMNS):
            raise DatasetError(f"{where}: too few columns: {_CURE}")
        for column in ("system", "set", "source", "seen_in"):
            if not line[column].strip():
                raise DatasetError(f"{where}: no {column}: {_CURE}")
        figures = {name: _number(line[name], name, where) for name in FIGURES if line[name]}
        if not figures:
            raise DatasetError(f"{where}: no figure: {_CURE}")
        _check(figures, where)
        year = _number(line["year"], "year", where)
        if year not in _YEARS:
            raise DatasetError(f"{where}: year is {line['year']}: {_CURE}")
        yield Published(
            line["system"],
            line["variant"],
            int(year),
            line["set"],
            int(_number(line["photos"], "photos", where)) if line["photos"] else None,
            MappingProxyType(figures),
            line["trained_on"],
            line["source"],
            tuple(address.strip() for address in line["seen_in"].split(" ; ")),
            line["note"],
        )


def _number(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0.0:
        raise DatasetError(f"{where}: {name} is {text!r}, no number from 0: {_CURE}")
    return value


def _check(figures: Mapping[str, float], where: str) -> None:
    for name in _SHARES:
        if figures.get(name, 0.0) > 100.0:
            raise DatasetError(f"{where}: {name} is {figures[name]:g}, no percentage: {_CURE}")
    if figures.get("geoscore", 0.0) > 5000.0:
        raise DatasetError(f"{where}: geoscore is {figures['geoscore']:g}, above 5000: {_CURE}")
    bands = [(name, figures[name]) for name in _BANDS if name in figures]
    for (near, less), (far, more) in pairwise(bands):
        if less > more:
            raise DatasetError(f"{where}: {near} ({less:g}) is above {far} ({more:g}): {_CURE}")
