"""The density prior: where photos are taken. It looks at no pixel and needs no weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from data.distribution import CellDistribution
from data.errors import RequestError
from data.partition import Partition

__all__ = ["MIXTURES", "DensityPrior"]

MIXTURES: Mapping[str, tuple[float, ...]] = {
    "density": (0.611, 0.066, 0.049, 0.124, 0.142, 0.008),
    "density:people": (0.970, 0.000, 0.010, 0.000, 0.015, 0.005),
    "density:street": (0.069, 0.239, 0.123, 0.290, 0.264, 0.015),
}
"""Name of each density prior to the weights of its parts, which sum to 1.

The parts are people's photos, street photos, inhabitants, area where any photo was taken, area where any photo was
taken or people live, and all area. The weights are those of highest likelihood (expectation maximisation) on
``streets_train`` and ``travel_train``, each set counted alike, and on ``streets_train`` alone for ``density:street``.
On ``travel_train`` alone people's photos get all weight: ``density:people`` keeps a floor, so that no place is
impossible.
"""

_SETTLED_KM2 = 25_000.0  # a lone island settles no more of the ocean cell around it: as much as the largest seen cell


class DensityPrior:
    """Where photos are taken: a mixture of counted photos, inhabitants and area over the cells.

    Args:
        partition: The cells; their counts are the table.
        name: ``"density"``, ``"density:people"`` (what people photograph) or ``"density:street"`` (roadsides).

    Raises:
        RequestError: If the name is not one of them.
    """

    def __init__(self, partition: Partition, name: str = "density") -> None:
        if name not in MIXTURES:
            raise RequestError(f"unknown density prior {name!r}: choose one of {', '.join(MIXTURES)}")
        self._partition = partition
        self._name = name

    @property
    def name(self) -> str:
        """Short name, shown in every answer."""
        return self._name

    @property
    def partition(self) -> Partition:
        """The cells it speaks about."""
        return self._partition

    @property
    def card(self) -> PriorCard:
        """What it was counted from."""
        return PriorCard(
            summary="where photos are taken, whatever they show; no visual model",
            visual=False,
            trained_on="100,000 positions of MP-16 photos (GeoCLIP, MIT); 11,399 cells of OSV-5M (MIT); "
            "GeoNames (CC BY 4.0); mixture fitted on 268 positions of streets_train and travel_train",
            licence="CC BY 4.0",
        )

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        """The same distribution for every image."""
        return [PriorOutput(self.distribution) for _ in images]

    @cached_property
    def distribution(self) -> CellDistribution:
        """What it says about every image."""
        table = self._partition
        area = table.area_km2
        seen = table.photos > 0
        parts = (
            table.people.astype(np.float64),
            table.street.astype(np.float64),
            table.population.astype(np.float64),
            np.where(seen, area, 0.0),
            np.where(seen | (table.population > 0), np.minimum(area, _SETTLED_KM2), 0.0),
            area,
        )
        p = np.zeros(len(table))
        for weight, part in zip(MIXTURES[self._name], parts, strict=True):
            # A partition built from one kind of photo has none of the other: its weight goes to the rest.
            if part.any():
                p += weight * part / part.sum()
        return CellDistribution(table, (p / p.sum()).astype(np.float32))
