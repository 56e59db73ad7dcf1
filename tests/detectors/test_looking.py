"""Regions steer reading: plates apart, signs marked and read again."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.base import Box, Reading
from detectors.looking import LookConfig, Looker
from detectors.ocr import make_reader
from detectors.plates import PlateReader
from detectors.rapid import RapidEngine
from detectors.regions import Region, RegionKind
from fusion.locator import Locator

PHOTO = np.full((400, 600, 3), 90, np.uint8)


def box(left: float, top: float, right: float, bottom: float) -> Box:
    return (left, top), (right, top), (right, bottom), (left, bottom)


class Finds:
    """Regions at known places."""

    def __init__(self, *regions: tuple[RegionKind, Box, float]) -> None:
        self._regions = [Region(*region) for region in regions]

    def find(self, pixels: NDArray[np.uint8]) -> list[Region]:
        return self._regions


class Reads:
    """A text reader that remembers what it was shown."""

    name = "known"

    def __init__(self, whole: Sequence[Reading], crop: Sequence[Reading] = ()) -> None:
        self._whole, self._crop = list(whole), list(crop)
        self.shapes: list[tuple[int, ...]] = []

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        self.shapes.append(pixels.shape)
        return self._whole if pixels.shape == PHOTO.shape else self._crop


def reading(name: str, text: str, where: Box) -> Reading:
    return Reading(name, text, where, 0.9)


def drawn_plate(text: str = "AB12 CDE") -> tuple[NDArray[np.uint8], Box]:
    """A photo with one British plate, and its box."""
    photo = np.full((480, 640, 3), 70, np.uint8)
    cv2.rectangle(photo, (200, 300), (420, 346), (250, 250, 250), -1)
    cv2.putText(photo, text, (210, 336), cv2.FONT_HERSHEY_SIMPLEX, 1.25, (10, 10, 10), 3, cv2.LINE_AA)
    return photo, box(200, 300, 420, 346)


@pytest.fixture(scope="module")
def plates() -> PlateReader:
    return PlateReader(RapidEngine())


def test_without_a_finder_the_whole_photo_is_read_once() -> None:
    reader = Reads([reading("r0", "BAR", box(10, 10, 60, 30))])
    looked = Looker(reader).look(PHOTO)
    assert [r.text for r in looked.readings] == ["BAR"] and looked.regions == [] and len(reader.shapes) == 1


def test_a_line_on_a_sign_is_marked_and_one_beside_it_is_not() -> None:
    sign = box(100, 100, 300, 150)
    reader = Reads([reading("r0", "FARMACIA", box(110, 105, 290, 140)), reading("r1", "12", box(400, 300, 430, 320))])
    looked = Looker(reader, Finds(("sign", sign, 0.9))).look(PHOTO)
    assert [(r.text, r.region) for r in looked.readings] == [("FARMACIA", "sign"), ("12", "")]
    assert len(reader.shapes) == 1  # nothing was missed


def test_a_sign_without_a_line_is_read_again_and_its_lines_stand_where_they_are() -> None:
    reader = Reads([reading("r0", "12", box(400, 300, 430, 320))], [reading("r0", "CAFÉ", box(5, 4, 60, 30))])
    looked = Looker(reader, Finds(("sign", box(100, 100, 300, 150), 0.9))).look(PHOTO)
    again = looked.readings[1]
    assert (again.text, again.region, again.id) == ("CAFÉ", "sign", "r1")
    assert again.box[0] == (100 - 7 + 5 - 1, 100 - 7 + 4 - 1) or again.box[0][0] == pytest.approx(97, abs=2)
    assert len({r.id for r in looked.readings}) == len(looked.readings)


@pytest.mark.parametrize(("sure", "height"), [(0.3, 50.0), (0.9, 8.0)])
def test_doubtful_and_tiny_signs_are_not_read_again(sure: float, height: float) -> None:
    reader = Reads([])
    Looker(reader, Finds(("sign", box(100, 100, 300, 100 + height), sure))).look(PHOTO)
    assert len(reader.shapes) == 1


def test_reading_signs_again_is_bounded() -> None:
    reader = Reads([])
    many = [("sign", box(10, 10 * i, 200, 10 * i + 40), 0.9) for i in range(30)]
    Looker(reader, Finds(*many), config=LookConfig(most_signs=3)).look(PHOTO)  # type: ignore[arg-type]
    assert len(reader.shapes) == 4


def test_a_plate_is_a_plate_and_nothing_else(plates: PlateReader) -> None:
    photo, where = drawn_plate()
    looker = Looker(make_reader("rapidocr", offline=True), Finds(("plate", where, 0.95)), plates)
    looked = looker.look(photo)
    (plate,) = looked.plates
    assert plate.best == "AB12CDE"
    assert [r.region for r in looked.readings] == ["plate"]


def test_an_answer_shows_the_format_and_masks_the_text_unless_asked(plates: PlateReader) -> None:
    photo, where = drawn_plate()
    finder = Finds(("plate", where, 0.95))
    answer = Locator(regions=finder, offline=True).locate(photo)
    (clue,) = [clue for clue in answer.clues if clue.kind == "plate"]
    assert answer.country == "GB" and "GB: AA00 AAA" in clue.meaning and clue.points_to[0] == "GB"
    for shown in (answer.to_json(), str(answer), answer.to_html()):
        assert "AB12" not in shown and "12 CDE" not in shown
    assert where in answer.covered
    revealed = Locator(regions=finder, reveal=True, offline=True).locate(photo)
    assert "AB12" in revealed.to_json() and not revealed.covered


def test_a_plate_whose_text_nobody_read_is_covered_all_the_same() -> None:
    answer = Locator(ocr="none", regions=Finds(("plate", box(50, 50, 150, 80), 0.9)), offline=True).locate(PHOTO)
    assert box(50, 50, 150, 80) in answer.covered


def test_no_region_is_looked_for_where_text_is_not_read() -> None:
    assert Locator(ocr="none").looker.finder is None


def test_a_line_of_which_only_a_part_is_on_the_plate_is_the_plate_s_and_covered_whole(plates: PlateReader) -> None:
    photo, (a, _, c, _) = drawn_plate()
    part = box(a[0], a[1], a[0] + 0.65 * (c[0] - a[0]), c[1])
    line = box(a[0], a[1], c[0], c[1])
    looked = Looker(Reads([]), Finds(("plate", part, 0.95)), plates).look(photo)
    assert [r.region for r in looked.readings] == ["plate"]

    class Whole:
        name = "whole"

        def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
            return [reading("r0", "12345", line)] if pixels.shape == photo.shape else []

    looked = Looker(Whole(), Finds(("plate", part, 0.95)), plates).look(photo)
    assert "12345" not in [r.text for r in looked.readings if r.region != "plate"]
    assert line in looked.private and part in looked.private


def test_what_is_read_again_on_a_sign_and_lies_on_a_plate_is_dropped(plates: PlateReader) -> None:
    crop_line = reading("r0", "48213", box(60, 60, 130, 80))
    finder = Finds(("sign", box(100, 100, 300, 200), 0.9), ("plate", box(150, 150, 250, 180), 0.95))
    looked = Looker(Reads([], [crop_line]), finder, plates).look(PHOTO)
    assert all(r.text != "48213" for r in looked.readings)


def test_a_line_that_was_read_already_is_not_read_twice() -> None:
    known = reading("r0", "MADRID", box(100, 180, 200, 220))
    again = reading("r0", "MADRID", box(4, 84, 104, 124))  # the same place, in the crop
    looked = Looker(Reads([known], [again]), Finds(("sign", box(100, 100, 300, 190), 0.9))).look(PHOTO)
    assert [r.text for r in looked.readings] == ["MADRID"]


def test_a_doubtful_plate_without_a_plate_s_text_takes_no_line_away(plates: PlateReader) -> None:
    lines = [reading("r0", "CALLE MAYOR", box(10, 10, 200, 40)), reading("r1", "MADRID", box(10, 60, 120, 90))]
    looked = Looker(Reads(lines), Finds(("plate", box(0, 0, 599, 399), 0.5)), plates).look(PHOTO)
    assert [r.text for r in looked.readings] == ["CALLE MAYOR", "MADRID"]
    assert box(0, 0, 599, 399) in looked.private  # it is covered in pictures all the same


def test_a_keyboard_gives_no_certainty() -> None:
    photo = np.full((600, 1100, 3), 40, np.uint8)
    for row, keys in enumerate(("1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM")):
        for column, key in enumerate(keys):
            x, y = 40 + 100 * column + 25 * row, 60 + 130 * row
            cv2.rectangle(photo, (x, y), (x + 80, y + 100), (225, 225, 225), -1)
            cv2.putText(photo, key, (x + 22, y + 68), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 3, cv2.LINE_AA)
    answer = Locator(offline=True).locate(photo)
    assert max(answer.countries.values()) < 0.6


def test_a_photo_without_plates_has_none() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    assert all(clue.kind != "plate" for clue in Locator(offline=True).locate(noise).clues)
