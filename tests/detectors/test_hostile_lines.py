"""Lines that were made to confuse or to stall the readers of clues."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from data.gazetteer import Gazetteer, NameMatch, load_default
from detectors.base import Box, Reading
from detectors.coordinates import CoordinateReader, fixes_in
from detectors.domains import hosts_in
from detectors.language import LanguageReader
from detectors.lines import MAX_NEIGHBOURS, neighbours
from detectors.ocr import PhotoReader
from detectors.phones import phones_in
from detectors.places import LONGEST_NAME, PlaceReader
from detectors.privacy import mask

BOX: Box = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))


def line(text: str, number: int = 0, box: Box = BOX) -> Reading:
    return Reading(f"r{number}", text, box, 1.0)


@pytest.mark.parametrize("slip", ["i", "l", "L", "I", "|", "ı", "İ"])
def test_what_the_patterns_take_for_a_digit_can_be_read_as_one(slip: str) -> None:
    fixes = fixes_in(f"N 4{slip}.7128 W {slip}4.0060")
    assert not fixes or (fixes[0].lat, fixes[0].lon) == (pytest.approx(41.7128), pytest.approx(-14.006))


def test_a_long_s_is_a_hemisphere() -> None:
    [fix] = fixes_in("ſ 33.8688 E 151.2093")
    assert (fix.lat, fix.lon) == (pytest.approx(-33.8688), pytest.approx(151.2093))


def test_a_line_that_fits_no_language_says_nothing() -> None:
    # Underflowed to a probability of nought: found by tests.fuzzing.
    several = replace(line(("info@Ελλάδα·ירושלים·uk" * 230)[:5_000]), confidence=0.0)
    assert LanguageReader().clues([several]) == []
    [clue] = LanguageReader().clues([line("calle de la plaza mayor")])
    assert clue.evidence.countries["ES"] > 0.0


class Careful(Gazetteer):
    """Fails when it is asked for what cannot be a name."""

    asked = 0

    def lookup(self, name: str) -> list[NameMatch]:
        type(self).asked += 1
        assert len(name) <= LONGEST_NAME
        return super().lookup(name)

    def fuzzy(self, name: str) -> list[NameMatch]:
        type(self).asked += 1
        assert len(name) <= LONGEST_NAME
        return super().fuzzy(name)


def test_endless_words_are_not_looked_up_as_names() -> None:
    # The misreadings of a word of 3,000 letters are 170,000 strings: ten seconds and a gigabyte at 10,000.
    gazetteer = Careful.open()
    assert not PlaceReader(gazetteer).clues([line("a" * 3_000), line("A1" * 500 + " " + "w" * 81, 1)])
    PlaceReader(gazetteer).clues([line("Madridd", 2)])
    assert Careful.asked > 1


def test_the_longest_name_of_the_gazetteer_is_looked_up() -> None:
    [(longest,)] = load_default()._query("SELECT max(length(folded)) FROM names")
    assert longest <= LONGEST_NAME


def test_lines_on_one_another_have_few_neighbours_and_stacked_lines_keep_theirs() -> None:
    heap = neighbours([line("x", i) for i in range(200)])
    assert max(map(len, heap.after)) <= MAX_NEIGHBOURS and len(heap.stacked) <= 200 * MAX_NEIGHBOURS
    rows = [line("x", i, ((0, 30 * i), (90, 30 * i), (90, 30 * i + 20), (0, 30 * i + 20))) for i in range(4)]
    beside = line("x", 4, ((95, 0), (150, 0), (150, 20), (95, 20)))
    assert neighbours([*rows, beside]).stacked == [(0, 1), (1, 2), (2, 3)]
    assert neighbours([*rows, beside]).after == [[1, 4], [2], [3], [], []]
    assert neighbours([]).stacked == []


def test_coordinates_over_two_lines_are_found_among_thousands_of_numbers() -> None:
    def at(y: float) -> Box:
        return (0, y), (90, y), (90, y + 20), (0, y + 20)

    far = [line(f"{i}.5", i, at(5_000 + 200 * i)) for i in range(1_000)]
    stamp = [line("N 48.20849", 2_000, at(0)), line("E 16.37208", 2_001, at(24))]
    [clue] = CoordinateReader().clues([*far, *stamp])
    assert clue.evidence.sources == ("r2000", "r2001")


def test_labels_and_money_before_a_number_count_in_a_long_line_as_in_a_short_one() -> None:
    filler = "x " * 3_000
    assert not phones_in(filler + "$ 555 123 4567")
    [far], [near] = phones_in(filler + "Tel. +34 91 555 12 34"), phones_in("Tel. +34 91 555 12 34")
    assert far.countries == near.countries and far.reliability == near.reliability
    grouped = [phones_in(f"{before}Tel. 91 555 12 34")[0].reliability for before in ("", filler)]
    assert grouped[0] == grouped[1] > phones_in("91 555 12 34")[0].reliability


def test_a_host_of_endless_labels_is_cut() -> None:
    assert [host.name for host in hosts_in("www.foo.es")] == ["foo.es"]
    [host] = hosts_in("www.foo.es" + ".x9" * 2_000)
    assert host.name == "foo.es"


@pytest.mark.parametrize("start", ["", "a.b-", "x" * 50, "é" * 200])
def test_an_address_is_masked_however_long_the_line_before_it(start: str) -> None:
    hidden = mask("." * 5_000 + " " + start + "ana.perez@example.org, tel")
    assert not re.search("ana|perez|example|org", hidden)
    assert hidden.endswith("tel")


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("Failed to allocate memory for requested buffer of size 9")]
)
def test_lack_of_memory_in_the_engine_says_what_to_do(error: Exception) -> None:
    from data.errors import ImageError

    class Greedy:
        name = "greedy"

        def detect(self, pixels: object) -> None:
            raise error

        recognise = detect

    with pytest.raises(ImageError, match=r"64 x 32 pixels does not fit into memory.*fewer photos at once"):
        PhotoReader(Greedy()).read(np.zeros((32, 64, 3), np.uint8))  # type: ignore[arg-type]
    error = RuntimeError("no such model")
    with pytest.raises(RuntimeError, match="no such model"):
        PhotoReader(Greedy()).read(np.zeros((32, 64, 3), np.uint8))  # type: ignore[arg-type]
