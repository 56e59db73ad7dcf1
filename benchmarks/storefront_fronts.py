"""The front of a house, drawn flat: plaster or bricks, storeys of windows, and shops at street level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.opencv import opencv
from detectors.render_text import Grounds

__all__ = ["HEIGHT", "WIDTH", "Front", "front_of"]

Pixels = NDArray[np.uint8]
Rng = np.random.Generator

WIDTH, HEIGHT = 1280, 960


@dataclass(frozen=True)
class Front:
    """A house's front, flat, and where signs may stand on it: boxes x0, y0, x1, y1 in its pixels.

    Attributes:
        pixels: (960, 1280, 3) uint8 RGB.
        boards: Over the window of the first shop, and of the neighbour's.
        wall: Where there is nothing but wall.
        windows: The glass of the shops: small things are in it.
    """

    pixels: Pixels
    boards: tuple[tuple[int, int, int, int], ...]
    wall: tuple[int, int, int, int]
    windows: tuple[tuple[int, int, int, int], ...]


def front_of(rng: Rng, grounds: Grounds | None, *, own: bool, neighbour: bool) -> Front:
    """A front with storeys of windows.

    Args:
        rng: Source of chance.
        grounds: Photos that are seen, blurred, in the windows and on the wall.
        own: Whether there is a shop, with a window and a door, ...
        neighbour: ... and whether there is another beside it.
    """
    cv2 = opencv()
    wall = _wall(rng, grounds)
    street = int(HEIGHT * rng.uniform(0.87, 0.94))
    floor = int(HEIGHT * rng.uniform(0.30, 0.36))  # where the ground floor begins
    _windows(wall, (40, -60, WIDTH - 40, floor - 50), rng, grounds)
    band = _toned(wall[floor, 0].astype(np.float64), rng, 25.0)
    cv2.rectangle(wall, (0, floor - 14), (WIDTH, floor), band, -1)
    split = int(WIDTH * rng.uniform(0.55, 0.66)) if neighbour else int(WIDTH * rng.uniform(0.62, 0.88))
    parts = [(100, split - 20), (split + 20, WIDTH - 100)]
    if rng.random() < 0.5:
        parts = [(WIDTH - b, WIDTH - a) for a, b in parts]
    boards, windows = [], []
    top = floor + int(HEIGHT * rng.uniform(0.19, 0.23))
    for (a, b), is_shop in zip(parts, (own, neighbour), strict=True):
        boards.append((a, floor + 14, b, top - 14))
        if is_shop:
            windows.append(_shop(wall, (a, top, b, street), rng, grounds))
    if not own:
        a, b = parts[0]
        _windows(wall, (a, top + 40, b, street - 130), rng, grounds, rows=1)
    free = (parts[0][0], floor + 16, parts[0][1], top + 30)
    cv2.rectangle(wall, (0, street), (WIDTH, HEIGHT), _toned(np.full(3, rng.uniform(80, 150)), rng, 6.0), -1)
    cv2.line(wall, (0, street), (WIDTH, street), (60, 60, 60), 3)
    return Front(cv2.GaussianBlur(wall, (0, 0), 0.8), tuple(boards), free, tuple(windows))


def _toned(colour: NDArray[np.float64], rng: Rng, spread: float) -> tuple[float, float, float]:
    r, g, b = np.clip(colour + rng.normal(0.0, spread) + rng.normal(0.0, spread / 4, 3), 0, 255)
    return float(r), float(g), float(b)


def _wall(rng: Rng, grounds: Grounds | None) -> Pixels:
    """Plaster or bricks, with stains."""
    cv2 = opencv()
    plaster = np.array(
        [(222, 208, 176), (200, 196, 188), (188, 160, 128), (170, 120, 96), (206, 180, 150), (150, 158, 160)]
    )
    colour = plaster[int(rng.integers(len(plaster)))] + rng.normal(0.0, 12.0) + rng.normal(0.0, 4.0, 3)
    wall = np.empty((HEIGHT, WIDTH, 3), np.float32)
    wall[:] = colour
    for cells, strength in ((5, 8.0), (40, 5.0), (320, 4.0)):
        stains = rng.normal(0.0, strength, (cells * 3 // 4, cells, 1)).astype(np.float32)
        wall += cv2.resize(stains, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)[:, :, None]
    photo = None if grounds is None else grounds.crop(HEIGHT, WIDTH, rng)
    if photo is not None:  # its light and shade, too blurred for anything on it to be read
        soft = cv2.GaussianBlur(photo, (0, 0), 12.0)
        wall += (soft - soft.mean(axis=(0, 1))) * np.float32(rng.uniform(0.1, 0.3))
    if rng.random() < 0.3:
        high, wide = int(rng.integers(14, 24)), int(rng.integers(40, 64))
        joint = np.float32(rng.uniform(0.75, 1.2))
        for row, y in enumerate(range(0, HEIGHT, high)):
            wall[y : y + 2] *= joint
            for x in range((row % 2) * wide // 2, WIDTH, wide):
                wall[y : y + high, x : x + 2] *= joint
    return np.clip(wall, 0, 255).astype(np.uint8)


def _windows(wall: Pixels, area: tuple[int, int, int, int], rng: Rng, grounds: Grounds | None, rows: int = 2) -> None:
    """Rows of windows in ``area``, in place."""
    cv2 = opencv()
    x0, y0, x1, y1 = area
    wide = int(rng.uniform(90, 150))
    gap = int(wide * rng.uniform(0.5, 1.3))
    high = min(int(wide * rng.uniform(1.2, 1.7)), (y1 - y0) // rows - 20)
    frame = _toned(np.full(3, rng.choice([230.0, 90.0, 200.0])), rng, 10.0)
    for row in range(rows):
        bottom = y1 - row * (high + 60)
        for x in range(x0 + int(rng.integers(10, 60)) * (row == 0), x1 - wide, wide + gap):
            if high < 30:
                return
            _glass(wall, (x, bottom - high, x + wide, bottom), rng, grounds)
            cv2.rectangle(wall, (x, bottom - high), (x + wide, bottom), frame, 6)
            cv2.line(wall, (x + wide // 2, bottom - high), (x + wide // 2, bottom), frame, 5)
            cv2.rectangle(wall, (x - 8, bottom), (x + wide + 8, bottom + 9), frame, -1)


def _shop(
    wall: Pixels, area: tuple[int, int, int, int], rng: Rng, grounds: Grounds | None
) -> tuple[int, int, int, int]:
    """A shop window and a door, in place; where small signs may stand: on the glass."""
    cv2 = opencv()
    x0, y0, x1, y1 = area
    frame = _toned(np.full(3, rng.choice([40.0, 70.0, 220.0])), rng, 15.0)
    door = int(rng.uniform(110, 150))
    sill = y1 - int(rng.uniform(20, 80))
    left = rng.random() < 0.5
    a, b = (x0 + door + 16, x1) if left else (x0, x1 - door - 16)
    _glass(wall, (a, y0, b, sill), rng, grounds)
    cv2.rectangle(wall, (a, y0), (b, sill), frame, 8)
    for k in range(1, panes := int(rng.integers(1, 4))):
        x = a + k * (b - a) // panes
        cv2.line(wall, (x, y0), (x, sill), frame, 5)
    d = x0 if left else x1 - door
    _glass(wall, (d, y0, d + door, y1), rng, grounds)
    cv2.rectangle(wall, (d, y0), (d + door, y1), frame, 12)
    cv2.line(wall, (d + door - 24, (y0 + y1) // 2), (d + door - 24, (y0 + y1) // 2 + 60), (200, 200, 200), 5)
    if rng.random() < 0.35:  # an awning's shade
        wall[y0 : y0 + 46, x0:x1] = (wall[y0 : y0 + 46, x0:x1] * 0.45).astype(np.uint8)
    return a + 14, y0 + 20, b - 14, sill - 14


def _glass(wall: Pixels, area: tuple[int, int, int, int], rng: Rng, grounds: Grounds | None) -> None:
    """What is seen through and in a pane, in place."""
    cv2 = opencv()
    x0, y0, x1, y1 = area[0], max(area[1], 0), area[2], area[3]
    h, w = y1 - y0, x1 - x0
    if h < 4 or w < 4:
        return
    pane = np.empty((h, w, 3), np.float32)
    pane[:] = np.array([60.0, 72.0, 82.0]) * rng.uniform(0.6, 1.7)
    photo = None if grounds is None else grounds.crop(h, w, rng)
    if photo is not None:
        pane = 0.35 * pane + 0.5 * cv2.GaussianBlur(photo, (0, 0), 5.0)
    shine = cv2.resize(rng.uniform(-25.0, 25.0, (3, 4)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    wall[y0:y1, x0:x1] = np.clip(pane + shine[:, :, None], 0, 255).astype(np.uint8)
