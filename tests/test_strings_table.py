from __future__ import annotations

from collections import Counter

from benchmarks.strings import DISTRACTOR, read_strings
from detectors.script import script_of
from detectors.territories import sign_languages

STRINGS = list(read_strings())


def test_the_table_covers_the_world() -> None:
    told = [text for text in STRINGS if text.kind != DISTRACTOR]
    assert len(STRINGS) >= 330
    assert len({text.country for text in told}) >= 90
    assert len({script_of(line) for text in told for line in text.text}) >= 20
    assert min(Counter(text.continent for text in told).values()) >= 15


def test_every_string_is_one_row_with_a_place_and_a_source() -> None:
    assert len({text.text for text in STRINGS}) == len(STRINGS)
    for text in STRINGS:
        assert text.source and all(line.strip() for line in text.text)
        assert (text.country == "") == (text.kind == DISTRACTOR)
        assert text.country in sign_languages() or not text.country
        assert text.continent in {"AF", "AS", "EU", "NA", "OC", "SA"} or not text.country


def test_a_tenth_is_distractors_and_both_halves_have_some() -> None:
    lures = Counter(text.half for text in STRINGS if text.kind == DISTRACTOR)
    assert sum(lures.values()) >= 40 and min(lures.values()) >= 10


def test_the_halves_are_fixed() -> None:
    halves = {" / ".join(text.text): text.half for text in STRINGS}
    assert (halves["EDEKA"], halves["Fußgängerzone"]) == ("dev", "test")


def test_lines_become_readings_one_below_the_other() -> None:
    text = next(text for text in STRINGS if len(text.text) == 3)
    readings = text.readings()
    assert [r.text for r in readings] == list(text.text)
    assert readings[0].box[2][1] < readings[1].box[0][1]
