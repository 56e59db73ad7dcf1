"""Plates drawn here are read by the real engine; what they say is wide where it must be, and never their text."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.opencv import opencv
from detectors.base import Box, Clue, Evidence
from detectors.plate_channel import SYMBOLS, confusion, log_plate_like, log_text
from detectors.plate_evidence import evidence_of_plate
from detectors.plate_formats import plate_formats
from detectors.plate_looks import Looks, fits, looks_of
from detectors.plate_match import candidates, match
from detectors.plate_text import fold
from detectors.plate_words import WORDS, places_of
from detectors.plates import PlateReader, PlateReading
from detectors.privacy import masked
from detectors.rapid import RapidEngine
from detectors.territories import photo_shares

WHITE, BLACK, BLUE = (255, 255, 255), (10, 10, 10), (20, 60, 170)
PLAIN = Looks(dark_letters=True)


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    return PlateReader(RapidEngine())


def drawn(
    text: str, *, size: tuple[int, int] = (240, 52), ground: tuple[int, int, int] = WHITE,
    ink: tuple[int, int, int] = BLACK, band: bool = False, top: str = "",
) -> NDArray[np.uint8]:  # fmt: skip
    """A plate with OpenCV's own strokes; lines of ``text`` one above the other."""
    cv2 = opencv()
    width, height = size[0] * 4, size[1] * 4
    plate = np.full((height, width, 3), ground, np.uint8)
    left = 0.1 * width if band else 0.03 * width
    if band:
        plate[:, : int(0.09 * width)] = BLUE
    cv2.rectangle(plate, (0, 0), (width - 1, height - 1), ink, 6)
    lines = text.split("\n")
    room = height * (0.75 if top else 1.0)
    if top:
        scale = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_DUPLEX, int(0.12 * height), 3)
        cv2.putText(plate, top, (int(0.25 * width), int(0.2 * height)), cv2.FONT_HERSHEY_DUPLEX, scale, ink, 4, 16)
    for i, line in enumerate(lines):
        high = int(0.55 * room / len(lines))
        scale = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_DUPLEX, high, 12)
        (wide, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, scale, 12)
        letters = np.full((int(high * 1.5), wide, 3), ground, np.uint8)
        cv2.putText(letters, line, (0, int(high * 1.2)), cv2.FONT_HERSHEY_DUPLEX, scale, ink, 12, 16)
        fitted = cv2.resize(letters, (min(int(0.95 * width - left), wide), letters.shape[0]))
        y = int(height - room + room * (i + 0.5) / len(lines) - fitted.shape[0] * 0.5)
        plate[y : y + fitted.shape[0], int(left) : int(left) + fitted.shape[1]] = fitted
    small: NDArray[np.uint8] = cv2.resize(plate, size, interpolation=cv2.INTER_AREA)
    return small


