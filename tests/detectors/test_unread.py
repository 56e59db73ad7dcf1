"""Lines in a script that nobody reads still say where they may be."""

from __future__ import annotations

import math

import pytest

from detectors.base import Box, Clue, Reading
from detectors.unread import UnreadScriptReader
from fusion.locator import Locator
from tests.fusion.parts import FixedText

BOX: Box = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))


def seen(*scripts: str, text: str = "") -> list[Clue]:
    return UnreadScriptReader().clues([Reading(f"r{n}", text, BOX, 0.98, script) for n, script in enumerate(scripts)])


@pytest.mark.parametrize(
    ("script", "countries"),
    [
        ("Thai", {"TH"}), ("Hang", {"KR", "KP"}), ("Hebr", {"IL", "PS"}), ("Geor", {"GE"}), ("Armn", {"AM"}),
        ("Khmr", {"KH"}), ("Laoo", {"LA"}), ("Mymr", {"MM"}), ("Sinh", {"LK"}), ("Ethi", {"ET", "ER"}),
        ("Taml", {"IN", "LK", "SG", "MY"}), ("Telu", {"IN"}), ("Knda", {"IN"}), ("Mlym", {"IN"}), ("Gujr", {"IN"}),
        ("Guru", {"IN"}),
    ],
)  # fmt: skip
def test_a_script_points_at_the_countries_that_write_it(script: str, countries: set[str]) -> None:
    [clue] = seen(script, script)
    values = {**clue.evidence.regions, **clue.evidence.countries}
    assert max(values, key=values.__getitem__)[:2] in countries
    assert set(clue.points_to) <= countries and clue.points_to
    assert all(math.isfinite(value) for value in [clue.evidence.elsewhere, *values.values()])
    assert clue.evidence.sources == ("r0", "r1")


def test_a_script_of_india_points_at_its_state() -> None:
    [clue] = seen("Mlym")
    assert max(clue.evidence.regions, key=clue.evidence.regions.__getitem__) == "IN.13"  # Kerala


def test_arabic_points_at_many_countries_and_at_none_alone() -> None:
    [clue] = seen("Arab")
    strong = [code for code, value in clue.evidence.countries.items() if value > 1.5]
    assert len(strong) >= 10 and "US" not in strong


def test_lines_with_text_or_without_a_script_say_nothing() -> None:
    assert seen("Thai", text="สวัสดี") == []
    assert seen("", "Zyyy", "Latn") == [] or all(clue.text != "" for clue in seen("", "Zyyy"))


def test_two_lines_say_more_than_one_and_twenty_hardly_more() -> None:
    one, two, twenty = (seen(*["Thai"] * n)[0].evidence for n in (1, 2, 20))
    gap = [e.countries["TH"] - e.elsewhere for e in (one, two, twenty)]
    assert gap[0] < gap[1] < gap[2] < gap[1] + 3.0


def test_it_reaches_the_answer() -> None:
    class Sees(FixedText):
        def read(self, pixels: object) -> list[Reading]:
            return [Reading("r0", "", BOX, 0.98, "Geor")]

    import numpy as np

    answer = Locator("density", ocr=Sees([])).locate(np.zeros((64, 96, 3), np.uint8))
    assert answer.countries["GE"] > 40.0 * answer.prior.countries()["GE"]
    assert answer.clues[0].kind == "script" and "Georgian" in str(answer)
