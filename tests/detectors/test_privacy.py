from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.privacy import MASK, is_sensitive, mask


def _bare(text: str) -> str:
    return re.sub(rf"[^\w{MASK}]", "", text)


PLATES = [
    "1234 ABC",
    "AB12 CDE",
    "M5XSX",
    "B-AB 123",
    "7ABC123",
    "KA 05 MH 1234",
    "KA05MH1234",
    "ab 123 cd",
    "А123ВС 77",
    "АА 1234 ВВ",
    "品川 300 あ 12-34",
    "京A·12345",
    "12가 3456",
    "1กข 1234",
    "34 ABC 123",
    "BRA2E19",
    "XX-99-XX",
    "ZH 123456",
    "B 1234 XYZ",
    "IN 1998",
    "ST 1234",
    "١٢٣٤ ابج",
]
PHONES = [
    "91 123 45 67",
    "+34 91 123 45 67",
    "(415) 555-0100",
    "06.12.34.56.78",
    "06.12 34 56 78",
    "5550100",
    "+49 (0) 30 / 123456",
    "1-800-FLOWERS",
    "61 23 45 67",
    "٠١٢٣٤٥٦٧",
    "２０１２３４５６",
]


@pytest.mark.parametrize("text", PLATES + PHONES)
def test_a_plate_or_a_phone_number_is_masked_whole(text: str) -> None:
    assert set(_bare(mask(text))) == {MASK}
    assert is_sensitive(text)


@pytest.mark.parametrize("text", PLATES + PHONES)
def test_it_is_masked_inside_a_line_and_the_words_around_it_stay(text: str) -> None:
    masked = mask(f"Restaurante {text}, Madrid")
    assert masked.startswith("Restaurante ") and masked.endswith(", Madrid")
    assert set(_bare(masked[len("Restaurante ") : -len(", Madrid")])) == {MASK}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("B-AB 123", "•-•• •••"),
        ("info@hotel-sol.es", "••••@•••••-•••.es"),
        ("Write to a.b@example.com now", "Write to •.•@•••••••.••• now"),
        ("Tel. 555-0100 or 555-0199", "Tel. •••-•••• or •••-••••"),
    ],
)
def test_the_shape_stays_visible(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "48.20849N 16.37208E",
        "N48.20849 E16.37208",
        "N:48.20849 W:016.37208 62KM/H 2023/05/12 14:33:05",
        "48.20849, -16.37208",
        "48.208493°N 16.372081°E",
        "Lat 12.971599 Long 77.594566",
        "48°12'30.5\"N 16°22'19.5\"E",
        "N4812.5090 E01622.3250",
    ],
)
def test_printed_coordinates_are_evidence_and_stay(text: str) -> None:
    assert mask(text) == text and not is_sensitive(text)


def test_of_a_coordinate_only_what_lies_below_a_hands_breadth_is_masked() -> None:
    assert mask("48.2084912N 16.3720812E") == "48.208491•N 16.372081•E"


@pytest.mark.parametrize(
    "text",
    [
        "A7", "M30", "24H", "E18", "I-80", "28013", "A7 M30", "US 101", "BUS 24", "24/7", "7-11",
        "San Francisco, CA 94103", "Calle de Alcalá, 42", "1200 MAIN ST", "42nd Street", "MADRID 2024", "Since 1987",
        "12/05/2023", "2023-05-12 14:33:05", "09:00-17:30", "9AM-5PM", "1985-2015", "€12.50", "1.250,00 €",
        "RM 12.90", "R$ 24,90", "12,90 lei", "750ML",
        "", "cero emisiones", "МОСКВА", "東京都",
    ],
)  # fmt: skip
def test_codes_dates_times_prices_and_addresses_stay(text: str) -> None:
    assert mask(text) == text


plate_like = st.sampled_from([*PLATES, *PHONES, "a@b.es", "48.20849N", "12:30", "€5", "A7", "28013", "Since 1987"])
signs = st.lists(st.one_of(plate_like, st.text(max_size=8), st.from_regex(r"[0-9A-Z .\-]{0,12}")), max_size=5)
anything = st.one_of(st.text(), signs.map("".join), signs.map(" ".join))


@given(anything)
def test_masking_keeps_the_length_and_masks_only_letters_marks_and_digits(text: str) -> None:
    masked = mask(text)
    assert len(masked) == len(text)
    assert all(a == b or b == MASK for a, b in zip(text, masked, strict=True))
    assert (masked != text) == is_sensitive(text)


@given(anything)
def test_masking_twice_is_masking_once(text: str) -> None:
    masked = mask(text)
    assert mask(masked) == masked and not is_sensitive(masked)


@given(anything)
def test_no_run_of_seven_digits_is_left(text: str) -> None:
    assert not re.search(r"\d{7}", mask(text))


@given(st.from_regex(r"[0-9]{3}[ .\-][0-9]{3}[ .\-][0-9]{3}", fullmatch=True), st.text(alphabet="abc xyz", max_size=9))
def test_a_nine_digit_number_never_survives_between_words(number: str, word: str) -> None:
    assert not re.search(r"\d", mask(f"{word} {number} {word}"))


@pytest.mark.parametrize(
    "text",
    ["030/1234.56 R", "(030)1234.56 Fr", "01/5556.78 Fr", "R 1234.56/78", "KM 0612.34 /567.89", "L 0612.34/56.78"],
)
def test_a_telephone_number_is_no_price_though_a_currency_s_letters_stand_beside_it(text: str) -> None:
    assert not any(c.isdigit() for c in mask(text))


@pytest.mark.parametrize("plate", ["GA 482 KR", "AB 123 KM", "AB 1234 KM", "GA 482 FT", "EX 20 CM"])
def test_a_plate_that_ends_like_a_price_or_a_measure_is_a_plate(plate: str) -> None:
    assert not any(c.isalnum() for c in mask(plate))
