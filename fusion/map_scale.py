"""How probabilities are drawn and said: which cells, in which colour classes, as which words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["choose_level", "class_labels", "class_of", "density_scale", "percent"]

_COLOURS = 6  # map.css has as many
_SIDES_KM = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.01)


def choose_level(
    levels: Mapping[str, NDArray[np.floating[Any]]],
    areas: Mapping[str, NDArray[np.floating[Any]]] | None = None,
    *,
    mass: float = 0.97,
    most: int = 400,
    most_coarsest: int = 2000,
) -> tuple[str, NDArray[np.intp], str]:
    """Chooses how fine to draw a distribution, so that the drawing does not hide most of it.

    The finest level at which ``most`` cells hold ``mass`` of the probability is drawn. A wide distribution has none;
    then the coarsest level is drawn with as many cells as it takes, up to ``most_coarsest``.

    Args:
        levels: Name of the level to the probabilities of its cells, (n_level,), finest first.
        areas: The cells' own areas in km2 by level. With them the densest cells are drawn, which is the smallest
            region that holds so much; without, the likeliest.
        mass: Share of the probability to draw.
        most: Cells that may be drawn at any level.
        most_coarsest: Cells that may be drawn at the last level.

    Returns:
        The level's name, the indices of its cells to draw (densest or likeliest first) and a sentence for the reader.

    >>> name, cells, note = choose_level({"fine": np.full(1000, 0.001), "coarse": np.array([0.9, 0.1])})
    >>> name, cells.tolist()
    ('coarse', [0, 1])
    >>> print(note)
    Drawn: all 2 coarse cells. Finer cells are not drawn: the answer is too widely spread for them.
    """
    if not levels:
        raise ValueError("there is no level to draw")
    names = list(levels)
    for name in names:
        p = np.asarray(levels[name], dtype=np.float64)
        value = p if areas is None else p / np.asarray(areas[name], dtype=np.float64)
        order = np.argsort(-value, kind="stable")
        enough = int(np.searchsorted(np.cumsum(p[order]), mass - 1e-9)) + 1
        if enough <= most:
            break
    cells = order[: min(enough, most_coarsest)]
    cells = cells[p[cells] > 0.0]
    share, n, drawn = float(p[cells].sum()), len(p), len(cells)
    if drawn == n:
        note = f"Drawn: all {n:,} {name} cells."
    elif share > 1.0 - 1e-6:
        note = f"Drawn: all of {n:,} {name} cells that have any probability, {drawn:,}."
    else:
        kind = "likeliest" if areas is None else "densest"
        note = (
            f"Drawn: the {drawn:,} {kind} of {n:,} {name} cells, which hold {percent(share)} of the probability; "
            f"the rest, {percent(1.0 - share)}, is spread thinly and left out."
        )
    if name != names[0]:
        note += " Finer cells are not drawn: the answer is too widely spread for them."
    return name, cells, note


def density_scale(p: Sequence[float], area_km2: Sequence[float]) -> tuple[float, list[float]]:
    """A colour scale for cells whose sizes differ by orders of magnitude.

    Adaptive cells hold about the same mass each, so the mass per cell would show nothing; the map shows mass per
    square. The classes span the densities between which four fifths of the mass lie, so that one tiny dense cell does
    not leave all others in the lowest class, in the finest steps of 1-2-5, 1-3 or 1 a decade with which the colours
    reach so far.

    Args:
        p: Probability (n,) of each cell.
        area_km2: Area (n,) over which it is spread.

    Returns:
        Side in km of the square that the legend speaks of, and the lower ends of the classes as probability in one
        such square, largest first; the last is 0.

    >>> density_scale([0.5, 0.3, 0.2], [100.0, 200.0, 400.0])
    (10.0, [0.5, 0.2, 0.1, 0.05, 0.0])
    """
    mass, area = np.asarray(p, dtype=np.float64), np.asarray(area_km2, dtype=np.float64)
    mass, area = mass[mass > 0.0], area[mass > 0.0]
    if len(mass) == 0:
        return _SIDES_KM[0], [0.0]
    density = np.sort(mass / area)
    reached = np.cumsum(mass[np.argsort(mass / area)]) / mass.sum()
    low, top = density[np.searchsorted(reached, [0.1, 0.9])]
    side = next((side for side in _SIDES_KM if top * side**2 <= 1.0 + 1e-9), _SIDES_KM[-1])
    low, top = float(low) * side**2, float(top) * side**2
    if density[-1] <= density[0] * (1.0 + 1e-9):
        return side, [0.0]  # all cells alike: one class, no bounds
    decade = math.floor(math.log10(top))
    for steps in ("521", "31", "1"):
        series = [float(f"{step}e{k}") for k in range(decade, decade - 7, -1) for step in steps]
        edges = [x for x in series if x <= min(top * (1.0 + 1e-9), 1.0)]
        enough = next((i for i, x in enumerate(edges) if x <= low * (1.0 + 1e-9)), len(edges)) + 1
        if enough < _COLOURS:
            break
    return side, [*edges[: min(enough, _COLOURS - 1)], 0.0]


def percent(p: float) -> str:
    """A probability for people: two significant digits, three above 95 %, and never 0 or 100 % by rounding.

    >>> percent(0.614), percent(0.0321), percent(0.00004), percent(0.99996), percent(0.0)
    ('61 %', '3.2 %', '< 0.01 %', '> 99.9 %', '0 %')
    """
    if p <= 0.0:
        return "0 %"
    if p < 1e-4:
        return "< 0.01 %"
    if p >= 0.9995:
        return "> 99.9 %" if p < 1.0 else "100 %"
    if p > 0.95:
        return f"{100 * p:.1f} %"
    return f"{100 * p:.0f} %" if p >= 0.0995 else f"{100 * p:.1f} %" if p >= 0.00995 else f"{100 * p:.2f} %"


def class_of(value: float, edges: Sequence[float]) -> int:
    """Index of the first class whose lower end ``value`` reaches."""
    return next(i for i, edge in enumerate(edges) if value >= edge * (1.0 - 1e-9))


def class_labels(edges: Sequence[float]) -> list[str]:
    """What the legend says of each class."""

    def plain(x: float) -> str:
        return f"{100 * x:.10f}".rstrip("0").rstrip(".")

    if len(edges) == 1:
        return ["every drawn cell"]
    labels = [f"{plain(edges[0])} % or more"]
    labels += [f"{plain(low)} to {plain(high)} %" for high, low in pairwise(edges[:-1])]
    return [*labels, f"less than {plain(edges[-2])} %"]
