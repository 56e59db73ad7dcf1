"""Tables that say where photos were taken, for measuring: what cannot be used is named, and the rest goes on.

``data.photo_labels`` reads the coordinates of millions of photos for training; this reads all that an evaluation wants
to know of thousands: country, how well a point is known, groups, what people guessed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.continents import CONTINENTS
from data.errors import DatasetError
from data.label_rows import OWN_GROUP, label_rows, read_text
from data.printable import printable

__all__ = ["LabelTable", "read_label_table"]

_PLACES365_S3: Final = {"0": "indoor", "1": "natural", "2": "urban"}  # order of Prob_indoor, Prob_natural, Prob_urban
_NOT_ISO: Final = {"UK": "GB", "EL": "GR"}  # as the European Union calls two countries
_NOBODY: Final = "human"  # whose guesses they are where no column says it
_SWAPPED: Final = 0.02  # share of rows that fit only when latitude and longitude change places
_SHOWN: Final = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Labels of photos in the order of their table.

    Attributes:
        names: (n,) what the table calls each photo, all different, as they stand there.
        lat: (n,) degrees, NaN where no point is given.
        lon: (n,) degrees.
        country: (n,) ISO 3166-1 alpha-2, "" where none is given.
        exact_km: (n,) how far the point may be off, km; 0.0 where the table does not say.
        groups: Name to (n,) texts, of the columns of :data:`data.label_rows.GROUP_COLUMNS` that are there.
        players: Who guessed to (n, 2) degrees of the guesses, NaN where there is none.
        left_out: Printable name of a photo or row to the reason why it cannot be used.
        notes: What else to know, one sentence each.
        sha256: Of the file, in hexadecimal digits.
    """

    names: Sequence[str]
    lat: Floats
    lon: Floats
    country: Sequence[str]
    exact_km: Floats
    groups: Mapping[str, Sequence[str]]
    players: Mapping[str, Floats]
    left_out: Mapping[str, str]
    notes: Sequence[str]
    sha256: str


def read_label_table(path: Path) -> LabelTable:
    """The labels in a CSV table (``,``, ``;`` or tabs between the columns) or in a JSON list of rounds.

    A row needs a name and either a point or a country. Columns may be called as the field calls them, in any case:
    ``file``, ``IMG_ID``, ``id``; ``lat``, ``latitude``; ``lon``, ``lng``, ``longitude``; ``country``;
    ``precision_km``; those of :data:`data.label_rows.GROUP_COLUMNS`; ``S3_Label`` of Places365 becomes the group
    ``scene``. What people guessed is in ``human_lat`` and ``human_lon``; with a column ``player``, a photo may have a
    row for each of them.

    Raises:
        DatasetError: No such file, neither UTF-8 nor a table, no such columns, one twice, a photo with two labels, a
            table whose latitudes and longitudes have changed places, or one without a single label that can be used.
    """
    shown = printable(str(path))
    content = read_text(path, shown)
    building = _Building(shown)
    for number, row in label_rows(content, shown, is_json=path.suffix.lower() == ".json"):
        building.add(number, row)
    return building.table(hashlib.sha256(content).hexdigest())


