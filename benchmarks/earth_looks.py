"""Colours and patterns of the rendered Earth: what each value of an attribute looks like where it is not a picture."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.earth_canvas import EXTRA
from benchmarks.earth_sprites import MATERIALS

__all__ = ["CURTAIN_TILES", "FLOOR_TILES", "GROUND_TILES", "PAIRS", "SKY_BANDS", "choose", "sky_colours"]

Floats32 = NDArray[np.float32]

SKY_BANDS: Final = 6

PAIRS: Final[dict[str, tuple[tuple[str, str], list[tuple[int, ...]]]]] = {
    "land": (
        ("land_a", "land_b"),
        [
            (166, 164, 160, 148, 146, 144),
            (238, 245, 250, 200, 222, 240),
            (158, 122, 128, 112, 104, 84),
            (50, 92, 74, 24, 54, 46),
            (98, 166, 70, 150, 190, 84),
            (158, 152, 84, 88, 104, 50),
            (200, 190, 122, 176, 170, 96),
            (236, 204, 138, 212, 172, 106),
            (212, 168, 62, 108, 112, 44),
            (18, 92, 38, 48, 136, 52),
            (96, 158, 98, 66, 136, 206),
        ],
    ),
    "soil": (
        ("soil_a", "soil_b"),
        [
            (186, 182, 176, 150, 148, 146),
            (182, 72, 46, 160, 58, 38),
            (222, 184, 88, 204, 164, 70),
            (56, 48, 46, 40, 34, 32),
            (146, 148, 156, 124, 126, 136),
            (122, 84, 56, 104, 70, 44),
        ],
    ),
    "relief": (
        ("relief", "snow"),
        [
            (214, 216, 218, 214, 216, 218),
            (0, 0, 0, 0, 0, 0),
            (92, 138, 96, 92, 138, 96),
            (116, 108, 116, 116, 108, 116),
            (98, 112, 146, 248, 250, 252),
            (190, 100, 62, 160, 80, 52),
        ],
    ),
    "centre line": (
        ("centre", "centre"),
        [(0,) * 6, (244, 244, 240) * 2, (244, 244, 240) * 2, (246, 196, 30) * 2, (246, 196, 30) * 2, (0,) * 6],
    ),
    "edge line": (("edge", "edge"), [(0,) * 6, (244, 244, 240) * 2, (0,) * 6, (246, 196, 30) * 2]),
    "wall": (
        ("W", "V"),
        [
            (0, 0, 0, 0, 0, 0),
            (240, 238, 230, 226, 222, 212),
            (170, 74, 54, 196, 112, 90),
            (226, 172, 76, 206, 150, 58),
            (240, 158, 172, 224, 138, 154),
            (84, 138, 208, 66, 118, 188),
            (112, 184, 132, 92, 164, 112),
            (142, 142, 148, 122, 122, 128),
            (124, 82, 50, 78, 50, 32),
        ],
    ),
    "roof": (
        ("R", "R"),
        [(0,) * 6, (104, 108, 116) * 2, (176, 72, 48) * 2, (58, 54, 66) * 2, (196, 158, 84) * 2],
    ),
    "floor": (
        ("floor_a", "floor_b"),
        [
            (0,) * 6,
            (164, 112, 66, 120, 78, 44),
            (232, 232, 228, 92, 96, 104),
            (152, 40, 52, 206, 160, 80),
            (206, 198, 130, 74, 84, 52),
        ],
    ),
    "curtain": (
        ("curtain_a", "curtain_b"),
        [
            (0,) * 6,
            (190, 38, 44, 150, 24, 34),
            (44, 84, 188, 236, 238, 242),
            (52, 140, 70, 20, 76, 42),
            (244, 210, 70, 206, 96, 40),
            (132, 66, 160, 98, 40, 128),
            (244, 242, 236, 60, 58, 62),
        ],
    ),
}
"""Attribute to its two materials, and for each of its values their colours: red, green, blue, red, green, blue."""

_Y, _X = np.mgrid[:16, :16]
_SPECKLES = np.random.default_rng(3).random((16, 16))

GROUND_TILES: Final = np.stack(
    [
        np.zeros((16, 16), bool),  # sky
        (_Y % 4 == 0) | ((_X + 2 * (_Y // 4)) % 8 == 0),  # paving, where no land is shown
        (_X + 3 * _Y) % 16 < 2,  # ice
        _SPECKLES < 0.35,  # tundra
        np.abs(_X % 4 - 1.5) < (_Y % 4 + 1) / 2,  # boreal forest
        _Y % 6 < 3,  # fields
        (_X % 4 < 2) & (_Y % 4 < 2),  # mediterranean
        (_Y % 2 == 0) & ((_X + _Y) % 4 < 2),  # steppe
        (_Y + np.rint(1.5 * np.sin(_X * np.pi / 4)).astype(int)) % 5 == 0,  # desert
        (_X % 8 < 3) & ((_Y + 3 * (_X // 8)) % 6 < 2),  # savanna
        _SPECKLES[::-1] < 0.5,  # rainforest
        _Y % 4 < 2,  # wetland
        (_Y % 6 == 0) | (_X % 8 == 0),  # slabs, where no soil is shown
        *[_SPECKLES.T < 0.25] * 5,  # soils
    ]
)
"""(18, 16, 16): sky, then the values of ``land``, then those of ``soil``, each with its own for "hidden"."""

FLOOR_TILES: Final = np.stack(
    [
        np.zeros((16, 16), bool),
        (_Y % 4 == 3) | ((_X + 5 * (_Y // 4)) % 16 == 0),
        (_X // 4 + _Y // 4) % 2 == 0,
        (np.abs(_X % 8 - 4) + _Y) % 8 < 2,
        (_Y % 8 == 0) | (_X % 16 < 2),
    ]
)
"""(5, 16, 16): the room's wall, then the values of ``floor`` without "hidden"."""

