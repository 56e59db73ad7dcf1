"""Names to priors: what ``--prior NAME`` and ``Locator(prior="...")`` mean."""

from __future__ import annotations

from backbone.base import Prior
from backbone.density import MIXTURES, DensityPrior
from data.errors import RequestError
from data.partition import load_default

__all__ = ["available_priors", "make_prior"]


def available_priors() -> list[str]:
    """Names that ``make_prior`` takes, ``auto`` first."""
    return ["auto", *MIXTURES]


def make_prior(name: str = "auto") -> Prior:
    """The prior called ``name`` on the shipped partition; ``auto`` takes the best whose weights are at hand.

    Raises:
        RequestError: If there is no prior of that name.

    >>> make_prior("auto").name
    'density'
    """
    if name == "auto":
        name = "density"  # no visual prior is shipped yet
    if name in MIXTURES:
        return DensityPrior(load_default(), name)
    raise RequestError(f"unknown prior {name!r}: choose one of {', '.join(available_priors())}")
