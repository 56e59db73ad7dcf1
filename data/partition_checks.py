"""What makes a partition valid: shapes, ranges, shares that sum to 1, levels that nest, a cell for every point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from data import s2
from data.errors import DatasetError

if TYPE_CHECKING:
    from data.partition import Partition

__all__ = ["LEVELS", "check_partition"]

LEVELS: Final = ("fine", "middle", "coarse")
"""Names of the nested levels, finest first."""


def check_partition(partition: Partition) -> None:
    """Refuse what is no partition.

    Raises:
        DatasetError: What is wrong with it.
    """
    n = len(partition.cell_ids)

    def check(good: bool | np.bool_, problem: str) -> None:
        if not good:
            raise DatasetError(f"partition {partition.name!r}: {problem}; build it again or fetch it again")

    check(n > 0 and bool(partition.name), "it has no cells or no name")
    for label in ("lat", "lon", "spread_km", "area_km2", "people", "street", "population"):
        values = getattr(partition, label)
        check(values.shape == (n,) and np.isfinite(values).all(), f"{label} must be {n} finite numbers")
    on_earth = (np.abs(partition.lat) <= 90).all() and (np.abs(partition.lon) <= 180).all()
    check(on_earth, "a cell's point is off the Earth")
    check((partition.spread_km > 0).all() and (partition.area_km2 > 0).all(), "a spread or an area is not positive")
    check((partition.people >= 0).all() and (partition.street >= 0).all(), "a number of photos is negative")
    check((partition.population >= 0).all(), "a population is negative")
    check(s2.is_valid(partition.cell_ids).all(), "an id is not one of an S2 cell")
    check((partition.cell_ids[1:] > partition.cell_ids[:-1]).all(), "cell ids must ascend and be unique")
    indptr, indices, shares = partition.region_indptr, partition.region_indices, partition.region_shares
    check(
        indptr.shape == (n + 1,)
        and indptr[0] == 0
        and indptr[-1] == len(indices) == len(shares)
        and (np.diff(indptr) > 0).all(),
        "the rows of its region shares do not fit its cells",
    )
    check(((indices >= 0) & (indices < len(partition.region_codes))).all(), "a region index is out of range")
    sums = np.add.reduceat(shares.astype(np.float64), indptr[:-1])
    check((shares >= 0).all() and np.allclose(sums, 1.0, atol=1e-4), "a cell's region shares do not sum to 1")
    check(all(code[2:3] == "." for code in partition.region_codes), "a region code is not like 'US.CA'")
    for level, nodes in partition.level_ids.items():
        check(level in LEVELS[1:] and nodes.shape == (n,), f"level {level!r} is unknown or has not {n} nodes")
        check(s2.is_valid(nodes).all(), f"a node of level {level!r} is not an S2 cell")
        check(
            ((s2.range_min(nodes) <= partition.cell_ids) & (partition.cell_ids <= s2.range_max(nodes))).all(),
            f"a cell lies outside its group of level {level!r}",
        )
    if partition._fine is None:
        check(partition._stretches.covers_the_earth(), "some of the Earth lies in no cell")
