"""The figures that fusion is judged by."""

import numpy as np

from benchmarks.fusion import best_clue, rows_of, run, table
from benchmarks.fusion_cases import Case
from data.distribution import CellDistribution
from detectors.base import Clue, Evidence
from fusion.context import NOTHING_KNOWN
from fusion.pool import LogLinearPool
from tests.around_vienna import VIENNA, spread


def _case(prior: CellDistribution, *clues: Clue, exact_km: float = 0.0) -> Case:
    return Case(prior, clues, NOTHING_KNOWN, VIENNA, "AT", exact_km)


def test_the_best_clue_is_the_one_that_moves_the_prior_most() -> None:
    weak = Clue("language", "x", "x", Evidence(-0.2, {"FR": 0.0}))
    strong = Clue("language", "y", "y", Evidence(-5.0, {"AT": 0.0}))
    pool = LogLinearPool()
    prior = spread(0.001)
    answer = best_clue(pool, _case(prior, weak, strong))
    assert np.array_equal(answer.p, pool.fuse(prior, [strong]).posterior.p)


def test_a_run_gives_a_row_for_all_photos_and_one_for_those_with_a_clue() -> None:
    prior = spread(0.001)
    clue = Clue("language", "y", "y", Evidence(-5.0, {"AT": 0.0}))
    results = run([_case(prior, clue), _case(prior)], {"pool": LogLinearPool(), "again": LogLinearPool()})
    rows = list(rows_of("made", "area", results, ["again"]))
    assert [(row["photos"], row["n"], row["system"]) for row in rows] == [
        (group, n, system)
        for group, n in (("all", 2), ("clue", 1))
        for system in ("prior", "best clue", "pool", "again")
    ]
    by_name = {(row["photos"], row["system"]): row for row in rows}
    assert by_name["clue", "pool"]["cell_bits_over_prior"].startswith("+")
    assert by_name["clue", "again"]["cell_bits_over_pool"] == "+0 [+0, +0]"
    assert by_name["all", "prior"]["cell_bits"] == by_name["clue", "prior"]["cell_bits"]
    assert "promise" not in by_name["all", "prior"]
    assert "again over pool" in table(rows)
