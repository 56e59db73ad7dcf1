"""Simulated OCR slips: as many as were measured, of the letters that go wrong oftenest, and surer where few do."""

from __future__ import annotations

import json
import time
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fusion.slips
from data.errors import DatasetError
from fusion.build_slips import Line, aligned, table_of, wrong_share
from fusion.slips import SLIPS_PATH, Slips, letter_class, load_slips, unaccented

LINES = 2000


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(SLIPS_PATH.read_text(encoding="utf-8"))
    return read


def lines_of(table: dict[str, Any], script: str) -> list[str]:
    """Lines of two words whose letters are as frequent as in the measured ones."""
    own = [a for a in table["letters"] if unicodedata.name(a).startswith(script) or not a.isalpha()]
    p = np.array([table["letters"][a][0] for a in own], float)
    rng = np.random.default_rng(1)
    letters = "".join(rng.choice(own, 14 * LINES, p=p / p.sum()).tolist())
    return [f"{letters[at : at + 8]} {letters[at + 8 : at + 14]}" for at in range(0, len(letters), 14)]


def read_all(texts: list[str], severity: float, seed: int = 0) -> list[tuple[str, float] | None]:
    rng = np.random.default_rng(seed)
    return [load_slips().apply(text, rng, severity) for text in texts]


def share_of(texts: list[str], read: list[tuple[str, float] | None]) -> float:
    """Slips for each letter, over the lines that were not lost."""
    return float(np.mean([wrong_share(aligned(a, b[0])) for a, b in zip(texts, read, strict=True) if b]))


def test_without_severity_nothing_changes_and_no_line_is_lost(table: dict[str, Any]) -> None:
    texts = [*lines_of(table, "LATIN")[:300], "Ελλάδα", "Київ 24", "東京駅", "مطعم", "7-11", "łódź"]
    read = read_all(texts, 0.0)
    assert [one and one[0] for one in read] == texts
    assert min(one[1] for one in read if one) >= 0.5


@pytest.mark.parametrize(("script", "name"), [("Latn", "LATIN"), ("Cyrl", "CYRILLIC"), ("Grek", "GREEK")])
def test_as_many_letters_and_lines_go_wrong_as_were_measured(table: dict[str, Any], script: str, name: str) -> None:
    texts = lines_of(table, name)
    read = read_all(texts, 1.0)
    measured = table["scripts"][script]
    assert share_of(texts, read) == pytest.approx(measured["wrong"], rel=0.2)
    lost = sum(one is None for one in read) / LINES
    assert lost == pytest.approx(measured["lost"][-1], abs=0.02)


def test_more_severity_means_more_slips_more_lost_lines_and_less_confidence(table: dict[str, Any]) -> None:
    texts = lines_of(table, "LATIN")
    by_severity = [read_all(texts, severity) for severity in (0.0, 0.3, 1.0, 3.0)]
    slips = [share_of(texts, read) for read in by_severity]
    lost = [sum(one is None for one in read) for read in by_severity]
    sure = [float(np.mean([one[1] for one in read if one])) for read in by_severity]
    assert slips == sorted(slips) and slips[0] == 0.0 and slips[3] > 1.5 * slips[2] > 3.0 * slips[1]
    assert lost == sorted(lost) and lost[3] > 2 * lost[2] > 4 * lost[1] > 4 * lost[0] == 0
    assert sure == sorted(sure, reverse=True) and sure[0] - sure[3] > 0.04


def test_lines_with_more_letters_wrong_are_less_sure(table: dict[str, Any]) -> None:
    texts = lines_of(table, "LATIN")
    pairs = [(wrong_share(aligned(a, b[0])), b[1]) for a, b in zip(texts, read_all(texts, 1.0), strict=True) if b]
    right = [sure for share, sure in pairs if share == 0.0]
    some = [sure for share, sure in pairs if 0.0 < share < 0.2]
    most = [sure for share, sure in pairs if share > 0.5]
    assert np.median(right) > np.median(some) + 0.01 > np.median(most) + 0.1
    assert all(0.5 <= sure <= 1.0 for _, sure in pairs)


