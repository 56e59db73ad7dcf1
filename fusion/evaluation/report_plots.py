"""Plots of a report as SVG, made without any library: curves over labelled axes that read in grey.

Colours are those of Okabe and Ito (*Color Universal Design*, 2008); each line has dashes and a marker of its own too.
Plots are 360 units wide, as wide as a phone, so that their letters are read there.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["LOOKS", "Axis", "Line", "Look", "legend", "plot", "wilson"]

_WIDTH, _HEIGHT = 360.0, 290.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 340.0, 10.0, 240.0
_MARKS: Final = 8  # of a line of many points
_SHAPES: Final = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "M-3.2-3.2h6.4v6.4h-6.4z",
    "M0-4.2L4 3H-4z",
    "M0-4.6L4 0L0 4.6L-4 0z",
    "M0 4.2L4-3H-4z",
    "M-1.3-4h2.6v2.7H4v2.6H1.3V4h-2.6V1.3H-4v-2.6h2.7z",
    "M-4-2.2L-2.2-4L0-1.8L2.2-4L4-2.2L1.8 0L4 2.2L2.2 4L0 1.8L-2.2 4L-4 2.2L-1.8 0z",
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a line is drawn: its colour, its dashes (lines and gaps; "" for none), the shape of its marks."""

    colour: str
    dashes: str
    shape: str


LOOKS: Final = tuple(
    Look(colour, dashes, shape)
    for (colour, dashes), shape in zip(
        (
            ("#0072B2", ""),  # blue
            ("#D55E00", "7 4"),  # vermilion
            ("#009E73", "10 3 2 3"),  # bluish green
            ("#000000", "2 3"),  # black
            ("#CC79A7", "10 3 2 3 2 3"),  # reddish purple
            ("#56B4E9", "14 4"),  # sky blue
            ("#E69F00", "4 2"),  # orange
        ),
        _SHAPES,
        strict=True,
    )
)
"""Looks of the first, second, ... line; they begin again after the last."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis.

    Attributes:
        label: What it counts, with the unit.
        low: Its lower end.
        high: Its upper end.
        ticks: Value and label of each tick.
        log: Whether it is logarithmic; what is below ``low`` then stands at ``low``.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def share(self, value: float) -> float:
        """Where ``value`` stands, 0 at the lower end and 1 at the upper."""
        low, high = self.low, self.high
        value = min(max(value, low), high)
        if self.log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plot.

    Attributes:
        name: For the legend, plain text.
        points: x and y of its points.
        look: Number of its look.
        bars: Lower and upper end of an interval at each point; none where empty.
        stepped: Whether it keeps its height until the next point.
    """

    name: str
    points: Sequence[tuple[float, float]]
    look: int = 0
    bars: Sequence[tuple[float, float]] = field(default=())
    stepped: bool = False


def plot(title: str, about: str, x: Axis, y: Axis, lines: Sequence[Line], *, diagonal: bool = False) -> str:
    """A plot as a figure.

    Args:
        title: Plain text above it.
        about: The same in words for those who do not see it, plain text.
        x: Axis below.
        y: Axis at the left.
        lines: What is drawn, the first on top.
        diagonal: Whether to draw where y equals x.
    """
    drawn = "".join(_line(line, x, y) for line in reversed(lines))
    even = f'<path class="even" d="M{_LEFT:g} {_BOTTOM:g}L{_RIGHT:g} {_TOP:g}"/>' if diagonal else ""
    return (
        f'<figure class="plot"><figcaption>{html.escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img"><title>{html.escape(title)}</title>'
        f"<desc>{html.escape(about)}</desc>{''.join(_axes(x, y))}{even}{drawn}</svg></figure>"
    )


def legend(entries: Sequence[tuple[str, int]], notes: Sequence[str] = ()) -> str:
    """What the lines of plots are.

    Args:
        entries: Markup of a name, and the number of its look.
        notes: Markup of further entries.
    """
    rows = []
    for title, number in entries:
        look = LOOKS[number % len(LOOKS)]
        rows.append(
            f'<li><svg viewBox="0 0 44 14" aria-hidden="true"><path d="M1 7H43" stroke="{look.colour}"{_dashes(look)}/>'
            f'<path class="mark" transform="translate(22 7)" d="{look.shape}" fill="{look.colour}"/></svg>{title}</li>'
        )
    return f'<ul class="legend">{"".join(rows)}{"".join(f"<li>{note}</li>" for note in notes)}</ul>'


