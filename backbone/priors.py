"""Names to priors: what ``--prior NAME`` and ``Locator(prior="...")`` mean."""

from __future__ import annotations

from pathlib import Path

from backbone.base import Prior
from backbone.density import MIXTURES, DensityPrior
from backbone.planet import PlanetPrior
from backbone.weights_card import WeightsCard
from backbone.weights_store import BEST_BY, best, find, installed
from data.errors import RequestError, WeightsError
from data.partition import load_default

__all__ = ["available_priors", "make_prior"]


def available_priors() -> list[str]:
    """Names that ``make_prior`` takes: ``auto`` first, then the density priors, then the models at hand."""
    return ["auto", *MIXTURES, *(f"planet:{model.name}" for model in installed() if not model.fault)]


def make_prior(name: str = "auto") -> Prior:
    """The prior called ``name``.

    Args:
        name: ``"auto"`` for the best at hand: the model with the best measured GeoScore, if that is better than the
            density prior's on the same photos, and the density prior otherwise; ``"density"``, ``"density:people"`` or
            ``"density:street"``, on the shipped partition; ``"planet"`` for the best model, ``"planet:NAME"`` for the
            one of that name, or ``"planet:FOLDER"`` for weights that lie in a folder.

    Raises:
        RequestError: There is no prior of that name.
        WeightsError: The model is missing or damaged.

    >>> make_prior("density:street").name
    'density:street'
    """
    if name in ("auto", "planet"):
        model = best()
        if model is not None and model.card is not None and (name == "planet" or _beats_density(model.card)):
            return PlanetPrior(model.folder)
        if name == "planet":
            raise WeightsError(
                "there are no weights of PlaNet here: whence ships none; train some with `whence train prior`, or add "
                "some with `whence weights add FOLDER`"
            )
        name = "density"
    if name in MIXTURES:
        return DensityPrior(load_default(), name)
    kind, _, which = name.partition(":")
    if kind == "planet" and which:
        is_path = any(mark in which for mark in "/\\") or Path(which).is_dir()
        return PlanetPrior(Path(which) if is_path else find(which))
    raise RequestError(f"unknown prior {name!r}: choose one of {', '.join(available_priors())}")


def _beats_density(card: WeightsCard) -> bool:
    """Whether it was measured to be better than the density prior on the photos that its maker held out."""
    return card.metrics[BEST_BY] > card.metrics.get("held_out_density_geoscore", 0.0)
