"""Signs drawn as a phone sees them from across a street: on a house's front, seen from the side, in uneven light.

A front is drawn flat, with its windows, its door and, of a shop, the shop window; a homography turns it, and each sign
is set in with the same one (``detectors.paste_regions``), letters in one of the fonts at hand. Then the picture is lit
unevenly, blurred a little, made noisy and compressed as JPEG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.storefront_fronts import HEIGHT, WIDTH, Front, front_of
from data.opencv import opencv
from detectors.paste_regions import Boxes, free_place, paste, sign_of
from detectors.render_fonts import Face, faces_by_script
from detectors.render_text import Grounds
from detectors.script import script_of

__all__ = ["Sign", "picture_of"]

Pixels = NDArray[np.uint8]
Rng = np.random.Generator

_GREY: Final = np.array([0.299, 0.587, 0.114])
_LEAST_CONTRAST: Final = 70.0  # of letters against what they stand on, in grey levels
_TRIES: Final = 12
_FAINT: Final = ("Hairline", "Thin", "ExtraLight", "UltraLight", "MathTeXGyre")  # cuts that no sign is lettered in
# Median height of the type in pixels, and the standard deviation of its logarithm.
_TYPE_PX: Final = {"board": (60.0, 0.28), "street": (42.0, 0.25), "number": (54.0, 0.25), "small": (28.0, 0.22)}


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign and its lines.

    Attributes:
        whose: The thing's own, a neighbour's, or a worldwide brand's.
        look: A shop's board, a street's name, a house number, or something small at the door or in the window.
        lines: From top to bottom.
        large: How many of the lines, from the first, are in the largest type.
    """

    whose: Literal["own", "neighbour", "brand"]
    look: Literal["board", "street", "number", "small"]
    lines: tuple[str, ...]
    large: int = 1


