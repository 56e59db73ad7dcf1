"""Which part of a photo carries the answer, for the whole way from pixels to posterior.

One place after the other is covered (`backbone.occlusion`), and the answer is made again: the prior sees the covered
photo, and the text is what can still be read in it (`detectors.rereading`). With ``P`` the prior of the photo and ``R``
its text, ``P_W`` and ``R_W`` those where ``W`` is covered, and ``s(P, R)`` the log-odds of the target in the fused
posterior, the drop of a window has two parts that add up to it::

    drop(W) = [s(P, R) - s(P_W, R)] + [s(P_W, R) - s(P_W, R_W)]                  in nats
               looks (prior)           text

The part of the looks is spread over the window, as an occlusion map is. The part of the text is spread only over what
is both in the window and in a line or plate, since nothing else was read: text that the window does not touch keeps its
reading. Every line from which a clue was read, every sign with several such lines and every plate is also covered
exactly, by itself; such a covering counts in the mean over a place as much as all windows of one size do.

Two signs that say the same hide each other: without either of them the answer stays. ``Explanation.without_text`` says
what is left of the probability without any text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from backbone.occlusion import Occlusion, Window, covered, grid_of, mean_heat, predict_covered, windows_of
from backbone.targets import Target, cell_target, country_target, likeliest_cell, likeliest_country
from data.distribution import CellDistribution
from data.errors import RequestError
from data.images import ImageSource, load
from data.printable import encodable
from data.version import __version__
from detectors.base import Box, Clue, bounding_box, bounds
from detectors.looking import Looked, share_inside
from detectors.privacy import hidden, is_sensitive, mask
from detectors.rereading import Rereader
from fusion.sharing import spans_of
from fusion.view import reduced, thumbnail

if TYPE_CHECKING:
    from fusion.locator import Locator

__all__ = ["Explanation", "Part", "What", "explain"]

What = Literal["all", "prior"]
"""What is explained: the answer, or the visual prior alone."""

_WIDER: Final = 0.15  # of a line's height: what is covered around a line, since readers cut their boxes close
_INSIDE: Final = 0.6  # of a line's box that lies in a sign from which it is the sign's
_AREAS: Final = 3  # windows that are named among the parts
_LEAST_NATS: Final = 0.05  # of a window that is named
_CURE: Final = "name a visual prior (--prior planet:NAME; `whence weights list` shows what is at hand)"


@dataclass(frozen=True, slots=True)
class Part:
    """A place of the photo that was covered by itself, and what that did.

    Attributes:
        kind: ``"line"``, ``"sign"``, ``"plate"``, or ``"area"`` for a window without text that moved the prior.
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


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which part of a photo carries how much of a target's odds.

    Attributes:
        file: The photo's path, or None.
        what: ``"all"`` for the whole answer, ``"prior"`` for the visual prior alone.
        target: The country or cell.
        probability: Of the target in the photo as it is.
        heat: (H', W') float32, nats; the whole photo, no side over 640. Positive where the target loses odds if it is
            covered.
        looks_heat: (H', W') the part of it that the prior sees; None where the prior looks at no pixel.
        text_heat: (H', W') the part of it that is read; None where nothing is read.
        parts: Lines, signs, plates and areas, the largest drop first, then by how much they speak against it.
        without_text: Probability of the target where no text is read at all; None where nothing is read.
        coverings: How many places were covered.
        read_again: How many of them touched text, so that it was read again.
        prior_name: Which prior spoke.
        picture: The photo as a JPEG of no more than 1,280 px without metadata, private text covered.
        picture_scale: Its pixels per pixel of the photo.
    """

    file: str | None
    what: What
    target: Target
    probability: float
    heat: NDArray[np.float32]
    looks_heat: NDArray[np.float32] | None
    text_heat: NDArray[np.float32] | None
    parts: tuple[Part, ...]
    without_text: float | None
    coverings: int
    read_again: int
    prior_name: str
    picture: bytes = field(repr=False)
    picture_scale: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the target, the parts and the extremes of the map; probabilities to 6 digits, nats to 4."""
        row, column = np.unravel_index(int(self.heat.argmax()), self.heat.shape)
        height, width = self.heat.shape
        return {
            "file": None if self.file is None else encodable(self.file),
            "what": self.what,
            "target": {"kind": self.target.kind, "code": self.target.code, "name": self.target.name},
            "probability": round(self.probability, 6),
            "probability_without_text": None if self.without_text is None else round(self.without_text, 6),
            "prior": self.prior_name,
            "parts": [
                {
                    "kind": part.kind,
                    "text": encodable(part.text),
                    "box": [[round(x, 1), round(y, 1)] for x, y in part.box],
                    "drop": round(part.drop, 4),
                    "probability_without": round(part.probability, 6),
                }
                for part in self.parts
            ],
            "heat": {
                "most": round(float(self.heat.max()), 4),
                "least": round(float(self.heat.min()), 4),
                "hottest": [round((column + 0.5) / width, 4), round((row + 0.5) / height, 4)],
            },
            "coverings": self.coverings,
            "read_again": self.read_again,
            "version": __version__,
        }

    def to_json(self) -> str:
        """``to_dict`` as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=True)

    def save_heatmap(self, path: str | Path) -> Path:
        """Draw the map over the photo, write it to ``path`` (.png) and return it.

        Raises:
            RequestError: It does not end in .png, or there is no such folder.
            WhenceError: It cannot be written.
        """
        from fusion.heatmap import write_heatmap

        return write_heatmap(self, Path(path))

    def __str__(self) -> str:
        from fusion.explain_words import describe_explanation

        return describe_explanation(self)


def explain(
    locator: Locator,
    image: ImageSource,
    target: Target | str | None = None,
    *,
    what: What = "all",
    how: Occlusion | None = None,
    read_whole: bool = False,
) -> Explanation:
    """Which part of ``image`` carries the answer of ``locator``.

    Args:
        locator: What answers.
        image: A path, the bytes of a file, a PIL image or an (H, W, 3) uint8 RGB array.
        target: A target, an ISO country code, a cell (its S2 token or ``"LAT,LON"``), ``"cell"`` for the likeliest
            cell; None or ``"country"`` for the likeliest country.
        what: ``"all"``, or ``"prior"`` for the visual prior alone.
        how: How the photo is covered.
        read_whole: Read the whole photo again wherever text is touched: slow, to check the quick way.

    Raises:
        ImageError: The photo cannot be used.
        RequestError: The target is unknown or has no probability, or nothing in the photo moved the answer.
    """
    if what not in get_args(What):
        raise RequestError(f"unknown {what!r} to explain: choose {' or '.join(get_args(What))}")
    if what == "prior" and not locator.prior.card.visual:
        raise RequestError(
            f"the prior {locator.prior.name} looks at no pixel, so no part of the photo carries its answer: {_CURE}, "
            "or explain the whole answer"
        )
    photo = load(image)
    looked = locator.looker.look(photo.pixels)
    reads = what == "all" and locator.ocr.name != "none"
    run = _Run(locator, photo.pixels, looked, how or Occlusion(), reads=reads, read_whole=read_whole)
    if run.whole is run.prior and not run.visual:
        count = len(looked.readings)
        raise RequestError(
            f"nothing in this photo carries the answer: {count} line{'' if count == 1 else 's'} of text read, none of "
            f"which points anywhere, and the prior {locator.prior.name} looks at no pixel; {_CURE}"
        )
    aim = target if isinstance(target, Target) else _target(target, run.whole)
    aim.require_mass(run.whole)
    tried = run.tried(aim)
    looks_heat, text_heat = run.looks_heat(tried), run.text_heat(tried)
    # What may be private is covered in the picture whatever the locator reveals elsewhere.
    private = [*looked.private, *(r.box for r in looked.readings if is_sensitive(r.text))]
    jpeg, picture_scale = thumbnail(run.view, run.scale, private)
    return Explanation(
        file=photo.name,
        what=what,
        target=aim,
        probability=aim.probability(run.whole),
        heat=sum((heat for heat in (looks_heat, text_heat) if heat is not None), np.zeros(run.grid, np.float32)),
        looks_heat=looks_heat,
        text_heat=text_heat,
        parts=tuple(sorted(run.parts(aim, tried), key=lambda part: -part.drop)),
        without_text=aim.probability(run.prior) if reads else None,
        coverings=len(tried),
        read_again=sum(one.touched for one in tried),
        prior_name=locator.prior.name,
        picture=jpeg,
        picture_scale=picture_scale,
    )


@dataclass(frozen=True, slots=True)
class _Covering:
    """A place of the view that is covered: a window, or exactly a line, sign or plate with the ids that then go."""

    window: Window
    kind: str  # "" for a window
    size: int = 0  # which, of a window
    box: Box | None = None  # in pixels of the photo, of what is covered exactly
    text: str = ""  # masked
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Tried:
    """What covering a place did: both parts of the drop in nats, and whether text was touched."""

    covering: _Covering
    looks: float
    text: float
    touched: bool


class _Run:
    """One photo with its prior, its text and all that is covered in it."""

    def __init__(
        self, locator: Locator, pixels: NDArray[np.uint8], looked: Looked, how: Occlusion, *, reads: bool,
        read_whole: bool,
    ) -> None:  # fmt: skip
        self._locator, self._how, self._reads, self._read_whole = locator, how, reads, read_whole
        self.visual = locator.prior.card.visual
        self.view = reduced(pixels)
        self.scale = self.view.shape[1] / pixels.shape[1]
        self.grid = grid_of(self.view.shape[0], self.view.shape[1])
        [output] = locator.prior.predict([self.view], device=locator.device)
        self.prior = output.distribution
        self._clues = locator.clues(looked.readings, looked.plates) if reads else []
        self.whole = self._fused(self.prior, self._clues)
        telling = {name for clue in self._clues for name, _, _ in spans_of(clue.evidence.sources)}
        self._text = Rereader(
            locator.looker, pixels, looked, partial(covered, fill=how.fill), telling=telling, whole=read_whole
        )
        self._windows = windows_of(self.view.shape[0], self.view.shape[1], how)
        sizes = self._windows.size.tolist()
        self._coverings = [_Covering(w, "", size) for w, size in zip(self._windows, sizes, strict=True)]
        self._coverings += self._exact(looked)

    def tried(self, aim: Target) -> list[_Tried]:
        """Everything covered, one after the other."""
        base = aim.log_odds(self.whole)
        out = []
        for covering, prior in zip(self._coverings, self._priors(), strict=True):
            in_photo = self._in_photo(covering.window)
            after_looks = aim.log_odds(self._fused(prior, self._clues)) if self.visual else base
            touched = bool(covering.gone) or self._text.touches(in_photo)
            after = after_looks
            if touched:
                gone = covering.gone if not self._read_whole else frozenset[str]()
                rest = self._text.gone(gone) if gone else self._text.without(in_photo)
                after = aim.log_odds(self._fused(prior, self._locator.clues(*rest)))
            out.append(_Tried(covering, base - after_looks, after_looks - after, touched))
        return out

    def looks_heat(self, tried: Sequence[_Tried]) -> NDArray[np.float32] | None:
        """What the prior sees, by windows; None where it sees nothing."""
        if not self.visual:
            return None
        drops = np.array([one.looks for one in tried[: len(self._windows)]], np.float32)
        return mean_heat(self.view.shape[0], self.view.shape[1], self._windows, drops, grid=self.grid)

    def text_heat(self, tried: Sequence[_Tried]) -> NDArray[np.float32] | None:
        """What is read: on lines and plates only, mean over sizes of windows and over what was covered exactly."""
        if not self._reads:
            return None
        height, width = self.view.shape[:2]
        drops = np.array([one.text for one in tried[: len(self._windows)]], np.float32)
        sizes = len(self._how.sizes)
        total = sizes * mean_heat(height, width, self._windows, drops, grid=self.grid).astype(np.float64)
        count = np.full(self.grid, float(sizes))
        readable = np.zeros(self.grid, bool)
        for box in self._text.boxes:
            readable[self._on_grid(box)] = True
        for one in tried[len(self._windows) :]:
            if one.covering.box is not None:
                place = self._on_grid(one.covering.box)
                total[place] += one.text
                count[place] += 1.0
        return np.where(readable, total / count, 0.0).astype(np.float32)

    def parts(self, aim: Target, tried: Sequence[_Tried]) -> list[Part]:
        """Lines, signs and plates, and the windows that moved the prior most, none of which overlap."""
        base = aim.log_odds(self.whole)
        parts = [
            Part(one.covering.kind, one.covering.text, one.covering.box, drop, _logistic(base - drop))
            for one in tried
            if one.covering.box is not None
            for drop in [one.looks + one.text]
        ]
        named: list[Window] = []
        windows = tried[: len(self._windows)] if self.visual else []
        for one in sorted(windows, key=lambda one: -abs(one.looks)):
            window = one.covering.window
            if len(named) == _AREAS or abs(one.looks) < _LEAST_NATS:
                break
            if not any(_overlap(window, other) for other in named):
                named.append(window)
                left, top, right, bottom = self._in_photo(window)
                box = ((left, top), (right, top), (right, bottom), (left, bottom))
                parts.append(Part("area", "", box, one.looks, _logistic(base - one.looks)))
        return parts

    def _exact(self, looked: Looked) -> Iterator[_Covering]:
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

    def _covering(self, kind: str, boxes: Sequence[Box], texts: Sequence[str], ids: Sequence[str]) -> _Covering:
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
        return _Covering(window, kind, box=box, text=mask(" / ".join(map(mask, texts))), gone=frozenset(ids))

    def _priors(self) -> Iterator[CellDistribution]:
        """The prior's answer to each covering; a prior that sees nothing is not asked again."""
        if not self.visual:
            return iter([self.prior] * len(self._coverings))
        windows = [covering.window for covering in self._coverings]
        return predict_covered(self._locator.prior, self.view, windows, self._how, device=self._locator.device)

    def _fused(self, prior: CellDistribution, clues: Sequence[Clue]) -> CellDistribution:
        return self._locator.ranker.fuse(prior, clues).posterior

    def _in_photo(self, window: Window) -> tuple[float, float, float, float]:
        left, top, right, bottom = (value / self.scale for value in window)
        return left, top, right, bottom

    def _on_grid(self, box: Box) -> tuple[slice, slice]:
        """The part of the map that holds ``box``, given in pixels of the photo."""
        rows, columns = self.grid
        left, top, right, bottom = bounds(box)
        x, y = self.scale * columns / self.view.shape[1], self.scale * rows / self.view.shape[0]
        first_row, first_column = min(max(round(top * y), 0), rows - 1), min(max(round(left * x), 0), columns - 1)
        return (
            slice(first_row, max(round(bottom * y), first_row + 1)),
            slice(first_column, max(round(right * x), first_column + 1)),
        )


def _target(text: str | None, distribution: CellDistribution) -> Target:
    if text is None or text == "country":
        return likeliest_country(distribution)
    if text == "cell":
        return likeliest_cell(distribution)
    if len(text.strip()) == 2 and text.strip().isalpha():
        return country_target(distribution.partition, text)
    return cell_target(distribution.partition, text)


def _overlap(a: Window, b: Window) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _logistic(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -500.0 else 0.0
