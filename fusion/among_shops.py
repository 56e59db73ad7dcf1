"""Hits of a map where a cell is wide: its shops stand where people live, not wherever its photos may have been taken.

Inside a cell the mass lies as a Gaussian, and of one that is 34 km wide no more than 2e-10 is within 60 m of a given
shop. A photo in which a shop's sign can be read is at some shop, though, and a cell has one for every
``PEOPLE_A_SHOP`` of its inhabitants, so the share at each is one in so many. What a hit says is raised by how much more
that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.geodesy import EARTH_RADIUS_KM
from data.partition import Partition
from detectors.base import MOST_NATS, Clue
from fusion.evidence import own_gaussians, point_vectors

__all__ = ["among_shops"]

PEOPLE_A_SHOP = 60.0
"""Inhabitants for each shop, office or inn with a sign."""
_FEWEST_SHOPS = 100.0


def among_shops(clues: Sequence[Clue], partition: Partition) -> list[Clue]:
    """``clues`` with what hits of maps say raised where the cells of the partition are wide; others as they are."""
    return [_raised(clue, partition) if clue.kind == "lookup" and clue.evidence.points else clue for clue in clues]


def _raised(clue: Clue, partition: Partition) -> Clue:
    points = clue.evidence.points
    cells = partition.cells_of([p.lat for p in points], [p.lon for p in points]).astype(np.int64)
    vectors, variance = own_gaussians(partition, None)
    sigma2 = np.array([p.sigma_km for p in points]) ** 2
    total = sigma2 + variance[cells]
    chord2 = EARTH_RADIUS_KM**2 * ((point_vectors(clue.evidence) - vectors[cells]) ** 2).sum(axis=1)
    kernel = sigma2 / total * np.exp(-chord2 / (2.0 * total))  # as ``point_gains`` has it
    # A street or a village has room for several shops.
    room = np.maximum(sigma2 / 0.06**2, 1.0)
    share = np.minimum(room / np.maximum(partition.population[cells] / PEOPLE_A_SHOP, _FEWEST_SHOPS), 1.0)
    more = np.log(np.maximum(share / np.maximum(kernel, 1e-300), 1.0))
    raised = tuple(
        replace(point, log_lr=min(point.log_lr + float(nats), MOST_NATS))
        for point, nats in zip(points, more, strict=True)
    )
    return replace(clue, evidence=replace(clue.evidence, points=raised))
