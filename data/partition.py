"""The cells that every distribution is over: an adaptive partition of the Earth with what is known about each cell.

A partition's *class* is an S2 cell minus the smaller classes inside it, so that every point of the Earth lies in
exactly one class: the deepest around it. ``data.build_partition`` makes partitions from coordinates of photos;
``load_default`` opens the one that is shipped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data import s2
from data.assets import check_asset
from data.errors import RequestError
from data.geodesy import gaussian_points, haversine_km, lat_lon, unit_vectors
from data.partition_checks import LEVELS, check_partition
from data.partition_tree import MOST_SPREAD_KM, Stretches, parent_classes, sparse_rows

__all__ = ["DEFAULT_PATH", "DEFAULT_SHA256", "LEVELS", "Partition", "load", "load_default", "save"]

DEFAULT_PATH: Final = Path(__file__).parent / "assets" / "partition.parquet"
DEFAULT_SHA256: Final = "9bc7a09fbc9b9b015618e94bc27487678534317cb5a6c3ab7825270106951b4b"


Ids = NDArray[np.uint64]
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Indices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Partition:
    """Classes that cover the Earth, and for each the place, spread, size, photos and regions.

    Two partitions are equal when their content is; ``hash`` says so in one string. All arrays are read-only.

    Attributes:
        name: Short name.
        cell_ids: S2 ids (n,) of the classes, ascending. A class is its cell minus the classes inside it.
        lat: Latitude (n,) in degrees of the spherical mean of its photos; of a point of its own where it has none.
        lon: Longitude (n,) in degrees of the same.
        spread_km: Standard deviation per axis (n,) of an isotropic Gaussian of its photos around that point, drawn
            towards the cell's own size where photos are few (see ``data.build_partition``); never 0.
        area_km2: Area (n,) of its own region.
        people: Number of photos that people took (n,).
        street: Street-view photos (n,), weighted so that 1 counts as much as one photo that a person took.
        population: Inhabitants (n,) of the gazetteer's places in it; tells inhabited land from sea.
        region_indptr: Row ends (n + 1,) of the sparse shares: class ``c`` has the entries ``indptr[c]:indptr[c + 1]``.
        region_indices: For each entry the index into ``region_codes``.
        region_shares: For each entry the share of the class's photos in that region; a class's shares sum to 1.
        region_codes: GeoNames admin-1 codes such as ``"US.CA"``; ``"AQ."`` where GeoNames names no admin-1.
        level_ids: For each coarser level by name the S2 node (n,) at which the class is grouped.
        info: What it was built from and how, and the ceilings measured then. No part of its identity.
    """

    name: str
    cell_ids: Ids
    lat: Floats
    lon: Floats
    spread_km: Floats32
    area_km2: Floats
    people: Floats32
    street: Floats32
    population: Floats32
    region_indptr: Indices
    region_indices: Indices
    region_shares: Floats32
    region_codes: tuple[str, ...]
    level_ids: Mapping[str, Ids] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    _fine: Partition | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for label, dtype in _DTYPES.items():
            with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is refused as not finite below
                array = np.ascontiguousarray(getattr(self, label), dtype)
            if array.flags.writeable:
                array = array.copy()
                array.flags.writeable = False
            object.__setattr__(self, label, array)
        levels = {}
        for level, nodes in self.level_ids.items():
            levels[level] = np.array(nodes, np.uint64)
            levels[level].flags.writeable = False
        object.__setattr__(self, "level_ids", MappingProxyType(levels))
        object.__setattr__(self, "info", MappingProxyType(dict(self.info)))
        check_partition(self)

    def __len__(self) -> int:
        return len(self.cell_ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Partition) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        return f"Partition({self.name!r}, {len(self):,} cells, {self.hash[:12]})"

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) over the bytes of all arrays and codes: the partition's identity."""
        digest = hashlib.sha256(b"whence-partition-1")
        if self._fine is not None:
            digest.update(f"{self.level} of {self._fine.hash}".encode())
            return digest.hexdigest()
        for label, dtype in _DTYPES.items():
            array = getattr(self, label)
            digest.update(f"{label} {len(array)}\n".encode())
            digest.update(array.astype(dtype.newbyteorder("<"), copy=False).tobytes())
        digest.update("\n".join(self.region_codes).encode())
        for level in sorted(self.level_ids):
            digest.update(f"{level}\n".encode())
            digest.update(self.level_ids[level].astype("<u8", copy=False).tobytes())
        return digest.hexdigest()

    @property
    def level(self) -> str:
        """Which of the nested levels this is: ``"fine"``, or what ``at`` was asked for."""
        return "fine" if self._fine is None else self.name.rpartition("/")[2]

    @property
    def levels(self) -> tuple[str, ...]:
        """Names that ``at`` takes, finest first."""
        return (self.level, *(name for name in LEVELS if name in self.level_ids))

    @property
    def photos(self) -> Floats:
        """Photos of both kinds (n,), as they counted when the partition was built."""
        total: Floats = self.people.astype(np.float64) + self.street
        return total

    def cells_of(self, lat: ArrayLike, lon: ArrayLike) -> Indices:
        """Index of the class (m,) that each point in degrees lies in: the deepest around it.

        Raises:
            ValueError: A coordinate that is not finite, or a latitude beyond a pole.
        """
        leaves = s2.cell_ids(np.atleast_1d(np.asarray(lat, np.float64)), np.atleast_1d(np.asarray(lon, np.float64)))
        if self._fine is None:
            return self._stretches.owner_of(leaves)
        return self._fine.parents(self.level)[self._fine._stretches.owner_of(leaves)]

    def parents(self, level: str) -> Indices:
        """For each class the index (n,) of its group in ``at(level)``.

        Raises:
            RequestError: The partition has no such level.
        """
        if level not in self._parents:
            raise RequestError(f"partition {self.name!r} has the levels {', '.join(self.levels)}; not {level!r}")
        return self._parents[level]

    def at(self, level: str) -> Partition:
        """The same Earth in coarser cells: a partition whose classes are groups of this one's.

        Its ``cells_of`` goes through the finer one, so that grouping a look-up and looking up a group always agree.

        Raises:
            RequestError: The partition has no such level.
        """
        self.parents(level)
        if level == self.level:
            return self
        fine = self if self._fine is None else self._fine
        if level not in fine._derived:
            fine._derived[level] = _grouped(fine, level)
        return fine._derived[level]

    @cached_property
    def country_codes(self) -> tuple[str, ...]:
        """ISO 3166-1 alpha-2 codes that occur, ascending; columns of ``country_matrix``."""
        return tuple(sorted({code[:2] for code in self.region_codes}))

    def country_matrix(self) -> tuple[Indices, Indices, Floats32]:
        """Country shares of the classes in CSR form: row ends (n + 1,), indices into ``country_codes``, shares."""
        return self._countries

    def region_mass(self, p: ArrayLike) -> dict[str, float]:
        """Probability of each admin-1 region under ``p`` (n,), heaviest first; regions without any are left out."""
        mass = self._spread_over(p, self._region_rows, self.region_indices, self.region_shares, len(self.region_codes))
        return _heaviest_first(self.region_codes, mass)

    def country_mass(self, p: ArrayLike) -> dict[str, float]:
        """Probability of each country under ``p`` (n,), heaviest first; countries without any are left out."""
        _, indices, shares = self._countries
        mass = self._spread_over(p, self._country_rows, indices, shares, len(self.country_codes))
        return _heaviest_first(self.country_codes, mass)

    def country_shares(self, code: str) -> Floats32:
        """Share (n,) of each class in one country, 0 to 1; all 0 for a code that does not occur."""
        _, indices, shares = self._countries
        wanted = self.country_codes.index(code) if code in self.country_codes else -1
        dense = np.zeros(len(self), np.float32)
        hit = indices == wanted
        dense[self._country_rows[hit]] = shares[hit]
        return dense

    def region_share(self, code: str) -> Floats32:
        """Share (n,) of each class in one admin-1 region, 0 to 1; all 0 for a code that does not occur."""
        wanted = self.region_codes.index(code) if code in self.region_codes else -1
        dense = np.zeros(len(self), np.float32)
        hit = self.region_indices == wanted
        dense[self._region_rows[hit]] = self.region_shares[hit]
        return dense

    def mean_over_regions(self, values: ArrayLike) -> Floats:
        """Mean (n,) of one value per admin-1 region, in the order of ``region_codes``, weighted by each class's shares.

        Raises:
            RequestError: There is not one value per region.
        """
        values = np.asarray(values, np.float64)
        if values.shape != (len(self.region_codes),):
            raise RequestError(f"one value per region is needed, ({len(self.region_codes)},), not {values.shape}")
        weighted = self.region_shares * values[self.region_indices]
        means: Floats = np.bincount(self._region_rows, weights=weighted, minlength=len(self)).astype(np.float64)
        return means

    @cached_property
    def vectors(self) -> Floats:
        """Unit vectors (n, 3) of the classes' mean points."""
        vectors = unit_vectors(self.lat, self.lon)
        vectors.flags.writeable = False
        return vectors

    @cached_property
    def main_country(self) -> tuple[str, ...]:
        """Country of the largest share of each class (n)."""
        indptr, indices, shares = self._countries
        order = np.lexsort((-shares, self._country_rows))
        return tuple(self.country_codes[k] for k in indices[order[indptr[:-1]]].tolist())

    def sample_points(self, k: int) -> tuple[Floats, Floats]:
        """``k`` points of equal weight that stand for each class's Gaussian: latitudes and longitudes (n, k).

        Point ``i`` lies at the ``(i + 0.5) / k`` quantile of the distance from the middle, turned by the golden angle
        from the one before; the same for every class and at every call. ``k`` of 1 is the mean itself.
        """
        if k < 1:
            raise RequestError(f"the number of points per cell must be at least 1, not {k}")
        if k not in self._samples:
            self._samples[k] = gaussian_points(self.lat, self.lon, self.spread_km, k)
        return self._samples[k]

    def neighbours_of(self, index: int) -> Indices:
        """Classes next to class ``index``, ascending: across its cell's edge, inside it, or around it."""
        ids = self.cell_ids[index : index + 1]
        if self._fine is not None:
            fine = np.flatnonzero(self._fine.parents(self.level) == index)
            around = np.concatenate([self._fine.neighbours_of(int(k)) for k in fine])
            return _without(self._fine.parents(self.level)[around], index)
        depth = min(int(s2.level_of(ids)[0]) + 4, s2.MAX_LEVEL)
        rim = ids
        while int(s2.level_of(rim)[0]) < depth:
            rim = s2.children(rim).ravel()
            touching = s2.neighbours(rim)
            outside = (touching < s2.range_min(ids)) | (touching > s2.range_max(ids))
            rim = rim[outside.any(axis=1)]
        touching = s2.neighbours(rim).ravel()
        touching = touching[(touching < s2.range_min(ids)) | (touching > s2.range_max(ids))]
        inside = np.flatnonzero(self._nest == index)
        return _without(np.concatenate([self._stretches.owner_of(touching), inside]), index)

    # What is made once and kept.

    @cached_property
    def _stretches(self) -> Stretches:
        return Stretches.of(self.cell_ids)

    @cached_property
    def _nest(self) -> Indices:
        return parent_classes(self.cell_ids)

    @cached_property
    def _derived(self) -> dict[str, Partition]:
        return {}

    @cached_property
    def _samples(self) -> dict[int, tuple[Floats, Floats]]:
        return {}

    @cached_property
    def _parents(self) -> dict[str, Indices]:
        parents = {self.level: np.arange(len(self), dtype=np.int32)}
        for level, nodes in self.level_ids.items():
            parents[level] = np.searchsorted(np.unique(nodes), nodes).astype(np.int32)
        for indices in parents.values():
            indices.flags.writeable = False
        return parents

    @cached_property
    def _region_rows(self) -> Indices:
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.region_indptr))

    @cached_property
    def _country_rows(self) -> Indices:
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self._countries[0]))

    @cached_property
    def _countries(self) -> tuple[Indices, Indices, Floats32]:
        column = {code: k for k, code in enumerate(self.country_codes)}
        of_region = np.array([column[code[:2]] for code in self.region_codes], np.int64)
        return sparse_rows(self._region_rows, of_region[self.region_indices], self.region_shares, len(self))

    def _spread_over(self, p: ArrayLike, rows: Indices, columns: Indices, shares: Floats32, size: int) -> Floats:
        p = np.asarray(p, np.float64)
        if p.shape != (len(self),):
            raise RequestError(f"partition {self.name!r} has {len(self)} cells; the distribution has shape {p.shape}")
        mass: Floats = np.bincount(columns, weights=p[rows] * shares, minlength=size).astype(np.float64)
        return mass


