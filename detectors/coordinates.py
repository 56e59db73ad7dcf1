"""Coordinates printed in the picture, as dashcams and GPS cameras do, in many layouts.

Latitude and longitude must both be there, on one line or on two neighbouring ones. What a layout leaves open is kept
open: a missing hemisphere stands for each that fits, and ``O`` is East in German (Ost) and West in Spanish and French
(Oeste, Ouest), unless the line says which language it is.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.base import Clue, Evidence, PointEvidence, Reading, bounding_box
from detectors.privacy import mask

__all__ = ["CoordinateReader", "Fix", "fixes_in"]

_EARTH_KM2 = 510_065_622.0
_LEAST_SIGMA_KM = 0.5
_KM_PER_DEGREE = 111.2
_MOST_PAIRS = 500  # of lines are read together; a stamp is two or three lines, and lines on one another make millions

# A letter may stand for a digit inside a number; a number's last character must be a digit, for "3.70O" ends in a
# hemisphere.
_D = r"[\dOolI|]"
_DEGREE = r"\s?(?:°|º|˚|\*|deg\.?|[oO](?=\s?\d{1,2}\s?['’′´`‘]))\s?"
_MINUTE = r"\s?['’′´`‘]\s?"
_SECOND = r"\s?(?:\"|”|“|″|''|’’|′′)"
_SMALL = rf"{_D}?\d(?:[.,]{_D}{{0,7}}\d)?"
_FORMS = (
    # 48°12'30.5"; 48° 12.509'; the minute's mark may be lost
    rf"(?P<d1>{_D}{{0,2}}[\dOo]){_DEGREE}(?P<m1>{_SMALL})(?:(?:{_MINUTE}|\s)(?P<s1>{_SMALL})(?:{_SECOND})?|{_MINUTE})?",
    # the degree sign read as a nought: 48012'30"
    rf"(?P<d2>\d{{1,3}})[0oO](?P<m2>[0-5]\d){_MINUTE}(?P<s2>{_SMALL}){_SECOND}",
    # without signs, beside a hemisphere: 48 12 30, 37 46.494
    r"(?P<d3>\d{1,3})\s(?P<m3>[0-5]?\d)\s(?P<s3>[0-5]?\d(?:[.,]\d{1,4})?)(?![.,\d])",
    r"(?P<d4>\d{1,3})\s(?P<m4>[0-5]?\d[.,]\d{2,6})",
    # as receivers write it: 4812.5090N, 01622.3250E
    r"(?P<d5>\d{2,3})(?P<m5>[0-5]\d\.\d{3,6})",
    # 48.20849
    rf"(?P<d6>{_D}{{0,2}}[\dOo]\s?[.,]\s?{_D}{{0,8}}\d)(?:\s?[°º˚*])?",
)
_NO_SECONDS = {("s", 4), ("s", 5)}
_BARE_FORMS = (3, 4, 5)  # those that mean nothing without a hemisphere or a name
_NAME = r"(?:(?P<name>latitude|longitude|latitud|longitud|breite|länge|lat|long|lon|lng)\b[\s.:=]*)?"
_SIGN_OF_LETTER = {"n": 1, "s": -1, "e": 1, "w": -1}
_ANGLE = re.compile(
    rf"{_NAME}(?P<pre>(?<![^\W\d_])[NSEWO][\s:.=]{{0,2}}(?=[\s\d+\-−OolI|]))?(?P<sign>[+\-−]\s?)?"
    rf"(?<![\d.$€£¥])(?<!\d,)(?:{'|'.join(_FORMS)})(?![\d])"
    # A letter after the number, unless one stood before it, or it clings to the next number.
    r"(?(pre)|(?P<post>[NSEWO](?![^\W\d_])|\s[NSEWO](?![^\W_]))?)",
    re.IGNORECASE,
)
# A bare pair must have four decimals each, so that "12.50, 13.90" is no place.
_BARE_PAIR = re.compile(
    r"(?<![\w.,+$€£¥])(?P<lat>[+\-−]?\s?\d{1,2}[.,]\d{4,9})°?\s?[,;/\s]\s?(?P<lon>[+\-−]?\s?\d{1,3}[.,]\d{4,9})°?(?![\w.])"
)
# With re.IGNORECASE the patterns above take these as well: L, i, and the Turkish dotless and dotted i.
_SLIPS = str.maketrans("OolLIiıİ|−,", "00" + 7 * "1" + "-.")


@dataclass(frozen=True)
class Fix:
    """One position that a text names.

    Attributes:
        lat: Degrees north.
        lon: Degrees east.
        sigma_km: From the number of printed digits, at least 0.5.
        weight: Share of the belief, 1 where the text is plain; hemispheres that are left open share it.
    """

    lat: float
    lon: float
    sigma_km: float
    weight: float


@dataclass(frozen=True)
class _Angle:
    degrees: float  # unsigned
    step: float  # what the last printed digit is worth, in degrees
    axes: frozenset[int]  # 0 latitude, 1 longitude
    signs: tuple[int, ...]
    named: bool  # a hemisphere or a name says which axis it is
    marked: bool  # it has a degree sign or a plus or minus
    start: int
    end: int


def fixes_in(text: str) -> list[Fix]:
    r"""Every position that ``text`` may name; empty where it names none.

    >>> fix, = fixes_in("48.20849N 16.37208E")
    >>> round(fix.lat, 5), round(fix.lon, 5), fix.sigma_km
    (48.20849, 16.37208, 0.5)
    >>> [(round(f.lat, 3), round(f.lon, 3)) for f in fixes_in("N 48°12'30.5\" E 16°22'19.5\"")]
    [(48.208, 16.372)]
    >>> fixes_in("0.0000N 0.0000E"), fixes_in("95.2084N 16.3720E"), fixes_in("12:30:15 54 KM/H")
    ([], [], [])
    """
    angles = list(_angles(text))
    for first, second in itertools.pairwise(angles):
        found = _combine(first, second, text)
        if found:
            return found
    match = _BARE_PAIR.search(text)
    if match is None or any(a.named and a.axes != {0, 1} for a in angles):
        return []
    values = []
    for name in ("lat", "lon"):
        written = re.sub(r"\s", "", match[name]).translate(_SLIPS)
        number, step = _number(written.lstrip("+-"))
        values.append((-number if written.startswith("-") else number, step))
    (lat, lat_step), (lon, lon_step) = values
    if not _is_position(lat, lon):
        return []
    return [Fix(lat, lon, _sigma_km(lat_step, lon_step, lat), 0.9)]


def _angles(text: str) -> Iterator[_Angle]:
    for match in _ANGLE.finditer(text):
        letter = (match["pre"] or match["post"] or "").strip()[:1].casefold()  # ſ counts as s
        name = (match["name"] or "").casefold()
        named = bool(name or letter)
        form = next(i for i in range(1, len(_FORMS) + 1) if match[f"d{i}"])
        if form in _BARE_FORMS and not named:
            continue
        parts = [
            match[f"d{form}"],
            *(match[f"{k}{form}"] for k in "ms" if form != len(_FORMS) and (k, form) not in _NO_SECONDS),
        ]
        numbers = [_number(p) for p in parts if p]
        if any(n >= 60 for n, _ in numbers[1:]):
            continue
        degrees = sum(n / 60**i for i, (n, _) in enumerate(numbers))
        step = numbers[-1][1] / 60 ** (len(numbers) - 1)
        marked = bool(match["sign"]) or any(c in match.group() for c in "°º˚*")
        if not named and step > 0.001:
            continue
        axes, signs = _axes_and_signs(name, letter, match["sign"], text)
        yield _Angle(degrees, step, axes, signs, named, marked, match.start(), match.end())


def _number(written: str) -> tuple[float, float]:
    """The number and what its last digit is worth."""
    whole = re.sub(r"\s", "", written).translate(_SLIPS)
    decimals = len(whole.partition(".")[2])
    return float(whole), 10.0**-decimals


def _axes_and_signs(name: str, letter: str, sign: str | None, text: str) -> tuple[frozenset[int], tuple[int, ...]]:
    axis = None
    if name:
        axis = 1 if name.startswith(("lo", "ln", "lä")) else 0
    if letter in "ns" and letter:
        axis = 0
    elif letter in "ewo" and letter:
        axis = 1
    axes = frozenset({0, 1}) if axis is None else frozenset({axis})
    if letter == "o":
        lowered = text.casefold()
        if re.search(r"breite|länge|\bost\b", lowered):
            return axes, (1,)
        if re.search(r"latitud\b|longitud\b|oeste|ouest", lowered):
            return axes, (-1,)
        return axes, (1, -1)
    if letter:
        return axes, (_SIGN_OF_LETTER[letter],)
    if sign and sign.strip() in "-−":
        return axes, (-1,)
    if sign or name:
        return axes, (1,)
    return axes, (1, -1)


def _combine(first: _Angle, second: _Angle, text: str) -> list[Fix]:
    """Positions from two angles that follow each other."""
    if second.start - first.end > 14:
        return []
    if not (first.named or second.named) and not (first.marked and second.marked):
        return []
    if not (first.named and second.named) and max(first.step, second.step) > 0.001:
        return []
    if first.axes == second.axes == {0} or first.axes == second.axes == {1}:
        return []
    swapped = first.axes == {1} or second.axes == {0}
    lat, lon = (second, first) if swapped else (first, second)
    # A hemisphere that was not read: the northern and the eastern are the likelier.
    options = []
    for s, t in itertools.product(lat.signs, lon.signs):
        weight = _sign_weight(lat, s, likelier=0.8) * _sign_weight(lon, t, likelier=0.5)
        if _is_position(s * lat.degrees, t * lon.degrees):
            sigma = _sigma_km(lat.step, lon.step, lat.degrees)
            options.append(Fix(s * lat.degrees, t * lon.degrees, sigma, weight))
    return options


def _sign_weight(angle: _Angle, sign: int, *, likelier: float) -> float:
    if len(angle.signs) == 1:
        return 1.0
    return likelier if sign > 0 else 1.0 - likelier


def _is_position(lat: float, lon: float) -> bool:
    # A receiver without a fix prints zeros.
    return abs(lat) <= 90.0 and abs(lon) <= 180.0 and (abs(lat) > 0.01 or abs(lon) > 0.01)


def _sigma_km(lat_step: float, lon_step: float, lat: float) -> float:
    """Half of the last digit's worth, north to south or east to west, whichever is the larger."""
    east = lon_step * math.cos(math.radians(min(lat, 89.0)))
    return max(_LEAST_SIGMA_KM, 0.5 * _KM_PER_DEGREE * max(lat_step, east))


