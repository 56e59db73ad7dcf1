"""What a prior says about photos whose places are known, scored one by one, and kept so that none is asked twice."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior
from benchmarks.labels import Label, read_labels
from benchmarks.photo_scores import Scores
from data.distribution import CellDistribution
from data.errors import ImageError
from data.geodesy import haversine_km
from data.images import load
from data.partition import load_default
from data.rebin import rebinned

__all__ = ["PriorScores", "labelled", "scored"]

_AT_ONCE = 8
_LEAST = 1e-30  # what a prior gives less than counts as this: log2 of it is -100

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PriorScores(Scores):
    """What a prior says about photos (n,).

    Attributes:
        country: 1 where the most probable country is the true one, else 0.
    """

    country: Floats

    def figures(self) -> dict[str, Callable[[Floats], Floats]]:
        """Name of each figure to what it is under weights (draws, n) of the photos: (draws,)."""
        return super().figures() | {"country": lambda w: 100.0 * (w @ self.country) / w.sum(axis=1)}


def labelled(folder: Path, photos: int | None = None) -> list[Label]:
    """Photos of a set with their places, in an order of chance that is the same at every try; the first ``photos``."""
    labels = [label for label in read_labels(folder) if np.isfinite(label.lat) and label.country]
    order = np.random.default_rng(0).permutation(len(labels))[:photos]
    return [labels[k] for k in order.tolist()]


def scored(prior: Prior, labels: Sequence[Label], *, device: str = "cpu", keep: Path | None = None) -> PriorScores:
    """Scores of ``prior`` on photos. Bits are of the cells that ship, whatever cells the prior speaks about.

    The point is ``CellDistribution.point``, of the highest expected GeoScore; ``mass`` is what lies nearer to it than
    the photo's place. A photo that cannot be read is an error: figures of priors must be of the same photos.

    Args:
        prior: Any.
        labels: Photos and places.
        device: ``"cpu"`` or ``"cuda"``.
        keep: A folder; scores of the same prior and photos that it holds are read from there.

    Raises:
        ImageError: A photo cannot be read.
    """
    card = prior.card
    said = [prior.name, card.sha256, card.summary, prior.partition.hash, load_default().hash]
    said += [f"{label.path.name} {label.lat} {label.lon} {label.country}" for label in labels]
    path = None if keep is None else keep / f"{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24]}.json"
    if path is not None and path.exists():
        return PriorScores(*(np.array(row, np.float64) for row in json.loads(path.read_text("utf-8"))))
    rows: list[tuple[float, float, float, float]] = []
    points: dict[int, tuple[CellDistribution, tuple[float, float]]] = {}
    for start in range(0, len(labels), _AT_ONCE):
        some = labels[start : start + _AT_ONCE]
        # The pixels of a photo that no prior looks at need not be decoded.
        images = [_pixels(label) if card.visual else np.zeros((8, 8, 3), np.uint8) for label in some]
        for label, output in zip(some, prior.predict(images, device=device), strict=True):
            found = output.distribution
            if id(found) not in points:
                points = {id(found): (found, found.point())}  # held, so that no other takes its number
            rows.append(_score(found, points[id(found)][1], label))
        print(f"\r{prior.name}: {len(rows)} of {len(labels)} photos", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    scores = PriorScores(*np.array(rows).T)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(np.array(rows).T.tolist()), "utf-8")
    return scores


def _pixels(label: Label) -> NDArray[np.uint8]:
    try:
        return load(label.path).pixels
    except ImageError as error:
        raise ImageError(f"{label.path.name}: {error}") from error


def _score(said: CellDistribution, point: tuple[float, float], label: Label) -> tuple[float, float, float, float]:
    km = float(haversine_km(*point, label.lat, label.lon))
    shipped = load_default()
    p = float(rebinned(said, shipped).p[shipped.cells_of(label.lat, label.lon)[0]])
    first = next(iter(said.countries()))
    return float(np.log2(max(p, _LEAST))), km, said.mass_within(*point, km), float(first == label.country)
