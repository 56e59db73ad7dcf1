"""A distribution with a chosen share in one cell, for tests of what answers are worth there."""

from __future__ import annotations

import numpy as np

from data.distribution import CellDistribution
from data.partition import load_default

PARTITION = load_default()
VIENNA = (48.2, 16.37)
CELL = int(PARTITION.cells_of(*VIENNA)[0])


def spread(p_true: float) -> CellDistribution:
    """``p_true`` on Vienna's cell, the rest by area."""
    p = PARTITION.area_km2.astype(np.float64)
    p[CELL] = 0.0
    p *= (1.0 - p_true) / p.sum()
    p[CELL] = p_true
    return CellDistribution(PARTITION, p.astype(np.float32))
