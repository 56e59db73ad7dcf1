"""Occlusion maps: which part of a photo carries a prior's answer.

Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2: cover one place
after the other, and see how the output changes. A photo ``x`` with the window ``W`` covered is ``x_W``, and for a
target ``T`` (a country, a cell)::

    drop(W) = logit P(T | x) - logit P(T | x_W)                                 in nats
    heat(u) = mean over sizes s of the mean of drop(W) over the windows W of size s that hold the pixel u

A drop is in log-odds, as the ledger of an answer: independent evidence adds up there, while a probability near 1 hardly
moves. Positive heat carries the target, negative heat speaks against it. Windows of one size overlap by half; with
several sizes both a small thing and a large one are covered whole by some window.

What a window is covered with: ``"mean"``, the default, is the photo's mean colour, a grey as in the paper, and makes
rectangles with sharp edges. ``"around"`` is a smooth passage between the mean colours of the window's four sides: no
edge appears where the surroundings are even, but a window inside a large even place, as sky or soil, is covered with
the very colour of that place, which so gets no heat. ``"blur"`` (a blurred copy) leaves the colours, which may be what
tells the place. On the rendered Earth ``"mean"`` ranks what moves a model better than ``"around"`` for all four models
(``benchmarks/earth_heatmaps.py``); whether that holds for photographs was not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFilter

from backbone.base import Prior
from backbone.targets import Target
from data.distribution import CellDistribution
from data.errors import RequestError

__all__ = [
    "Fill",
    "Occlusion",
    "OcclusionMap",
    "Window",
    "Windows",
    "covered",
    "grid_of",
    "mean_heat",
    "occlusion_map",
    "predict_covered",
    "windows_of",
]

Fill = Literal["mean", "around", "blur"]

Window = tuple[int, int, int, int]
"""Left, top, right and bottom in whole pixels; right and bottom are outside."""

_GRID_PX: Final = 640  # longer side of a heat map: finer than any window, and small whatever the photo's size
_BAND: Final = 0.15  # of a window's shorter side: the frame around it whose colours it is covered with
_MOST_ACROSS: Final = 24  # windows of one size along one side of a long photo


@dataclass(frozen=True, slots=True)
class Occlusion:
    """How a photo is covered.

    Attributes:
        sizes: Sides of the square windows, as shares of the photo's shorter side.
        step: From one window to the next, at most, as a share of its side.
        fill: What they are covered with.
        batch: Covered photos that the prior is asked about at once.

    Raises:
        RequestError: A value makes no sense.
    """

    sizes: tuple[float, ...] = (0.35, 0.2)
    step: float = 0.5
    fill: Fill = "mean"
    batch: int = 8

    def __post_init__(self) -> None:
        if not self.sizes or not all(0.0 < size <= 1.0 for size in self.sizes):
            raise RequestError(f"sizes of windows are shares of the photo's shorter side, above 0 to 1: {self.sizes}")
        if not 0.0 < self.step <= 1.0 or self.batch < 1 or self.fill not in get_args(Fill):
            raise RequestError("step lies above 0 and up to 1, batch is at least 1, fill is mean, around or blur")


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of all sizes on one photo.

    Attributes:
        boxes: (m, 4) int64: left, top, right, bottom in pixels of the photo.
        size: (m,) int64: which of the sizes each has.
    """

    boxes: NDArray[np.int64]
    size: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.boxes)

    def __iter__(self) -> Iterator[Window]:
        return (_window(row) for row in self.boxes.tolist())


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """What a prior's answer rests on.

    Attributes:
        heat: (H', W') float32, nats, no side over 640; the whole photo, reduced.
        log_odds: Of the target in the photo as it is.
        windows: What was covered.
        drops: (m,) float32, nats, of each window.
    """

    heat: NDArray[np.float32]
    log_odds: float
    windows: Windows
    drops: NDArray[np.float32]


def occlusion_map(
    prior: Prior,
    photo: NDArray[np.uint8],
    target: Target,
    how: Occlusion | None = None,
    *,
    device: str = "cpu",
) -> OcclusionMap:
    """The occlusion map of ``target`` in ``photo``, (H, W, 3) uint8 RGB.

    Raises:
        RequestError: The prior looks at no pixel, or the target has no probability, or all of it.
    """
    how = how or Occlusion()
    if not prior.card.visual:
        raise RequestError(
            f"the prior {prior.name} looks at no pixel, so no part of the photo carries its answer: name a visual "
            "prior (--prior pixels; `whence weights list` shows what is at hand)"
        )
    [whole] = prior.predict([photo], device=device)
    target.require_mass(whole.distribution)
    base = target.log_odds(whole.distribution)
    windows = windows_of(photo.shape[0], photo.shape[1], how)
    seen = predict_covered(prior, photo, list(windows), how, device=device)
    drops = np.array([base - target.log_odds(distribution) for distribution in seen], np.float32)
    return OcclusionMap(mean_heat(photo.shape[0], photo.shape[1], windows, drops), base, windows, drops)


def windows_of(height: int, width: int, how: Occlusion) -> Windows:
    """Windows of every size that together hold each pixel of a photo, none of them reaching beyond its edges.

    >>> len(windows_of(100, 100, Occlusion(sizes=(0.5,))))
    9
    """
    boxes, sizes = [], []
    for k, share in enumerate(how.sizes):
        side = max(round(share * min(height, width)), 1)
        for top in _starts(height, side, how.step):
            for left in _starts(width, side, how.step):
                boxes.append((left, top, min(left + side, width), min(top + side, height)))
                sizes.append(k)
    return Windows(np.array(boxes, np.int64).reshape(-1, 4), np.array(sizes, np.int64))


