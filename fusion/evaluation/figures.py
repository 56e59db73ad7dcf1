"""Figures of one system on one set, with bootstrap intervals, and what one system gains over another.

Photos of one place say the same thing many times over: intervals are drawn by places, not by photos.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.geodesy import BANDS_KM, geoscore
from fusion.evaluation.calibration import AREAS_KM2, MASSES, ece, ece_by_chance

__all__ = [
    "DRAWS",
    "Columns",
    "Figure",
    "each_photo",
    "figures",
    "gains",
    "mean_interval",
    "never_worse",
    "with_intervals",
]

DRAWS: Final = 2_000
"""Bootstrap draws of an interval."""

_AT_ONCE: Final = 4_000_000  # weights in memory
_BITS: Final = ("cell_bits", "country_bits")

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Columns = Mapping[str, Floats]
"""Fields of :class:`fusion.evaluation.scores.Score` to values (n,), NaN where not known; ``km`` infinite where a photo
got no answer. ``region_right`` and ``city_right`` (1.0 or 0.0) may stand beside them."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, the ends of its 95 % interval, and of how many photos; NaN where not known or no interval is told."""

    value: float
    low: float = math.nan
    high: float = math.nan
    photos: int = 0


def each_photo(columns: Columns, exact_km: Floats | float = 0.0) -> dict[str, Floats]:
    """The figures that are means, each as the values (n,) that it is the mean of; NaN for photos that do not count.

    Shares are in percent. A photo counts for a band only where its place is known to that band or better; one without
    an answer (``km`` infinite) is in no band and has a GeoScore of 0, and counts for no mean distance.

    Args:
        columns: Of one system.
        exact_km: How far the true points may be off, one for all or (n,).
    """
    km = columns["km"]
    exact = np.broadcast_to(np.asarray(exact_km, np.float64), km.shape)
    found: dict[str, Floats] = {}
    for band in BANDS_KM:
        found[f"within_{band:g}"] = np.where(np.isnan(km) | (exact > band), np.nan, np.where(km <= band, 100.0, 0.0))
    found["mean_km"] = np.where(np.isfinite(km), km, np.nan)
    found["geoscore"] = geoscore(km)
    for name, column in (("country", "right"), ("region", "region_right"), ("city", "city_right")):
        if column in columns:
            found[name] = 100.0 * columns[column]
    for name in _BITS:
        found[name] = -columns[name]
    for mass in MASSES:
        found[f"radius_{100 * mass:g}"] = _percent(columns["within"], mass)
        found[f"region_{100 * mass:g}"] = _percent(columns["denser"], mass)
    for area in AREAS_KM2:
        known = columns["area_km2"]
        found[_of_area(area)] = np.where(np.isnan(known), np.nan, np.where(known <= area, 100.0, 0.0))
    return found


def figures(columns: Columns, exact_km: Floats | float = 0.0, *, calibration: bool = True) -> dict[str, float]:
    """All figures of one system on one set by name, without intervals; NaN where nothing is known.

    Means as in :func:`each_photo`; bits are those that are missed, so less is better; ``ece_country`` is the expected
    calibration error of the likeliest country and ``ece_chance`` what few photos alone make of it.

    Args:
        columns: Of one system.
        exact_km: How far the true points may be off, one for all or (n,).
        calibration: Whether the two calibration errors are wanted, which take longer than all else.
    """
    found = {name: _mean(values) for name, values in each_photo(columns, exact_km).items()}
    km = columns["km"][~np.isnan(columns["km"])]
    found["median_km"] = float(np.median(km)) if len(km) else math.nan
    if not calibration:
        return found
    sure = np.where(np.isnan(columns["right"]), np.nan, columns["sure"])
    known = bool((~np.isnan(sure)).any())
    found["ece_country"] = ece(sure, columns["right"]) if known else math.nan
    found["ece_chance"] = ece_by_chance(sure) if known else math.nan
    return found


def with_intervals(
    columns: Columns, place: Indices, exact_km: Floats | float = 0.0, seed: int = 0
) -> dict[str, Figure]:
    """As :func:`figures`, each with its 95 % bootstrap interval; calibration errors, which are biased, without.

    Args:
        columns: Of one system.
        place: (n,) number of each photo's place, from 0; whole places are drawn, 2,000 times. Where all photos of a
            figure are of one place, photos are drawn.
        exact_km: How far the true points may be off.
        seed: Of the draws.
    """
    values = figures(columns, exact_km)
    right = int((~np.isnan(columns["right"]) & ~np.isnan(columns["sure"])).sum())
    found = {name: Figure(values[name], photos=right) for name in ("ece_country", "ece_chance")}
    each = each_photo(columns, exact_km)
    for name, ends in _intervals(each, place, seed).items():
        found[name] = Figure(values[name], *ends, int((~np.isnan(each[name])).sum()))
    known = int((~np.isnan(columns["km"])).sum())
    found["median_km"] = Figure(values["median_km"], *_median_interval(columns["km"], place, seed), known)
    return found


