"""How countries of the rendered Earth mark their roads: real habits where they are widely known, invented elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["habits_of", "noise_of"]

Floats = NDArray[np.float64]


def _codes(words: str) -> frozenset[str]:
    return frozenset(words.split())


LEFT: Final = _codes(
    "AG AI AU BB BD BM BN BS BT BW CC CK CX CY DM FJ FK GB GD GG GY HK ID IE IM IN JE JM JP KE KI KN KY LC LK LS MO MS "
    "MT MU MV MW MY MZ NA NF NP NR NU NZ PG PK PN SB SC SG SH SR SZ TC TH TK TL TO TT TV TZ UG VC VG VI WS ZA ZM "
    "ZW"
)
AMERICAS: Final = _codes(
    "AG AI AR AW BB BL BM BO BQ BR BS BZ CA CL CO CR CU CW DM DO EC FK GD GF GP GT GY HN HT JM KN KY LC MF MQ MS MX NI "
    "PA PE PM PR PY SR SV SX TC TT US UY VC VE VG VI"
)
DIAMONDS: Final = AMERICAS | _codes("AU NZ IE JP TH MY ID PG TL LK KH")
RED_ON_YELLOW: Final = _codes("FI SE IS GR PL MK BA KW VN KR IR NG AO MZ")
DOUBLE_YELLOW: Final = _codes("US CA PR GU VI KR CN TW")
DASHED_YELLOW: Final = AMERICAS | _codes("NO TH PH JO SA AE OM QA IR MY ID")
YELLOW_EDGE: Final = _codes("ZA NA BW ZW LS SZ IE IL AE OM JO ZM")


def noise_of(*parts: str) -> int:
    """A number below 2**32 that depends on the words alone.

    >>> noise_of("bollard", "FR") == noise_of("bollard", "FR")
    True
    """
    return int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:4], "big")


def habits_of(country: str) -> Mapping[str, Floats]:
    """For each attribute that countries decide, the probabilities of its values (hidden left out), each summing to 1.

    >>> [round(float(p), 3) for p in habits_of("JP")["driving"]]
    [0.98, 0.02]
    """
    if country in DOUBLE_YELLOW:
        centre = 3
    elif country in DASHED_YELLOW:
        centre = 2
    else:
        centre = (0, 0, 1, 4)[noise_of("centre", country) % 4]
    sign = 0 if country in DIAMONDS else 2 if country in RED_ON_YELLOW else 1
    edge = 2 if country in YELLOW_EDGE else int(noise_of("edge", country) % 10 < 4)
    return {
        "driving": _mostly(2, int(country not in LEFT), 0.98),
        "centre line": _mostly(5, centre, 0.80, noise_of("second centre", country)),
        "edge line": _mostly(3, edge, 0.80),
        "sign": _mostly(6, sign, 0.55, 3 + noise_of("second sign", country) % 3),
        "bollard": _mostly(8, noise_of("bollard", country) % 8, 0.75, noise_of("second bollard", country)),
        "socket": _mostly(5, noise_of("socket", country) % 5, 0.90),
    }


def _mostly(k: int, first: int, share: float, second: int | None = None) -> Floats:
    """``share`` for value ``first`` of ``k``, most of the rest for ``second`` (if any), the remainder for all alike."""
    rest = 1.0 - share
    p = np.zeros(k)
    if second is not None:
        p[second % k] += 0.7 * rest
        rest *= 0.3
    p += rest / k if k > 2 else 0.0
    if k == 2:
        p[1 - first] += rest
    p[first] += share
    normed: Floats = p / p.sum()
    return normed