def predict_covered(
    prior: Prior, photo: NDArray[np.uint8], windows: Sequence[Window], how: Occlusion, *, device: str = "cpu"
) -> Iterator[CellDistribution]:
    """What ``prior`` says of ``photo`` with each of ``windows`` covered, in order, asked in batches."""
    for start in range(0, len(windows), how.batch):
        shown = [covered(photo, window, how.fill) for window in windows[start : start + how.batch]]
        for output in prior.predict(shown, device=device):
            yield output.distribution


def covered(photo: NDArray[np.uint8], window: Window, fill: Fill = "mean") -> NDArray[np.uint8]:
    """A copy of ``photo``, (H, W, 3) uint8 RGB, with ``window`` covered; see the module's docstring for ``fill``."""
    out = photo.copy()
    height, width = photo.shape[:2]
    left, top, right, bottom = max(window[0], 0), max(window[1], 0), min(window[2], width), min(window[3], height)
    if right > left and bottom > top:
        out[top:bottom, left:right] = _FILLS[fill](photo, (left, top, right, bottom))
    return out


def mean_heat(
    height: int, width: int, windows: Windows, drops: NDArray[np.float32], *, grid: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Heat (H', W') from the drops of windows: per size the mean over the windows on a place, then the mean over sizes.

    Args:
        height: Of the photo, in pixels.
        width: Of the photo.
        windows: On the photo.
        drops: (m,) nats.
        grid: (H', W'); default: the photo's, reduced to no side over 640.

    Raises:
        RequestError: There is not one drop a window, or a place that no window of some size holds.
    """
    if len(drops) != len(windows):
        raise RequestError(f"{len(windows)} windows and {len(drops)} drops")
    rows, columns = grid or grid_of(height, width)
    scale = np.array([columns / width, rows / height, columns / width, rows / height])
    cells = np.rint(windows.boxes * scale).astype(np.int64)
    # A window is never too small to be seen on the map.
    cells[:, 2:] = np.maximum(cells[:, 2:], cells[:, :2] + 1)
    heat = np.zeros((rows, columns))
    sizes = np.unique(windows.size)
    for size in sizes.tolist():
        total, count = np.zeros((rows, columns)), np.zeros((rows, columns))
        for (left, top, right, bottom), drop in zip(
            cells[windows.size == size].tolist(), drops[windows.size == size].tolist(), strict=True
        ):
            total[top:bottom, left:right] += drop
            count[top:bottom, left:right] += 1.0
        if not count.all():
            raise RequestError("the windows of each size must hold every place of the photo")
        heat += total / count / len(sizes)
    return heat.astype(np.float32)


def grid_of(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the heat map of a photo: its pixels, reduced to no side over 640."""
    scale = min(1.0, _GRID_PX / max(height, width))
    return max(round(height * scale), 1), max(round(width * scale), 1)


def _starts(length: int, side: int, step: float) -> list[int]:
    """Where windows of ``side`` begin along ``length``: evenly, the first and the last at the edges."""
    if side >= length:
        return [0]
    count = min(int(np.ceil((length - side) / (step * side))) + 1, max(_MOST_ACROSS, int(np.ceil(length / side))))
    return sorted({int(start) for start in np.rint(np.linspace(0, length - side, count))})


def _window(row: Sequence[int]) -> Window:
    left, top, right, bottom = row
    return left, top, right, bottom


def _around(photo: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    """A smooth passage (h, w, 3) between the mean colours beside the window's sides.

    Each side counts by the inverse of a place's distance from it; a side at the photo's edge has no colour.
    """
    left, top, right, bottom = window
    height, width = photo.shape[:2]
    band = max(round(_BAND * min(right - left, bottom - top)), 1)
    x, y = np.arange(right - left) + 0.5, np.arange(bottom - top) + 0.5
    sides = (
        (photo[max(top - band, 0) : top, left:right], y[:, None]),
        (photo[bottom : min(bottom + band, height), left:right], (bottom - top - y)[:, None]),
        (photo[top:bottom, max(left - band, 0) : left], x[None, :]),
        (photo[top:bottom, right : min(right + band, width)], (right - left - x)[None, :]),
    )
    total = np.zeros((bottom - top, right - left, 3))
    weights = np.zeros((bottom - top, right - left, 1))
    for beside, distance in sides:
        if beside.size:
            weight = np.broadcast_to(1.0 / distance, total.shape[:2])[:, :, None]
            total += weight * beside.reshape(-1, 3).mean(axis=0)
            weights += weight
    if not weights.all():  # the window is the whole photo
        return _mean(photo, window)
    return np.asarray(np.rint(total / weights).astype(np.uint8))


def _mean(photo: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    return np.asarray(np.rint(photo.reshape(-1, 3).mean(axis=0)).astype(np.uint8))


def _blurred(photo: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    """The photo there, blurred so far that nothing smaller than half of the window is left."""
    left, top, right, bottom = window
    sigma = 0.5 * min(right - left, bottom - top)
    margin = int(np.ceil(2.0 * sigma))
    x, y = max(left - margin, 0), max(top - margin, 0)
    part = Pillow.fromarray(np.ascontiguousarray(photo[y : bottom + margin, x : right + margin]))
    blurred = np.asarray(part.filter(ImageFilter.GaussianBlur(sigma)))
    return np.asarray(blurred[top - y : bottom - y, left - x : right - x])


_FILLS: Final = {"mean": _mean, "around": _around, "blur": _blurred}
