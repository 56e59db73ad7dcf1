"""How a reader misreads a plate: which characters it takes for which, and what texts are no plates at all.

``P(read | true)`` for single characters: right with ``1 - error``; else one that looks alike, else any. The pairs that
look alike are those of plate typefaces (DIN, FE, Charles Wright and the American dies); their weights say how many of a
character's mistakes go to each. Text that is no plate (a word on a frame, a poster, a serial number) follows a model of
its own: runs of letters and of digits of any length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.plate_text import gaps

__all__ = ["SYMBOLS", "UNLISTED", "confusion", "log_plate_like", "log_text"]

SYMBOLS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNLISTED: Final = 0.08
"""Share of a country's plates that follow none of its rows in the table."""
_ELSE: Final = 0.15  # of the mistakes, the share that is spread over all characters
_PAIRS: Final = """
0O 12 0D 3 0Q 3 OD 4 OQ 5 DQ 1 0U 1 0C 1 OC 2 0G 1 1I 12 1L 2 1T 2 17 3 IL 3 IT 3 IJ 1 JU 1 J1 1 2Z 10 27 2 21 1 Z7 3
3B 2 38 3 35 2 39 1 3S 1 4A 6 41 1 5S 12 56 3 58 1 59 1 6G 8 68 4 60 2 6C 1 6B 1 7T 3 7Y 1 7Z 3 8B 12 89 2 80 2 8S 2
8G 1 8R 1 90 1 9G 1 9Q 1 B6 1 BR 2 BE 1 BD 2 BP 1 CG 5 CE 1 EF 5 EL 1 FP 3 GS 1 HM 2 HN 4 HK 2 HW 1 KX 4 KR 2 MN 4 MW 2
HA 1 MH 2 NW 1 PR 4 PD 1 P9 1 RA 1 S9 1 UV 5 UJ 1 UO 2 UW 1 VY 4 VW 2 VN 1 XY 3 X4 1 YT 2 AX 1 AR 1 LC 1 DU 1
"""
_TYPICAL: Final = 12.0  # weight at which half of a character's mistakes go to its likeness

_LENGTHS: Final = {4: 0.05, 5: 0.12, 6: 0.25, 7: 0.35, 8: 0.17, 9: 0.03, 10: 0.02}
_RUNS: Final = (0.04, 0.48, 0.40, 0.06, 0.02)  # how many plates change 0, 1, 2, ... times between letters and digits
_DIGITS_ALONE: Final = 0.75  # of the plates that never change
_GAP: Final = {" ": 0.82, "_": 0.10, ".": 0.03, "-": 0.04, "/": 0.01}  # what is read before a character of a plate


@lru_cache(maxsize=64)
def confusion(error: float) -> NDArray[np.float64]:
    """``P(read | true)``, (36 true, 36 read) in the order of ``SYMBOLS``; rows sum to 1.

    Args:
        error: How often a character is misread, 0 to 1.

    >>> p = confusion(0.1)
    >>> bool(p[SYMBOLS.index("O"), SYMBOLS.index("0")] > 20 * p[SYMBOLS.index("O"), SYMBOLS.index("4")])
    True
    """
    size = len(SYMBOLS)
    alike = np.zeros((size, size))
    words = _PAIRS.split()
    for pair, weight in zip(words[::2], words[1::2], strict=True):
        i, j = SYMBOLS.index(pair[0]), SYMBOLS.index(pair[1])
        alike[i, j] = alike[j, i] = float(weight)
    # A character that looks like nothing else is misread less often: its row keeps what the likenesses do not take.
    total = alike.sum(axis=1, keepdims=True)
    towards = (1.0 - _ELSE) * alike / np.maximum(total, _TYPICAL)
    wrong = towards + _ELSE / (size - 1) * (1.0 - np.eye(size))
    out: NDArray[np.float64] = error * wrong
    np.fill_diagonal(out, 1.0 - out.sum(axis=1))
    return out


def log_plate_like(text: str) -> float:
    """``log P(text)`` of a plate in a format that nobody told us, as read with its separators.

    >>> log_plate_like("AB123CD") > log_plate_like("A1B2C3D") > log_plate_like("ABCDEFGHIJKL")
    True
    """
    folded, before = gaps(text)
    if not folded:
        return math.log(1e-3)
    kinds = [c.isdigit() for c in folded]
    switches = sum(a != b for a, b in pairwise(kinds))
    last = len(_RUNS) - 1
    counts = (
        max(len(folded) - last, 1) if switches >= last else 1
    )  # the last of the rates is of so many counts together
    runs = _RUNS[min(switches, last)] / counts / math.comb(len(folded) - 1, switches)
    if not switches:
        runs *= _DIGITS_ALONE if kinds[0] else 1.0 - _DIGITS_ALONE
    return math.log(_LENGTHS.get(len(folded), 1e-3)) + math.log(0.5 * runs) + _log_characters(kinds, 23.0, before)


def log_text(text: str) -> float:
    """``log P(text)`` of lettering that is no plate: words and numbers of any length, letters as languages use them.

    >>> log_text("OPEN") > log_plate_like("OPEN"), log_text("42") > log_plate_like("42")
    (True, True)
    """
    folded, before = gaps(text)
    if not folded:
        return math.log(0.2)
    kinds = [c.isdigit() for c in folded]
    switches = sum(a != b for a, b in pairwise(kinds))
    # Most are words or numbers alone, many a word and a number (GATE 12); a letter of a language carries 2.7 nats.
    # What goes on after that goes on for long: rows of keys, of seats, of lockers.
    further = min(switches - 1, 2) * math.log(0.2) + max(switches - 3, 0) * math.log(0.5)
    runs = math.log(0.7 * 0.5) if not switches else math.log(0.2 * 0.5) + further
    return math.log(0.12) + (len(folded) - 1) * math.log(0.88) + runs + _log_characters(kinds, math.exp(2.7), before)


def _log_characters(kinds: Sequence[bool], letters: float, before: str) -> float:
    """Log-probability of the characters, digits or one of so many ``letters``, and of what is read between them."""
    return sum(
        -math.log(10.0 if kind else letters) + (math.log(_GAP[gap]) if i else 0.0)
        for i, (kind, gap) in enumerate(zip(kinds, before, strict=True))
    )
