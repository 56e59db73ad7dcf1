from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.reader_alphabet import Alphabet, built, clusters, to_logical, to_visual

WORDS = ("কলকাতা", "স্টেশন", "দুর্গাপূজা", "কোম্পানি", "মৌলভীবাজার", "हिन्दी", "मिष्ठान्न", "क्लिनिक", "বাড়ি", "ज़िला", "Кафе", "οδός")


@pytest.mark.parametrize("word", WORDS)
def test_visual_order_can_be_undone(word: str) -> None:
    assert to_logical(to_visual(word)) == unicodedata.normalize("NFC", word)


def test_a_vowel_sign_that_is_drawn_before_its_consonants_stands_before_them() -> None:
    assert to_visual("क्लि")[0] == "\u093f"
    assert to_visual("স্টে")[0] == "\u09c7"
    assert to_visual("কৌ") == "\u09c7\u0995\u09d7"


@given(st.text(st.characters(min_codepoint=0x0900, max_codepoint=0x09FF, exclude_categories=["Cn"]), max_size=12))
def test_any_order_of_signs_is_taken_without_a_crash(text: str) -> None:
    assert len(to_logical(to_visual(text))) > 0 or not text


def test_frequent_clusters_become_tokens_and_others_are_spelt_out() -> None:
    alphabet = built(["স্টেশন", "স্টোর", "স্কুল"], "সটকেরশনউো্ািু ", joined=1)
    assert "স্ট" in alphabet.tokens and "স্ক" not in alphabet.tokens
    numbers = alphabet.encoded("স্ট")
    assert numbers is not None and len(numbers) == 1
    spelt = alphabet.encoded("স্ক")
    assert spelt is not None and len(spelt) == 3
    assert alphabet.decoded(spelt) == "স্ক"


def test_a_letter_outside_of_the_alphabet_cannot_be_encoded() -> None:
    assert Alphabet("abc").encoded("abd") is None
    assert Alphabet("abc").encoded("") == []


def test_clusters_are_found_with_their_nukta() -> None:
    assert clusters("बड़ा क्लब") == ["ड\u093c", "क्ल"]


@pytest.mark.parametrize("tokens", [("a", "a"), ("a", "")])
def test_an_alphabet_with_double_or_empty_tokens_is_refused(tokens: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="token"):
        Alphabet(tokens)
