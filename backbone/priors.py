"""Names to priors: what ``--prior NAME`` and ``Locator(prior="...")`` mean."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from backbone.base import Prior
from backbone.clip_licences import STREETCLIP
from backbone.clip_network import DEFAULT, KNOWN, cached_weights
from backbone.density import MIXTURES, DensityPrior
from backbone.gallery_store import find_gallery, galleries
from backbone.planet import PlanetPrior
from backbone.weights_store import InstalledWeights, find, installed
from data.errors import RequestError, WeightsError, WhenceError
from data.offline import offline_by_environment
from data.partition import load_default

__all__ = ["available_priors", "make_prior", "measured_priors"]

_LEAST_POINTS: Final = 100
_LEAST_COVERED: Final = 0.5
_LEAST_ASKED: Final = 0.25

_log = logging.getLogger(__name__)

Figures = Mapping[str, float]


def available_priors() -> list[str]:
    """Names that ``make_prior`` takes: ``auto`` first, then what ships, then the models at hand."""
    from backbone.geoclip_files import geoclip_at_hand
    from backbone.mixture_card import installed_mixtures

    planets = (f"planet:{model.name}" for model in installed() if not model.fault)
    im2gps = (f"im2gps:{gallery.name}" for gallery in galleries() if not gallery.fault)
    geoclip = ["geoclip"] if geoclip_at_hand() else []
    clips = (f"clip:{network}" for network in (*KNOWN, STREETCLIP) if cached_weights(network) is not None)
    mixtures = (f"mixture:{name}" for name, _ in installed_mixtures())
    return ["auto", *MIXTURES, "pixels", *planets, *im2gps, *geoclip, *clips, *mixtures]


def make_prior(name: str = "auto", *, offline: bool = False) -> Prior:
    """The prior called ``name``.

    Args:
        name: What is wanted.

            - ``"auto"``: of those at hand that were measured to beat the density prior with 95 % confidence on at least
              100 photos that were held out, and have seen photos from where at least half of the world's come from,
              the one that gains most GeoScore; the density prior where there is none. What was checked on this machine
              counts if its photos came from where a quarter of the world's do. One that cannot be opened is passed over
              with a warning. Gains are of the photos that each was measured on.
            - ``"density"``, ``"density:people"``, ``"density:street"``: on the shipped partition.
            - ``"pixels"`` for the visual prior that ships, ``"pixels:FOLDER"`` for one of your own.
            - ``"planet"`` for the best model whatever it was measured to be, ``"planet:NAME"`` for the one of that
              name, ``"planet:FOLDER"`` for weights in a folder, written with a separator (``planet:./x``).
            - ``"im2gps:NAME"`` for a gallery of photos, ``"im2gps:FOLDER"`` with a separator for one in a folder.
            - ``"geoclip"``, whose CLIP is fetched once; ``"geoclip:./FOLDER"`` for CLIP's files in a folder.
            - ``"clip"``, ``"clip:MODEL/PRETRAINED"``, ``"clip:hf-hub:OWNER/NAME"``, ``"clip:StreetCLIP"``: CLIP,
              zero-shot; fetched where it is not at hand. Its card tells the licence.
            - ``"mixture"`` for the best mixture, ``"mixture:NAME"``, ``"mixture:FOLDER"`` with a separator.
        offline: Open no connection; also where ``WHENCE_OFFLINE`` forbids it.

    Raises:
        RequestError: There is no prior of that name.
        DatasetError: A gallery is damaged.
        WeightsError: Its weights are missing or damaged, or cannot be fetched.
        OfflineError: Its weights are not on this machine, and the network is forbidden.

    >>> make_prior("density:street").name
    'density:street'
    """
    offline = offline or offline_by_environment()
    if name == "auto":
        return _auto(offline)
    if name in MIXTURES:
        return DensityPrior(load_default(), name)
    kind, colon, which = name.partition(":")
    if kind not in _MAKERS or (colon and not which):
        at_hand = [known for known in available_priors() if known.partition(":")[0] not in ("geoclip", "clip")]
        raise RequestError(
            f"unknown prior {name!r}: choose one of {', '.join(at_hand)}; geoclip, clip, clip:MODEL/PRETRAINED, "
            "clip:StreetCLIP; or one of your own: pixels:FOLDER, planet:NAME, im2gps:NAME, mixture:NAME"
        )
    return _MAKERS[kind](which, offline)


def measured_priors() -> Iterator[tuple[str, Figures]]:
    """Names of the priors at hand that were measured on held-out photos, and the figures that their cards keep."""
    from backbone.mixture_card import installed_mixtures
    from backbone.pixels import shipped_model

    try:
        yield "pixels", shipped_model().card.metrics
    except WeightsError as error:
        _log.warning("%s", error)
    for model in installed():
        if model.card is not None and not model.fault:
            yield f"planet:{model.name}", model.card.metrics
    for gallery in galleries():
        if gallery.card is not None and not gallery.fault:
            yield f"im2gps:{gallery.name}", gallery.card.metrics
    for name, card in installed_mixtures():
        yield f"mixture:{name}", card.metrics
    yield from _checked()


def _checked() -> Iterator[tuple[str, Figures]]:
    """Others' weights that are at hand, and what ``whence weights check`` measured with them on this machine."""
    from backbone.checked import kept_checks
    from backbone.geoclip_files import geoclip_at_hand

    for check in kept_checks():
        kind, _, network = check.name.partition(":")
        at_hand = (
            geoclip_at_hand() if check.name == "geoclip" else kind == "clip" and cached_weights(network or DEFAULT)
        )
        if at_hand and check.figures:
            yield check.name, check.figures


