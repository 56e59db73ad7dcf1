"""Build partitions from coordinates of photos, and say how good one is.

``python -m data.build_partition TABLES -o OUT`` rebuilds the shipped default from its two tables: 100,000 photos that
people took, and the quadtree of five million street-view photos.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data import s2
from data.errors import RequestError
from data.gazetteer import load_default as load_gazetteer
from data.geodesy import BANDS_KM, haversine_km, lat_lon, spherical_mean, unit_vectors, within_bands
from data.partition import DEFAULT_PATH, Partition, save
from data.partition_tree import Stretches, adaptive_classes, own_areas, own_spread_km, pool_classes, sparse_rows
from data.photo_tables import Photos, photos_of, read_coordinates, read_table

__all__ = [
    "DEFAULT_SETTINGS",
    "Settings",
    "build",
    "build_from_tables",
    "ceiling",
    "describe",
    "main",
    "nearest_regions",
]

Floats = NDArray[np.float64]

HOLD_OUT_SEED: Final = 20
HOLD_OUT_SHARE: Final = 0.1

_DEFAULT_TABLES: Final = ("photo_coordinates_100k.csv", "osv5m_quadtree_10_1000.csv")
# Kilometres cannot be told apart below this, and no radius may be 0.
_LEAST_SPREAD_KM: Final = 0.05


@dataclass(frozen=True)
class Settings:
    """How to divide the Earth.

    Attributes:
        t_max: A cell with more photos than this is split.
        t_min: A class has at least as many, below the cover.
        max_level: Deepest S2 level of any class (15 is 300 m).
        cover_level: S2 level from which on upwards even a few photos make a class (6 is 150 km).
        middle: Photos in a group of the middle level, at least.
        coarse: Photos in a group of the coarse level, at least.
        street_weight: What one cell of a street-view quadtree counts, in photos that a person took.
        own_photos: How many photos a cell's own size is worth, against the photos in it, in its spread.
    """

    t_max: float = 15.0
    t_min: float = 6.0
    max_level: int = 15
    cover_level: int = 6
    middle: float = 50.0
    coarse: float = 400.0
    street_weight: float = 4.0
    own_photos: float = 4.0

    def __post_init__(self) -> None:
        if not 0 < self.t_min <= self.t_max <= self.middle <= self.coarse:
            raise RequestError("thresholds must rise: 0 < t_min <= t_max <= middle <= coarse")
        if not 0 <= self.cover_level <= self.max_level <= s2.MAX_LEVEL:
            raise RequestError("levels must fit: 0 <= cover_level <= max_level <= 30")
        if not (self.street_weight > 0 and self.own_photos > 0):
            raise RequestError("street_weight and own_photos must be positive")


DEFAULT_SETTINGS: Final = Settings()
"""The shipped partition's, chosen on rows held out of both tables and on streets_train: 34 % of people's photos within
1 km at below 20,000 cells."""


def build(
    photos: Photos, *, name: str, settings: Settings = DEFAULT_SETTINGS, info: Mapping[str, Any] | None = None
) -> Partition:
    """Divide the Earth by PlaNet's adaptive rule, with a cover (see ``partition_tree.adaptive_classes``).

    A class's spread is ``sqrt((sum of w d^2 / 2 + k s^2) / (sum of w + k))``: ``d`` the distances in km of its photos
    from their mean, ``w`` their numbers, ``s`` the spread of points all over a square of the class's own area, and
    ``k`` ``settings.own_photos``. With many photos it is theirs, with none the class's own size.

    Args:
        photos: Where photos were taken.
        name: Short name of the partition.
        settings: How to divide.
        info: More to note in the partition's ``info``.

    Raises:
        ValueError: A coordinate that is not finite, or a latitude beyond a pole.
        DatasetError: The gazetteer, whose places tell countries apart, is missing or damaged.
    """
    leaves = s2.cell_ids(photos.lat, photos.lon)
    cell_ids = adaptive_classes(
        leaves,
        photos.weights,
        t_max=settings.t_max,
        t_min=settings.t_min,
        max_level=settings.max_level,
        cover_level=settings.cover_level,
    )
    stretches, n = Stretches.of(cell_ids), len(cell_ids)
    owner = stretches.owner_of(leaves)

    def summed(values: Floats) -> Floats:
        return np.bincount(owner, weights=values, minlength=n).astype(np.float64)

    weight = summed(photos.weights)
    vectors = unit_vectors(photos.lat, photos.lon)
    lat, lon = lat_lon(np.stack([summed(photos.weights * vectors[:, k]) for k in range(3)], axis=-1))
    empty = np.flatnonzero(weight == 0)
    for index in empty.tolist():
        lat[index], lon[index] = _own_point(stretches, index)
    # Six decimals are a tenth of a metre, and half the bytes.
    lat, lon = np.round(lat, 6), np.round(lon, 6)
    areas = own_areas(cell_ids)
    apart = haversine_km(photos.lat, photos.lon, lat[owner], lon[owner])
    own = settings.own_photos
    variance = (summed(photos.weights * apart**2 / 2.0) + own * own_spread_km(areas) ** 2) / (weight + own)
    indptr, indices, shares, codes = _region_shares(photos, owner, weight, lat[empty], lon[empty], empty)
    middle = pool_classes(cell_ids, weight, threshold=settings.middle, cover_level=3)
    nodes, at = np.unique(middle, return_inverse=True)
    of_groups = np.bincount(at, weights=weight).astype(np.float64)
    coarse = pool_classes(nodes, of_groups, threshold=settings.coarse, cover_level=2)[at]
    return Partition(
        name=name,
        cell_ids=cell_ids,
        lat=lat,
        lon=lon,
        spread_km=np.maximum(np.sqrt(variance), _LEAST_SPREAD_KM).astype(np.float32),
        area_km2=areas,
        people=summed(photos.people).astype(np.float32),
        street=summed(photos.street).astype(np.float32),
        population=_population(stretches, n),
        region_indptr=indptr,
        region_indices=indices,
        region_shares=shares,
        region_codes=codes,
        level_ids={"middle": middle, "coarse": coarse},
        info={"settings": asdict(settings), **(info or {})},
    )


def build_from_tables(
    paths: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    name: str | None = None,
    t_max: float | None = None,
    t_min: float | None = None,
    hold_out: float = HOLD_OUT_SHARE,
) -> Partition:
    """Build from tables of coordinates (see ``photo_tables.read_table``), with ceilings measured on rows held out.

    For the ceilings a partition is built without a random ``hold_out`` of each table's rows (fixed seed) and asked
    about those; the one returned is built from all rows. Where ``t_max`` is raised the thresholds of the coarser
    levels rise with it.

    Args:
        paths: CSV files.
        out: Where to save the partition, or None.
        name: Short name of the partition; that of ``out`` without its ending where None.
        t_max: A cell with more photos than this is split; 15 where None.
        t_min: A class has at least as many, below the cover; 6, or ``t_max`` if that is less, where None.
        hold_out: Share of the rows held out for the ceilings; 0 measures none.

    Raises:
        DatasetError: A table that cannot be read, or a place that cannot be written to.
        RequestError: Thresholds or ``hold_out`` out of range, or no table.
    """
    t_max = DEFAULT_SETTINGS.t_max if t_max is None else t_max
    t_min = min(DEFAULT_SETTINGS.t_min, t_max) if t_min is None else t_min
    name = name or (Path(out).stem if out is not None else "partition")
    settings = Settings(
        t_max=t_max,
        t_min=t_min,
        middle=max(DEFAULT_SETTINGS.middle, 3.0 * t_max),
        coarse=max(DEFAULT_SETTINGS.coarse, 25.0 * t_max),
    )
    if not 0.0 <= hold_out < 1.0:
        raise RequestError(f"the share held out must be at least 0 and below 1, not {hold_out}")
    if not paths:
        raise RequestError("no table of coordinates: name at least one CSV file")
    tables = [read_table(path) for path in paths]
    sources = [
        {"file": Path(path).name, "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(), "rows": len(table)}
        for path, table in zip(paths, tables, strict=True)
    ]
    ceilings: dict[str, Any] = {}
    if hold_out > 0.0:
        random = np.random.default_rng(HOLD_OUT_SEED)
        held = [random.random(len(table)) < hold_out for table in tables]
        kept = [table[~some] for table, some in zip(tables, held, strict=True) if not some.all()]
        if kept:
            partial = build(photos_of(kept, settings.street_weight), name=name, settings=settings)
            for path, table, some in zip(paths, tables, held, strict=True):
                if some.any():
                    points = table[some][:, -2:]
                    percent = ceiling(partial, points[:, 0], points[:, 1])
                    ceilings[f"held out of {Path(path).name}"] = {"points": int(some.sum()), "percent": percent}
    info = {"sources": sources, "bands_km": BANDS_KM, "ceilings": ceilings}
    partition = build(photos_of(tables, settings.street_weight), name=name, settings=settings, info=info)
    if out is not None:
        save(partition, out)
    return partition


def ceiling(partition: Partition, lat: ArrayLike, lon: ArrayLike) -> tuple[float, ...]:
    """Percentage of points within each of ``BANDS_KM`` for a classifier that always names the right cell.

    Its answer is the mean point of the cell that each point in degrees lies in.

    Raises:
        ValueError: A coordinate that is not finite, or a latitude beyond a pole.
    """
    cells = partition.cells_of(lat, lon)
    distance = haversine_km(np.ravel(lat), np.ravel(lon), partition.lat[cells], partition.lon[cells])
    return tuple(round(100.0 * share, 2) for share in within_bands(distance))


def describe(partition: Partition, points: str | Path | None = None) -> str:
    """What ``whence partition info`` prints: sizes, sources, settings and ceilings.

    Args:
        partition: The partition.
        points: A CSV file with coordinates to measure one more ceiling on, or None.

    Raises:
        DatasetError: ``points`` cannot be read.
    """
    lines = [f"{partition.name}  {partition.hash}"]
    for level in partition.levels:
        at = partition.at(level)
        size = f"median area {np.median(at.area_km2):,.0f} km2, median spread {np.median(at.spread_km):,.1f} km"
        lines.append(f"  {level:<7}{len(at):>7,} cells, {size}, {int((at.photos == 0).sum()):,} without photos")
    lines.append(f"  {len(partition.country_codes):,} countries, {len(partition.region_codes):,} admin-1 regions")
    for source in partition.info.get("sources", ()):
        lines.append(f"  from {source['file']}, {source['rows']:,} rows, sha256 {source['sha256'][:12]}")
    settings = partition.info.get("settings", {})
    if settings:
        lines.append("  " + ", ".join(f"{key} {value:g}" for key, value in settings.items()))
    ceilings = dict(partition.info.get("ceilings", {}))
    if points is not None:
        lat, lon = read_coordinates(points)
        ceilings[str(points)] = {"points": len(lat), "percent": ceiling(partition, lat, lon)}
    if ceilings:
        bands = " / ".join(f"{band:g}" for band in BANDS_KM)
        lines.append(f"  a classifier that always names the right cell is within {bands} km:")
    for label, measured in ceilings.items():
        percent = " / ".join(f"{value:.1f}" for value in measured["percent"])
        lines.append(f"    {percent} %  of {measured['points']:,} points, {label}")
    return "\n".join(lines)


def nearest_regions(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.str_]:
    """Admin-1 code (m,) of the gazetteer's place nearest to each point: ``"US.CA"``, ``"AQ."`` where it has none.

    Raises:
        DatasetError: The gazetteer is missing or damaged.
    """
    gazetteer = load_gazetteer()
    ids, at = np.unique(gazetteer.nearest_ids(np.ravel(lat), np.ravel(lon)), return_inverse=True)
    places = [gazetteer.place(number) for number in ids.tolist()]
    return np.array([place.admin1 or f"{place.country}." for place in places], np.str_)[at]


def main(argv: Sequence[str] | None = None) -> int:
    """Rebuild the shipped partition."""
    parser = argparse.ArgumentParser(prog="python -m data.build_partition", description=__doc__)
    parser.add_argument("tables", type=Path, help=f"folder with {' and '.join(_DEFAULT_TABLES)}")
    parser.add_argument("-o", "--out", type=Path, default=DEFAULT_PATH)
    args = parser.parse_args(argv)
    paths = [args.tables / name for name in _DEFAULT_TABLES]
    partition = build_from_tables(paths, args.out, name="whence-1")
    print(describe(partition))
    written = args.out.read_bytes()
    print(f"  {args.out}: {len(written):,} bytes, sha256 {hashlib.sha256(written).hexdigest()}")
    return 0


def _own_point(stretches: Stretches, index: int) -> tuple[float, float]:
    """A point of the class's own region near its middle: of places along its curve the one nearest to their mean."""
    lat, lon = s2.centre(stretches.samples(index, 256))
    middle = spherical_mean(lat, lon)
    nearest = int(np.argmin(haversine_km(lat, lon, *middle)))
    return float(lat[nearest]), float(lon[nearest])


def _population(stretches: Stretches, n: int) -> NDArray[np.float32]:
    """Inhabitants of the gazetteer's places in each class; a place of unknown size counts one."""
    lat, lon, population = load_gazetteer().positions()
    owner = stretches.owner_of(s2.cell_ids(lat.astype(np.float64), lon.astype(np.float64)))
    weights = np.maximum(population, 1)
    return np.bincount(owner, weights=weights, minlength=n).astype(np.float32)


def _region_shares(
    photos: Photos, owner: NDArray[np.int32], weight: Floats, lat: Floats, lon: Floats, empty: NDArray[np.intp]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], tuple[str, ...]]:
    """CSR rows of region shares: of each class's photos, and of the points of the ``empty`` classes."""
    regions = nearest_regions(np.concatenate([photos.lat, lat]), np.concatenate([photos.lon, lon]))
    codes, columns = np.unique(regions, return_inverse=True)
    rows = np.concatenate([owner, empty])
    shares = np.concatenate([photos.weights / weight[owner], np.ones(len(empty))])
    indptr, indices, values = sparse_rows(rows, columns, shares, len(weight))
    return indptr, indices, values, tuple(codes.tolist())


if __name__ == "__main__":
    raise SystemExit(main())