@dataclass
class _Building:
    """A table in the making, row by row."""

    shown: str
    place: dict[str, int] = field(default_factory=dict)  # name to its number in the table
    players_of: dict[int, set[str]] = field(default_factory=dict)
    lat: list[float] = field(default_factory=list)
    lon: list[float] = field(default_factory=list)
    country: list[str] = field(default_factory=list)
    exact_km: list[float] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    guesses: dict[str, dict[int, tuple[float, float]]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)  # names that were left out: they may not come again
    repeated: list[str] = field(default_factory=list)
    strange_countries: list[str] = field(default_factory=list)
    strange_guesses: int = 0
    swapped: int = 0
    rows: int = 0

    def add(self, number: int, row: Mapping[str, str]) -> None:
        self.rows += 1
        name = row["file"]
        if not name:
            self.left_out[f"row {number}"] = "no name of a photo"
            return
        if name in self.place:
            if not self._same_round(self.place[name], row):
                self.repeated.append(name)
            return
        if name in self.seen:
            self.repeated.append(name)
            return
        lat, lon, said = _point(row.get("lat", ""), row.get("lon", ""))
        self.swapped += 90.0 < abs(lat) <= 180.0 and abs(lon) <= 90.0
        country = self._country(row.get("country", ""))
        exact_km = _number(row.get("precision_km") or "0")
        if said is None and not (math.isfinite(exact_km) and exact_km >= 0.0):
            said = f"precision_km is no distance ({_quoted(row['precision_km'])})"
        if said is None and math.isnan(lat) and not country:
            said = "no coordinates and no country"
        if said is not None:
            self.left_out[printable(name)] = said
            self.seen.add(name)
            return
        index = self.place[name] = len(self.place)
        self.lat.append(lat)
        self.lon.append(lon)
        self.country.append(country)
        self.exact_km.append(exact_km)
        groups = {key.removeprefix(OWN_GROUP): text for key, text in row.items() if key.startswith(OWN_GROUP)}
        if "s3_label" in row and "scene" not in groups:
            groups["scene"] = _PLACES365_S3.get(row["s3_label"], "")
        for group, text in groups.items():
            if group not in self.groups:
                self.groups[group] = [""] * index
            self.groups[group].append(printable(text))
        for column in self.groups.values():
            column.extend([""] * (index + 1 - len(column)))
        self._guess(index, row)

    def _same_round(self, index: int, row: Mapping[str, str]) -> bool:
        """Whether a second row of a photo is only another player's; then the guess is taken."""
        player = row.get("player", "")
        if not player or player in self.players_of.get(index, ()):
            return False
        truth = [*_point(row.get("lat", ""), row.get("lon", ""))[:2]]
        where = {key.removeprefix(OWN_GROUP): text for key, text in row.items() if key.startswith(OWN_GROUP)}
        if not np.array_equal(truth, [self.lat[index], self.lon[index]], equal_nan=True):
            return False
        if any(self.groups[group][index] != printable(where[group]) for group in ("game", "round") if group in where):
            return False
        self._guess(index, row)
        return True

    def _guess(self, index: int, row: Mapping[str, str]) -> None:
        player = row.get("player", "")
        if player:
            self.players_of.setdefault(index, set()).add(player)
        lat, lon, said = _point(row.get("human_lat", ""), row.get("human_lon", ""))
        self.strange_guesses += said is not None
        if said is None and not math.isnan(lat):
            self.guesses.setdefault(printable(player) or _NOBODY, {})[index] = (lat, lon)

    def _country(self, text: str) -> str:
        code = _NOT_ISO.get(text.upper(), text.upper())
        if code in CONTINENTS:
            return code
        if code:
            self.strange_countries.append(text)
        return ""

    def table(self, sha256: str) -> LabelTable:
        if self.repeated:
            raise DatasetError(
                f"{self.shown} names {_listed(self.repeated)} more than once: give each photo one row (rows of several "
                "players need a column player, and the same point)"
            )
        if self.rows and self.swapped > max(1.0, _SWAPPED * self.rows):
            raise DatasetError(
                f"{self.shown} has {self.swapped} latitudes beyond 90 degrees whose longitudes are within: its columns "
                "lat and lon have changed places, so rename them in its first line"
            )
        if not self.place:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in list(self.left_out.items())[:_SHOWN])
            raise DatasetError(
                f"{self.shown} holds no label that can be used{f' ({reasons})' if reasons else ''}: give a row for "
                "each photo, with lat and lon or a country"
            )
        players = {}
        for player, guesses in self.guesses.items():
            players[player] = np.full((len(self.place), 2), np.nan)
            players[player][list(guesses)] = list(guesses.values())
        return LabelTable(
            names=tuple(self.place),
            lat=np.array(self.lat),
            lon=np.array(self.lon),
            country=tuple(self.country),
            exact_km=np.array(self.exact_km),
            groups={group: tuple(texts) for group, texts in self.groups.items() if any(texts)},
            players=players,
            left_out=self.left_out,
            notes=tuple(self._notes()),
            sha256=sha256,
        )

    def _notes(self) -> Iterator[str]:
        if self.strange_countries:
            yield (
                "a country that is no code of ISO 3166-1 alpha-2 (two letters, as FR) counts as not known: "
                f"{len(self.strange_countries)} photos ({_listed(sorted(set(self.strange_countries)))})"
            )
        if self.strange_guesses:
            yield f"guesses of people that are no points on the Earth are left out: {self.strange_guesses}"


def _point(lat_text: str, lon_text: str) -> tuple[float, float, str | None]:
    """Degrees, NaN where both texts are empty; and what is wrong with them."""
    if (not lat_text and not lon_text) or lat_text.lower() == lon_text.lower() == "nan":
        return math.nan, math.nan, None
    lat, lon = _number(lat_text), _number(lon_text)
    if abs(lat) <= 90.0 and abs(lon) <= 180.0:
        return lat, lon, None
    what = f"lat {_quoted(lat_text)}, lon {_quoted(lon_text)}"
    if not math.isnan(_number(lat_text.replace(",", "."))) and "," in lat_text + lon_text:
        return lat, lon, f"coordinates with a comma ({what}): write degrees with a point, as 48.87"
    return lat, lon, f"coordinates that are not on the Earth ({what})"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _quoted(text: str) -> str:
    return repr(printable(text)[:40])


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(printable(name)[:200] for name in every[:_SHOWN]) + (", ..." if len(every) > _SHOWN else "")
