"""Calibration: truths drawn from the answers are covered as they must be, answers made too sure are found out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.notebooks.conftest import NOTEBOOKS, Executed, execute
from tests.small_photos import photo, write_table

NAME = "calibration"
MASSES = np.array([0.5, 0.8, 0.95])
ORDER = ("street", "city", "region", "country", "continent")


@pytest.fixture
def results(executed: Callable[[str], Executed]) -> dict:
    return executed(NAME).results


def test_truths_drawn_from_the_answers_lie_where_they_are_said_to(results: dict) -> None:
    assert results["checked"] == 300
    off = 4 * np.sqrt(MASSES * (1 - MASSES) / results["checked"])
    check = results["check"]["drawn from the answers"]
    assert (np.abs(np.array(check["radius"]) - MASSES) < off).all()
    assert (np.array(check["region"]) > MASSES - off).all()  # of whole cells, which hold more


def test_answers_made_too_sure_are_found_out(results: dict) -> None:
    off = 3 * np.sqrt(MASSES * (1 - MASSES) / results["checked"])
    check = results["check"]["answers made too sure"]
    assert (np.array(check["radius"]) < MASSES - off).all() and (np.array(check["region"]) < MASSES - off).all()


def test_coverage_is_the_share_of_truths_inside(results: dict) -> None:
    assert results["made_up"] and results["photos"] == 60 and 20 < results["with_clues"] < 60
    for name, within in results["within"].items():
        inside = np.array(within)[:, None] < MASSES
        np.testing.assert_allclose(results["coverage"][name], 100 * inside.mean(axis=0), atol=1e-6)


def test_the_error_is_the_mean_gap_between_said_and_true(results: dict) -> None:
    for name, (said, right) in results["country"].items():
        # Photos of one probability share what is true of them.
        shared = [np.mean([r for s, r in zip(said, right, strict=True) if s == one]) for one in said]
        parts = np.array_split(np.argsort(np.array(said), kind="stable"), 5)
        gaps = [abs(np.array(said)[part].mean() - np.array(shared)[part].mean()) * len(part) for part in parts]
        measured, by_chance = results["ece"][f"the country is right, {name}"]
        assert measured == pytest.approx(sum(gaps) / len(said)) and 0.0 < by_chance < 0.2


def test_sharper_answers_miss_more_bits_and_hold_fewer_truths(results: dict) -> None:
    for bits in results["bits"].values():
        assert bits["0.5"] > bits["1.0"] + 0.2 and bits["2.0"] > bits["1.0"] + 0.2
    for shares in results["in_80"].values():
        assert shares["0.5"] < shares["1.0"] < shares["2.0"]
    assert results["bits"]["with clues"]["1.0"] < results["bits"]["prior alone"]["1.0"]


def test_levels_are_as_sure_as_they_are_asked_to_be(results: dict) -> None:
    given = []
    for confidence, rows in results["levels"].items():
        assert len(rows) == 60
        vouched = [row for row in rows if row[0] is not None]
        assert all(
            row[0] in ORDER and row[1] >= float(confidence) - 1e-9 and row[2] in (True, False) for row in vouched
        )
        given.append(len(vouched))
        if vouched:  # within four standard errors of what was said
            said, true = np.mean([row[1] for row in vouched]), np.mean([row[2] for row in vouched])
            assert abs(said - true) < 4 * np.sqrt(0.25 / len(vouched))
    assert given[0] > given[1] > given[2] > 0


def test_a_surer_demand_never_names_a_finer_level(results: dict) -> None:
    half, most = results["levels"]["0.5"], results["levels"]["0.95"]
    for (lax, *_), (strict, *_) in zip(half, most, strict=True):
        assert strict is None or (lax is not None and ORDER.index(lax) <= ORDER.index(strict))


def test_ones_own_photos_are_located_by_their_pixels(tmp_path: Path, executed: Callable[[str], Executed]) -> None:
    folder = tmp_path / "photos"
    rows = [("0.jpg", 48.2, 16.4), ("1.jpg", 40.4, -3.7), ("2.jpg", -33.9, 151.2), ("3.jpg", "", "")]
    write_table(folder / "labels.csv", rows)
    for k in range(4):
        (folder / f"{k}.jpg").write_bytes(photo(k, size=(96, 64)) if k != 2 else b"damaged")
    came = execute(NOTEBOOKS / f"{NAME}.ipynb", tmp_path / "run", {"WHENCE_NOTEBOOK_PHOTOS": str(folder)})
    assert not came.results["made_up"] and came.results["photos"] == 2
    assert "with the prior pixels" in came.printed and "Warning" not in came.complained