def gains(
    ours: Columns, theirs: Columns, place: Indices, exact_km: Floats | float = 0.0, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """What ``ours`` gains over ``theirs``, with the ends of its paired 95 % bootstrap interval over places.

    Shares are in percentage points, bits are bits a photo less to be told, ``mean_km`` km nearer: more is always
    better. Whole places are drawn, 2,000 times, the same for both. What is not known of any photo is left out, and so
    are coverages, of which more is not better.

    Args:
        ours: One value a photo.
        theirs: Of the same photos.
        place: (n,) number of each photo's place, from 0.
        exact_km: How far the true points may be off.
        seed: Of the draws.
    """
    a, b = each_photo(ours, exact_km), each_photo(theirs, exact_km)
    gained = {}
    for name in a:
        if name not in b or name.startswith(("radius_", "region_")):
            continue
        sign = -1.0 if name in _BITS or name == "mean_km" else 1.0
        values = sign * (a[name] - b[name])
        if (~np.isnan(values)).any():
            gained[name] = values
    return {name: (_mean(gained[name]), *ends) for name, ends in _intervals(gained, place, seed).items()}


def never_worse(gained: Mapping[str, tuple[float, float, float]], points: float = 1.0) -> bool | None:
    """Promise 1: no band's interval reaches ``points`` below the prior; None where no band is known."""
    lows = [low for name, (_, low, _) in gained.items() if name.startswith("within_")]
    return all(low > -points for low in lows) if lows else None


def mean_interval(values: Floats, place: Indices, seed: int = 0) -> tuple[float, float, float]:
    """The mean of ``values`` (n,), NaN left out, and the ends of its 95 % bootstrap interval over ``place`` (n,)."""
    return (_mean(values), *_intervals({"": values}, place, seed)[""])


def _intervals(each: Mapping[str, Floats], place: Indices, seed: int) -> dict[str, tuple[float, float]]:
    """Ends of the 95 % interval of the mean of each of the values (n,), NaN left out; all of the same draws."""
    found = dict.fromkeys(each, (math.nan, math.nan))
    together: dict[str, Floats] = {}
    alone: dict[str, Floats] = {}
    for name, values in each.items():
        if len(of := place[~np.isnan(values)]):
            (alone if (of == of[0]).all() else together)[name] = values
    for named, drawn_by in ((together, place), (alone, np.arange(len(place)))):
        if named:
            found |= zip(named, _ends(np.column_stack(list(named.values())), drawn_by, seed), strict=True)
    return found


def _ends(values: Floats, place: Indices, seed: int) -> list[tuple[float, float]]:
    """Ends of the intervals of the means of the columns of ``values`` (n, k), each of which knows something."""
    known = ~np.isnan(values)
    count = int(place.max()) + 1
    sums, photos = np.zeros((count, values.shape[1])), np.zeros((count, values.shape[1]))
    np.add.at(sums, place, np.where(known, values, 0.0))
    np.add.at(photos, place, known)

    def means(weights: Floats) -> Floats:
        total = weights @ photos
        drawn: Floats = np.divide(weights @ sums, total, out=np.full(total.shape, np.nan), where=total > 0)
        return drawn

    drawn = _drawn(count, seed, count, means)
    ends = (np.percentile(column[~np.isnan(column)], [2.5, 97.5]) for column in drawn.T)
    return [(float(low), float(high)) for low, high in ends]


def _median_interval(km: Floats, place: Indices, seed: int) -> tuple[float, float]:
    known = np.flatnonzero(~np.isnan(km))
    if not len(known):
        return math.nan, math.nan
    if (place[known] == place[known[0]]).all():
        place = np.arange(len(km))
    order = known[np.argsort(km[known], kind="stable")]
    ranked, of_place = km[order], place[order]

    def medians(weights: Floats) -> Floats:
        up_to = np.cumsum(weights[:, of_place], axis=1)
        some = up_to[up_to[:, -1] > 0]
        half = 0.5 * some[:, -1:]
        drawn: Floats = 0.5 * (ranked[(some >= half).argmax(axis=1)] + ranked[(some > half).argmax(axis=1)])
        return drawn

    drawn = np.sort(_drawn(int(place.max()) + 1, seed, len(km), medians))
    # Order statistics, not interpolated: a median may be infinite where photos got no answer.
    return float(drawn[int(0.025 * len(drawn))]), float(drawn[min(int(0.975 * len(drawn)), len(drawn) - 1)])


def _drawn(places: int, seed: int, width: int, figure: Callable[[Floats], Floats]) -> Floats:
    """``figure`` of weights (draws, places), a part of the draws at a time; the same draws for every figure."""
    rng = np.random.default_rng(seed)
    chances = np.full(places, 1.0 / places)
    rows = max(1, min(DRAWS, _AT_ONCE // max(width, places)))
    parts = [
        figure(rng.multinomial(places, chances, min(rows, DRAWS - start)).astype(np.float64))
        for start in range(0, DRAWS, rows)
    ]
    return np.concatenate(parts)


def _percent(before: Floats, mass: float) -> Floats:
    return np.where(np.isnan(before), np.nan, np.where(before < mass, 100.0, 0.0))


def _of_area(area: float) -> str:
    return f"recall_{area:.0e}".replace("e+0", "e")


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.mean(known)) if len(known) else math.nan
