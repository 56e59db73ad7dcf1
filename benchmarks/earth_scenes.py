"""The rendered Earth, what it looks like: attributes and nuisances to pixels.

The camera looks west, so that the midday sun stands to its left north of the tropics and shadows fall to the right.
Everything else about a picture (horizon, positions, sizes, clouds, light, grain) depends on its number alone, never on
the place.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.earth_attributes import ATTRIBUTES, INDEX, SCENES
from benchmarks.earth_canvas import EXTRA, GRID, Canvas, base_palette, uniforms
from benchmarks.earth_looks import CURTAIN_TILES, FLOOR_TILES, GROUND_TILES, SKY_BANDS, choose, sky_colours
from benchmarks.earth_sprites import BANKS, MATERIALS

__all__ = ["render"]

Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]

_CHUNK: Final = 64  # scenes at once: their planes stay in the processor's cache
_NUISANCES: Final = 64
_LIGHT: Final = 9  # the first nuisances are of light and grain
_LAND_ROWS: Final = 14
_CAR_COLOURS: Final = np.array([(232, 232, 232), (60, 62, 70), (170, 30, 40), (40, 70, 140)], np.float32)
_ROOF_SHADES: Final = np.array([0.85, 1.0, 1.15], np.float32)
_ROOM_COLOURS: Final = np.array([(226, 214, 190), (206, 216, 206), (212, 206, 222), (222, 200, 196)], np.float32)


def render(
    attributes: NDArray[np.int8],
    seed: int,
    size: int = 64,
    index: NDArray[np.int64] | None = None,
    *,
    light_seed: int | None = None,
) -> Pixels:
    """Paint scenes: (n, size, size, 3) RGB.

    Args:
        attributes: Values (n, K) of ``ATTRIBUTES``.
        seed: Of the nuisances.
        size: Pixels to the side, at least 32.
        index: Number (n,) of each scene; 0 to n - 1 if left out. A scene's nuisances depend on ``seed`` and its number
            alone, so that painting in parts gives the same pictures.
        light_seed: Another seed for brightness, contrast, tint and grain; ``seed`` if left out.

    Raises:
        ValueError: If the attributes are not (n, K), or ``size`` is below 32.
    """
    if attributes.ndim != 2 or attributes.shape[1] != len(ATTRIBUTES) or size < 32:
        raise ValueError(f"scenes have (n, {len(ATTRIBUTES)}) attributes and at least 32 pixels to the side")
    index = np.arange(len(attributes)) if index is None else np.asarray(index, np.int64)
    pixels = np.empty((len(attributes), size, size, 3), np.uint8)
    indoor = attributes[:, INDEX["scene"]] == SCENES.index("indoor")
    for paint, part in ((_outdoors, np.flatnonzero(~indoor)), (_indoors, np.flatnonzero(indoor))):
        for start in range(0, len(part), _CHUNK):
            some = part[start : start + _CHUNK]
            u = uniforms(seed, index[some], _NUISANCES)
            light = uniforms(seed if light_seed is None else light_seed, index[some], _LIGHT)
            canvas = Canvas(len(some), size)
            palette = base_palette(len(some))
            values = attributes[some].astype(np.int64)
            palette[:, EXTRA["sky0"] : EXTRA["sky0"] + SKY_BANDS] = sky_colours(values[:, INDEX["sun"]])
            palette[:, EXTRA["sun"]] = (255, 246, 196)
            paint(canvas, palette, values, u[:, _LIGHT:])
            pixels[some] = canvas.develop(palette, light)
    return pixels


class _Dice:
    """Nuisances, taken one after the other, each in a range."""

    def __init__(self, u: Floats32) -> None:
        self._u, self._next = u, 0

    def between(self, low: float, high: float) -> Floats32:
        self._next += 1
        values: Floats32 = low + (high - low) * self._u[:, self._next - 1]
        return values

    def one_of(self, k: int) -> Ints:
        return np.minimum(self.between(0, k).astype(np.int64), k - 1)


def _outdoors(canvas: Canvas, palette: Floats32, values: Ints, u: Floats32) -> None:
    def value(name: str) -> Ints:
        return values[:, INDEX[name]]

    dice = _Dice(u)
    everywhere = np.ones(len(values), bool)
    for name in ("land", "soil", "relief", "centre line", "edge line", "wall", "roof"):
        choose(palette, name, value(name))
    palette[:, MATERIALS["C"]] = _CAR_COLOURS[dice.one_of(len(_CAR_COLOURS))]
    palette[:, MATERIALS["R"]] *= _ROOF_SHADES[dice.one_of(len(_ROOF_SHADES))][:, None]
    palette[:, EXTRA["shadow"]] = 0.45 * palette[:, EXTRA["land_a"]]
    palette[:, EXTRA["asphalt"]] = (86, 86, 92)
    palette[:, EXTRA["skyline"]] = (112, 118, 136)
    palette[:, EXTRA["lights"]] = (216, 206, 160)
    horizon, shift = dice.between(26, 31), dice.between(-2, 2)
    sunny, southern = value("sun") > 0, value("shadow") == 2
    # Houses and poles stand across from the sun, so that they never hide it.
    sun_side = np.where(np.where(sunny, southern, dice.one_of(2) == 1), 1.0, -1.0).astype(np.float32)
    sun_x = 32.0 + shift + sun_side * dice.between(5, 12)

    _backdrop(canvas, value("land"), value("soil"), horizon, dice.one_of(16))
    _relief(canvas, value("relief"), horizon, sun_x, dice)
    urban = value("scene") == SCENES.index("urban")
    _skyline(canvas, urban, horizon, 32.0 + shift - sun_side * 8.0, dice)
    bend = 32.0 + shift + dice.between(-4, 4)
    _road(canvas, values, horizon, 32.0 + shift, bend, dice.between(0, 1))

    for _ in range(2):
        x, y = dice.between(4, 60), dice.between(5, 14)
        canvas.paste(BANKS["cloud"], dice.one_of(2), x, y, dice.between(0.6, 1.0), everywhere)
    for at in (12.0, 34.0, 54.0):
        canvas.paste(BANKS["cloud"], dice.one_of(2), at + shift, dice.between(4, 18), 1.2, ~sunny)
    _sun(canvas, sun_x, horizon - 3.0 - 2.9 * (value("sun") - 1), 3.0, sunny)

    middle = 32.0 + shift
    size, foot = dice.between(1.0, 1.25), horizon + dice.between(8, 12)
    plants = [  # middle, foot and size of each
        (middle + sun_side * dice.between(22, 27), horizon + dice.between(7, 11), dice.between(0.95, 1.2)),
        (middle + sun_side * dice.between(15, 20), horizon + dice.between(3, 5), dice.between(0.6, 0.75)),
        (middle - sun_side * dice.between(28, 31), horizon + dice.between(13, 16), dice.between(0.5, 0.7)),
    ]
    house_x = middle - sun_side * dice.between(21, 25)
    planted, built = value("plants") > 0, value("wall") > 0
    streak = np.maximum(value("sun") - 1, 0) + 8 * southern
    for x, y, _ in plants:
        canvas.paste(_SHADOWS, streak, x, y + 0.6, 1.0, planted & sunny)
    canvas.paste(_SHADOWS, streak, house_x, foot + 0.6, 1.6, built & sunny)
    building = (np.maximum(value("roof"), 1) - 1) * 3 + np.maximum(value("storeys"), 1) - 1
    canvas.paste(BANKS["building"], building, house_x, foot, size, built)
    for x, y, scale in plants:
        canvas.paste(BANKS["plants"], np.maximum(value("plants"), 1) - 1, x, y, scale, planted)

    def put(name: str, x: Floats32, y: Floats32, scale: Floats32) -> None:
        canvas.paste(BANKS[name], np.maximum(value(name), 1) - 1, x, y, scale, value(name) > 0)

    put("pole", middle - sun_side * dice.between(8, 10), horizon + dice.between(7, 9), dice.between(0.95, 1.05))
    put("sign", middle + sun_side * dice.between(14, 17), horizon + dice.between(12, 15), dice.between(1.1, 1.3))
    size = dice.between(1.2, 1.4)
    for side in (-1.0, 1.0):
        put("bollard", middle + side * dice.between(18, 21), horizon + dice.between(24, 28), size)

    # The car drives away from us, on its own side.
    down = dice.between(13, 20)
    lane = np.where(value("driving") == 1, -0.5, 0.5) * _half_width(down, horizon)
    centre = middle + (bend - middle) * down / (GRID - horizon)
    canvas.paste(BANKS["car"], 0, centre + lane, horizon + down, 0.045 * down + 0.1, value("driving") > 0)


def _backdrop(canvas: Canvas, land: Ints, soil: Ints, horizon: Floats32, shift: Ints) -> None:
    """Sky in bands, land below the horizon, soil nearest to us."""
    y, edge = canvas.steps[None, :], horizon[:, None]
    band = np.clip(y / edge * SKY_BANDS, 0, SKY_BANDS - 1).astype(np.int64)
    sky, near = y < edge, y >= edge + _LAND_ROWS
    kinds = np.where(sky, 0, np.where(near, 12 + soil[:, None], 1 + land[:, None]))
    materials = np.where(sky, EXTRA["sky0"] + band, np.where(near, EXTRA["soil_a"], EXTRA["land_a"])).astype(np.uint8)
    canvas.ground(kinds, GROUND_TILES, materials, shift)


def _relief(canvas: Canvas, relief: Ints, horizon: Floats32, sun_x: Floats32, dice: _Dice) -> None:
    """What rises behind the land, lower before the sun; a bank of fog where it is hidden."""
    x = canvas.steps[None, :]
    a, b = dice.between(0, 64)[:, None], dice.between(0, 64)[:, None]
    hills = 5.0 + 2.0 * np.sin((x + a) * 0.22) + 1.0 * np.sin((x + b) * 0.45)
    ridge = np.abs((x + a) / 11.0 % 2.0 - 1.0) * 0.7 + np.abs((x + b) / 5.0 % 2.0 - 1.0) * 0.3
    mesa = np.where((x + a) % 23.0 < 13.0, 8.0, 1.0)
    kind = relief[:, None]
    height = np.select(
        [kind == 0, kind == 2, kind == 3, kind == 4, kind == 5],
        [7.0, hills, 3.0 + 8.0 * ridge, 4.0 + 11.0 * ridge, mesa],
    )
    dip = 1.0 - 0.8 * np.exp(-(((x - sun_x[:, None]) / 5.0) ** 2))
    height = np.where(kind == 0, height, height * dip)
    rows = slice(0, int(np.ceil(horizon.max() * canvas.scale)))
    above = (horizon[:, None] - canvas.steps[None, rows])[:, :, None]  # rows above the horizon
    risen = (above > 0) & (above <= height[:, None, :])
    canvas.fill(risen, EXTRA["relief"], rows)
    snow = risen & (above > 6.5) & (kind[:, :, None] == 4)
    bands = risen & (above % 3.0 < 1.0) & (kind[:, :, None] == 5)
    canvas.fill(snow | bands, EXTRA["snow"], rows)


def _skyline(canvas: Canvas, urban: Bools, horizon: Floats32, middle: Floats32, dice: _Dice) -> None:
    """Blocks of houses in a part of the horizon, away from the sun."""
    block = np.floor(canvas.steps / 4.0)[None, :]
    a = dice.between(0, 8)[:, None]
    height = 4.0 + 5.0 * np.abs(np.sin(block * 2.3 + a) * np.sin(block * 5.1 + 2.0 * a))
    height = np.where((np.abs(canvas.steps[None, :] - middle[:, None]) < 11.0) & urban[:, None], height, 0.0)
    rows = slice(0, int(np.ceil((horizon.max() + 2.0) * canvas.scale)))
    above = (horizon[:, None] + 1.0 - canvas.steps[None, rows])[:, :, None]
    risen = (above > 0) & (above <= height[:, None, :])
    canvas.fill(risen, EXTRA["skyline"], rows)
    lit = (np.floor(above) % 2 == 1) & (np.floor(canvas.steps)[None, None, :] % 2 == 0)
    canvas.fill(risen & lit, EXTRA["lights"], rows)


def _half_width(down: Floats32, horizon: Floats32) -> Floats32:
    """Half of the road's width, ``down`` rows below the horizon."""
    width: Floats32 = 0.8 + 17.0 * down / (GRID - horizon)
    return width


