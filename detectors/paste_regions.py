"""Plates and signs that are drawn, set into photos as a camera would have seen them, with their boxes.

A thing is warped by a homography onto a quadrilateral in the photo, takes the light of its surroundings, is blurred and
gets noise, and its box is what the quadrilateral spans. Plates stand, as a rule, on something like a bumper: plain,
darker or lighter, with a shadow. Signs are boards with a line or two of rendered text in any script, or letters alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.opencv import opencv
from detectors.draw_plates import random_plate
from detectors.render_fonts import FONT_FOLDER, Face, faces_by_script

__all__ = ["corners_of", "draw_sign", "free_place", "paste", "paste_plates", "paste_signs", "sign_of"]

_SCRIPTS = {
    "Latn": 0.3, "Cyrl": 0.12, "Hani": 0.1, "Kana": 0.06, "Hang": 0.07, "Arab": 0.08, "Thai": 0.06, "Deva": 0.06,
    "Beng": 0.04, "Grek": 0.04, "Hebr": 0.03, "Taml": 0.02, "Geor": 0.01, "Armn": 0.01,
}  # fmt: skip
Pixels = NDArray[np.uint8]
Boxes = list[tuple[float, float, float, float]]


def paste(
    photo: Pixels, thing: Pixels, corners: NDArray[np.float32], rng: np.random.Generator, alpha: Pixels | None = None
) -> tuple[Pixels, tuple[float, float, float, float]]:
    """``thing`` in ``photo``, seen from the side.

    Args:
        photo: (H, W, 3) uint8 RGB.
        thing: (h, w, 3) uint8 RGB, flat.
        corners: (4, 2) pixels where its corners come to lie, clockwise from its top left.
        rng: Source of chance, for light, blur and noise.
        alpha: (h, w) uint8, where it is opaque; None for everywhere.

    Returns:
        The new photo, and the box (x0, y0, x1, y1) in pixels around what is inside the photo.
    """
    cv2 = opencv()
    height, width = photo.shape[:2]
    h, w = thing.shape[:2]
    x0, y0 = np.floor(corners.min(axis=0)).astype(int) - 3
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int) + 4
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    local = (corners - [x0, y0]).astype(np.float32)
    shrink = max(w / max(np.linalg.norm(corners[1] - corners[0]), 1.0), 1.0)
    picture = thing.astype(np.float32)
    mask = np.full((h, w), 255, np.uint8) if alpha is None else alpha
    if shrink > 1.5:  # smoothed first, as a lens does
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 * shrink)
        mask = cv2.GaussianBlur(mask, (0, 0), 0.4 * shrink) if alpha is not None else mask
    warp = cv2.getPerspectiveTransform(np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32), local)
    size = (x1 - x0, y1 - y0)
    seen = cv2.warpPerspective(picture, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(mask, warp, size).astype(np.float32) / 255
    behind = photo[y0:y1, x0:x1].astype(np.float32)
    # Lit as what is around it: half of the way to the brightness there, with a gradient across.
    light = np.clip(behind.mean() / 150, 0.25, 1.25) ** rng.uniform(0.3, 0.9)
    slope = cv2.resize(rng.uniform(0.8, 1.2, (2, 2)).astype(np.float32), size)[:, :, None]
    tint = rng.uniform(0.93, 1.07, 3).astype(np.float32)
    seen = seen * np.float32(light) * slope * tint
    if rng.random() < 0.15:  # part of a shadow
        edge = int(rng.integers(size[0]))
        seen[:, :edge] *= np.float32(rng.uniform(0.4, 0.8))
    blur = rng.uniform(0.2, 1.1) if rng.random() < 0.8 else rng.uniform(1.0, 2.0)
    seen, cover = cv2.GaussianBlur(seen, (0, 0), blur), cv2.GaussianBlur(cover, (0, 0), max(blur * 0.7, 0.3))
    if rng.random() < 0.15:  # moved
        length = int(rng.integers(3, 8))
        kernel = np.full((1, length), 1 / length, np.float32)
        seen, cover = cv2.filter2D(seen, -1, kernel), cv2.filter2D(cover, -1, kernel)
    seen += rng.normal(0, rng.uniform(0, 6), seen.shape).astype(np.float32)
    mixed = behind * (1 - cover[:, :, None]) + seen * cover[:, :, None]
    out = photo.copy()
    out[y0:y1, x0:x1] = np.clip(mixed, 0, 255).astype(np.uint8)
    left, top = np.clip(corners.min(axis=0), 0, [width, height])
    right, bottom = np.clip(corners.max(axis=0), 0, [width, height])
    return out, (float(left), float(top), float(right), float(bottom))


def paste_plates(photo: Pixels, count: int, rng: np.random.Generator, taken: Boxes) -> tuple[Pixels, Boxes]:
    """``count`` plates in ``photo``, clear of the boxes ``taken`` (pixels); the photo and the plates' boxes."""
    cv2 = opencv()
    boxes: Boxes = []
    height, width = photo.shape[:2]
    for _ in range(count):
        plate, _look = random_plate(rng)
        aspect = plate.shape[1] / plate.shape[0]
        wide = float(np.clip(np.exp(rng.normal(np.log(62), 0.6)), 16, 0.55 * width))
        high = wide / aspect
        place = free_place(width, height, wide * 1.5, high * 2.5, rng, [*taken, *boxes], low=rng.random() < 0.7)
        if place is None:
            continue
        x, y = place
        if rng.random() < 0.75:  # on something like a car's end
            body = rng.uniform(10, 235) + rng.uniform(-25, 25, 3) * (rng.random() < 0.6)
            half_w, half_h = wide * rng.uniform(0.6, 1.4), high * rng.uniform(0.7, 2.0)
            centre_y = y + high * rng.uniform(-0.6, 0.6)
            layer = photo.copy()
            ends = (int(x - half_w), int(centre_y - half_h)), (int(x + half_w), int(centre_y + half_h))
            cv2.rectangle(layer, *ends, [float(c) for c in np.clip(body, 0, 255)], -1)
            if rng.random() < 0.5:  # a lip, a seam
                seam = int(y + high * rng.uniform(0.6, 0.9) * rng.choice([-1, 1]))
                tone = [float(c) for c in np.clip(body * rng.uniform(0.4, 0.9), 0, 255)]
                cv2.line(layer, (ends[0][0], seam), (ends[1][0], seam), tone, int(rng.integers(1, 4)))
            layer = cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.6, 2.5)))
            soft = np.zeros(photo.shape[:2], np.float32)
            cv2.rectangle(soft, *ends, 1.0, -1)
            soft = cv2.GaussianBlur(soft, (0, 0), max(high * 0.15, 0.6))[:, :, None]
            photo = (photo * (1 - soft) + layer * soft).astype(np.uint8)
        corners = corners_of(x, y, wide, high, rng, most_squeeze=0.45)
        photo, box = paste(photo, plate, corners, rng)
        boxes.append(box)
    return photo, boxes


