"""What a plate looks like beside its text: colours, a blue band, its shape; and how well that fits each format.

Colours in photos are coarse: light, shade and dirt turn white into grey, blue or yellow. So only what survives that is
asked: whether letters are darker than their ground, and whether either has a clear hue. The rates in this module are
estimates that leave every format possible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.opencv import opencv
from detectors.plate_formats import PlateFormat, plate_formats

__all__ = ["Looks", "fits", "looks_of"]

_HUE: Final = {
    "white": "", "grey": "", "black": "", "yellow": "yellow", "orange": "yellow", "blue": "blue", "cyan": "blue",
    "green": "green", "red": "red",
}  # fmt: skip
_LIGHT: Final = {"white", "grey", "yellow", "cyan", "orange"}
_ASPECT: Final = {"long": 4.5, "mid": 3.0, "us": 2.0, "square": 1.45}
_SPREAD, _ANY_SHAPE = 0.2, 0.08  # of log(width / height); share of plates hidden in part or seen at an angle


@dataclass(frozen=True)
class Looks:
    """What was seen.

    Attributes:
        dark_letters: Whether letters are darker than their ground; None where they hardly differ.
        ground: Hue of the ground: ``"yellow"``, ``"blue"``, ``"green"``, ``"red"``, or "" for none.
        letters: Hue of the letters.
        blue_left: Whether a blue band stands at the left; None where it cannot be told.
        aspect: Width / height of the plate, or None.
    """

    dark_letters: bool | None = None
    ground: str = ""
    letters: str = ""
    blue_left: bool | None = None
    aspect: float | None = None


def looks_of(line: NDArray[np.uint8], left: NDArray[np.uint8], aspect: float | None) -> Looks:
    """Looks of a plate.

    Args:
        line: (h, w, 3) uint8 RGB, the line of its text, upright.
        left: (h, w, 3) uint8 RGB, the strip between its left edge and the text; may be empty.
        aspect: Width / height of the plate, or None where that is not known.
    """
    cv2 = opencv()
    if line.size < 3 * 16:
        return Looks(aspect=aspect)
    flat = line.reshape(-1, 3).astype(np.float32)
    grey = flat @ np.array([0.299, 0.587, 0.114], np.float32)
    level, _ = cv2.threshold(grey.astype(np.uint8).reshape(-1, 1), 0, 255, cv2.THRESH_OTSU)
    bright = grey > level
    if not 0.02 < bright.mean() < 0.98:
        return Looks(aspect=aspect)
    ground_is_bright = bool(bright.mean() > 0.5)
    light, dark = np.median(flat[bright], axis=0), np.median(flat[~bright], axis=0)
    ground, letters = (light, dark) if ground_is_bright else (dark, light)
    contrast = float(grey[bright].mean() - grey[~bright].mean())
    hue = _hue(ground)
    return Looks(
        dark_letters=ground_is_bright if contrast > 25 else None,
        ground=hue,
        letters=_hue(letters),
        blue_left=None if hue == "blue" or left.size < 3 * 24 else _share_blue(left) > 0.3,
        aspect=aspect,
    )


def fits(looks: Looks) -> NDArray[np.float64]:
    """``P(looks | format)`` for each row of the table, up to a factor that is the same for all: (rows,)."""
    return np.array([_colours(row, looks) * _band(row, looks) * _shape(row, looks) for row in plate_formats()])


def _hue(colour: NDArray[np.float32]) -> str:
    red, green, blue = (float(c) for c in colour)
    most, least = max(red, green, blue), min(red, green, blue)
    if most < 50 or (most - least) < 0.33 * most:
        return ""
    if blue == most:
        return "blue"
    if green == most and red < 0.8 * green:
        return "green"
    return "yellow" if green > 0.55 * red else "red"


def _share_blue(pixels: NDArray[np.uint8]) -> float:
    flat = pixels.reshape(-1, 3).astype(np.float32)
    red, green, blue = flat.T
    return float(((blue > 40) & (blue > 1.35 * red) & (blue > 1.1 * green)).mean())


def _colours(row: PlateFormat, looks: Looks) -> float:
    return sum(_pair(letters, ground, looks) for letters, ground in row.colours) / len(row.colours)


def _pair(letters: str, ground: str, looks: Looks) -> float:
    p = 1.0
    if looks.dark_letters is None or ground == "*":
        p *= 0.5
    elif letters == "*" or (letters in _LIGHT) == (ground in _LIGHT):
        p *= 0.8 if looks.dark_letters == (ground in _LIGHT) else 0.2
    else:
        p *= 0.95 if looks.dark_letters == (ground in _LIGHT) else 0.05
    return p * _seen_hue(ground, looks.ground, 0.7) * _seen_hue(letters, looks.letters, 0.35)


def _seen_hue(colour: str, seen: str, kept: float) -> float:
    """How often ``colour`` is seen as the hue ``seen``; ``kept`` of the coloured ones show it."""
    if colour == "*":
        return 0.6 if not seen else 0.1
    hue = _HUE[colour]
    if not hue:
        return {"": 0.88, "blue": 0.05, "yellow": 0.05}.get(seen, 0.01)
    if seen == hue:
        return kept
    return 0.97 - kept if not seen else 0.01


def _band(row: PlateFormat, looks: Looks) -> float:
    if looks.blue_left is None:
        return 0.5
    seen = 0.5 if row.band in ("eu", "left", "both") else 0.03
    return seen if looks.blue_left else 1.0 - seen


def _shape(row: PlateFormat, looks: Looks) -> float:
    if looks.aspect is None or not looks.aspect > 0.0:
        return 0.5
    usual = _ASPECT.get(row.shape)
    if usual is None:
        return 0.4
    off = math.log(looks.aspect / usual) / _SPREAD
    return _ANY_SHAPE * 0.5 + (1.0 - _ANY_SHAPE) * math.exp(-0.5 * off * off) / (_SPREAD * math.sqrt(2.0 * math.pi))