_DTYPES: Final[Mapping[str, np.dtype[Any]]] = MappingProxyType(
    {
        "cell_ids": np.dtype(np.uint64),
        "lat": np.dtype(np.float64),
        "lon": np.dtype(np.float64),
        "spread_km": np.dtype(np.float32),
        "area_km2": np.dtype(np.float64),
        "people": np.dtype(np.float32),
        "street": np.dtype(np.float32),
        "population": np.dtype(np.float32),
        "region_indptr": np.dtype(np.int32),
        "region_indices": np.dtype(np.int32),
        "region_shares": np.dtype(np.float32),
    }
)


@lru_cache(maxsize=1)
def load_default() -> Partition:
    """The shipped partition, opened and checked once.

    Raises:
        DatasetError: The installed file is missing, unreadable, damaged, or another partition.
    """
    # A partition of somebody else's carries a hash that fits it: only the pin tells that it is not ours.
    check_asset(DEFAULT_PATH, DEFAULT_SHA256)
    return load(DEFAULT_PATH)


def load(path: str | Path) -> Partition:
    """Open a partition file and check it against the hash that it carries.

    Raises:
        DatasetError: No such file, no partition, another version of the format, cut short or changed.
    """
    from data.partition_file import read_partition

    return read_partition(path)


def save(partition: Partition, path: str | Path) -> None:
    """Write a partition as one Parquet file, which appears complete or not at all.

    Raises:
        DatasetError: It is a coarser level of another partition, or the file cannot be written.
    """
    from data.partition_file import write_partition

    write_partition(partition, path)