def _road(canvas: Canvas, values: Ints, horizon: Floats32, far: Floats32, near: Floats32, phase: Floats32) -> None:
    """The road from the horizon to our feet with its lines."""
    shown = values[:, INDEX["driving"]] > 0
    centre, edge = (values[:, INDEX[name]][:, None, None] for name in ("centre line", "edge line"))
    rows = slice(int(horizon.min() * canvas.scale), canvas.size)
    down = (canvas.steps[None, rows] - horizon[:, None])[:, :, None]  # [n, rows, 1]
    half = 0.8 + 17.0 * down / (GRID - horizon)[:, None, None]
    middle = far[:, None, None] + (near - far)[:, None, None] * down / (GRID - horizon)[:, None, None]
    from_middle = canvas.steps[None, None, :] - middle
    distance = np.abs(from_middle)
    road = (distance < half) & (down > 0) & shown[:, None, None]
    canvas.fill(road, EXTRA["asphalt"], rows)
    stroke = np.maximum(0.6, 0.075 * half)
    # Dashes are even along the road, so that they grow towards us.
    gap = (55.0 / (down + 6.0) + phase[:, None, None]) % 0.8 < 0.4
    dashed = (centre == 1) | (centre == 3)
    single = (distance < stroke) & ~(dashed & gap)
    double = np.abs(distance - 2.0 * stroke) < 0.8 * stroke
    canvas.fill(road & np.where(centre == 4, double, single) & (centre > 0) & (centre != 5), EXTRA["centre"], rows)
    line = np.abs(distance - 0.88 * half) < stroke
    canvas.fill(road & line & ((edge == 1) | (edge == 3)) & (down > 2), EXTRA["edge"], rows)


