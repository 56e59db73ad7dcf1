"""What an explanation is about: a country or a cell, as one number of a distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data import s2
from data.distribution import CellDistribution
from data.errors import RequestError
from data.gazetteer import country_name
from data.partition import Partition

__all__ = ["Target", "cell_target", "country_target", "likeliest_cell", "likeliest_country"]

_LEAST = 1e-30  # mass below it is a float's rounding: odds end there


@dataclass(frozen=True, eq=False)
class Target:
    """A part of the Earth whose probability is explained.

    Attributes:
        kind: ``"country"`` or ``"cell"``.
        code: ISO 3166-1 alpha-2 code, or the S2 token of the cell.
        name: For a person: ``"Spain"``, ``"the cell around 40.415 N 3.703 W"``.
        shares: (n,) float64, share of each cell of the partition that belongs to it, 0 to 1.
    """

    kind: str
    code: str
    name: str
    shares: NDArray[np.float64]

    def probability(self, distribution: CellDistribution) -> float:
        """Mass of the target, 0 to 1."""
        inside, outside = self._masses(distribution)
        return inside / (inside + outside)

    def log_odds(self, distribution: CellDistribution) -> float:
        """``log P(target) - log P(elsewhere)`` in nats; both masses are summed, so it is exact near 0 and near 1."""
        inside, outside = self._masses(distribution)
        return math.log(max(inside, _LEAST)) - math.log(max(outside, _LEAST))

    def require_mass(self, distribution: CellDistribution) -> None:
        """Raise RequestError where there is nothing to explain: the target has no probability, or all of it."""
        inside, outside = self._masses(distribution)
        if inside <= _LEAST:
            raise RequestError(
                f"{self.name} ({self.code}) has probability 0 in this answer, whatever is covered: name another "
                f"{self.kind}, or none for the answer's own"
            )
        if outside <= _LEAST:
            raise RequestError(
                f"{self.name} ({self.code}) has all of the probability in this answer, whatever is covered: there is "
                "nothing to explain"
            )

    def _masses(self, distribution: CellDistribution) -> tuple[float, float]:
        p = distribution.p.astype(np.float64)
        if p.shape != self.shares.shape:
            raise RequestError(f"{self.name} belongs to another partition than {distribution.partition.name!r}")
        return float(p @ self.shares), float(p @ (1.0 - self.shares))


def country_target(partition: Partition, code: str) -> Target:
    """The country with ISO 3166-1 alpha-2 ``code``, upper or lower case; border cells belong to it by their shares.

    Raises:
        RequestError: No cell of the partition lies in it.

    >>> from data.partition import load_default
    >>> country_target(load_default(), "es").name
    'Spain'
    """
    code = code.strip().upper()
    if code not in partition.country_codes:
        raise RequestError(f"unknown country {code!r}: use ISO 3166-1 alpha-2 codes such as ES, GB or US")
    shares = np.clip(partition.country_shares(code).astype(np.float64), 0.0, 1.0)
    return Target("country", code, country_name(code), shares)


def cell_target(partition: Partition, which: int | str) -> Target:
    """One cell of the partition.

    Args:
        partition: The cells.
        which: Its index, its S2 token (``"0d4229"``), or a point in it, ``"LAT,LON"`` in degrees.

    Raises:
        RequestError: There is no such cell.

    >>> from data.partition import load_default
    >>> cell_target(load_default(), "40.4168,-3.7038").kind
    'cell'
    """
    index = which if isinstance(which, int) else _index_of(partition, which.strip())
    if not 0 <= index < len(partition):
        raise RequestError(f"there is no cell {index}: {partition.name!r} has the cells 0 to {len(partition) - 1}")
    shares = np.zeros(len(partition))
    shares[index] = 1.0
    lat, lon = float(partition.lat[index]), float(partition.lon[index])
    where = f"{abs(lat):.3f} {'N' if lat >= 0 else 'S'} {abs(lon):.3f} {'E' if lon >= 0 else 'W'}"
    return Target("cell", str(s2.token(partition.cell_ids[index : index + 1])[0]), f"the cell around {where}", shares)


def likeliest_country(distribution: CellDistribution) -> Target:
    """The country with the most mass."""
    return country_target(distribution.partition, next(iter(distribution.countries())))


def likeliest_cell(distribution: CellDistribution) -> Target:
    """The cell with the most mass."""
    return cell_target(distribution.partition, int(np.argmax(distribution.p)))


def _index_of(partition: Partition, text: str) -> int:
    if "," in text:
        return int(partition.cells_of(*_degrees(text))[0])
    cure = "give a point in it, LAT,LON in degrees, such as 40.42,-3.70"
    try:
        cell_id = s2.from_token([text.lower()])[0]
        known = bool(s2.is_valid([cell_id])[0])
    except ValueError:
        known = False
    if not known:
        raise RequestError(f"{text!r} is no S2 token of a cell: {cure}")
    index = int(np.searchsorted(partition.cell_ids, cell_id))
    if index == len(partition) or partition.cell_ids[index] != cell_id:
        raise RequestError(f"{text!r} is no cell of the partition {partition.name!r}: {cure}")
    return index


def _degrees(text: str) -> tuple[list[float], list[float]]:
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        lat, lon = math.nan, math.nan
    if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
        raise RequestError(f"{text!r} is no point on the Earth: give LAT,LON in degrees, such as 40.42,-3.70")
    return [lat], [lon]
