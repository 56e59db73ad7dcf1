"""A batch of pictures under construction: materials by pixel first, colours and grain last."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.earth_sprites import COLOURS, MATERIALS, Bank

__all__ = ["EXTRA", "GRID", "Canvas", "base_palette", "uniforms"]

GRID: Final = 64
"""Scenes are laid out on a grid of 64 x 64, x right and y down, whatever their size in pixels."""

_EXTRAS: Final = (
    "sky0 sky1 sky2 sky3 sky4 sky5 fog relief snow land_a land_b soil_a soil_b skyline lights asphalt centre edge "
    "shadow sun room floor_a floor_b curtain_a curtain_b frame"
)
EXTRA: Final = {name: k for k, name in enumerate(_EXTRAS.split(), len(MATERIALS) + 1)}
"""Name to material, after the letters' of ``earth_sprites``."""

Floats32 = NDArray[np.float32]
Bools = NDArray[np.bool_]


def uniforms(seed: int, index: NDArray[np.int64], columns: int) -> Floats32:
    """Numbers (n, columns) in [0, 1) that depend on ``seed``, ``index`` (n,) and the column alone (splitmix64)."""
    with np.errstate(over="ignore"):
        z = _mixed(np.array([seed & 0xFFFFFFFFFFFFFFFF], np.uint64))
        each = _mixed(z + index.astype(np.uint64))[:, None]
        z = each + np.arange(columns).astype(np.uint64)
        bits = _mixed(z) >> np.uint64(40)
    return bits.astype(np.float32) * np.float32(2.0**-24)


def base_palette(n: int) -> Floats32:
    """The fixed colours, (n, materials, 3); those that scenes choose are grey."""
    colours = np.full((1 + len(MATERIALS) + len(EXTRA), 3), 128.0, np.float32)
    colours[1 : 1 + len(MATERIALS)] = list(COLOURS.values())
    return np.repeat(colours[None], n, axis=0)


class Canvas:
    """``n`` pictures of ``size`` pixels to the side, as materials (n, size, size)."""

    def __init__(self, n: int, size: int) -> None:
        self.size = size
        self.scale = size / GRID  # pixels per step of the grid
        self.materials = np.zeros((n, size, size), np.uint8)
        self.steps: Floats32 = ((np.arange(size) + 0.5) / self.scale).astype(np.float32)
        """Middles (size,) of the pixels' rows or columns, on the grid."""

    def ground(self, kinds: NDArray[np.int64], tiles: Bools, a_materials: NDArray[np.uint8], shift: ArrayLike) -> None:
        """Lay the rows: each of ``kinds`` (n, size) tiles, in its material or, where its tile is set, in the next one.

        Args:
            kinds: Which of ``tiles`` each row has.
            tiles: (k, 16, 16), repeated.
            a_materials: (n, size) material of each row.
            shift: (n,) columns to shift the tiles by.
        """
        cell = self.steps.astype(np.int64)
        columns = (cell + np.asarray(shift).astype(np.int64)[:, None]) % 16
        pattern = tiles[kinds[:, :, None], (cell % 16)[None, :, None], columns[:, None, :]]
        np.add(a_materials[:, :, None], pattern, out=self.materials, casting="unsafe")

    def fill(self, where: Bools, material: int, rows: slice = slice(None)) -> None:
        """Paint ``material`` where the mask (n, rows, size) is set."""
        self.materials[:, rows][where] = material

    def paste(
        self, bank: Bank, value: ArrayLike, x: ArrayLike, foot: ArrayLike, scale: ArrayLike, shown: Bools
    ) -> None:
        """Paste picture ``value`` of ``bank``, its middle at column ``x``, standing on row ``foot``, both on the grid.

        All are (n,) or one for all; only where ``shown`` (n,).
        """
        which = np.flatnonzero(shown)
        if not len(which):
            return
        n, (_, height, width) = len(shown), bank.shape
        value, x, foot, scale = (np.broadcast_to(np.asarray(a), n)[which] for a in (value, x, foot, scale))
        pixels = (scale * self.scale).astype(np.float64)  # per step of the picture
        up = np.arange(int(np.ceil(height * pixels.max())))
        across = np.arange(int(np.ceil(width * pixels.max())))
        source_y = height - 1 - np.floor((up + 0.5) / pixels[:, None]).astype(np.int64)
        source_x = np.floor((across + 0.5) / pixels[:, None]).astype(np.int64)
        y = np.rint(foot * self.scale).astype(np.int64)[:, None] - 1 - up
        left = np.rint(x * self.scale - width * pixels / 2.0).astype(np.int64)
        column = left[:, None] + across
        inside_y = (source_y >= 0) & (y >= 0) & (y < self.size)
        inside_x = (source_x < width) & (column >= 0) & (column < self.size)
        codes = bank[
            value.astype(np.int64)[:, None, None],
            np.maximum(source_y, 0)[:, :, None],
            np.minimum(source_x, width - 1)[:, None, :],
        ]
        i, a, b = np.nonzero(codes * (inside_y[:, :, None] & inside_x[:, None, :]))
        self.materials[which[i], y[i, a], column[i, b]] = codes[i, a, b]

    def develop(self, palette: Floats32, u: Floats32) -> NDArray[np.uint8]:
        """Colours (n, size, size, 3) from ``palette`` (n, materials, 3), ``u`` (n, 9) being light and grain."""
        n = len(self.materials)
        contrast = 0.85 + 0.25 * u[:, 0]
        brightness = -18.0 + 36.0 * u[:, 1]
        tint = -6.0 + 12.0 * u[:, 2:5]
        palette = (palette - 128.0) * contrast[:, None, None] + (128.0 + brightness[:, None, None] + tint[:, None, :])
        grain = 3.0 + 6.0 * u[:, 5]
        flat = self.materials.reshape(n, -1) + (np.arange(n, dtype=np.int64) * palette.shape[1])[:, None]
        colours = palette.reshape(-1, 3).astype(np.float32)[flat].reshape(n, self.size, self.size, 3)
        plane = _grain(self.size)
        for k, (row, column) in enumerate((u[:, 6:8] * (len(plane) - self.size)).astype(np.int64).tolist()):
            colours[k] += grain[k] * plane[row : row + self.size, column : column + self.size]
        np.clip(colours, 0.0, 255.0, out=colours)
        pixels: NDArray[np.uint8] = colours.astype(np.uint8)
        return pixels


_PLANES: dict[int, Floats32] = {}


def _grain(size: int) -> Floats32:
    """A plane of unit noise to cut each picture's grain from, larger than ``size`` by 200 to a side."""
    if size not in _PLANES:
        _PLANES[size] = np.random.default_rng(7).standard_normal((size + 200, size + 200, 3), dtype=np.float32)
    return _PLANES[size]


def _mixed(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed
