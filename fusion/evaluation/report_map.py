"""A map of the world with each photo's error: a great circle from the guess to the true place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fusion.evaluation.outlines import land_rings
from fusion.evaluation.plots import great_circle
from fusion.evaluation.runs import PhotoColumns

__all__ = ["MOST", "chosen", "land", "map_of"]

Floats = NDArray[np.float64]

MOST: Final = 1_500
"""Photos on a map; of more, those whose names have the smallest sha256."""

_SCALE: Final = 3.0  # units a degree
_NORTH, _SOUTH = 84.0, -58.0  # of the map, where no photo lies beyond
_STEP_DEG: Final = 3.0  # a great circle is drawn in steps of this arc
_ISLAND_DEG: Final = 0.7
_CLASSES: Final = (
    (200.0, "near", "true place, at most 200 km off"),
    (2500.0, "middle", "at most 2,500 km off, solid line"),
    (np.inf, "far", "farther off, dashed line"),
)

_MARKS: Final = {
    "near": "m-{0} 0a{0} {0} 0 1 0 {1} 0a{0} {0} 0 1 0-{1} 0z",
    "middle": "m-{0}-{0}h{1}v{1}h-{1}z",
    "far": "m-{0}-{0}l{1} {1}m0-{1}l-{1} {1}",
}
"""A disc, a square and a cross, each from its own middle; {0} is half of its width and {1} the whole."""
_HALF: Final = ((150, 3.0), (600, 2.0), (MOST, 1.4))
"""Half of the width of a mark on a map of up to so many photos."""


def chosen(files: Sequence[str], most: int = MOST) -> list[int]:
    """Indices of the photos that are drawn, in order: all, or ``most`` of them by the sha256 of their names."""
    if len(files) <= most:
        return list(range(len(files)))
    digests = [hashlib.sha256(file.encode("utf-8", "surrogatepass")).digest() for file in files]
    return sorted(sorted(range(len(files)), key=digests.__getitem__)[:most])


@lru_cache(maxsize=1)
def land() -> str:
    """The land's outlines as an SVG element to be used by every map of a page, under the id ``land``."""
    paths = []
    for ring in land_rings(_ISLAND_DEG):
        grid = np.round(ring * (_SCALE, -_SCALE)).astype(np.int64)
        grid = grid[np.append(True, (np.diff(grid, axis=0) != 0).any(axis=1))]
        if len(grid) < 3:
            continue
        # What runs over the antimeridian is drawn at both edges of the map.
        for shift in (-360, 0, 360):
            moved = grid + np.array([int(shift * _SCALE), 0])
            if moved[:, 0].max() > -180 * _SCALE and moved[:, 0].min() < 180 * _SCALE:
                paths.append(_steps(moved))
    return (
        '<svg width="0" height="0" class="hidden" aria-hidden="true"><defs>'
        f'<path id="land" d="{"".join(paths)}"/></defs></svg>'
    )


def map_of(columns: PhotoColumns) -> str:
    """The map of the answers with clues, and what it shows in words; nothing where no photo has both ends.

    Args:
        columns: Of one prior.
    """
    km = columns.systems["text"]["km"]
    there = np.flatnonzero(np.isfinite(km))
    if not len(there):
        return ""
    some = there[chosen([columns.file[k] for k in there.tolist()])]
    truth, guess = (
        np.stack([columns.reals(f"{end}_lat"), columns.reals(f"{end}_lon")], axis=1)[some] for end in ("true", "text")
    )
    drawn = f"{len(there):,} photos"
    if len(some) < len(there):
        drawn = f"{len(some):,} of {drawn} (those whose names have the smallest sha256)"
    near, middle = (int((km[some] <= most).sum()) for most, _, _ in _CLASSES[:2])
    about = (
        f"{drawn}, with clues: a line from each guess along the great circle to the true place, which has the mark. "
        f"{near:,} are off by at most 200 km, {middle - near:,} by more and at most 2,500 km, {len(some) - middle:,} "
        "by more."
    )
    key = "".join(
        f'<li><svg viewBox="-5 -5 10 10" class="key" aria-hidden="true"><path class="truth {kind}" '
        f'd="M0 0{_mark(kind, 3.0)}"/></svg>{words}</li>'
        for _, kind, words in _CLASSES
    )
    return (
        f'<p class="note">{about}</p><ul class="legend">{key}</ul><div class="box map" role="group" tabindex="0" '
        f'aria-label="Map of errors">{_drawn(truth, guess, km[some], about)}</div>'
    )


def _drawn(truth: Floats, guess: Floats, km: Floats, about: str) -> str:
    """The map's drawing; it uses :func:`land`.

    Args:
        truth: (n, 2) latitude and longitude in degrees.
        guess: (n, 2), of the same photos.
        km: (n,) distances between the two.
        about: What it shows, markup without tags.
    """
    north = max(_NORTH, float(truth[:, 0].max(initial=_NORTH)), float(guess[:, 0].max(initial=_NORTH)))
    south = min(_SOUTH, float(truth[:, 0].min(initial=_SOUTH)), float(guess[:, 0].min(initial=_SOUTH)))
    left, top, width, height = -180 * _SCALE, -north * _SCALE, 360 * _SCALE, (north - south) * _SCALE
    half = next(half for most, half in _HALF if len(km) <= most)
    lines: dict[str, list[str]] = {kind: [] for _, kind, _ in _CLASSES}
    marks: dict[str, list[str]] = {kind: [] for _, kind, _ in _CLASSES}
    for (lat, lon), (from_lat, from_lon), far in zip(truth.tolist(), guess.tolist(), km.tolist(), strict=True):
        kind = next(kind for most, kind, _ in _CLASSES if far <= most)
        parts = great_circle((from_lat, from_lon), (lat, lon), _STEP_DEG)
        lines[kind] += [_line(part * (_SCALE, -_SCALE)) for part in parts]
        marks[kind].append(f"M{lon * _SCALE:.1f} {-lat * _SCALE:.1f}{_mark(kind, half)}")
    drawn = "".join(
        f'<path class="error {kind}" d="{"".join(lines[kind])}"/>' for kind in reversed(lines) if lines[kind]
    )
    drawn += "".join(
        f'<path class="truth {kind}" d="{"".join(marks[kind])}"/>' for kind in reversed(marks) if marks[kind]
    )
    kind = "world" if len(km) <= _HALF[0][0] else "world many"
    return (
        f'<svg class="{kind}" viewBox="{left:g} {top:g} {width:g} {height:g}" role="img">'
        f"<title>Map of errors</title><desc>{about}</desc>"
        f'<rect class="sea" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}"/>'
        f'<use href="#land" class="land"/>{drawn}</svg>'
    )


def _mark(kind: str, half: float) -> str:
    return _MARKS[kind].format(f"{half:g}", f"{2 * half:g}")


def _line(points: Floats) -> str:
    """Path data of (n, 2) points, to a tenth of a unit."""
    tenths = np.round(points * 10.0).astype(np.int64)
    first = f"M{tenths[0, 0] / 10:g} {tenths[0, 1] / 10:g}"
    return first + "".join(f"l{dx / 10:g} {dy / 10:g}" for dx, dy in np.diff(tenths, axis=0).tolist())


def _steps(grid: NDArray[np.int64]) -> str:
    """Path data of a closed ring of whole units (n, 2), coded as steps."""
    steps = " ".join(f"{dx} {dy}" for dx, dy in np.diff(grid, axis=0).tolist())
    return f"M{grid[0, 0]} {grid[0, 1]}l{steps.replace(' -', '-')}z"
