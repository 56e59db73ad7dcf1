from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import DatasetError
from data.gazetteer import country_name
from detectors import territories
from detectors.language_model import load_model
from detectors.territories import language_name, photo_shares, sign_languages


def test_shares_of_photos_sum_to_one_and_leave_no_country_out() -> None:
    shares = photo_shares()
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) > 0.0
    assert {"US", "SG", "MC", "LI", "VA", "TV", "XK"} <= set(shares)


@pytest.mark.parametrize(
    ("country", "language", "least"),
    [("ES", "es", 0.6), ("JP", "ja", 0.7), ("BR", "pt", 0.7), ("SG", "en", 0.7), ("TW", "zh_Hant", 0.5),
     ("CN", "zh", 0.7), ("RU", "ru", 0.7), ("AT", "de", 0.6), ("LU", "fr", 0.5), ("NO", "nb", 0.7), ("HR", "sh", 0.7)],
)  # fmt: skip
def test_signs_are_in_the_official_language(country: str, language: str, least: float) -> None:
    assert sign_languages()[country][language] > least


def test_every_country_shows_foreign_text_and_english_most() -> None:
    for country, languages in sign_languages().items():
        assert sum(languages.values()) == pytest.approx(1.0)
        assert languages["en"] >= 0.1, country
        assert min(languages.values()) >= 0.0


def test_a_second_language_that_people_speak_is_no_language_of_signs() -> None:
    assert sign_languages()["NL"]["en"] < 0.2 < 0.9 * sign_languages()["IN"]["en"]


def test_hand_made_shares_sum_to_one_and_name_languages_that_the_model_knows() -> None:
    for country, languages in territories._STREETS.items():
        assert sum(languages.values()) == pytest.approx(1.0), country
        assert set(languages) <= load_model().languages, country


def test_names_are_readable() -> None:
    assert country_name("ES") == "Spain" and language_name("zh_Hant") == "Traditional Chinese"


def test_a_damaged_table_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "territories.json").write_text(json.dumps({"people": {}}))
    monkeypatch.setattr(territories, "TABLE_PATH", tmp_path / "assets" / "territories.json")
    photo_shares.cache_clear()
    try:
        with pytest.raises(DatasetError, match="reinstall"):
            photo_shares()
    finally:
        monkeypatch.undo()
        photo_shares.cache_clear()
