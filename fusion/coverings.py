"""The whole way from pixels to posterior, walked again for each place of a photo that is covered.

The prior sees the covered photo, and the text is what can still be read in it (`detectors.rereading`). With ``P`` the
prior of the photo and ``R`` its text, ``P_W`` and ``R_W`` those where ``W`` is covered, and ``s(P, R)`` the log-odds of
the target in the fused posterior, the drop of a window has two parts that add up to it::

    drop(W) = [s(P, R) - s(P_W, R)] + [s(P_W, R) - s(P_W, R_W)]                  in nats
               looks (prior)           text

The part of the looks is spread over the window, as an occlusion map is. The part of the text lies only on the lines and
plates that the window touches, and is divided among them by what each is worth by itself: of a window that holds a
strong line and a neutral one, the strong one lights up. With ``d_l`` the drop where exactly the line ``l`` is covered
and ``c_l(W)`` the share of it that lies in the window, a line gets the part ``a_l`` of ``text``::

    a_l proportional to c_l(W) (max(d_l sign(text), 0) + 0.05 nats)
    text heat(u in l) = mean over kinds of covering of the mean of a_l text(W) over those that hold u

A kind is a size of windows, or the lines, signs or plates that are covered exactly, each by itself. Text from which no
clue was read, and text that a window does not touch, keeps its reading.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from backbone.occlusion import Occlusion, Window, covered, grid_of, mean_heat, predict_covered, windows_of
from backbone.targets import Target
from data.distribution import CellDistribution
from detectors.base import Box, Clue, Reading, bounding_box, bounds
from detectors.looking import Looked, share_inside
from detectors.privacy import hidden, mask
from detectors.rereading import Rereader
from fusion.among_shops import among_shops
from fusion.context import Context
from fusion.sharing import spans_of
from fusion.view import reduced

if TYPE_CHECKING:
    from fusion.locator import Locator

__all__ = ["LEAST_NATS", "Covering", "Coverings", "Part", "Tried"]

_WIDER: Final = 0.15  # of a line's height: what is covered around a line, since readers cut their boxes close
_INSIDE: Final = 0.6  # of a line's box that lies in a sign from which it is the sign's
_AREAS: Final = 3  # windows that are named among the parts
LEAST_NATS: Final = 0.05
"""A place that moves the odds by less is not named; and what a line that is worth nothing by itself counts for."""


@dataclass(frozen=True, slots=True)
class Part:
    """A place of the photo that was covered by itself, and what that did.

    Attributes:
        kind: ``"line"``, ``"sign"``, ``"plate"``, or ``"area"`` for a window that moved the prior and touches
            no text that told something.
        text: What stands there, masked; "" for an area.
        box: In pixels of the photo.
        drop: Log-odds that the target loses without it, nats; negative where it speaks against the target.
        probability: Of the target without it.
    """

    kind: str
    text: str
    box: Box
    drop: float
    probability: float


@dataclass(frozen=True, slots=True)
class Covering:
    """A place of the view that is covered: a window, or exactly a line, sign or plate with the ids that then go."""

    window: Window
    kind: str  # "" for a window
    size: int = 0  # which, of a window
    box: Box | None = None  # in pixels of the photo, of what is covered exactly
    text: str = ""  # masked
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Tried:
    """What covering a place did: both parts of the drop in nats, and whether text was touched."""

    covering: Covering
    looks: float
    text: float
    touched: bool


class Coverings:
    """One photo with its prior, its text and all that is covered in it.

    Args:
        locator: What answers.
        pixels: The photo, (H, W, 3) uint8 RGB.
        looked: What was seen in it, unmasked.
        how: How windows are covered.
        reads: Whether text counts.
        read_whole: Read the whole photo again wherever text is touched.

    Attributes:
        visual: Whether the prior sees anything.
        view: The photo as the prior sees it, (H', W', 3).
        scale: Pixels of the view per pixel of the photo.
        grid: Rows and columns of the heat maps.
        prior: What the prior says.
        whole: The answer's distribution.
    """

    def __init__(
        self, locator: Locator, pixels: NDArray[np.uint8], looked: Looked, how: Occlusion, *, reads: bool,
        read_whole: bool,
    ) -> None:  # fmt: skip
        self._locator, self._how, self._reads, self._read_whole = locator, how, reads, read_whole
        self.visual = locator.prior.card.visual
        self.view = reduced(pixels)
        self.scale = self.view.shape[1] / pixels.shape[1]
        self.grid = grid_of(self.view.shape[0], self.view.shape[1])
        [output] = locator.predict([self.view])
        self.prior, self._scene = output.distribution, output.scene
        self._clues = locator.clues(looked.readings, looked.plates) if reads else []
        self._readings = looked.readings if reads else []
        self.whole = self._fused(self.prior, self._clues, self._readings)
        self.attributions = tuple(locator.map_credits(self._clues))
        telling = {name for clue in self._clues for name, _, _ in spans_of(clue.evidence.sources)}
        self._text = Rereader(
            locator.looker, pixels, looked, partial(covered, fill=how.fill), telling=telling, whole=read_whole
        )
        self._windows = windows_of(self.view.shape[0], self.view.shape[1], how)
        sizes = self._windows.size.tolist()
        self._coverings = [Covering(w, "", size) for w, size in zip(self._windows, sizes, strict=True)]
        self._coverings += self._exact(looked)

    def tried(self, aim: Target) -> list[Tried]:
        """Everything covered, one after the other."""
        base = aim.log_odds(self.whole)
        out = []
        for covering, prior in zip(self._coverings, self._priors(), strict=True):
            in_photo = self._in_photo(covering.window)
            after_looks = aim.log_odds(self._fused(prior, self._clues, self._readings)) if self.visual else base
            touched = bool(covering.gone) or self._text.touches(in_photo)
            after = after_looks
            if touched:
                gone = covering.gone if not self._read_whole else frozenset[str]()
                rest = self._text.gone(gone) if gone else self._text.without(in_photo)
                after = aim.log_odds(self._fused(prior, self._locator.clues(*rest), rest[0]))
            out.append(Tried(covering, base - after_looks, after_looks - after, touched))
        return out

    def looks_heat(self, tried: Sequence[Tried]) -> NDArray[np.float32] | None:
        """What the prior sees, by windows; None where it sees nothing."""
        if not self.visual:
            return None
        drops = np.array([one.looks for one in tried[: len(self._windows)]], np.float32)
        return mean_heat(self.view.shape[0], self.view.shape[1], self._windows, drops, grid=self.grid)

    def text_heat(self, tried: Sequence[Tried]) -> NDArray[np.float32] | None:
        """What is read: on lines and plates only, divided as the module's docstring says."""
        if not self._reads:
            return None
        boxes = self._text.boxes
        alone = {name: one.text for one in tried if len(one.covering.gone) == 1 for name in one.covering.gone}
        total: dict[tuple[str, int], NDArray[np.float64]] = {}
        held: dict[tuple[str, int], NDArray[np.float64]] = {}
        for one in tried:
            covering = one.covering
            if not one.touched:
                continue
            window = self._in_photo(covering.window)
            shares = {
                name: float(name in covering.gone) if covering.gone else share_inside(box, window)
                for name, box in boxes.items()
            }
            worth = {
                name: share * (max(alone.get(name, 0.0) * np.sign(one.text), 0.0) + LEAST_NATS)
                for name, share in shares.items()
                if share > 0.0
            }
            kind = (covering.kind, covering.size)
            for name, weight in worth.items():
                place = self._on_grid(boxes[name], None if covering.gone else window)
                total.setdefault(kind, np.zeros(self.grid))[place] += one.text * weight / sum(worth.values())
                held.setdefault(kind, np.zeros(self.grid))[place] += 1.0
        means = [np.divide(total[kind], held[kind], out=np.zeros(self.grid), where=held[kind] > 0) for kind in total]
        kinds = sum(((of_kind > 0).astype(np.float64) for of_kind in held.values()), np.zeros(self.grid))
        return np.asarray(sum(means, np.zeros(self.grid)) / np.maximum(kinds, 1.0), np.float32)

    def parts(self, aim: Target, tried: Sequence[Tried]) -> list[Part]:
        """Lines, signs and plates; and the windows without such text that moved the prior most, none overlapping."""
        base = aim.log_odds(self.whole)
        parts = [
            Part(one.covering.kind, one.covering.text, one.covering.box, drop, _logistic(base - drop))
            for one in tried
            if one.covering.box is not None
            for drop in [one.looks + one.text]
        ]
        named: list[Window] = []
        windows = [one for one in tried[: len(self._windows)] if self.visual and not one.touched]
        for one in sorted(windows, key=lambda one: -abs(one.looks)):
            window = one.covering.window
            if len(named) == _AREAS or abs(one.looks) < LEAST_NATS:
                break
            if not any(_overlap(window, other) for other in named):
                named.append(window)
                left, top, right, bottom = self._in_photo(window)
                box = ((left, top), (right, top), (right, bottom), (left, bottom))
                parts.append(Part("area", "", box, one.looks, _logistic(base - one.looks)))
        return parts

    def _exact(self, looked: Looked) -> Iterator[Covering]:
        """Coverings of lines, signs and plates that tell something."""
        lines = self._text.lines
        for line in lines:
            yield self._covering("line", [line.box], [line.text], [line.id])
        for sign in looked.regions:
            inside = [line for line in lines if sign.kind == "sign" and share_inside(line.box, sign.bounds) >= _INSIDE]
            if len(inside) > 1:
                texts, ids = [line.text for line in inside], [line.id for line in inside]
                yield self._covering("sign", [line.box for line in inside], texts, ids)
        for plate in self._text.plates:
            yield self._covering("plate", [plate.box], [hidden(plate.text)], [plate.id])

    def _covering(self, kind: str, boxes: Sequence[Box], texts: Sequence[str], ids: Sequence[str]) -> Covering:
        box = boxes[0] if len(boxes) == 1 else bounding_box(boxes)
        pad = _WIDER * min(y1 - y0 for _, y0, _, y1 in map(bounds, boxes))
        left, top, right, bottom = bounds(box)
        height, width = self.view.shape[:2]
        window = (
            max(math.floor((left - pad) * self.scale), 0),
            max(math.floor((top - pad) * self.scale), 0),
            min(math.ceil((right + pad) * self.scale), width),
            min(math.ceil((bottom + pad) * self.scale), height),
        )
        return Covering(window, kind, box=box, text=mask(" / ".join(map(mask, texts))), gone=frozenset(ids))

    def _priors(self) -> Iterator[CellDistribution]:
        """The prior's answer to each covering; a prior that sees nothing is not asked again."""
        if not self.visual:
            return iter([self.prior] * len(self._coverings))
        windows = [covering.window for covering in self._coverings]
        return predict_covered(self._locator.prior, self.view, windows, self._how, device=self._locator.device)

    def _fused(self, prior: CellDistribution, clues: Sequence[Clue], readings: Sequence[Reading]) -> CellDistribution:
        """What the locator makes of them; the scene, as far as its ranker goes by it, stays that of the whole photo."""
        context = Context(readings, self._scene, self._locator.prior.name)
        return self._locator.ranker.fuse(prior, among_shops(clues, prior.partition), context).posterior

    def _in_photo(self, window: Window) -> tuple[float, float, float, float]:
        left, top, right, bottom = (value / self.scale for value in window)
        return left, top, right, bottom

    def _on_grid(self, box: Box, window: tuple[float, float, float, float] | None = None) -> tuple[slice, slice]:
        """The part of the map that holds ``box``, or what of it lies in ``window``, both in pixels of the photo."""
        left, top, right, bottom = bounds(box)
        if window is not None:
            left, top = max(left, window[0]), max(top, window[1])
            right, bottom = min(right, window[2]), min(bottom, window[3])
        rows, columns = self.grid
        x, y = self.scale * columns / self.view.shape[1], self.scale * rows / self.view.shape[0]
        row, column = min(max(round(top * y), 0), rows - 1), min(max(round(left * x), 0), columns - 1)
        return slice(row, max(round(bottom * y), row + 1)), slice(column, max(round(right * x), column + 1))


def _overlap(a: Window, b: Window) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _logistic(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -500.0 else 0.0