def _sun(canvas: Canvas, x: Floats32, y: Floats32, radius: float, shown: Bools) -> None:
    apart = (canvas.steps[None, :, None] - y[:, None, None]) ** 2 + (
        canvas.steps[None, None, :] - x[:, None, None]
    ) ** 2
    canvas.fill((apart < radius**2) & shown[:, None, None], EXTRA["sun"])


def _shadow_bank() -> Pixels:
    """Streaks to the right of their middle for the values of ``sun``, long where it is low; then those to the left."""
    bank = np.zeros((16, 2, 32), np.uint8)
    for level in range(8):
        length = 14 - level
        bank[level, :, 16 : 16 + length] = EXTRA["shadow"]
        bank[8 + level, :, 16 - length : 16] = EXTRA["shadow"]
    return bank


_SHADOWS: Final = _shadow_bank()


def _indoors(canvas: Canvas, palette: Floats32, values: Ints, u: Floats32) -> None:
    def value(name: str) -> Ints:
        return values[:, INDEX[name]]

    dice, steps = _Dice(u), canvas.steps
    everywhere = np.ones(len(values), bool)
    for name in ("floor", "curtain"):
        choose(palette, name, value(name))
    palette[:, EXTRA["room"]] = _ROOM_COLOURS[dice.one_of(len(_ROOM_COLOURS))]
    palette[:, MATERIALS["C"]] = _CAR_COLOURS[dice.one_of(len(_CAR_COLOURS))]
    palette[:, EXTRA["frame"]] = (250, 250, 248)
    palette[:, EXTRA["fog"]] = (118, 124, 112)
    skirting, side = dice.between(44, 49), np.where(dice.one_of(2) == 1, 1.0, -1.0).astype(np.float32)
    wall = steps[None, :] < skirting[:, None]
    materials = np.where(wall, EXTRA["room"], EXTRA["floor_a"]).astype(np.uint8)
    canvas.ground(np.where(wall, 0, value("floor")[:, None]), FLOOR_TILES, materials, dice.one_of(16))

    # The window, between its curtains.
    middle, top = 32.0 - side * dice.between(4, 8), dice.between(4, 8)
    x = (steps[None, :] - middle[:, None])[:, None, :]
    y = (steps[None, :] - top[:, None])[:, :, None]
    tall = (y >= 0) & (y < 26)
    canvas.fill(tall & (np.abs(x) < 12), EXTRA["frame"])
    for band in range(SKY_BANDS):
        canvas.fill((y >= 1 + 3.5 * band) & (y < 4.5 + 3.5 * band) & (np.abs(x) < 11), EXTRA["sky0"] + band)
    canvas.fill((y >= 22) & (y < 25) & (np.abs(x) < 11), EXTRA["fog"])
    _sun(canvas, middle + dice.between(-6, 6), top + 20.0 - 2.4 * (value("sun") - 1), 2.5, value("sun") > 0)
    panels = (y >= -2) & (y < 30) & (np.abs(x) >= 9) & (np.abs(x) < 19)
    cell = steps.astype(np.int64)
    cloth = CURTAIN_TILES[np.maximum(value("curtain"), 1) - 1][:, cell[:, None] % 16, cell[None, :] % 16]
    canvas.fill(panels, EXTRA["curtain_a"])
    canvas.fill(panels & cloth, EXTRA["curtain_b"])

    canvas.paste(
        BANKS["socket"],
        np.maximum(value("socket"), 1) - 1,
        32.0 + side * dice.between(21, 24),
        skirting - dice.between(3, 6),
        dice.between(1.1, 1.3),
        value("socket") > 0,
    )
    sofa_x, sofa_y = 32.0 - side * dice.between(8, 16), skirting + dice.between(3, 9)
    canvas.paste(BANKS["sofa"], dice.one_of(2), sofa_x, sofa_y, dice.between(1.0, 1.2), everywhere)
