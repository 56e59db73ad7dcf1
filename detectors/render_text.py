"""Lines of text rendered as a camera would see them on a sign, for training and measuring the small networks.

A line is written with shaping (Pillow with raqm), coloured, set on a plain, shaded, textured or photographed ground,
with outline, shadow, frame or neighbouring lines, then seen from the side, cut out by an inexact box, blurred, made
small, noisy and unevenly lit, and compressed. What it is like was set by looking at lines that the detector cuts out of
photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.errors import DatasetError
from data.opencv import opencv
from detectors.render_fonts import FONT_FOLDER, Face, faces_by_script
from detectors.render_words import line_text

__all__ = ["Grounds", "render", "rendered_line"]

_JOINED = (
    "Arab",
    "Deva",
    "Beng",
    "Taml",
    "Telu",
    "Knda",
    "Mlym",
    "Gujr",
    "Guru",
    "Sinh",
    "Thai",
    "Laoo",
    "Khmr",
    "Mymr",
)
_SIZES = (20, 26, 34, 44)  # of the type before it is seen by the camera, pixels


class Grounds:
    """What lines are written on: parts of photos of streets and houses.

    Args:
        folders: Folders with photos that may be trained on. Without any, only drawn grounds are used.
        limit: Most photos that are kept in memory, each 480 pixels wide.

    Raises:
        DatasetError: A folder has no photo.
    """

    def __init__(self, folders: Sequence[Path] = (), limit: int = 300) -> None:
        cv2 = opencv()
        self._photos: list[NDArray[np.uint8]] = []
        for folder in folders:
            paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
            if not paths:
                raise DatasetError(f"no photo in {folder}: name folders with photos that may be trained on")
            for path in paths[: limit // len(folders)]:
                photo = cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_2)
                if photo is not None and min(photo.shape[:2]) >= 120:
                    scale = 480 / photo.shape[1]
                    self._photos.append(cv2.resize(photo, None, fx=scale, fy=scale)[:, :, ::-1])

    def crop(self, height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32] | None:
        """(height, width, 3) float32 of some photo, at some scale; None where there are no photos."""
        if not self._photos:
            return None
        photo = self._photos[int(rng.integers(len(self._photos)))]
        share = float(rng.uniform(0.05, 0.5))
        w = max(int(photo.shape[1] * share), 8)
        h = min(max(w * height // width, 4), photo.shape[0])
        x, y = int(rng.integers(photo.shape[1] - w + 1)), int(rng.integers(photo.shape[0] - h + 1))
        sized: NDArray[np.float32] = opencv().resize(photo[y : y + h, x : x + w], (width, height)).astype(np.float32)
        return sized


@lru_cache(maxsize=1024)
def _font(path: Path, size: int):  # type: ignore[no-untyped-def]
    # Lazy: Pillow's FreeType binding is only needed here.
    from PIL import ImageFont

    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.RAQM)


def rendered_line(
    script: str, rng: np.random.Generator, grounds: Grounds, *, for_measuring: bool = False, fonts: Path = FONT_FOLDER
) -> tuple[NDArray[np.uint8], str]:
    """One line of ``script`` as (h, w, 3) uint8 RGB, and what it says.

    Args:
        script: One of :data:`~detectors.render_fonts.SCRIPTS`.
        rng: Source of chance; the same state gives the same line on the same fonts.
        grounds: What it is written on.
        for_measuring: Held-out words in held-out fonts.
        fonts: Folder of the fonts.
    """
    families = faces_by_script(held_out=for_measuring, folder=fonts)[script]
    while True:
        text = line_text(script, rng, for_measuring=for_measuring)
        for _ in range(4):
            family = families[int(rng.integers(len(families)))]
            face = family[int(rng.integers(len(family)))]
            if face.has(text):
                other = line_text(script, rng, for_measuring=for_measuring) if rng.random() < 0.12 else ""
                spaced = script not in _JOINED and rng.random() < 0.15
                line = render(text, face, rng, grounds, other=other if face.has(other) else "", spaced=spaced)
                if line is not None:
                    return line, text


def render(
    text: str, face: Face, rng: np.random.Generator, grounds: Grounds, *, other: str = "", spaced: bool = False
) -> NDArray[np.uint8] | None:
    """``text`` in ``face``, seen by a camera: (h, w, 3) uint8 RGB; None where the font draws nothing.

    Args:
        text: What is written.
        face: The font.
        rng: Source of chance.
        grounds: What it is written on.
        other: Another line, of which a part stands above or below.
        spaced: Whether letters are set apart, which no joined script allows.
    """
    cv2 = opencv()
    size = int(rng.choice(_SIZES))
    stroke = int(rng.integers(1, 3)) if rng.random() < 0.12 else 0  # bolder than the font
    mask = _mask(text, face, size, stroke, rng.uniform(0.05, 0.5) if spaced else 0.0)
    if mask is None:
        return None
    if rng.random() < 0.4:  # condensed or wide
        mask = cv2.resize(mask, None, fx=float(rng.uniform(0.6, 1.3)), fy=1.0, interpolation=cv2.INTER_LINEAR)
    h, w = mask.shape
    pad = int(size * 0.9)
    height, width = h + 2 * pad, w + 2 * pad
    ink = np.zeros((height, width), np.float32)
    ink[pad : pad + h, pad : pad + w] = mask / np.float32(255)
    dark, light, third = _colours(rng)
    paper, letters = (dark, light) if rng.random() < 0.5 else (light, dark)
    picture = _ground(height, width, paper, rng, grounds)
    picture = _decorated(picture, ink, third, size, rng)
    body = letters
    if rng.random() < 0.15:  # letters shaded from top to bottom
        ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        body = (letters + (third - letters) * ramp * rng.uniform(0.0, 0.4)).astype(np.float32)
    alpha = ink[:, :, None] * np.float32(rng.uniform(0.75, 1.0) if rng.random() < 0.2 else 1.0)
    picture = picture * (1 - alpha) + body * alpha
    if other:
        _write_beside(picture, other, face, size, pad, h, letters, rng)
    return _seen(picture, (pad, pad, pad + w, pad + h), rng)


def _mask(text: str, face: Face, size: int, stroke: int, spacing: float) -> NDArray[np.uint8] | None:
    """Coverage of the letters, cut to where there is any."""
    # Lazy: see _font.
    from PIL import Image, ImageDraw

    font = _font(face.path, size)
    try:
        left, top, right, bottom = font.getbbox(text, stroke_width=stroke)
    except OSError:  # a broken glyph
        return None
    if right - left < 2 or bottom - top < 2 or right - left > 60 * size:
        return None
    extra = int(spacing * size)
    canvas = Image.new("L", (int(right - left) + extra * len(text) + 2, int(bottom - top) + 2))
    draw = ImageDraw.Draw(canvas)
    if extra:
        x = -float(left)
        for letter in text:
            draw.text((x, -top), letter, 255, font, stroke_width=stroke)
            x += font.getlength(letter) + extra
    else:
        draw.text((-left, -top), text, 255, font, stroke_width=stroke)
    mask = np.asarray(canvas)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size or not columns.size:
        return None
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _colours(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """A darker, a lighter and a third colour; the first two can be told apart."""
    weights = np.array([0.299, 0.587, 0.114])
    while True:
        a, b, third = (_colour(rng) for _ in range(3))
        if abs((a - b) @ weights) > 60 or (np.abs(a - b).max() > 110 and abs((a - b) @ weights) > 15):
            pair = (a, b) if a @ weights < b @ weights else (b, a)
            return pair[0].astype(np.float32), pair[1].astype(np.float32), third.astype(np.float32)


def _colour(rng: np.random.Generator) -> NDArray[np.float64]:
    kind = rng.random()
    if kind < 0.3:  # white, black and greys, as most signs
        level = rng.choice([rng.uniform(0, 60), rng.uniform(190, 255), rng.uniform(60, 190)])
        return np.full(3, level) + rng.uniform(-8, 8, 3)
    return rng.uniform(0, 255, 3)


def _ground(
    height: int, width: int, paper: NDArray[np.float32], rng: np.random.Generator, grounds: Grounds
) -> NDArray[np.float32]:
    cv2 = opencv()
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = paper
    kind = rng.random()
    if kind < 0.25:  # shaded
        corners = rng.uniform(-40, 40, (2, 2, 3)).astype(np.float32)
        picture += cv2.resize(corners, (width, height))
    elif kind < 0.40:  # worn or rough
        cells = rng.normal(0, rng.uniform(5, 25), (max(height // 6, 2), max(width // 6, 2), 1)).astype(np.float32)
        picture += cv2.resize(cells, (width, height))[:, :, None]
    elif kind < 0.70:
        photo = grounds.crop(height, width, rng)
        if photo is not None:  # some photo's own variation around the sign's colour
            strength = rng.uniform(0.15, 0.6)
            picture += (photo - photo.mean(axis=(0, 1))) * np.float32(strength)
    return picture


def _decorated(
    picture: NDArray[np.float32],
    ink: NDArray[np.float32],
    third: NDArray[np.float32],
    size: int,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Shadow, outline, depth, glow, frame or rule, most lines none."""
    cv2 = opencv()
    kind = rng.random()
    height, width = ink.shape
    if kind < 0.10:  # shadow
        dx, dy = (int(v) for v in rng.integers(-3, 4, 2))
        shadow = np.roll(ink, (dy, dx), axis=(0, 1))
        if rng.random() < 0.5:
            shadow = cv2.GaussianBlur(shadow, (0, 0), float(rng.uniform(0.8, 2.5)))
        tone = np.float32(rng.uniform(0.3, 0.8))
        picture = picture * (1 - shadow[:, :, None] * tone)
    elif kind < 0.17:  # outline
        k = 2 * int(rng.integers(1, max(size // 14, 2) + 1)) + 1
        wide = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (k, k)))[:, :, None]
        picture = picture * (1 - wide) + third * wide
    elif kind < 0.22:  # letters with depth
        steps = int(rng.integers(2, max(size // 8, 3) + 1))
        dx, dy = rng.choice([-1, 0, 1]), rng.choice([-1, 1])
        deep = ink
        for i in range(1, steps):
            deep = np.maximum(deep, np.roll(ink, (dy * i, dx * i), axis=(0, 1)))
        picture = picture * (1 - deep[:, :, None]) + third * 0.7 * deep[:, :, None]
    elif kind < 0.26:  # light around the letters
        glow = cv2.GaussianBlur(ink, (0, 0), size / 6)[:, :, None]
        picture = picture + glow * (third * np.float32(0.7))
    if rng.random() < 0.12:  # a frame or rules
        colour = [float(c) for c in third]
        gap, thick = int(size * rng.uniform(0.1, 0.5)), int(rng.integers(1, 4))
        pad = int(size * 0.9)
        sides = rng.random(4) < 0.6
        x0, y0, x1, y1 = pad - gap, pad - gap, width - pad + gap, height - pad + gap
        lines = [((x0, y0), (x1, y0)), ((x0, y1), (x1, y1)), ((x0, y0), (x0, y1)), ((x1, y0), (x1, y1))]
        picture = np.ascontiguousarray(picture)
        for (start, end), drawn in zip(lines, sides, strict=True):
            if drawn:
                cv2.line(picture, start, end, colour, thick)
    return picture


def _write_beside(
    picture: NDArray[np.float32],
    text: str,
    face: Face,
    size: int,
    pad: int,
    h: int,
    colour: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    """Writes another line above or below, in place."""
    mask = _mask(text, face, size, 0, 0.0)
    if mask is None:
        return
    gap = int(size * rng.uniform(0.08, 0.4))
    top = pad + h + gap if rng.random() < 0.5 else pad - gap - mask.shape[0]
    left = int(rng.integers(-size, max(picture.shape[1] - 2 * size, 1)))
    y0, y1 = max(top, 0), min(top + mask.shape[0], picture.shape[0])
    x0, x1 = max(left, 0), min(left + mask.shape[1], picture.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    alpha = mask[y0 - top : y1 - top, x0 - left : x1 - left, None] / np.float32(255)
    picture[y0:y1, x0:x1] = picture[y0:y1, x0:x1] * (1 - alpha) + colour * alpha


def _seen(picture: NDArray[np.float32], box: tuple[int, int, int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The line in ``box`` as a detector would cut it out of a photo."""
    cv2 = opencv()
    left, top, right, bottom = box
    h = bottom - top
    # The box is a little loose or, more rarely, too tight; then turned, slanted and seen from the side.
    above, below = (rng.uniform(-0.04, 0.28, 2) if rng.random() < 0.8 else rng.uniform(-0.15, 0.05, 2)) * h
    before, after = rng.uniform(-0.02, 0.35, 2) * h
    x0, y0, x1, y1 = left - before, top - above, right + after, bottom + below
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    if rng.random() < 0.7:
        slant = rng.normal(0, 0.07) * (y1 - y0)
        corners[:2, 0] += slant
        corners[2:, 0] -= slant
        turn = np.clip(rng.normal(0, 0.012), -0.04, 0.04) * min(x1 - x0, 6 * h)
        corners[[0, 3], 1] += turn
        corners[[1, 2], 1] -= turn
        corners += rng.uniform(-0.06, 0.06, (4, 2)).astype(np.float32) * h
    # How high the line is in the photo: small ones are common, and where reading is decided.
    seen = float(np.clip(np.exp(rng.normal(np.log(22), 0.45)), 9, 64))
    out_h = max(round(seen), 8)
    out_w = max(round((x1 - x0) / (y1 - y0) * seen * rng.uniform(0.85, 1.15)), 6)
    shrink = (y1 - y0) / out_h
    if shrink > 1.3:  # smoothed first, as a lens does
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 * shrink)
    if rng.random() < 0.10:  # on a bent line
        picture = _bent(picture, h, rng)
    target = np.array([[0, 0], [out_w, 0], [out_w, out_h], [0, out_h]], np.float32)
    line = cv2.warpPerspective(
        picture, cv2.getPerspectiveTransform(corners, target), (out_w, out_h), borderMode=cv2.BORDER_REPLICATE
    )
    if rng.random() < 0.5:
        line = cv2.GaussianBlur(line, (0, 0), float(rng.uniform(0.3, max(0.045 * out_h, 0.5))))
    elif rng.random() < 0.2:
        kernel = np.zeros((5, 5), np.float32)
        kernel[2, :] = 0.2
        line = cv2.filter2D(line, -1, kernel if rng.random() < 0.6 else kernel.T)
    if rng.random() < 0.25:  # uneven light
        line = line * cv2.resize(rng.uniform(0.5, 1.4, (2, 3)).astype(np.float32), (out_w, out_h))[:, :, None]
    if rng.random() < 0.04:  # something stands before it
        x = int(rng.integers(out_w))
        line[:, x : x + max(int(rng.uniform(0.1, 0.4) * out_h), 1)] = rng.uniform(0, 255, 3)
    contrast = rng.uniform(0.45, 1.15)
    line = (line - 128) * contrast + 128 + rng.uniform(-30, 30)
    line = line + rng.normal(0, 1, line.shape).astype(np.float32) * rng.uniform(0, 9)
    pixels: NDArray[np.uint8] = np.clip(line, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))]
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, quality)[1], cv2.IMREAD_COLOR)
    if rng.random() < 0.3:  # cut out of an enlarged photo
        pixels = cv2.resize(pixels, None, fx=1.7, fy=1.7, interpolation=cv2.INTER_CUBIC)
    return pixels


def _bent(picture: NDArray[np.float32], h: int, rng: np.random.Generator) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    xs = np.arange(width, dtype=np.float32)
    lift = rng.uniform(-0.18, 0.18) * h * np.sin(np.pi * xs / width)
    grid_x, grid_y = np.meshgrid(xs, np.arange(height, dtype=np.float32))
    bent: NDArray[np.float32] = opencv().remap(
        picture, grid_x, (grid_y + lift.astype(np.float32)), opencv().INTER_LINEAR, borderMode=opencv().BORDER_REPLICATE
    )
    return bent
