"""Tables of places where photos were taken: CSV files in, weighted points out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import DatasetError

__all__ = ["POINT_COLUMNS", "Photos", "photos_of", "read_coordinates", "read_table"]

Floats = NDArray[np.float64]

_SUBPOINTS: Final = 16
POINT_COLUMNS: Final = (("lat", "latitude"), ("lon", "lng", "long", "longitude"))
"""What the columns of latitudes and of longitudes may be called, in lower case."""

_BOX_COLUMNS: Final = ("min_lat", "min_lon", "max_lat", "max_lon", "mean_lat", "mean_lon")


@dataclass(frozen=True)
class Photos:
    """Places where photos were taken: degrees (m,), and how many photos of each kind each place stands for."""

    lat: Floats
    lon: Floats
    people: Floats
    street: Floats

    def __post_init__(self) -> None:
        if not len(self.lat) == len(self.lon) == len(self.people) == len(self.street) > 0:
            raise DatasetError("photos need as many latitudes as longitudes and numbers, and at least one")

    @property
    def weights(self) -> Floats:
        """Photos of both kinds at each place (m,)."""
        return self.people + self.street

    def __add__(self, other: Photos) -> Photos:
        names = ("lat", "lon", "people", "street")
        return Photos(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))

    @classmethod
    def of_people(cls, lat: ArrayLike, lon: ArrayLike) -> Photos:
        """One photo that a person took at each point."""
        lat, lon = np.asarray(lat, np.float64).ravel(), np.asarray(lon, np.float64).ravel()
        return cls(lat, lon, np.ones(len(lat)), np.zeros(len(lat)))

    @classmethod
    def of_quadtree(cls, boxes: Floats, means: Floats, weight: float) -> Photos:
        """Street photos known only by boxes (q, 4: min lat, min lon, max lat, max lon) and mean points (q, 2).

        Each box counts ``weight`` and is spread over 16 points around its mean, as far as the mean's distance from the
        box's nearest side tells how far its photos reach, and no farther than a degree (111 km): the mean alone would
        make every cell look like one spot.
        """
        low, high = boxes[:, :2], boxes[:, 2:]
        # A degree of longitude is as long as one of latitude only at the equator.
        one_degree = np.stack([np.ones(len(means)), 1.0 / np.maximum(np.cos(np.radians(means[:, 0])), 0.05)], axis=-1)
        reach = np.minimum(np.minimum(means - low, high - means), one_degree)
        reach = np.maximum(reach, 0.3 * np.minimum(high - low, one_degree))
        i = np.arange(_SUBPOINTS) + 0.5
        # A rank-one lattice by the golden ratio: even in both directions, and centred on the mean.
        lattice = np.stack([2.0 * i / _SUBPOINTS - 1.0, 2.0 * (i * 0.6180339887498949 % 1.0) - 1.0], axis=-1)
        lattice -= lattice.mean(axis=0)
        points = np.clip(means[:, None] + reach[:, None] * lattice, low[:, None], high[:, None])
        street = np.full(points[..., 0].size, weight / _SUBPOINTS)
        return cls(points[..., 0].ravel(), points[..., 1].ravel(), np.zeros(street.size), street)


def read_table(path: str | Path) -> Floats:
    """Rows of a CSV file with a header: (m, 2) lat and lon, or (m, 6) boxes of a quadtree and their mean points.

    The columns may be called lat or latitude, lon, lng or longitude, in any case; a quadtree has min_lat, min_lon,
    max_lat, max_lon, mean_lat and mean_lon.

    Raises:
        DatasetError: No such file, no columns that are coordinates, or values that are not on the Earth.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [name.strip().lower() for name in next(rows, [])]
            if set(_BOX_COLUMNS) <= set(header):
                columns = [header.index(name) for name in _BOX_COLUMNS]
            else:
                columns = [next((header.index(n) for n in names if n in header), -1) for names in POINT_COLUMNS]
            if -1 in columns:
                raise DatasetError(f"{path} has no columns lat and lon in its first line: name them there")
            table = np.array([[float(row[k]) for k in columns] for row in rows if row], np.float64)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    except (ValueError, IndexError, csv.Error) as error:
        raise DatasetError(f"{path} is no table of coordinates ({error}): give a CSV file with lat and lon") from error
    if not len(table):
        raise DatasetError(f"{path} holds no coordinates: give a CSV file with at least one row")
    if not (np.isfinite(table).all() and (np.abs(table) <= [90, 180] * (table.shape[1] // 2)).all()):
        raise DatasetError(f"{path} has coordinates that are not on the Earth: give degrees, latitude within -90 to 90")
    return table


def read_coordinates(path: str | Path) -> tuple[Floats, Floats]:
    """Latitudes and longitudes (m,) in degrees of a CSV file; of a quadtree its mean points.

    Raises:
        DatasetError: No such file, no columns that are coordinates, or values that are not on the Earth.
    """
    table = read_table(path)
    return table[:, -2], table[:, -1]


def photos_of(tables: Sequence[Floats], street_weight: float) -> Photos:
    """Photos of tables as ``read_table`` gives them; a row of a quadtree counts ``street_weight``."""
    parts = [
        Photos.of_people(table[:, 0], table[:, 1])
        if table.shape[1] == 2
        else Photos.of_quadtree(table[:, :4], table[:, 4:], street_weight)
        for table in tables
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