def photo_of(*plates: NDArray[np.uint8], angle: float = 0.0) -> tuple[NDArray[np.uint8], list[Box]]:
    """Plates below each other on grey, turned by ``angle`` degrees, and their upright boxes."""
    cv2 = opencv()
    height, width = sum(p.shape[0] + 60 for p in plates) + 60, max(p.shape[1] for p in plates) + 160
    photo = np.full((height, width, 3), 105, np.uint8)
    boxes: list[Box] = []
    y = 60
    for plate in plates:
        h, w = plate.shape[:2]
        turn = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1.0)
        turn[:, 2] += (80, y)
        cv2.warpAffine(plate, turn, (width, height), dst=photo, borderMode=cv2.BORDER_TRANSPARENT)
        corners = np.array([[0, 0, 1], [w, 0, 1], [w, h, 1], [0, h, 1]]) @ turn.T
        (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        boxes.append(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
        y += h + 60
    return photo, boxes


def read(reader: PlateReader, *plates: NDArray[np.uint8], angle: float = 0.0) -> list[PlateReading]:
    return reader.read(*photo_of(*plates, angle=angle))


def evidence(text: str, looks: Looks = PLAIN, sure: float = 0.9) -> Evidence:
    look = fits(looks)
    return evidence_of_plate(text, match(text, looks=look), source="p0", look=float(look.mean()), sure=sure)


def gain(found: Evidence, place: str) -> float:
    return found.regions.get(place, found.countries.get(place[:2], found.elsewhere))


def strongest(found: Evidence) -> float:
    return max([*found.countries.values(), *found.regions.values(), 0.0])


def likeliest(found: Evidence) -> float:
    """Probability of the likeliest country by the shares of the world's photos."""
    p = {c: s * math.exp(found.countries.get(c, found.elsewhere)) for c, s in photo_shares().items()}
    return max(p.values()) / sum(p.values())


def without_text(clues: list[Clue], *plates: str) -> bool:
    shown = " ".join(fold(f"{c.text} {c.meaning} {c.points_to}") for c in clues)
    return not any(fold(p) in shown or any(len(w) > 2 and fold(w) in shown for w in p.split()) for p in plates)


@pytest.mark.parametrize(
    ("text", "options", "country"),
    [("LD68 KWT", {}, "GB"), ("WOB VK 482", {"band": True}, "DE"), ("7KDB482", {"size": (160, 80)}, "US"),
     ("CKDB 482", {"size": (160, 80)}, "CA"), ("34 KD 482", {"band": True}, "TR"), ("4821 KDB", {"band": True}, "ES"),
     ("KA 05 MK 4821", {}, "IN"), ("KX-482-BT", {"band": True}, "FR"), ("482-13-746", {"ground": (240, 200, 40)}, "IL"),
     ("KA 05\nMK 4821", {"size": (140, 96)}, "IN"), ("BKD4E21", {"size": (200, 65)}, "BR")],
)  # fmt: skip
def test_a_drawn_plate_is_read_and_names_its_country(
    reader: PlateReader, text: str, options: dict[str, object], country: str
) -> None:
    (plate,) = read(reader, drawn(text, **options))  # type: ignore[arg-type]
    assert plate.best == fold(text), plate.text
    assert plate.format_name.startswith(country + ":")
    (clue,) = reader.clues([plate])
    assert clue.kind == "plate" and clue.points_to[0] == country and clue.box == plate.box
    assert gain(clue.evidence, country) > gain(clue.evidence, "KI") + 1.0
    assert without_text([clue], text) and not any(c.isdigit() and c != "0" for c in clue.meaning + clue.text)


@pytest.mark.parametrize("angle", [-14.0, 8.0])
def test_a_plate_at_an_angle_is_set_upright(reader: PlateReader, angle: float) -> None:
    (plate,) = read(reader, drawn("WX 4K821", band=True), angle=angle)
    assert plate.best == "WX4K821"


def test_words_beside_the_serial_tell_the_state(reader: PlateReader) -> None:
    (plain,) = read(reader, drawn("BKD 482", size=(160, 80)))
    (named,) = read(reader, drawn("BKD 482", size=(160, 80), top="OREGON"))
    assert named.best == plain.best == "BKD482" and places_of(named.words) == {"US.OR"}
    (clue,) = reader.clues([named])
    best = max(clue.evidence.regions, key=lambda r: clue.evidence.regions[r])
    assert best == "US.OR" and clue.points_to[0] == "US"


@pytest.mark.parametrize(
    ("seen", "meant", "country"),
    [("LO68 KWT", "LO68KWT", "GB"), ("L068 KWT", "LO68KWT", "GB"), ("W0B VK 482", "WOBVK482", "DE"),
     ("B4 482 KDB", "BA482KDB", None), ("482I KDB", "4821KDB", "ES"), ("7KDB4B2", "7KDB482", "US"),
     ("34 KD 4B2", "34KD482", "TR"), ("KA O5 MK 482I", "KA05MK4821", "IN")],
)  # fmt: skip
def test_repair_by_format(seen: str, meant: str, country: str | None) -> None:
    found = candidates(seen, match(seen), 1.0, 0.03)
    assert sum(c.probability for c in found) == pytest.approx(1.0)
    if country:
        assert found[0].text == meant and found[0].format is not None and found[0].format.country == country


def clue_of(reader: PlateReader, text: str, looks: Looks) -> Clue:
    """The clue of a plate that was read as ``text``."""
    look, box = fits(looks), ((0.0, 0.0), (9.0, 0.0), (9.0, 4.0), (0.0, 4.0))
    found = match(text, looks=look)
    told = candidates(text, found, float(look.mean()), 0.03)
    (clue,) = reader.clues([PlateReading("p0", text, box, 0.97, looks, (), told, 0.95, found)])
    return clue


@pytest.mark.parametrize("text", ["12 345 67", "NCX 208P", "482-13-746", "AX 4821 KT", "LD68 KWT"])
def test_the_format_that_is_named_is_one_of_the_country_that_comes_first(reader: PlateReader, text: str) -> None:
    clue = clue_of(reader, text, PLAIN)
    assert f"in the format {clue.points_to[0]}: " in clue.meaning


@pytest.mark.parametrize(
    ("text", "region"), [("B·AB 1234", "Berlin"), ("WOB·VK 482", "Lower Saxony"), ("34 KD 482", "Istanbul")]
)
def test_the_region_that_a_code_tells_is_named_and_the_plate_is_not(
    reader: PlateReader, text: str, region: str
) -> None:
    clue = clue_of(reader, text, Looks(dark_letters=True, blue_left=True, aspect=4.6))
    assert f"registered in {region}" in clue.meaning
    assert without_text([clue], text) and not any(c.isdigit() and c != "0" for c in clue.meaning + clue.text)


def test_where_no_region_is_told_none_is_named(reader: PlateReader) -> None:
    assert "registered" not in clue_of(reader, "4821 KDB", PLAIN).meaning


def test_what_no_format_explains_stays_as_it_was_read() -> None:
    for text in ("X9Z9Q9W9", "MY OWN", "B"):
        assert candidates(text, match(text), 1.0, 0.02)[0].text == fold(text)


def test_likely_confusions_cost_less_than_others() -> None:
    p = confusion(0.1)
    assert np.allclose(p.sum(axis=1), 1.0) and (p > 0).all()
    i = SYMBOLS.index
    assert p[i("O"), i("0")] > 30 * p[i("O"), i("4")] and p[i("B"), i("8")] > 30 * p[i("B"), i("4")]
    assert sum(match("LO68 KWT").countries.values()) > sum(match("L068 KWT").countries.values())


def test_a_half_read_plate_says_less_and_not_nothing() -> None:
    whole, half = evidence("AX 4821 KT"), evidence("AX 482")
    assert gain(whole, "UA") > gain(half, "UA") + 1.0
    assert half.elsewhere > whole.elsewhere and strongest(half) > 0.2
    assert len([c for c, v in half.countries.items() if v > 0.0]) > 5


def test_foreign_cars_exist() -> None:
    found = evidence("WOB·VK 482", Looks(dark_letters=True, blue_left=True, aspect=4.6))
    assert gain(found, "DE") > gain(found, "AT") > gain(found, "JP") > -8.0
    assert gain(found, "LU") > gain(found, "AT")
    assert gain(found, "DE.06") > gain(found, "DE.02") + 1.0 and gain(found, "DE.02") > gain(found, "AT")


def test_evidence_is_of_mean_one() -> None:
    for text in ("WOB·VK 482", "LD68 KWT", "7KDB482", "AX 48", "KDB-4821"):
        found = evidence(text)
        mean = 0.0
        for country, share in photo_shares().items():
            mean += share * math.exp(found.countries.get(country, found.elsewhere))
        # Regions add what their country's value, which is that of its other regions, leaves out.
        assert 0.2 < mean < 1.1
        assert all(math.isfinite(v) for v in (*found.countries.values(), *found.regions.values(), found.elsewhere))


@pytest.mark.parametrize("text", ["QWERTYUIOP", "OPEN", "12", "7", "A", "", "•", "TOYOTA", "ASDFGHJKL"])
def test_words_and_street_numbers_say_next_to_nothing(text: str) -> None:
    found = evidence(text, Looks())
    assert strongest(found) < 2.0 and found.elsewhere > -1.0


@pytest.mark.parametrize("text", ["ESC F1 F2", "SALE 50", "F5 F6 F7", "Q1 W2 E3", "GATE 12", "NO 42", "R2D2"])
def test_a_keyboard_or_a_poster_that_was_taken_for_a_plate_says_little(text: str) -> None:
    found = evidence(text, Looks(), sure=0.5)
    assert strongest(found) < 4.0 and found.elsewhere > -1.0
    assert likeliest(found) < 0.5


@pytest.mark.parametrize("text", ["SN 4821B7XK20", "0008231746120", "W4821-KD-2137-0", "XJ9-4821-00317"])
def test_serial_numbers_say_little(text: str) -> None:
    found = evidence(text, Looks(), sure=0.5)
    assert strongest(found) < 3.0 and found.elsewhere > -2.5
    assert likeliest(found) < 0.5


def test_an_unsure_box_says_less() -> None:
    assert gain(evidence("48213", sure=0.3), "QA") < gain(evidence("48213", sure=0.95), "QA")


def test_colours_band_and_shape_tell_formats_apart() -> None:
    text = "BKD-4821"
    grey, green = Looks(True, "", "", None, 3.0), Looks(True, "", "", None, 2.0)
    assert gain(evidence(text, grey), "BR") > gain(evidence(text, green), "BR") + 1.0
    blue = Looks(dark_letters=True, blue_left=True, aspect=4.6)
    assert gain(evidence("DK 482 BT", blue), "IT") > gain(evidence("DK 482 BT", PLAIN), "IT")
    line = drawn("4821 KD", ground=(240, 200, 40))
    assert looks_of(line, np.zeros((0, 0, 3), np.uint8), 4.6) == Looks(True, "yellow", "", None, 4.6)
    white_on_blue = drawn("B48213", ground=(20, 40, 160), ink=WHITE)
    assert looks_of(white_on_blue, line[:, :20], None).ground == "blue"
    assert not looks_of(white_on_blue, line[:, :20], None).dark_letters
    assert looks_of(np.full((20, 60, 3), 9, np.uint8), line[:0], None) == Looks()


def test_words_name_places_that_exist_and_bear_misreading() -> None:
    countries = {row.country for row in plate_formats()}
    regions = {row.region for row in plate_formats() if row.region}
    for places in WORDS.values():
        assert all(p in countries if len(p) == 2 else p[:2] in countries for p in places)
    assert {p for places in WORDS.values() for p in places if p.startswith("US.")} == {
        r for r in regions if r.startswith("US.")
    }
    assert places_of(["CAL1FORNIA"]) == {"US.CA"} and places_of(["SP-SAO PAULO"]) == {"BR", "BR.27"}
    assert places_of(["AUTOHAUS MEYER", "www.example.org", "", "ES"]) == frozenset()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 3), (40, 1), (9, 9)])
