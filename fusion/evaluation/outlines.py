"""The world's land as rings of points, from the outlines that the map's page draws."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.assets import read_asset
from fusion.map import ASSETS_SHA256

__all__ = ["decode_arc", "land_rings"]

Floats = NDArray[np.float64]

_PATH: Final = Path(__file__).parent.parent / "assets" / "world.json"
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_EDGE: Final = -89.0  # degrees; south of it is no outline
_VALUE: Final = np.full(128, -1, np.int64)
_VALUE[[ord(digit) for digit in _DIGITS]] = np.arange(64)


def decode_arc(text: str) -> NDArray[np.int64]:
    """Grid points (n, 2), x and y, of one coded line: what ``fusion.build_map_assets.encode_arc`` coded.

    >>> decode_arc("AACB").tolist()
    [[0, 0], [1, -1]]
    """
    six = _VALUE[np.frombuffer(text.encode("ascii"), np.uint8)]
    last = six < 32  # of its number
    starts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    place = np.arange(len(six)) - np.repeat(starts, np.diff(np.append(starts, len(six))))
    value = np.add.reduceat((six & 31) << (5 * place), starts)
    steps = np.where(value & 1, -((value + 1) >> 1), value >> 1)
    points: NDArray[np.int64] = np.cumsum(steps.reshape(-1, 2), axis=0)
    return points


@lru_cache(maxsize=4)
def land_rings(least_deg: float = 0.5) -> tuple[Floats, ...]:
    """The outer rings of all countries, each (n, 2) longitude and latitude in degrees, from Natural Earth 1:50m.

    Longitudes run on past 180 rather than jump, and the ring around the south pole is led along latitude -90. Lakes and
    other holes are left out.

    Args:
        least_deg: Islands of which neither side is so long are left out: they would be dots on a map of the world.

    Raises:
        DatasetError: The outlines are missing or damaged: reinstall whence.
    """
    world = json.loads(read_asset(_PATH, ASSETS_SHA256[_PATH.name]))
    arcs = [decode_arc(text) * float(world["step"]) for text in world["arcs"]]
    rings = []
    for polygon in (polygon for *_, polygons in world["countries"] for polygon in polygons):
        whole = (np.concatenate([arcs[i] if i >= 0 else arcs[~i][::-1] for i in ring]) for ring in polygon)
        # Antarctica's first ring is the pole alone, drawn as a line along the map's edge; the next is its coast.
        ring = next(ring for ring in whole if ring[:, 1].max() > _EDGE)
        ring[:, 0] = np.unwrap(ring[:, 0], period=360.0)
        if abs(ring[-1, 0] - ring[0, 0]) > 180.0:  # it goes around a pole
            ring = np.vstack([ring, [[ring[-1, 0], -90.0], [ring[0, 0], -90.0]]])
        if np.ptp(ring, axis=0).max() >= least_deg:
            ring.flags.writeable = False
            rings.append(ring)
    return tuple(rings)
