"""Names to priors: what ``--prior NAME`` and ``Locator(prior="...")`` mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from backbone.base import Prior
from backbone.density import MIXTURES, DensityPrior
from backbone.gallery_store import find_gallery, galleries
from backbone.planet import PlanetPrior
from backbone.weights_card import WeightsCard
from backbone.weights_store import InstalledWeights, find, installed
from data.errors import RequestError, WeightsError
from data.offline import offline_by_environment
from data.partition import load_default

__all__ = ["available_priors", "make_prior"]

_LEAST_POINTS: Final = 100
_LEAST_COVERED: Final = 0.5


def available_priors() -> list[str]:
    """Names that ``make_prior`` takes: ``auto`` first, then the density priors, then the models at hand."""
    planets = [f"planet:{model.name}" for model in installed() if not model.fault]
    im2gps = [f"im2gps:{gallery.name}" for gallery in galleries() if not gallery.fault]
    return ["auto", *MIXTURES, *planets, *im2gps]


def make_prior(name: str = "auto", *, offline: bool = False) -> Prior:
    """The prior called ``name``.

    Args:
        name: What is wanted.

            - ``"auto"``: of the models that were measured to beat the density prior with 95 % confidence on at least
              100 photos that were held out, and have seen photos from where at least half of the world's come from,
              the one that gains most GeoScore; the density prior where there is none.
            - ``"density"``, ``"density:people"``, ``"density:street"``: on the shipped partition.
            - ``"planet"`` for the best model whatever it was measured to be, ``"planet:NAME"`` for the one of that
              name, ``"planet:FOLDER"`` for weights in a folder, written with a separator (``planet:./x``).
            - ``"im2gps:NAME"``: the nearest photos of the gallery of that name, or in a folder (``im2gps:./x``).
        offline: Open no connection; also where ``WHENCE_OFFLINE`` forbids it.

    Raises:
        RequestError: There is no prior of that name.
        WeightsError: Its weights are missing or damaged, or cannot be fetched.
        OfflineError: Its weights are not on this machine, and the network is forbidden.

    >>> make_prior("density:street").name
    'density:street'
    """
    offline = offline or offline_by_environment()
    if name == "auto":
        model = _best(for_auto=True)
        return DensityPrior(load_default()) if model is None else PlanetPrior(model.folder)
    if name in MIXTURES:
        return DensityPrior(load_default(), name)
    kind, colon, which = name.partition(":")
    if kind not in _MAKERS or (colon and not which):
        raise RequestError(f"unknown prior {name!r}: choose one of {', '.join(available_priors())}")
    return _MAKERS[kind](which, offline)


def _planet(which: str, offline: bool) -> Prior:
    if which:
        return PlanetPrior(Path(which) if any(mark in which for mark in "/\\") else find(which))
    model = _best(for_auto=False)
    if model is None:
        raise WeightsError(
            "there are no sound weights of PlaNet here: train some with `whence train prior`, or add some with "
            "`whence weights add FOLDER`; `whence weights list` shows what there is"
        )
    return PlanetPrior(model.folder)


def _im2gps(which: str, offline: bool) -> Prior:
    from backbone.gallery import Gallery
    from backbone.gallery_prior import GalleryPrior

    if not which:
        raise RequestError("im2gps needs a gallery of photos: im2gps:NAME; `whence gallery list` shows those at hand")
    return GalleryPrior(Gallery(find_gallery(which)), offline=offline)


_MAKERS: Final[Mapping[str, Callable[[str, bool], Prior]]] = MappingProxyType({"planet": _planet, "im2gps": _im2gps})
"""Kind of prior, what stands before the colon in its name, to what makes it of the rest and of ``offline``."""


def _best(*, for_auto: bool) -> InstalledWeights | None:
    """The sound model that was measured to gain most over the density prior; without figures, the first."""
    sound = [model for model in installed() if model.card is not None and not model.fault]
    if for_auto:
        sound = [model for model in sound if model.card is not None and _knows_the_world(model.card)]
    return max(sound, key=lambda model: _figure(model.card, "held_out_gain"), default=None)


def _knows_the_world(card: WeightsCard) -> bool:
    """Whether it is certainly better than the density prior, and about photos from anywhere, not of one city."""
    return (
        _figure(card, "held_out_gain_low") > 0.0
        and _figure(card, "held_out_points") >= _LEAST_POINTS
        and _figure(card, "covered") >= _LEAST_COVERED
    )


def _figure(card: WeightsCard | None, name: str) -> float:
    return -math.inf if card is None else card.metrics.get(name, -math.inf)
