"""The whole way of a model of one's own: it learns, on photos that it never saw, and leaves nobody's models changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.geodesy import BANDS_KM
from tests.notebooks.conftest import NOTEBOOKS, Executed, covered, execute, private_photo
from tests.small_photos import write_table

NAME = "train_your_own"


def apart_km(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n,) between points (n, 2) in degrees, by the chord."""

    def unit(at: np.ndarray) -> np.ndarray:
        lat, lon = np.radians(at).T
        return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)

    return 2 * 6371.0088 * np.arcsin(np.linalg.norm(unit(a) - unit(b), axis=1) / 2)


@pytest.fixture
def results(executed: Callable[[str], Executed]) -> dict:
    return executed(NAME).results


def test_it_learns(results: dict) -> None:
    losses, held_out = results["losses"], results["held_out_nll"]
    assert losses[-1] < losses[0] - 0.5
    assert held_out[-1] < held_out[0] and held_out[-1] < np.log(results["cells"])


def test_no_place_is_on_two_sides(results: dict) -> None:
    counts, spots = results["photos"], {name: np.array(at) for name, at in results["spots"].items()}
    assert {name: len(at) for name, at in spots.items()} == counts and sum(counts.values()) == 1_200
    assert counts["learn"] > 3 * counts["test"] > 300
    np.testing.assert_allclose(spots["test"], results["truth"])
    # Spots are S2 cells of 1.2 km: photos of different sides may be neighbours, never the same place.
    assert not {tuple(at) for at in spots["learn"].tolist()} & {tuple(at) for at in spots["test"].tolist()}


def test_the_bands_are_those_of_the_points(results: dict) -> None:
    truth = np.array(results["truth"])
    for name, guess in (
        ("planet", np.array(results["guess"])),
        ("density", np.tile(results["blind"], (len(truth), 1))),
    ):
        km = apart_km(guess, truth)
        wanted = [100.0 * np.mean(km <= band) for band in BANDS_KM]
        np.testing.assert_allclose(results["bands"][name], wanted, atol=1e-6)
        for value, (low, high) in zip(wanted, results["intervals"][name], strict=True):
            assert low <= value <= high and high - low < 25
    gain = np.mean(5000 * np.exp(-apart_km(np.array(results["guess"]), truth) / 1492.7)) - np.mean(
        5000 * np.exp(-apart_km(np.tile(results["blind"], (len(truth), 1)), truth) / 1492.7)
    )
    assert results["geoscore_gain"][0] == pytest.approx(gain, abs=0.5)


def test_looking_at_the_photo_is_worth_something(results: dict) -> None:
    assert len({tuple(guess) for guess in results["guess"]}) > 1
    assert results["bits_missed"]["planet"] < results["bits_missed"]["density"] - 0.05
    assert results["geoscore_gain"][0] > 0
    low, high = results["heat"]
    assert high > 0.05 and high > abs(low) / 2


def test_an_album_is_answered_from_all_of_its_photos(results: dict) -> None:
    assert len(results["album_bits"]) == len(results["alone_bits"]) == 4
    assert all(bits < 0 for bits in results["album_bits"])
    assert not np.allclose(results["album_bits"], results["alone_bits"])


def test_the_users_own_models_are_left_alone(executed: Callable[[str], Executed]) -> None:
    came = executed(NAME)
    assert not (came.folder.parent / "weights").exists()
    assert "planet:mine" in came.printed


def test_it_takes_a_folder_of_ones_own(tmp_path: Path, executed: Callable[[str], Executed]) -> None:
    folder, random = tmp_path / "mine", np.random.default_rng(0)
    at = [(48.2, 16.4), (40.4, -3.7), (-33.9, 151.2), (35.7, 139.7)]
    rows = [(f"{k:02}.jpg", *(np.array(at[k % 4]) + random.uniform(-0.5, 0.5, 2)).round(4)) for k in range(80)]
    write_table(folder / "labels.csv", [*rows, ("80.jpg", "", "")])
    for k in range(81):
        (folder / f"{k:02}.jpg").write_bytes(private_photo(k % 4))
    (folder / "79.jpg").write_bytes(private_photo(3)[:500])  # as a copy that was cut short
    came = execute(NOTEBOOKS / f"{NAME}.ipynb", tmp_path / "run", {"WHENCE_NOTEBOOK_PHOTOS": str(folder)})
    assert (
        sum(came.results["photos"].values()) == 79 and "79.jpg" in came.printed and len(came.results["album_bits"]) == 1
    )
    for plot in (came.plots[0], came.plots[-1]):  # some of the photos, and the album
        grey, ink = covered(plot)
        assert grey > 1_000 and ink == 0  # the addresses are not to be read
    assert (folder / "labels.csv").is_file() and len(list(folder.iterdir())) == 82
