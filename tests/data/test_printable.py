"""What strangers wrote is shown, never obeyed."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from data.printable import encodable, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("good\rbad\b\b\b\n\t\0", "good\\rbad\\x08\\x08\\x08\\n\\t\\x00"),
        ("gpj\u202eexe", "gpj\\u202eexe"),
        ("a\u2028b\u2029c\u200bd\ufeff", "a\\u2028b\\u2029c\\u200bd\\ufeff"),
        ("caf\udce9", "caf\\udce9"),
        ("tag\U000e0041", "tag\\U000e0041"),
    ],
)
def test_what_steers_a_terminal_is_shown_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "text", ["Plaza Mayor, 3 (Madrid)", "東京駅", "می‌خواهم", "क्‍ष", "👩‍👩‍👧", "e\u0301", "C:\\photos", "a  b\u00a0c"]
)
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text == encodable(text)


def test_of_all_characters_no_control_direction_or_half_pair_is_sent() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = printable(every)
    shown.encode("utf-8")
    left = {c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")}
    steering = {
        c
        for c in shown
        if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    }
    assert not left and not steering
    assert shown.splitlines() == [shown]


def test_a_name_that_is_no_utf8_can_be_encoded_and_keeps_the_rest() -> None:
    assert encodable("a\udcff\x1b\u202e").encode("utf-8") == b"a\\udcff\x1b\xe2\x80\xae"