def wilson(share: float, photos: int) -> tuple[float, float]:
    """Ends of the 95 % interval of a share of ``photos``, by Wilson's rule (1927).

    >>> [round(end, 3) for end in wilson(0.5, 4)]
    [0.15, 0.85]
    """
    z = 1.959964
    spread = z * math.sqrt(share * (1.0 - share) / photos + (z / (2.0 * photos)) ** 2)
    scale, middle = 1.0 + z * z / photos, share + z * z / (2.0 * photos)
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _axes(x: Axis, y: Axis) -> Iterator[str]:
    yield f'<path class="grid" d="{"".join(_grid(x, y))}"/>'
    yield f'<path class="frame" d="M{_LEFT:g} {_TOP:g}V{_BOTTOM:g}H{_RIGHT:g}"/>'
    for value, label in x.ticks:
        at = min(_x(x, value), _WIDTH - 4.2 * len(label))  # a long label at the end stays inside
        yield f'<text x="{at:.1f}" y="{_BOTTOM + 17:g}" text-anchor="middle">{html.escape(label)}</text>'
    for value, label in y.ticks:
        yield f'<text x="{_LEFT - 6:g}" y="{_y(y, value) + 4:.1f}" text-anchor="end">{html.escape(label)}</text>'
    middle_x, middle_y = (_LEFT + _RIGHT) / 2.0, (_TOP + _BOTTOM) / 2.0
    below = f'x="{middle_x:g}" y="{_HEIGHT - 10:g}"'
    yield f'<text class="label" {below} text-anchor="middle">{html.escape(x.label)}</text>'
    yield (
        f'<text class="label" transform="translate(13 {middle_y:g})rotate(-90)" text-anchor="middle">'
        f"{html.escape(y.label)}</text>"
    )


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    for value, _ in x.ticks:
        yield f"M{_x(x, value):.1f} {_TOP:g}V{_BOTTOM:g}"
    for value, _ in y.ticks:
        yield f"M{_LEFT:g} {_y(y, value):.1f}H{_RIGHT:g}"


def _line(line: Line, x: Axis, y: Axis) -> str:
    look = LOOKS[line.look % len(LOOKS)]
    at = [(_x(x, a), _y(y, b)) for a, b in line.points]
    if not at:
        return ""
    path = f"M{at[0][0]:.1f} {at[0][1]:.1f}"
    for a, b in at[1:]:
        path += f"H{a:.1f}V{b:.1f}" if line.stepped else f"L{a:.1f} {b:.1f}"
    bars = "".join(
        f"M{a:.1f} {_y(y, low):.1f}V{_y(y, high):.1f}" for (a, _), (low, high) in zip(at, line.bars, strict=False)
    )
    thin = f'<path class="bar" d="{bars}" stroke="{look.colour}"/>' if bars else ""
    step = max(1.0, len(at) / _MARKS)
    marks = "".join(
        f'<path class="mark" transform="translate({a:.1f} {b:.1f})" d="{look.shape}" fill="{look.colour}"/>'
        for a, b in _spread(at, step)
    )
    return f'{thin}<path class="line" d="{path}" stroke="{look.colour}"{_dashes(look)}/>{marks}'


def _spread(at: Sequence[tuple[float, float]], step: float) -> list[tuple[float, float]]:
    """About every ``step``-th point and the last, and none of those that lie on top of one that is marked."""
    if step <= 1.5:
        return list(at)
    wanted = (_RIGHT - _LEFT) / _MARKS
    found = [at[0]]
    for point in at[1:]:
        if math.dist(point, found[-1]) >= wanted:
            found.append(point)
    return found


def _dashes(look: Look) -> str:
    return f' stroke-dasharray="{look.dashes}"' if look.dashes else ""


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.share(value) * (_RIGHT - _LEFT)


def _y(axis: Axis, value: float) -> float:
    return _BOTTOM - axis.share(value) * (_BOTTOM - _TOP)