def test_tiny_pictures_are_survived(reader: PlateReader, shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 128, np.uint8)
    h, w = float(shape[0]), float(shape[1])
    (plate,) = reader.read(pixels, [((0.0, 0.0), (w, 0.0), (w, h), (0.0, h))])
    assert plate.best == "" or len(plate.best) < 12
    assert all(strongest(c.evidence) < 2.0 for c in reader.clues([plate]))


def test_garbage_and_boxes_outside_the_photo(reader: PlateReader) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 320, 3), dtype=np.uint8)
    boxes: list[Box] = [
        ((0.0, 0.0), (320.0, 0.0), (320.0, 120.0), (0.0, 120.0)),
        ((-900.0, -900.0), (-800.0, -900.0), (-800.0, -860.0), (-900.0, -860.0)),
        ((50.0, 50.0), (50.0, 50.0), (50.0, 50.0), (50.0, 50.0)),
        ((1e9, 0.0), (2e9, 0.0), (2e9, 9.0), (1e9, 9.0)),
    ]
    plates = reader.read(noise, boxes)
    assert [p.id for p in plates] == ["p0", "p1", "p2", "p3"]
    assert all(strongest(c.evidence) < 2.5 for c in reader.clues(plates))
    with pytest.raises(ValueError, match="4 boxes and 1 chances"):
        reader.read(noise, boxes, [0.5])