class CoordinateReader:
    """Finds printed coordinates.

    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> clue, = CoordinateReader().clues([Reading("r0", "N48.20849 E16.37208 54KM/H", box, 0.9)])
    >>> clue.points_to, clue.evidence.points[0].lat
    (('48.2085, 16.3721',), 48.20849)
    """

    kind = "coordinates"

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each line, or pair of neighbouring lines, that names a position."""
        out: list[Clue] = []
        used: set[str] = set()
        for reading in readings:
            fixes = fixes_in(reading.text)
            if fixes:
                out.append(_clue(fixes, [reading]))
                used.add(reading.id)
        rest = [r for r in readings if r.id not in used and any(c.isdigit() for c in r.text)]
        for first, second in itertools.islice(_neighbours(rest), _MOST_PAIRS):
            if used & {first.id, second.id}:
                continue
            fixes = fixes_in(f"{first.text} / {second.text}")
            if fixes:
                out.append(_clue(fixes, [first, second]))
                used |= {first.id, second.id}
        return out


def _neighbours(readings: Sequence[Reading]) -> Iterator[tuple[Reading, Reading]]:
    """Pairs of which the second stands right below the first, or to its right on the same height."""
    if not readings:
        return
    corners = np.array([r.box for r in readings], np.float64)  # (n, 4, 2)
    (left, top), (right, bottom) = corners.min(axis=1).T, corners.max(axis=1).T  # (n,) each
    heights = np.array([max(r.height, 1.0) for r in readings])
    for i, first in enumerate(readings):
        height = np.maximum(heights, heights[i])
        under, aside = top - bottom[i], left - right[i]
        below = (-0.5 * height <= under) & (under <= 1.5 * height) & (left < right[i]) & (left[i] < right)
        level = np.abs((top[i] + bottom[i]) - (top + bottom)) / 2 <= 0.6 * height
        near = below | (level & (-0.5 * height <= aside) & (aside <= 6.0 * height))
        near[i] = False
        yield from ((first, readings[j]) for j in np.flatnonzero(near).tolist())


def _clue(fixes: Sequence[Fix], sources: Sequence[Reading]) -> Clue:
    """Evidence of printed coordinates.

    With probability ``r`` they are the place, spread as a Gaussian of ``sigma``; otherwise the text is anything and
    says nothing. Against a background that is even over the Earth, the ratio at the point is
    ``r * weight * area / (2 pi sigma^2) + 1 - r``; everywhere else it is ``1 - r``.
    """
    reliability = 0.95 * min(1.0, 0.5 + 0.5 * min(r.confidence for r in sources))
    total = max(1.0, sum(f.weight for f in fixes))
    points = []
    for fix in fixes:
        ratio = reliability * fix.weight / total * _EARTH_KM2 / (2.0 * math.pi * fix.sigma_km**2) + 1.0 - reliability
        points.append(PointEvidence(fix.lat, fix.lon, fix.sigma_km, math.log(ratio)))
    best = max(fixes, key=lambda f: f.weight)
    several = f" (or {len(fixes) - 1} other by hemisphere)" if len(fixes) > 1 else ""
    return Clue(
        kind="coordinates",
        text=mask(" / ".join(r.text for r in sources)),
        meaning=f"the picture is stamped with the position {best.lat:.4f}, {best.lon:.4f}{several}",
        evidence=Evidence(math.log(1.0 - reliability), points=tuple(points), sources=tuple(r.id for r in sources)),
        box=bounding_box([r.box for r in sources]),
        points_to=tuple(f"{f.lat:.4f}, {f.lon:.4f}" for f in sorted(fixes, key=lambda f: -f.weight)),
    )