def _auto(offline: bool) -> Prior:
    """The best of those that know the world; each is opened in turn until one opens."""
    fit = [(name, figures) for name, figures in measured_priors() if _knows_the_world(figures)]
    for name, _ in sorted(fit, key=lambda entry: -_figure(entry[1], "held_out_gain")):
        try:
            return make_prior(name, offline=offline)
        except WhenceError as error:
            _log.warning("the prior %s is passed over: %s", name, error)
    return DensityPrior(load_default())


def _knows_the_world(figures: Figures) -> bool:
    """Whether it is certainly better than the density prior, and about photos from anywhere, not of one city."""
    return (
        _figure(figures, "held_out_gain_low") > 0.0
        and _figure(figures, "held_out_points") >= _LEAST_POINTS
        and _figure(figures, "covered") >= _LEAST_COVERED
        and figures.get("held_out_covered", 1.0) >= _LEAST_ASKED  # a check on one city says nothing of the world
    )


def _figure(figures: Figures, name: str) -> float:
    return figures.get(name, -math.inf)


def _planet(which: str, offline: bool) -> Prior:
    if which:
        return PlanetPrior(Path(which) if any(mark in which for mark in "/\\") else find(which))
    sound = [model for model in installed() if model.card is not None and not model.fault]
    if not sound:
        raise WeightsError(
            "there are no sound weights of PlaNet here: train some with `whence train prior`, or add some with "
            "`whence weights add FOLDER`; `whence weights list` shows what there is"
        )

    def gain(model: InstalledWeights) -> float:
        return -math.inf if model.card is None else _figure(model.card.metrics, "held_out_gain")

    return PlanetPrior(max(sound, key=gain).folder)


def _pixels(which: str, offline: bool) -> Prior:
    from backbone.pixels import PixelsPrior

    return PixelsPrior(Path(which) if which else None, offline=offline)


def _im2gps(which: str, offline: bool) -> Prior:
    from backbone.gallery import Gallery
    from backbone.gallery_prior import GalleryPrior

    if not which:
        raise RequestError("im2gps needs a gallery of photos: im2gps:NAME; `whence gallery list` shows those at hand")
    return GalleryPrior(Gallery(find_gallery(which)), offline=offline)


def _clip(which: str, offline: bool) -> Prior:
    from backbone.clip_prior import ClipPrior

    return ClipPrior(which or DEFAULT, offline=offline)


def _geoclip(which: str, offline: bool) -> Prior:
    from backbone.geoclip_prior import GeoClipPrior

    if which and not any(mark in which for mark in "/\\"):
        raise RequestError(
            f"unknown prior 'geoclip:{which}': write geoclip, or geoclip:./FOLDER for CLIP's files there"
        )
    return GeoClipPrior(Path(which) if which else None, offline=offline)


def _mixture(which: str, offline: bool) -> Prior:
    from backbone.mixture import MixturePrior
    from backbone.mixture_card import find_mixture

    return MixturePrior(find_mixture(which), offline=offline)


_MAKERS: Final[Mapping[str, Callable[[str, bool], Prior]]] = MappingProxyType(
    {
        "pixels": _pixels,
        "planet": _planet,
        "im2gps": _im2gps,
        "geoclip": _geoclip,
        "clip": _clip,
        "mixture": _mixture,
    }
)
"""Kind of prior, what stands before the colon in its name, to what makes it of the rest and of ``offline``."""
