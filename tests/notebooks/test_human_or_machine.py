"""The duel: its scores are those of arithmetic done again here, with and without a person."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from scipy.stats import beta

from tests.notebooks.conftest import NOTEBOOKS, Executed, covered, execute, private_photo
from tests.small_photos import photo, write_table

NAME = "human_or_machine"
# A guess that somebody made up for this test, of each photo; there is none of the fourth.
MADE_UP = [(48.0, 16.0), (-34.0, 151.0), (0.0, 0.0), ("", ""), (35.0, 139.0), (51.0, 0.0)]
AT = [(48.2, 16.4), (40.4, -3.7), (-33.9, 151.2), (35.7, 139.7), (35.7, 139.7), (51.5, -0.1)]


def apart_km(a: Sequence[float | None], b: Sequence[float]) -> float:
    """By the cosine rule; infinite where there is no point."""
    if a[0] is None or a[1] is None:
        return math.inf
    p, q = (
        (
            math.cos(math.radians(lat)) * math.cos(math.radians(lon)),
            math.cos(math.radians(lat)) * math.sin(math.radians(lon)),
            math.sin(math.radians(lat)),
        )
        for lat, lon in (a, b)
    )
    return 6371.0088 * math.acos(max(-1.0, min(1.0, sum(x * y for x, y in zip(p, q, strict=True)))))


def check_scores(results: dict) -> None:
    truth, km = results["truth"], {}
    for name, guesses in results["guesses"].items():
        played = [name != "person" or guess[0] is not None for guess in guesses]
        off = [apart_km(guess, at) if p else None for guess, at, p in zip(guesses, truth, played, strict=True)]
        km[name] = off
        for points, far in zip(results["points"][name], off, strict=True):
            if far is None:
                assert points is None
            else:
                assert points == pytest.approx(5000 * math.exp(-far / 1492.7), rel=1e-3, abs=1e-6)
        assert results["medians"][name] == pytest.approx(statistics.median(x for x in off if x is not None), rel=1e-4)
    for name, (ours, theirs, equal) in results["won"].items():
        pairs = [(a, b) for a, b in zip(km["whence"], km[name], strict=True) if b is not None]
        assert ours == sum(a < b - 1e-6 for a, b in pairs) and theirs == sum(a > b + 1e-6 for a, b in pairs)
        assert ours + theirs + equal == len(pairs)
        if ours + theirs:
            share, low, high = results["shares"][name]
            assert share == pytest.approx(100 * ours / (ours + theirs))
            assert low == pytest.approx(100 * beta.ppf(0.025, ours, theirs + 1) if ours else 0.0)
            assert high == pytest.approx(100 * beta.ppf(0.975, ours + 1, theirs) if theirs else 100.0)


def test_the_scores_of_drawn_photos_are_right(executed: Callable[[str], Executed]) -> None:
    results = executed(NAME).results
    assert results["drawn"] and results["rounds"] == len(results["truth"]) == 6
    assert set(results["guesses"]) == {"whence", "same point", "whence without text"}
    assert len({tuple(guess) for guess in results["guesses"]["same point"]}) == 1
    assert len({tuple(guess) for guess in results["guesses"]["whence"]}) > 1
    check_scores(results)


def test_what_is_published_is_told_as_published(executed: Callable[[str], Executed]) -> None:
    came = executed(NAME)
    published = came.results["published"]
    medians = {"PlaNet (published)": 1131.7, "ten well-travelled people (published)": 2320.75}
    assert published == {**medians, "won": 28, "rounds": 50}
    assert came.printed.count("not measured here") == 2
    _, low, high = came.results["published_share"]
    assert low == pytest.approx(100 * beta.ppf(0.025, 28, 23)) and high == pytest.approx(100 * beta.ppf(0.975, 29, 22))


def test_a_person_plays_along_by_a_list_of_rounds(tmp_path: Path, executed: Callable[[str], Executed]) -> None:
    folder = tmp_path / "rounds"
    rows = [(1 + k // 3, 1 + k % 3, f"{k}.jpg", *at, "made up", *MADE_UP[k]) for k, at in enumerate(AT)]
    write_table(folder / "rounds.csv", rows, header="game,round,file,lat,lon,player,human_lat,human_lon")
    for k in range(len(AT)):
        (folder / f"{k}.jpg").write_bytes({0: private_photo(0), 4: b"damaged"}.get(k, photo(k, size=(96, 64))))
    came = execute(NOTEBOOKS / f"{NAME}.ipynb", tmp_path / "run", {"WHENCE_NOTEBOOK_PHOTOS": str(folder)})
    results = came.results
    assert not results["drawn"] and results["truth"] == [list(at) for at in AT]
    assert results["guesses"]["person"] == [[None if x == "" else x for x in guess] for guess in MADE_UP]
    assert results["guesses"]["whence"][4] == [None, None] and results["points"]["whence"][4] == 0.0
    assert sum(results["won"]["person"]) == 5  # the round without a guess is not theirs
    check_scores(results)
    grey, ink = covered(came.plots[0])
    assert grey > 1_000 and ink == 0  # the address is not to be read
    assert "6 rounds in 2 games" in came.printed and "5 of 6 photos answered" in came.printed
