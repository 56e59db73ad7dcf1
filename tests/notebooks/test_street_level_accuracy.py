"""Photos to bands: every figure is that of the points told beside it, and no photo is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.geodesy import BANDS_KM
from tests.notebooks.conftest import NOTEBOOKS, Executed, execute
from tests.notebooks.test_train_your_own import apart_km
from tests.small_photos import photo, write_table

NAME = "street_level_accuracy"


def errors_km(results: dict, system: str) -> np.ndarray:
    """Distances (n,), infinite where there is no answer."""
    guess = np.array(results["guess"][system], np.float64)
    return np.nan_to_num(apart_km(guess, np.array(results["truth"])), nan=np.inf)


def check_figures(results: dict) -> None:
    for system in ("prior", "text"):
        km = errors_km(results, system)
        shares = [100 * np.mean(km <= band) for band in BANDS_KM]
        told = np.array(results["within"][f"{results['main']} {system}"])
        np.testing.assert_allclose(told[:, 0], shares, atol=1e-4)
        assert (told[:, 1] <= told[:, 0] + 1e-4).all() and (told[:, 0] <= told[:, 2] + 1e-4).all()
        assert results["median_km"][system][0] == pytest.approx(np.median(km), rel=1e-3)
        score = 5000 * np.exp(-km / 1492.7)
        assert results["geoscore"][system][0] == pytest.approx(score.mean(), rel=1e-3)
    for prior in results["priors"]:
        for k, band in enumerate(BANDS_KM):
            gain, low, high = results["gain"][f"{prior}: within {band:g} km"]
            with_clues, alone = (results["within"][f"{prior} {system}"][k][0] for system in ("text", "prior"))
            assert gain == pytest.approx(with_clues - alone, abs=1e-4) and low <= gain + 1e-9 <= high + 2e-9


def test_bands_medians_and_scores_are_those_of_the_points(executed: Callable[[str], Executed]) -> None:
    results = executed(NAME).results
    assert results["drawn"] and len(results["files"]) == 6 and results["maps"] == 0
    check_figures(results)


def test_a_prior_that_does_not_look_gives_one_point_and_clues_others(executed: Callable[[str], Executed]) -> None:
    guess = executed(NAME).results["guess"]
    assert len({tuple(at) for at in guess["prior"]}) == 1
    assert len({tuple(at) for at in guess["text"]}) > 2


def test_the_photo_with_coordinates_reaches_the_street_by_them(executed: Callable[[str], Executed]) -> None:
    came = executed(NAME)
    results, km = came.results, errors_km(came.results, "text")
    assert results["street"] == [name for name, off in zip(results["files"], km, strict=True) if off <= 1.0]
    assert len(results["street"]) == 1 and "coordinates" in results["street_kinds"][0]
    assert errors_km(results, "prior")[results["files"].index(results["street"][0])] > 1_000
    assert f"{results['street'][0]}: " in came.printed and "; coordinates '" in came.printed


def test_runs_are_compared_by_the_photo(executed: Callable[[str], Executed]) -> None:
    compared = executed(NAME).results["compared"]
    for name, (gain, low, high) in compared.items():
        assert low <= gain <= high, name
    assert compared["density:street over density"][0] != 0.0 and compared["trained fusion over plain pool"][0] != 0.0


def test_it_says_that_drawn_photos_measure_nothing_real() -> None:
    assert "no measure of accuracy" in (NOTEBOOKS / f"{NAME}.ipynb").read_text(encoding="utf-8")


def test_ones_own_photos_are_measured_and_a_damaged_one_is_a_miss(
    tmp_path: Path, executed: Callable[[str], Executed]
) -> None:
    at = [(48.2, 16.4), (40.4, -3.7), (-33.9, 151.2), (35.7, 139.7), (54.56, 16.69)]
    folder = tmp_path / "photos"
    write_table(folder / "labels.csv", [(f"{k}.jpg", *point) for k, point in enumerate(at)])
    for k in range(len(at)):
        (folder / f"{k}.jpg").write_bytes(photo(k, size=(96, 64)) if k != 2 else b"damaged")
    came = execute(NOTEBOOKS / f"{NAME}.ipynb", tmp_path / "run", {"WHENCE_NOTEBOOK_PHOTOS": str(folder)})
    results = came.results
    assert not results["drawn"] and results["truth"] == [list(point) for point in at]
    assert results["guess"]["text"][2] == [None, None] and "1 failed" in came.printed
    assert "Warning" not in came.complained
    assert results["street"] == ["4.jpg"]  # the point of the density of roadside photos lies there
    check_figures(results)