def test_the_same_seed_reads_the_same() -> None:
    texts = ["Rue de la République 12", "ул. Ленина", "Πλατεία"] * 50
    assert read_all(texts, 1.0, 7) == read_all(texts, 1.0, 7) != read_all(texts, 1.0, 8)


def test_accented_letters_go_wrong_oftener_than_plain_ones_and_mostly_lose_the_accent() -> None:
    texts = ["mélanéçon", "żółąęśćż", "Ğüneşışöz"] * 1000
    wrong: Counter[bool] = Counter()
    seen: Counter[bool] = Counter()
    bare = 0
    for text, read in zip(texts, read_all(texts, 1.0), strict=True):
        for a, b in aligned(text, read[0]) if read else ():
            if a:
                accented = letter_class(a) == "accented"
                seen[accented] += 1
                wrong[accented] += a != b
                bare += accented and a != b and unaccented(a) == b
    assert wrong[True] / seen[True] > 2.0 * wrong[False] / seen[False]
    assert bare > 0.4 * wrong[True]


def test_scripts_that_the_reader_does_not_know_are_lost_mostly_and_often_seen() -> None:
    for text in ("مطعم الشام", "ร้านอาหารไทย", "서울 식당"):
        assert sum(one is None for one in read_all([text] * 500, 1.0)) > 300
        rng = np.random.default_rng(0)
        assert 200 < sum(load_slips().seen(text, rng) for _ in range(500)) < 500
    assert sum(one is None for one in read_all(["東京都渋谷区"] * 500, 1.0)) < 100
    assert sum(one is None for one in read_all(["  "] * 3, 0.0)) == 3


def test_a_letter_never_seen_becomes_one_of_its_neighbours() -> None:
    others = {b for one in read_all(["駅前商店街"] * 2000, 3.0) if one for b in one[0]} - set("駅前商店街")
    assert len(others) > 5
    near = {chr(ord(a) + k) for a in "駅前商店街" for k in range(1, 5)}
    assert sum(b in near for b in others) >= 5


def test_a_line_takes_less_than_a_fifth_of_a_millisecond(table: dict[str, Any]) -> None:
    texts = lines_of(table, "LATIN")
    start = time.process_time()
    read_all(texts, 1.0)
    assert (time.process_time() - start) / LINES < 2e-4


def test_a_table_counts_what_was_lost_changed_and_added() -> None:
    lines = [
        Line("Latn", "Café 9", "Cafe9", 0.9, ""),
        Line("Latn", "Café", "Café", 0.999, ""),
        Line("Latn", "Cafe", "", 0.0, "Arab"),
        Line("Latn", "Cafe", "Cxfe", 0.4, ""),
        *[Line("Latn", "eée", "eee", 0.9, "")] * 3,
    ]
    table = table_of(lines, 0.5)
    latin = table["scripts"]["Latn"]
    assert latin["lines"] == 7 and latin["seen"] == 0.5
    assert latin["lost"][1] == pytest.approx((2 + 5 * 2 / 7) / (4 + 5), abs=1e-4)
    assert latin["levels"][-1][:2] == [0.2, 0.0]
    level = next(level for level in latin["levels"] if level[0] == 0.8)
    said = [a for line in lines if line.confidence == 0.9 for a in line.text if a != " "]
    odds = [table["letters"][a][1] if a in table["letters"] else table["classes"][letter_class(a)][0] for a in said]
    assert sum(level[1] * one for one in odds) == pytest.approx(4.0, rel=1e-3)  # of 14 letters
    assert level[2] > 0.9
    assert table["letters"]["é"][2] == {"e": 4} and table["base"] == 1.0
    assert Slips(table).apply("é", np.random.default_rng(0), 0.0) is not None


def test_a_damaged_table_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "slips.json"
    other.write_bytes(SLIPS_PATH.read_bytes().replace(b"0.", b"1.", 1))
    monkeypatch.setattr(fusion.slips, "SLIPS_PATH", other)
    with pytest.raises(DatasetError, match=r"slips\.json is damaged"):
        load_slips.__wrapped__()