def paste_signs(photo: Pixels, count: int, rng: np.random.Generator, taken: Boxes) -> tuple[Pixels, Boxes]:
    """``count`` signs in ``photo``, clear of the boxes ``taken`` (pixels); the photo and the signs' boxes."""
    boxes: Boxes = []
    height, width = photo.shape[:2]
    for _ in range(count):
        sign, alpha = draw_sign(rng)
        aspect = sign.shape[1] / sign.shape[0]
        high = float(np.clip(np.exp(rng.normal(np.log(34), 0.5)), 10, 0.5 * height))
        wide = high * aspect
        if wide > 0.85 * width:
            wide, high = 0.85 * width, 0.85 * width / aspect
        place = free_place(width, height, wide, high, rng, [*taken, *boxes], low=False)
        if place is None:
            continue
        photo, box = paste(photo, sign, corners_of(*place, wide, high, rng, most_squeeze=0.5), rng, alpha)
        boxes.append(box)
    return photo, boxes


def free_place(
    width: int, height: int, wide: float, high: float, rng: np.random.Generator, taken: Boxes, *, low: bool
) -> tuple[float, float] | None:
    """A centre for something of this size that touches nothing, in the lower part where ``low``; None if none is."""
    for _ in range(12):
        x = rng.uniform(min(wide / 2, width / 2), max(width - wide / 2, width / 2))
        y = rng.uniform(min((0.45 * height if low else 0) + high / 2, height / 2), max(height - high / 2, height / 2))
        if all(
            x + wide / 2 < x0 or x - wide / 2 > x1 or y + high / 2 < y0 or y - high / 2 > y1 for x0, y0, x1, y1 in taken
        ):
            return x, y
    return None