def test_two_hundred_plates_take_bounded_time_and_say_no_more_than_eight() -> None:
    class Quick:
        """An engine that reads a plate wherever it is asked."""

        name = "quick"
        calls = 0

        def detect(self, pixels: NDArray[np.uint8]) -> object:
            from detectors.ocr import Detection

            h, w = pixels.shape[:2]
            quad = [[0.1 * w, 0.2 * h], [0.9 * w, 0.2 * h], [0.9 * w, 0.8 * h], [0.1 * w, 0.8 * h]]
            return Detection(np.array([quad], np.float32), None)

        def recognise(self, lines: object) -> list[tuple[str, float]]:
            self.calls += 1
            return [(next(texts), 0.97)]

    rng = random.Random(0)
    german = next(row for row in plate_formats() if row.country == "DE")
    texts = iter([german.sample(rng) for _ in range(500)])
    engine = Quick()
    reader = PlateReader(engine)  # type: ignore[arg-type]
    photo = np.full((1200, 1600, 3), 200, np.uint8)
    boxes: list[Box] = []
    for i in range(200):
        x, y = 80.0 * (i % 20), 100.0 * (i // 20)
        boxes.append(((x, y), (x + 60.0, y), (x + 60.0, y + 14.0), (x, y + 14.0)))
    start = time.process_time()
    plates = reader.read(photo, boxes)
    clues = reader.clues(plates)
    assert time.process_time() - start < 30.0
    assert len(plates) == 40 and engine.calls <= 80 and len(clues) <= 8
    total = sum(gain(c.evidence, "JP") - gain(c.evidence, "DE") for c in clues)
    assert -50.0 < total < 0.0


def test_a_plate_that_stands_twice_counts_once(reader: PlateReader) -> None:
    plates = read(reader, drawn("LD68 KWT"), drawn("LD68 KWT"), drawn("KX-482-BT", band=True))
    assert len(reader.clues(plates)) == 2


def test_a_reading_of_a_plate_is_marked_as_one(reader: PlateReader) -> None:
    (plate,) = read(reader, drawn("LD68 KWT"))
    reading = plate.as_reading()
    assert reading.region == "plate" and reading.engine == "plate" and fold(reading.text) == "LD68KWT"
    (shown,) = masked([reading])
    assert not any(c.isalnum() for c in shown.text) and len(shown.text) == len(reading.text)
    (digits,) = masked([replace(reading, text="482 13")])
    assert digits.text == "••• ••"


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="ABDOQI01258-·. \n品さЖß", max_size=24), st.floats(0.01, 0.99))
def test_any_text_is_survived(text: str, sure: float) -> None:
    found = evidence(text, sure=sure)
    assert math.isfinite(found.elsewhere) and abs(log_text(fold(text))) < 500 > abs(log_plate_like(fold(text)))
    assert abs(sum(c.probability for c in candidates(text, match(text), 1.0, 0.05)) - 1.0) < 1e-6


@pytest.mark.parametrize("text", ["F1 F2 F3 F4 F5 F6", "A1B2C3D4", "AB1 " * 60, "0123456789012345"])
@pytest.mark.parametrize("sure", [0.15, 0.5, 0.9])
def test_rows_of_keys_and_long_texts_say_next_to_nothing(text: str, sure: float) -> None:
    evidence = evidence_of_plate(text, match(text), source="p0", sure=sure)
    assert evidence.elsewhere <= 0.0
    shares = photo_shares()
    mean = sum(share * math.exp(evidence.countries.get(c, evidence.elsewhere)) for c, share in shares.items())
    top = max(share * math.exp(evidence.countries.get(c, evidence.elsewhere)) for c, share in shares.items())
    assert top / mean < 0.6


def test_the_first_plates_of_several_threads_are_read_alike() -> None:
    code = (
        "import threading\nfrom detectors.plate_match import match\n"
        "barrier, out = threading.Barrier(3), []\n"
        "def work():\n    barrier.wait()\n    out.append(match('LO68 KWT').best[0][2])\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "[t.start() for t in threads]\n[t.join() for t in threads]\nassert out == ['LO68KWT'] * 3, out\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
