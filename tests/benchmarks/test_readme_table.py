"""The README's tables are those of the results that are kept."""

from __future__ import annotations

import pytest

from benchmarks.readme_table import answers, written
from tests.conftest import REPOSITORY

ROW = {
    "set": "s", "photos": "3", "with_clue": "1", "prior": "density", "answer": "text", "within_1": "",
    "within_25": "33.33333", "within_200": "33.33333", "within_750": "66.66667", "within_2500": "100.0",
    "median_km": "612.5", "geoscore": "2500.4", "geoscore_low": "1000", "geoscore_high": "4000.6",
    "country": "66.66667", "country_bits": "1.25", "radius_50": "66.66667", "radius_80": "100.0",
}  # fmt: skip


def test_the_readme_has_the_tables_of_the_results_that_are_kept() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert written(readme) == readme, "run python -m benchmarks.readme_table"


def test_a_row_has_what_is_known_and_a_dash_for_what_is_not() -> None:
    *_, row = answers([ROW])
    assert row == (
        "| s | 3 (1) | density | with clues | - / 33.3 / 33.3 / 66.7 / 100.0 | 612 | 2500 [1000, 4001] | 66.7 | 1.2 | "
        "67 / 100 |"
    )
    nowhere = ROW | dict.fromkeys((f"within_{band}" for band in (25, 200, 750, 2500)), "") | {"median_km": ""}
    assert " | - | - | - | 66.7 | 1.2 | - |" in [*answers([nowhere])][-1]


def test_a_readme_without_a_place_for_a_table_is_an_error() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="0 places for the table answers"):
        written(readme.replace("<!-- table answers", "<!-- table other"))
    with pytest.raises(ValueError, match="2 places"):
        written(readme + readme)