def corners_of(
    x: float, y: float, wide: float, high: float, rng: np.random.Generator, *, most_squeeze: float
) -> NDArray[np.float32]:
    """Corners of a rectangle about (x, y) that is turned away, slanted and a little rolled."""
    side = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64) * [wide / 2, high / 2]
    if rng.random() < 0.5:  # turned about the upright
        turn = rng.uniform(0.05, most_squeeze)
        side[:, 0] *= 1 - turn
        far = rng.choice([-1, 1])
        side[side[:, 0] * far > 0, 1] *= 1 - 0.35 * turn
    if rng.random() < 0.5:  # its top and bottom run down with the street
        side[:, 1] += side[:, 0] * rng.normal(0, 0.10)
    angle = np.deg2rad(np.clip(rng.normal(0, 3), -12, 12))
    turned = side @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners: NDArray[np.float32] = (turned + np.array([x, y]) + rng.normal(0, 0.015 * high, (4, 2))).astype(np.float32)
    return corners


def draw_sign(rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """A sign, flat: (h, w, 3) uint8 RGB and its coverage (h, w) uint8."""
    # Lazy: the build extra.
    from detectors.render_words import line_text

    scripts, shares = list(_SCRIPTS), np.array(list(_SCRIPTS.values()))
    script = scripts[int(rng.choice(len(scripts), p=shares / shares.sum()))]
    families = faces_by_script(held_out=False, folder=FONT_FOLDER)[script]
    while True:
        family = families[int(rng.integers(len(families)))]
        face = family[int(rng.integers(len(family)))]
        lines = [line_text(script, rng) for _ in range(int(rng.choice([1, 2, 3], p=[0.72, 0.2, 0.08])))]
        if all(face.has(line) for line in lines) and (drawn := sign_of(lines, face, rng)) is not None:
            return drawn


def sign_of(
    lines: Sequence[str], face: Face, rng: np.random.Generator, sizes: Sequence[int] | None = None
) -> tuple[Pixels, Pixels] | None:
    """``lines`` as a sign; see :func:`draw_sign`. None where the font draws nothing.

    Args:
        lines: From top to bottom.
        face: The font.
        rng: Source of chance.
        sizes: Of the type of each line in pixels; None draws them by chance, the first the largest.
    """
    # Lazy: the build extra.
    from PIL import Image, ImageDraw, ImageFont

    if sizes is None:
        sizes = [int(rng.integers(44, 64)), *(int(rng.integers(20, 40)) for _ in lines[1:])]
    fonts = [ImageFont.truetype(str(face.path), size, layout_engine=ImageFont.Layout.RAQM) for size in sizes]
    boxes = [font.getbbox(line) for font, line in zip(fonts, lines, strict=True)]
    if not all(b[2] - b[0] > 4 and b[3] - b[1] > 4 for b in boxes):
        return None
    text_w, text_h = int(max(b[2] - b[0] for b in boxes)), int(sum(b[3] - b[1] for b in boxes) + 10 * (len(lines) - 1))
    alone = rng.random() < 0.35  # letters on the wall
    pad_x, pad_y = (2, 2) if alone else (int(rng.uniform(6, 70)), int(rng.uniform(5, 30)))
    width, height = text_w + 2 * pad_x, text_h + 2 * pad_y
    ground = rng.integers(0, 256, 3)
    ink = np.array([255, 255, 255]) if ground @ [0.3, 0.59, 0.11] < 120 else rng.integers(0, 90, 3)
    if rng.random() < 0.5:
        far = 255 - ground
        ink = far if abs((far - ground) @ [0.3, 0.59, 0.11]) > 70 else ink
    if alone and rng.random() < 0.6:
        ink = rng.integers(120, 256, 3)
    canvas, cover = Image.new("RGB", (width, height), tuple(map(int, ground))), Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(canvas)
    y = float(pad_y)
    if alone:
        cover = Image.new("L", (width, height), 0)
        draw.rectangle([0, 0, width, height], fill=tuple(map(int, ink)))
    elif rng.random() < 0.3:
        draw.rectangle([2, 2, width - 3, height - 3], outline=tuple(map(int, ink)), width=3)
    pen = ImageDraw.Draw(cover)
    for line, font, box in zip(lines, fonts, boxes, strict=True):
        at = (pad_x - box[0] + (text_w - (box[2] - box[0])) / 2, y - box[1])
        if alone:
            pen.text(at, line, 255, font)
        else:
            draw.text(at, line, tuple(map(int, ink)), font)
        y += box[3] - box[1] + 10
    return np.asarray(canvas), np.asarray(cover)
