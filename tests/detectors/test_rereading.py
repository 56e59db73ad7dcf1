"""What is left of a photo's text when a part of it is covered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backbone.occlusion import covered
from detectors.base import Reading
from detectors.looking import Looker
from detectors.ocr import Detection, PhotoReader
from detectors.rereading import Rereader


class Dark:
    """Finds dark rows of blocks, one line each, and reads an ``x`` for each block that is still dark."""

    name = "dark"

    def detect(self, pixels: NDArray[np.uint8]) -> Detection:
        rows = np.flatnonzero((pixels < 60).all(axis=2).any(axis=1))
        boxes = []
        for part in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(rows) else ():
            columns = np.flatnonzero((pixels[part[0] : part[-1] + 1] < 60).all(axis=2).any(axis=0))
            left, right, top, bottom = columns[0], columns[-1] + 1, part[0], part[-1] + 1
            boxes.append([[left, top], [right, top], [right, bottom], [left, bottom]])
        return Detection(np.array(boxes, np.float32).reshape(-1, 4, 2), None)

    def recognise(self, lines: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        out = []
        for line in lines:
            dark = (line.mean(axis=(0, 2)) < 128).astype(int)
            out.append(("x" * int((np.diff(dark, prepend=0) == 1).sum()), 0.95))
        return out


def photo() -> NDArray[np.uint8]:
    pixels = np.full((120, 200, 3), 230, np.uint8)
    for top, count in ((20, 3), (80, 5)):
        for k in range(count):
            pixels[top : top + 16, 20 + 30 * k : 40 + 30 * k] = 10
    return pixels


def rereader(pixels: NDArray[np.uint8], telling: set[str], *, whole: bool = False) -> Rereader:
    looker = Looker(PhotoReader(Dark()))
    return Rereader(looker, pixels, looker.look(pixels), covered, telling=telling, whole=whole)


def texts(readings: Sequence[Reading]) -> dict[str, str]:
    return {reading.id: reading.text for reading in readings}


def test_lines_that_are_not_touched_keep_their_reading() -> None:
    again = rereader(photo(), {"r0", "r1"})
    assert [line.text for line in again.lines] == ["xxx", "xxxxx"]
    assert not again.touches((0, 40, 200, 75)) and again.touches((0, 15, 30, 40))
    assert texts(again.without((0, 40, 200, 75))[0]) == {"r0": "xxx", "r1": "xxxxx"}


def test_a_line_that_is_covered_is_gone_and_of_one_in_part_the_rest_is_read() -> None:
    again = rereader(photo(), {"r0", "r1"})
    assert texts(again.without((15, 15, 120, 45))[0]) == {"r1": "xxxxx"}
    assert texts(again.without((75, 75, 160, 100))[0]) == {"r0": "xxx", "r1": "xx"}
    assert texts(again.gone({"r1"})[0]) == {"r0": "xxx"}


def test_reading_the_whole_covered_photo_again_gives_the_same() -> None:
    for window in ((15, 15, 120, 45), (75, 75, 180, 100), (0, 0, 45, 120)):
        quick, slow = (rereader(photo(), {"r0", "r1"}, whole=whole).without(window)[0] for whole in (False, True))
        assert sorted(texts(quick).values()) == sorted(texts(slow).values())


def test_text_that_tells_nothing_is_not_touched() -> None:
    again = rereader(photo(), {"r1"})
    assert not again.touches((0, 0, 200, 60)) and again.touches((0, 60, 200, 120))
    assert texts(again.without((0, 0, 45, 120))[0]) == {"r0": "xxx", "r1": "xxxx"}
