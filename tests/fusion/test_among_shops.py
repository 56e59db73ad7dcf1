"""Hits in wide cells: raised, never lowered, and only hits."""

from __future__ import annotations

import numpy as np

from data.distribution import CellDistribution
from data.partition import Partition
from detectors.base import Clue, Evidence, PointEvidence
from fusion.among_shops import PEOPLE_A_SHOP, among_shops
from fusion.evidence import log_likelihood_ratio

CAMPO_GRANDE, MONACO = (-20.46, -54.61), (43.737, 7.42)


def hit(at: tuple[float, float], kind: str = "lookup", log_lr: float = 12.0) -> Clue:
    return Clue(kind, "x", "x", Evidence(0.0, points=(PointEvidence(*at, 0.06, log_lr),)))


def test_in_a_wide_cell_a_shop_has_its_share_of_the_cells_shops(partition: Partition) -> None:
    [raised] = among_shops([hit(CAMPO_GRANDE)], partition)
    cell = int(partition.cells_of([CAMPO_GRANDE[0]], [CAMPO_GRANDE[1]])[0])
    gain = np.expm1(log_likelihood_ratio(raised.evidence, partition)[cell])
    share = PEOPLE_A_SHOP / partition.population[cell]
    assert share < 0.01 and np.isclose(gain, np.exp(12.0) * share, rtol=0.05)


def test_where_the_cell_is_no_wider_than_a_street_nothing_changes(partition: Partition) -> None:
    assert among_shops([hit(MONACO)], partition)[0].evidence.points[0].log_lr < 12.0 + 3.0
    madrid = (40.41694, -3.70350)  # a cell of 50 m in Madrid
    assert among_shops([hit(madrid)], partition)[0] == hit(madrid)


def test_other_clues_stay_as_they_are(partition: Partition) -> None:
    place, empty = hit(CAMPO_GRANDE, kind="place"), Clue("lookup", "x", "x", Evidence(0.0))
    kept = among_shops([place, empty], partition)
    assert kept[0] is place and kept[1] is empty


def test_evidence_stays_within_what_evidence_may_say(partition: Partition, density: CellDistribution) -> None:
    [raised] = among_shops([hit(CAMPO_GRANDE, log_lr=49.9)], partition)
    assert raised.evidence.points[0].log_lr == 50.0
