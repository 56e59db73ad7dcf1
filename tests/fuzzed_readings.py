"""Hostile lines of text for :mod:`tests.fuzzing`: what an OCR engine may bring home from a photo made to confuse."""

from __future__ import annotations

import functools
import json
import math
import random
import re
import unicodedata
from collections.abc import Callable

import numpy as np

from backbone.density import DensityPrior
from data.distribution import CellDistribution
from data.gazetteer import Gazetteer, load_default
from data.partition import load_default as load_partition
from detectors.base import ClueReader, Reading
from detectors.privacy import mask
from detectors.readers import default_clue_readers
from detectors.script import script_of
from fusion.pool import LogLinearPool

__all__ = ["hostile_readings", "readings_are_held", "readings_of"]

_WORDS = str.split(
    "Madrid Paris 東京 Москва القاهرة दिल्ली กรุงเทพ Ελλάδα ירושלים 서울 Straße HOTEL café São Łódź KearnySt O'Fallon "
    "www. http:// @ .com .es .co.uk .москва info mailto: Tel. Tél: ☎ +34 0044 (415) 555 1234 91 B-AB 123 KA05MH1234 "
    "48.20849N E16.37208 N48° 12' 30.5\" -91.5 181.0 40.7128,-74.0060 1e309 ١٢٣ ⅷ ¼ ² ½ ﬁ Ⅻ 12:30 2024-05-12 $1.250,00"
)
_ODD = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u202d\u2066\u2069\u200f\u061c\u2028\u2029\x00\x07\x08\x1b\x7f\x85\r\n\t"
    "\ud800\udfff\udc80\ufffd\ufffe\U000e0001\U0001f1ea\U0001f1f8\U0001f468\u0301\u0323\u20dd\u0f39\u1160ߛ"
)
_HOMOGLYPHS = str.maketrans("aeopcxyABEKMHOPCTX015", "аеорсхуАВЕКМНОРСТХОlЅ")
_BAITS = (
    "</script><script>document.title='x'</script>", "<!--", "{{world}}", "${7*7}", "=cmd|' /C calc'!A0", "\x1b]0;x\x07",
    "a@" * 40, "@" * 50, "1." * 60, "+" * 40 + "1", "(" * 30, "www." * 30, "w" * 80, "9 " * 50, "N" * 40 + "1.5",
    "1-" * 50, "A1" * 40, "°" * 40, "1°" * 40, ",;" * 40, "$" * 30 + "1", "´" * 60, "zł" * 30, "St. " * 20,
)  # fmt: skip


def _anything(rng: random.Random) -> str:
    planes = ((0, 0x7F), (0x80, 0x2FF), (0x300, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0xFFFF), (0x10000, 0x10FFFF))
    low, high = rng.choice(planes)
    return "".join(chr(rng.randint(low, high)) for _ in range(rng.randrange(1, 30)))


def _almost_phone(rng: random.Random) -> str:
    digits = "".join(rng.choice("0123456789") + rng.choice(("", "", "", " ", "-", ".", "/", "(", ")")) for _ in range(
        rng.randrange(5, 22)))  # fmt: skip
    return rng.choice(("+", "00", "Tel ", "", "$", "(", "+34", "+1", "№")) + digits


def _almost_position(rng: random.Random) -> str:
    def number() -> str:
        return (
            f"{rng.choice(('', '-', '+', '−'))}{rng.randrange(0, 400)}{rng.choice(('.', ',', ' ', '°', '..'))}"
            + "".join(rng.choice("0123456789") for _ in range(rng.randrange(0, 12)))
        )

    mark = rng.choice(("N", "S", "E", "W", "O", "", "°", "'", "Lat ", "lon:"))
    return rng.choice((f"{mark}{number()} {mark}{number()}", f"{number()}{mark}, {number()}{mark}", number()))


def _almost_host(rng: random.Random) -> str:
    labels = [rng.choice((*_WORDS[:14], "x", "-", "xn--", "xn--p1ai", "a" * 70, "com", "es", "co", "uk", "zip", "１"))
              for _ in range(rng.randrange(1, 7))]  # fmt: skip
    return rng.choice(("www.", "http://", "https:\\\\", "@", "", "info@")) + rng.choice(
        (".", " .", ",", "·", ". ")
    ).join(labels)


def _words(rng: random.Random) -> str:
    return rng.choice((" ", "", "-", "\u200b", "  ")).join(rng.choice(_WORDS) for _ in range(rng.randrange(1, 9)))


def _with_odd(rng: random.Random) -> str:
    text = list(_words(rng))
    for _ in range(rng.randrange(1, 8)):
        text.insert(rng.randrange(len(text) + 1), rng.choice(_ODD))
    return "".join(text)


