"""Strings that a regular expression matches, drawn at random: postal codes, road numbers."""

from __future__ import annotations

import string
from functools import lru_cache
from re import _constants as _sre  # type: ignore[attr-defined]  # the parser has no public name
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np

__all__ = ["string_of"]

_MOST = 3  # repeats of what may be repeated without end


def string_of(pattern: str, rng: np.random.Generator) -> str:
    """A string that ``pattern`` matches as a whole.

    Sets, groups, alternatives, repeats and optional parts are understood; anchors and look-arounds give nothing.

    >>> string_of("AD[1-7]00", np.random.default_rng(0))[:2]
    'AD'
    """
    return "".join(_drawn(item, rng) for item in _parsed(pattern))


@lru_cache(maxsize=4096)
def _parsed(pattern: str) -> Any:
    return list(_parser.parse(pattern))


def _drawn(item: Any, rng: np.random.Generator) -> str:
    op, value = item
    if op is _sre.LITERAL:
        return chr(value)
    if op is _sre.IN:
        return _of_set(value, rng)
    if op in (_sre.MAX_REPEAT, _sre.MIN_REPEAT):
        low, high, inner = value
        count = int(rng.integers(low, min(int(high), low + _MOST) + 1))
        return "".join(_drawn(part, rng) for _ in range(count) for part in inner)
    if op is _sre.SUBPATTERN:
        return "".join(_drawn(part, rng) for part in value[-1])
    if op is _sre.BRANCH:
        branches = value[1]
        return "".join(_drawn(part, rng) for part in branches[int(rng.integers(len(branches)))])
    return ""


def _of_set(items: Any, rng: np.random.Generator) -> str:
    choices = ""
    for op, value in items:
        if op is _sre.LITERAL:
            choices += chr(value)
        elif op is _sre.RANGE:
            choices += "".join(map(chr, range(value[0], value[1] + 1)))
        elif op is _sre.CATEGORY and value is _sre.CATEGORY_DIGIT:
            choices += string.digits
        elif op is _sre.CATEGORY and value is _sre.CATEGORY_SPACE:
            choices += " "
    return choices[int(rng.integers(len(choices)))] if choices else ""