def _grouped(fine: Partition, level: str) -> Partition:
    """The partition whose classes are groups of ``fine``'s."""
    groups, (nodes, first) = fine.parents(level), np.unique(fine.level_ids[level], return_index=True)

    def summed(values: NDArray[Any]) -> Floats:
        totals: Floats = np.bincount(groups, weights=values, minlength=len(nodes)).astype(np.float64)
        return totals

    photos = fine.photos
    # A group without any photo is weighed by area instead.
    weight = np.where(summed(photos)[groups] > 0, photos, fine.area_km2)
    share = weight / summed(weight)[groups]
    vectors = unit_vectors(fine.lat, fine.lon)
    lat, lon = lat_lon(np.stack([summed(share * vectors[:, k]) for k in range(3)], axis=-1))
    apart = haversine_km(fine.lat, fine.lon, lat[groups], lon[groups])
    variance = summed(share * (fine.spread_km.astype(np.float64) ** 2 + apart**2 / 2.0))
    rows = fine._region_rows
    values = fine.region_shares * share[rows]
    indptr, indices, shares = sparse_rows(groups[rows], fine.region_indices, values, len(nodes))
    return Partition(
        name=f"{fine.name}/{level}",
        cell_ids=nodes,
        lat=lat,
        lon=lon,
        spread_km=np.minimum(np.sqrt(variance), MOST_SPREAD_KM).astype(np.float32),
        area_km2=summed(fine.area_km2),
        people=summed(fine.people).astype(np.float32),
        street=summed(fine.street).astype(np.float32),
        population=summed(fine.population).astype(np.float32),
        region_indptr=indptr,
        region_indices=indices,
        region_shares=shares,
        region_codes=fine.region_codes,
        level_ids={name: fine.level_ids[name][first] for name in fine.levels[fine.levels.index(level) + 1 :]},
        info=fine.info,
        _fine=fine,
    )


def _heaviest_first(codes: tuple[str, ...], mass: Floats) -> dict[str, float]:
    order = np.argsort(-mass, kind="stable")
    return {codes[k]: float(mass[k]) for k in order.tolist() if mass[k] > 0.0}


def _without(indices: Indices, index: int) -> Indices:
    found = np.unique(indices).astype(np.int32)
    rest: Indices = found[found != index]
    return rest