_KINDS: tuple[Callable[[random.Random], str], ...] = (
    _anything,
    _almost_phone,
    _almost_position,
    _almost_host,
    _words,
    _with_odd,
    lambda rng: _words(rng).translate(_HOMOGLYPHS),
    lambda rng: rng.choice(_BAITS),
    lambda rng: "".join(f(rng) for f in rng.choices((_anything, _words, _almost_phone, _almost_host), k=3)),
    lambda rng: "".join(chr(rng.randrange(32, 127)) for _ in range(rng.randrange(1, 25))),
    lambda rng: "",
)


def _box(rng: random.Random) -> list[list[float]]:
    kind = rng.random()
    x, y = rng.uniform(-50, 4000), rng.uniform(-50, 3000)
    if kind < 0.1:
        return [[x, y]] * 4
    if kind < 0.2:
        return [[rng.uniform(-1e6, 1e6), rng.uniform(-1e6, 1e6)] for _ in range(4)]
    if kind < 0.25:
        return [[rng.choice((0.0, -0.0, 1e-300, 1e300, -1e300)) for _ in range(2)] for _ in range(4)]
    w, h = rng.choice((0.0, rng.uniform(1, 800))), rng.choice((0.0, rng.uniform(1, 60), 25.0))
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def hostile_readings(rng: random.Random) -> bytes:
    """The readings of one photo as JSON: rows of text, box, confidence."""
    count = rng.choice((0, 1, 1, 2, 3, 5, 8, 20)) if rng.random() < 0.99 else rng.choice((100, 400))
    rows = []
    for _ in range(count):
        text = rng.choice(_KINDS)(rng)
        if rng.random() < 0.01 and text:
            text = (text * 10_000)[: rng.choice((300, 1_000, 5_000))]
        rows.append([text, _box(rng), rng.choice((0.0, 1.0, 1.0, 0.9, rng.random()))])
    return json.dumps(rows).encode()


def readings_of(content: bytes) -> list[Reading]:
    """What :func:`hostile_readings` wrote."""
    return [
        Reading(f"r{i}", text, tuple((x, y) for x, y in box), confidence, script_of(text), "fuzz")  # type: ignore[arg-type]
        for i, (text, box, confidence) in enumerate(json.loads(content))
    ]


@functools.cache
def _parts() -> tuple[Gazetteer, tuple[ClueReader, ...], CellDistribution, LogLinearPool]:
    gazetteer = load_default()
    [output] = DensityPrior(load_partition()).predict([np.zeros((32, 32, 3), np.uint8)])
    return gazetteer, default_clue_readers(gazetteer), output.distribution, LogLinearPool()


def readings_are_held(content: bytes) -> None:
    """Every reader gives sound clues, masking hides what it must, and fusion gives a distribution."""
    _, readers, prior, pool = _parts()
    readings = readings_of(content)
    for reading in readings:
        hidden = mask(reading.text)
        assert len(hidden) == len(reading.text), "masking keeps the length"
        assert mask(hidden) == hidden, "masking again changes nothing"
        digits = "".join("9" if unicodedata.category(c)[0] == "N" else " " for c in hidden)
        assert "9" * 7 not in digits, f"seven digits in a row are left in {hidden!r}"
    known = {reading.id: reading for reading in readings}
    clues = [clue for reader in readers for clue in reader.clues(readings)]
    for clue in clues:
        evidence = clue.evidence
        # The evidence checks its own values; here, what it came from, and that it is not made of thin air.
        assert evidence.sources, f"a {clue.kind} clue without a source"
        for source in evidence.sources:
            name, _, span = source.partition(":")
            text = known[name].text
            if span:
                start, end = map(int, re.fullmatch(r"(\d+)-(\d+)", span).groups())  # type: ignore[union-attr]
                assert 0 <= start < end <= len(text), f"{source} lies outside its reading"
                text = text[start:end]
            assert any(c.isalnum() for c in unicodedata.normalize("NFKC", text)), f"a {clue.kind} clue out of {text!r}"
        assert clue.box is None or all(math.isfinite(x) and math.isfinite(y) for x, y in clue.box)
        assert clue.meaning
    fused = pool.fuse(prior, clues)
    p = fused.posterior.p
    assert np.isfinite(p).all() and (p >= 0).all() and abs(float(p.sum(dtype=np.float64)) - 1.0) < 1e-3
    assert all(math.isfinite(w) and 0.0 <= w <= 1.0 for w in fused.weights)
    if not clues:
        assert fused.posterior is prior
