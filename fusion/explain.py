"""Which part of a photo carries the answer, for the whole way from pixels to posterior.

One place after the other is covered (Zeiler and Fergus 2014, section 4.2; `backbone.occlusion`), and the answer is made
again: the prior sees the covered photo, and the text is what can still be read in it. `fusion.coverings` has the
equations.

Two signs that say the same hide each other: without either of them the answer stays. ``Explanation.without_text`` says
what is left of the probability without any text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from backbone.occlusion import Occlusion
from backbone.targets import Target, cell_target, country_target, likeliest_cell, likeliest_country
from data.distribution import CellDistribution
from data.errors import RequestError
from data.images import ImageSource, load
from data.printable import encodable
from data.version import __version__
from detectors.privacy import is_sensitive
from fusion.coverings import Coverings, Part
from fusion.view import thumbnail

if TYPE_CHECKING:
    from fusion.locator import Locator

__all__ = ["Explanation", "Part", "What", "explain"]

What = Literal["all", "prior"]
"""What is explained: the answer, or the visual prior alone."""

_CURE: Final = "name a visual prior (--prior pixels; `whence weights list` shows what is at hand)"


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which part of a photo carries how much of a target's odds.

    Attributes:
        file: The photo's path, or None.
        what: ``"all"`` for the whole answer, ``"prior"`` for the visual prior alone.
        target: The country or cell.
        probability: Of the target in the photo as it is.
        log_odds: The same, in nats.
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
        attributions: Whose map data the clues are of; to be shown with it.
    """

    file: str | None
    what: What
    target: Target
    probability: float
    log_odds: float
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
    attributions: tuple[str, ...] = ()

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
            "attributions": list(map(encodable, self.attributions)),
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
    run = Coverings(locator, photo.pixels, looked, how or Occlusion(), reads=reads, read_whole=read_whole)
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
        log_odds=aim.log_odds(run.whole),
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
        attributions=run.attributions,
    )


def _target(text: str | None, distribution: CellDistribution) -> Target:
    if text is None or text == "country":
        return likeliest_country(distribution)
    if text == "cell":
        return likeliest_cell(distribution)
    if len(text.strip()) == 2 and text.strip().isalpha():
        return country_target(distribution.partition, text)
    return cell_target(distribution.partition, text)