CURTAIN_TILES: Final = np.stack(
    [
        _X % 4 == 3,
        _X % 4 < 2,
        (_X % 6 < 3) ^ (_Y % 6 < 3),
        (_X % 4 < 2) & (_Y % 4 < 2),
        _X % 4 == 0,
        _Y % 4 < 2,
    ]
)
"""(6, 16, 16): the values of ``curtain`` without "hidden"."""

_SKY_STOPS: Final = np.array([0.0, 2.5, 5.0, 7.0])
_ZENITHS: Final = np.array([(226, 150, 128), (196, 182, 200), (112, 172, 228), (24, 104, 220)], float)
_HORIZONS: Final = np.array([(252, 206, 140), (244, 224, 200), (206, 228, 244), (170, 214, 252)], float)
_OVERCAST: Final = np.array([(150, 154, 160), (208, 208, 206)], float)


def choose(palette: Floats32, attribute: str, values: NDArray[np.int64]) -> None:
    """Write the colours of ``values`` (n,) of ``attribute`` into ``palette`` (n, materials, 3)."""
    names, colours = PAIRS[attribute]
    table = np.array(colours, np.float32)[values]
    for k, name in enumerate(names):
        palette[:, EXTRA[name] if name in EXTRA else MATERIALS[name]] = table[:, 3 * k : 3 * k + 3]


def sky_colours(sun: NDArray[np.int64]) -> Floats32:
    """Colours (n, SKY_BANDS, 3) of the sky from above to the horizon, for values (n,) of ``sun``; grey where hidden."""
    level = np.maximum(sun - 1, 0)
    ends = []
    for stops, grey in ((_ZENITHS, _OVERCAST[0]), (_HORIZONS, _OVERCAST[1])):
        clear = np.stack([np.interp(level, _SKY_STOPS, stops[:, c]) for c in range(3)], axis=1)
        ends.append(np.where(sun[:, None] == 0, grey, clear))
    down = np.linspace(0.0, 1.0, SKY_BANDS)[:, None]
    colours: Floats32 = (ends[0][:, None] * (1.0 - down) + ends[1][:, None] * down).astype(np.float32)
    return colours