def picture_of(signs: Sequence[Sign], rng: Rng, *, shop: bool, fonts: Path, grounds: Grounds | None = None) -> Pixels:
    """(960, 1280, 3) uint8 RGB: ``signs`` on a house's front; one that finds no room or no font is left out.

    Args:
        signs: The first are placed first.
        rng: Source of chance; the same state gives the same picture on the same fonts and grounds.
        shop: Whether the house has a shop of its own; a neighbour's sign stands over a shop of its own.
        fonts: Folder of the fonts.
        grounds: Photos that are seen, blurred, in the windows and on the wall.

    Raises:
        DatasetError: No font there writes Latin letters.
    """
    front = front_of(rng, grounds, own=shop, neighbour=any(sign.whose == "neighbour" for sign in signs))
    turned = _homography(rng)
    cv2 = opencv()
    picture: Pixels = cv2.warpPerspective(
        front.pixels, turned, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    taken: Boxes = []
    for sign in signs:
        area = _area(sign, front, rng)
        flat = _flat(sign, area, front.pixels, fonts, rng)
        if flat is None:
            continue
        thing, alpha = flat
        place = _place(sign, area, thing.shape[1], thing.shape[0], rng, taken)
        if place is None:
            continue
        x, y = place
        w, h = thing.shape[1] / 2, thing.shape[0] / 2
        taken.append((x - w, y - h, x + w, y + h))
        corners = np.array([[[x - w, y - h], [x + w, y - h], [x + w, y + h], [x - w, y + h]]], np.float32)
        picture, _ = paste(picture, thing, cv2.perspectiveTransform(corners, turned)[0], rng, alpha)
    return _photographed(picture, rng)


def _area(sign: Sign, front: Front, rng: Rng) -> tuple[int, int, int, int]:
    """Where it may stand."""
    if sign.look == "board":
        return front.boards[1 if sign.whose == "neighbour" else 0]
    if sign.look == "small":
        return front.windows[int(rng.integers(len(front.windows)))] if front.windows else front.wall
    return front.wall


def _place(
    sign: Sign, area: tuple[int, int, int, int], wide: int, high: int, rng: Rng, taken: Boxes
) -> tuple[float, float] | None:
    """The middle of a place in ``area`` that touches no sign."""
    x0, y0, x1, y1 = area
    if sign.look == "board":  # in the middle over its shop, or nearly
        slack = max((x1 - x0 - wide) / 2, 0.0)
        return (x0 + x1) / 2 + rng.uniform(-0.5, 0.5) * slack, (y0 + y1) / 2
    shifted = [(a - x0, b - y0, c - x0, d - y0) for a, b, c, d in taken]
    place = free_place(x1 - x0, y1 - y0, wide, high, rng, shifted, low=False)
    return None if place is None else (place[0] + x0, place[1] + y0)


def _flat(
    sign: Sign, area: tuple[int, int, int, int], wall: Pixels, fonts: Path, rng: Rng
) -> tuple[Pixels, Pixels] | None:
    """The sign, flat, no larger than ``area``, with letters that can be told from what they stand on."""
    faces = [face for face in _faces(script_of("".join(sign.lines)), fonts) if all(map(face.has, sign.lines))]
    if not faces:
        return None
    x0, y0, x1, y1 = area
    behind = float((wall[y0:y1, x0:x1].reshape(-1, 3) @ _GREY).mean())
    median, spread = _TYPE_PX[sign.look]
    size = median * float(np.exp(rng.normal(0.0, spread)))
    small = rng.uniform(0.42, 0.6)
    face = faces[int(rng.integers(len(faces)))]
    for _ in range(_TRIES):
        heights = [max(int(size * (1.0 if k < sign.large else small)), 14) for k in range(len(sign.lines))]
        drawn = sign_of(sign.lines, face, rng, heights)
        if drawn is None:
            return None
        thing, alpha = drawn
        fits = min((x1 - x0) / thing.shape[1], (y1 - y0) / thing.shape[0], 1.0)
        if fits < 1.0 and size > 18.0:  # smaller type rather than a picture made smaller
            size *= max(fits, 0.6) * 0.97
            continue
        if fits < 1.0:
            wide, high = max(int(thing.shape[1] * fits), 2), max(int(thing.shape[0] * fits), 2)
            thing = opencv().resize(thing, (wide, high), interpolation=opencv().INTER_AREA)
            alpha = opencv().resize(alpha, (wide, high), interpolation=opencv().INTER_AREA)
        letters_alone = bool((alpha == 0).any())
        grey = thing.reshape(-1, 3) @ _GREY
        lit = min(behind / 150.0, 1.0) ** 0.6  # as it will be where it is dark, see ``paste``
        contrast = abs(lit * float(grey.max()) - behind) if letters_alone else lit * float(grey.max() - grey.min())
        if contrast >= _LEAST_CONTRAST and not (letters_alone and sign.look == "street"):
            return thing, alpha
    return None


@lru_cache(maxsize=64)
def _faces(script: str, fonts: Path) -> Sequence[Face]:
    """All cuts of all families that write ``script``, each family as often as every other."""
    script = {"Hira": "Kana", "Zyyy": "Latn"}.get(script, script)
    families = [
        [face for face in family if not any(faint in face.path.stem for faint in _FAINT)]
        for held_out in (False, True)
        for family in faces_by_script(held_out=held_out, folder=fonts, scripts=() if held_out else ("Latn",)).get(
            script, ()
        )
    ]
    most = max(map(len, families), default=0)
    return [family[k % len(family)] for family in families if family for k in range(most)]


def _homography(rng: Rng) -> NDArray[np.float64]:
    """Turns the front a little to one side, its edges outside the picture."""
    near, far = rng.uniform(0.02, 0.16), rng.uniform(0.0, 0.03)
    left, right = (near, far) if rng.random() < 0.5 else (far, near)
    tilt = rng.uniform(-0.25, 0.25, 2)
    grown = HEIGHT * np.array(
        [left * (1 + tilt[0]), right * (1 + tilt[0]), right * (1 + tilt[1]), left * (1 + tilt[1])]
    )
    out = WIDTH * rng.uniform(0.0, 0.05, 4)
    flat = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    seen = flat + np.stack([[-1, 1, 1, -1] * out, [-1, -1, 1, 1] * grown], axis=1).astype(np.float32)
    angle = np.deg2rad(np.clip(rng.normal(0.0, 1.0), -2.5, 2.5))
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    roll = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    seen = ((seen - middle) @ roll * (1.0 + abs(np.sin(angle))) + middle).astype(np.float32)
    turned: NDArray[np.float64] = opencv().getPerspectiveTransform(flat, seen)
    return turned


def _photographed(picture: Pixels, rng: Rng) -> Pixels:
    """What a phone's camera makes of it."""
    cv2 = opencv()
    seen = picture.astype(np.float32)
    light = cv2.resize(
        rng.uniform(0.72, 1.15, (3, 4)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    seen *= light[:, :, None] * np.float32(rng.uniform(0.8, 1.15)) * rng.uniform(0.95, 1.05, 3).astype(np.float32)
    if rng.random() < 0.25:  # the edge of a shadow across the street
        edge = np.array(
            [[0, rng.uniform(0, HEIGHT)], [WIDTH, rng.uniform(0, HEIGHT)], [WIDTH, HEIGHT], [0, HEIGHT]], np.int32
        )
        shade = np.ones((HEIGHT, WIDTH), np.float32)
        cv2.fillPoly(shade, [edge], float(rng.uniform(0.55, 0.85)))
        seen *= cv2.GaussianBlur(shade, (0, 0), 4.0)[:, :, None]
    seen = cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.3, 1.1)))
    seen = (seen - 128.0) * np.float32(rng.uniform(0.8, 1.1)) + 128.0
    grain = rng.standard_normal((HEIGHT, WIDTH), np.float32)[:, :, None] * np.float32(rng.uniform(1.0, 7.0))
    whole = np.clip(seen + grain, 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 91))]
    kept: Pixels = cv2.imdecode(cv2.imencode(".jpg", whole[:, :, ::-1], quality)[1], cv2.IMREAD_COLOR)[:, :, ::-1]
    return np.ascontiguousarray(kept)
