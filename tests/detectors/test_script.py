from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.script import script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Calle de Alcalá", "Latn"),
        ("Москва 24", "Cyrl"),
        ("Αθήνα", "Grek"),
        ("القاهرة", "Arab"),
        ("ירושלים", "Hebr"),
        ("दिल्ली", "Deva"),
        ("কলকাতা", "Beng"),
        ("ကော်ဖီ", "Mymr"),
        ("กรุงเทพ", "Thai"),
        ("서울", "Hang"),
        ("東京", "Hani"),
        ("ひらがな", "Hira"),
        ("ラーメン", "Kana"),
        ("ﾗｰﾒﾝ", "Kana"),
        ("თბილისი", "Geor"),
        ("Երևան", "Armn"),
        ("አዲስ", "Ethi"),
        ("ＴＯＫＹＯ", "Latn"),
        ("24/7 •••", "Zyyy"),
        ("", "Zyyy"),
    ],
)
def test_the_script_of_most_letters_is_named(text: str, script: str) -> None:
    assert script_of(text) == script


def test_the_first_script_wins_a_tie() -> None:
    assert script_of("ab вг") == "Latn"
    assert script_of("вг ab") == "Cyrl"


@given(st.text())
def test_any_text_has_a_four_letter_code(text: str) -> None:
    code = script_of(text)
    assert len(code) == 4 and code.istitle()
