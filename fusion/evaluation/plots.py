"""Plots of figures and answers that read in grey and without telling red from green.

Colours are those of Okabe and Ito (*Color Universal Design*, 2008). None stands alone: each series has a line style and
a marker of its own too. matplotlib, which is no dependency of whence itself, is imported when a plot is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.geodesy import BANDS_KM, lat_lon, unit_vectors
from fusion.evaluation.outlines import land_rings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "STYLES", "Look", "bands_plot", "curve_plot", "error_map", "great_circle", "intervals_plot", "new_axes",
    "reliability_plot", "style",
]  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """How one series is drawn.

    Attributes:
        colour: Hexadecimal.
        line: matplotlib's line style.
        marker: matplotlib's marker.
    """

    colour: str
    line: str | tuple[int, tuple[int, ...]]
    marker: str


STYLES: Final = (
    Look("#0072B2", "-", "o"),  # blue
    Look("#D55E00", "--", "s"),  # vermilion
    Look("#009E73", "-.", "^"),  # bluish green
    Look("#000000", ":", "D"),  # black
    Look("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"),  # reddish purple
    Look("#56B4E9", (0, (7, 2)), "P"),  # sky blue
    Look("#E69F00", (0, (1, 2)), "X"),  # orange
)
"""Looks of the first, second, ... series of a plot; they begin again after the last."""

_RC: Final[dict[Any, Any]] = {  # a Literal of names in matplotlib's newer types, str in older ones
    "font.size": 11.0, "axes.titlesize": 12.0, "axes.labelsize": 11.0, "legend.fontsize": 10.5, "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#DDDDDD", "axes.axisbelow": True, "lines.linewidth": 2.0, "lines.markersize": 7.0,
    "figure.facecolor": "white", "savefig.facecolor": "white", "figure.dpi": 100.0, "legend.frameon": True,
    "legend.framealpha": 0.9, "errorbar.capsize": 3.0,
}  # fmt: skip
_LAND, _GREY = "#E3E3E3", "#555555"
_BAND_NAMES: Final = ("street", "city", "region", "country", "continent")
_Z: Final = 1.959964  # of a 95 % interval


@contextmanager
def style() -> Iterator[None]:
    """Inside it matplotlib draws with letters of 10 points and more, on white, as all plots here do."""
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield


def new_axes(width: float = 7.5, height: float = 4.5) -> Axes:
    """Axes of a figure of its own, ``width`` by ``height`` inches."""
    import matplotlib.pyplot as plt

    with style():
        axes: Axes = plt.subplots(figsize=(width, height), layout="constrained")[1]
    return axes


def bands_plot(
    shares: Mapping[str, ArrayLike], *, title: str = "", bands_km: Sequence[float] = BANDS_KM, ax: Axes | None = None
) -> Axes:
    """Share of photos within each band, one line a system, with intervals.

    Args:
        shares: Name of each system to (bands, 3): percent, and the low and high end of its interval; NaN for none.
        title: Above the plot.
        bands_km: The bands.
        ax: Where to draw; None for axes of its own.
    """
    names = _BAND_NAMES if tuple(bands_km) == BANDS_KM else ("",) * len(bands_km)
    with style():
        ax = ax or new_axes()
        at = np.arange(len(bands_km), dtype=np.float64)
        apart = min(0.09, 0.5 / max(len(shares), 1))
        for k, (name, given) in enumerate(shares.items()):
            rows = np.asarray(given, np.float64).reshape(len(bands_km), 3)
            x = at + apart * (k - (len(shares) - 1) / 2.0)
            _with_intervals(ax, x, rows, k, name, across=False)
        ax.set_xticks(at, [f"{km:g} km\n{name}".strip() for km, name in zip(bands_km, names, strict=True)])
        ax.set_ylim(0.0, 100.0)
        _label(ax, "distance from the true place (at most)", "photos within it (%)", title)
        _legend(ax, len(shares))
    return ax


def reliability_plot(
    bins: Mapping[str, ArrayLike], *, title: str = "", what: str = "the answer is right", ax: Axes | None = None
) -> Axes:
    """What was said against what was true, one line a system; on the diagonal probabilities mean what they say.

    The bars are 95 % intervals by Wilson's rule (1927) from each bin's number of photos.

    Args:
        bins: Name of each system to (bins, 3): mean probability said and share that was true, 0 to 1, and photos.
        title: Above the plot.
        what: That is said with a probability, for the axes.
        ax: Where to draw; None for axes of its own.
    """
    with style():
        ax = ax or new_axes(5.6, 5.4)
        ax.plot([0, 100], [0, 100], color=_GREY, linewidth=1.2, zorder=1, label="said = true")
        for k, (name, given) in enumerate(bins.items()):
            rows = np.asarray(given, np.float64).reshape(-1, 3)
            rows = rows[np.argsort(rows[:, 0], kind="stable")]
            low, high = _wilson(rows[:, 1], rows[:, 2])
            ends = 100.0 * np.stack([rows[:, 1], low, high], axis=1)
            _with_intervals(ax, 100.0 * rows[:, 0], ends, k, name, across=False)
        ax.set_xlim(0, 100)
        ax.set_ylim(0, 100)
        ax.set_aspect("equal")
        _label(ax, f"probability said that {what} (%)", f"of those, {what} (%)", title)
        _legend(ax, len(bins) + 1)
    return ax


def curve_plot(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    joined: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """One curve a series, or with ``joined=False`` points alone.

    Args:
        curves: Name of each series to its x and y, (n,) each.
        x_label: With its unit.
        y_label: With its unit.
        title: Above the plot.
        log_x: Whether x is drawn on a logarithmic axis.
        log_y: Whether y is.
        joined: Whether a line joins the points.
        ax: Where to draw; None for axes of its own.
    """
    with style():
        ax = ax or new_axes()
        for k, (name, (x, y)) in enumerate(curves.items()):
            look, xs, ys = STYLES[k % len(STYLES)], np.asarray(x, np.float64), np.asarray(y, np.float64)
            kwargs: dict[str, Any] = {"linestyle": look.line, "markevery": max(len(xs) // 12, 1)}
            if not joined:  # hollow but for the first, so that points are seen through each other
                fill = look.colour if k == 0 else "none"
                kwargs = {"linestyle": "none", "markerfacecolor": fill, "markeredgewidth": 1.8}
            ax.plot(xs, ys, color=look.colour, marker=look.marker, label=name, **kwargs)
        if log_x:
            ax.set_xscale("log")
        if log_y:
            ax.set_yscale("log")
        _label(ax, x_label, y_label, title)
        _legend(ax, len(curves))
    return ax


def intervals_plot(
    rows: Mapping[str, ArrayLike], *, x_label: str, title: str = "", zero: bool = True, ax: Axes | None = None
) -> Axes:
    """Named values with their intervals, one a line, the first on top.

    Args:
        rows: Name to (3,): value, and the low and high end of its interval; NaN for no interval.
        x_label: With its unit.
        title: Above the plot.
        zero: Whether a line marks 0.
        ax: Where to draw; None for axes of its own.
    """
    with style():
        ax = ax or new_axes(7.5, 1.2 + 0.38 * max(len(rows), 2))
        y = np.arange(len(rows))[::-1].astype(np.float64)
        values = np.array([np.asarray(row, np.float64) for row in rows.values()]).reshape(-1, 3)
        _with_intervals(ax, y, values, 0, "", across=True)
        ax.set_yticks(y, list(rows))
        ax.set_ylim(-0.6, len(rows) - 0.4)
        if zero:
            ax.axvline(0.0, color=_GREY, linewidth=1.2, zorder=1)
        _label(ax, x_label, "", title)
    return ax


def error_map(truth: ArrayLike, guess: ArrayLike, *, title: str = "", ax: Axes | None = None) -> Axes:
    """The world, with the shortest way from each guess to the true place.

    Args:
        truth: (n, 2) latitude and longitude in degrees; rows with NaN are left out.
        guess: (n, 2) likewise, or NaN.
        title: Above the map.
        ax: Where to draw; None for axes of its own.
    """
    from matplotlib.collections import LineCollection, PolyCollection

    true, said = np.asarray(truth, np.float64).reshape(-1, 2), np.asarray(guess, np.float64).reshape(-1, 2)
    both = ~np.isnan(np.concatenate([true, said], axis=1)).any(axis=1)
    with style():
        ax = ax or new_axes(9.0, 4.8)
        ax.grid(visible=False)
        rings = [ring + np.array([shift, 0.0]) for ring in land_rings() for shift in _turns(ring)]
        ax.add_collection(PolyCollection(rings, facecolors=_LAND, edgecolors="white", linewidths=0.4, zorder=0))
        ways = [part for a, b in zip(said[both], true[both], strict=True) for part in great_circle(a, b)]
        ax.add_collection(LineCollection(ways, colors=_GREY, linewidths=1.0, zorder=2))
        for k, (at, name, marker) in enumerate(((true[both], "true place", "o"), (said[both], "guess", "x"))):
            ax.scatter(at[:, 1], at[:, 0], 32.0, color=STYLES[k].colour, marker=marker, label=name, zorder=3)
        southern = np.concatenate([true[both, 0], said[both, 0]]).min(initial=0.0)
        ax.set_xlim(-180, 180)
        ax.set_ylim(-60 if southern > -58 else -90, 90)
        ax.set_aspect("equal")
        ax.set_xticks(np.arange(-180, 181, 60), ["180°", "120° W", "60° W", "0°", "60° E", "120° E", "180°"])
        ax.set_yticks(np.arange(-60, 61, 30), ["60° S", "30° S", "0°", "30° N", "60° N"])
        _label(ax, "longitude", "latitude", title)
        ax.legend(loc="lower left")
    return ax


def great_circle(start: ArrayLike, end: ArrayLike, step_deg: float = 2.0) -> list[Floats]:
    """The shortest way between two points (lat, lon) in degrees, in parts (n, 2) of longitude and latitude.

    It is cut where it crosses the date line, so that no part runs across the whole map. Between points on opposite
    sides of the Earth any way is shortest; one of them is given.

    >>> [part[[0, -1], 0].round().tolist() for part in great_circle((0.0, 178.0), (0.0, -178.0))]
    [[178.0, 180.0], [-180.0, -178.0]]
    """
    p, q = unit_vectors(*np.asarray([start, end], np.float64).T)
    angle = float(np.arctan2(np.linalg.norm(np.cross(p, q)), p @ q))
    across = q - (p @ q) * p
    if np.linalg.norm(across) < 1e-9:  # the same point, or its antipode
        across = np.cross(p, np.eye(3)[int(np.argmin(np.abs(p)))])
    across = across / np.linalg.norm(across)
    turn = np.linspace(0.0, angle, max(int(np.degrees(angle) / step_deg), 1) + 1)[:, None]
    lat, lon = lat_lon(np.cos(turn) * p + np.sin(turn) * across)
    parts, first = [], 0
    unwrapped = np.unwrap(lon, period=360.0)
    head: list[list[float]] = []
    for k in np.flatnonzero(np.abs(np.diff(lon)) > 180.0).tolist():
        edge = 180.0 if lon[k] > 0 else -180.0
        # Where the line meets the edge, by the share of longitude up to there.
        share = abs(edge - lon[k]) / max(abs(unwrapped[k + 1] - unwrapped[k]), 1e-12)
        at = lat[k] + share * (lat[k + 1] - lat[k])
        parts.append(np.array([*head, *zip(lon[first : k + 1], lat[first : k + 1], strict=True), [edge, at]]))
        head, first = [[-edge, at]], k + 1
    parts.append(np.array([*head, *zip(lon[first:], lat[first:], strict=True)]))
    return parts


def _turns(ring: Floats) -> list[float]:
    """By which whole turns a ring has to be shifted to be seen everywhere between -180 and 180."""
    low, high = float(ring[:, 0].min()), float(ring[:, 0].max())
    return [shift for shift in (-360.0, 0.0, 360.0) if high + shift > -180.0 and low + shift < 180.0]


def _with_intervals(ax: Axes, at: Floats, rows: Floats, k: int, name: str, *, across: bool) -> None:
    """Values (n, 3) with their intervals at ``at`` (n,): upright over a line, or ``across``, without one."""
    look = STYLES[k % len(STYLES)]
    value = rows[:, 0]
    away = np.abs(rows[:, 1:] - value[:, None])
    away = np.where(np.isnan(away), 0.0, away).T  # a value of which no interval is known
    given: dict[str, Any] = {"xerr": away} if across else {"yerr": away}
    x, y = (value, at) if across else (at, value)
    line = "none" if across else look.line
    bars = ax.errorbar(
        x, y, color=look.colour, linestyle=line, marker=look.marker, elinewidth=1.4, label=name or None, clip_on=False,
        **given,
    )  # fmt: skip
    for bar in bars[2]:
        bar.set_clip_on(False)


def _wilson(share: Floats, n: Floats) -> tuple[Floats, Floats]:
    """The ends of Wilson's 95 % intervals of shares (n,) of so many."""
    n = np.maximum(n, 1e-9)
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return middle - half, middle + half


def _label(ax: Axes, x: str, y: str, title: str) -> None:
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    if title:
        ax.set_title(title, loc="left")


def _legend(ax: Axes, series: int) -> None:
    if series > 1:
        ax.legend(handlelength=3.2)  # long enough to tell line styles apart
