"""Fits a mixture of priors to held-out photos: what ``whence train mixture`` does."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior, temperature_of
from backbone.density import DensityPrior
from backbone.held_out import covered, measured
from backbone.mixture import described
from backbone.mixture_card import MixtureCard, MixtureMember
from backbone.mixture_fit import Chosen, Opinions, choose
from backbone.mixture_outputs import Gathered, gathered
from backbone.mixture_pool import Pool, corner
from backbone.priors import make_prior
from backbone.scenes import SceneModel
from data.errors import RequestError
from data.partition import Partition, load_default
from data.photo_places import places
from data.photo_sets import PhotoSet, Subset
from data.printable import printable
from data.version import __version__

__all__ = ["fit_mixture", "members_called"]

_log = logging.getLogger(__name__)
_MOST: Final = 4_096  # photos that are asked about: 80 kB each and prior
_TOO_FEW: Final = 50
_POINTS: Final = 500  # photos whose points are taken, a tenth of a second each


def members_called(names: Sequence[str], *, offline: bool = False) -> dict[str, Prior]:
    """Priors by name, ready to be mixed; a name with a path in it becomes one with the whole path.

    Raises:
        RequestError: Fewer than two, one twice, or one that cannot be a member: ``auto`` and mixtures.
        WeightsError: The weights of one are missing or damaged.
    """
    whole = []
    for name in names:
        kind, _, which = name.partition(":")
        if kind in ("auto", "mixture"):
            raise RequestError(f"{printable(name)} cannot be a member of a mixture: name the priors themselves")
        whole.append(f"{kind}:{Path(which).absolute()}" if any(mark in which for mark in "/\\") else name)
    if len(whole) < 2 or len(set(whole)) < len(whole):
        raise RequestError("a mixture is of two priors or more, each named once: --priors density,planet:NAME")
    return {name: make_prior(name, offline=offline) for name in whole}


def fit_mixture(
    priors: Mapping[str, Prior],
    photos: PhotoSet,
    folder: Path,
    *,
    name: str,
    scenes: SceneModel | None = None,
    device: str = "cpu",
) -> MixtureCard:
    """The card of the best mixture of ``priors`` on ``photos``, none of which a member may have been trained on.

    Kinds of pool and a gate by scene are chosen out of fold by place (``backbone.mixture_fit.choose``). Where the
    mixture is less likely there than its best member, or the mean GeoScore of its points lower, it is that member. The
    figures of the card are out of fold too; those of the member alone where it is the member.

    Args:
        priors: By the names that ``make_prior`` takes.
        photos: With their places. Of more than 4,096 so many are drawn.
        folder: Where what members say is kept, so that an interrupted fit goes on.
        name: Of the mixture.
        scenes: Tells scenes, for weights that depend on them, where no member does; None for no such weights.
        device: ``"cpu"`` or ``"cuda"``.

    Raises:
        DatasetError: No photo can be read, or ``folder`` cannot be written.
        WeightsError: A member's weights are damaged, or ``name`` can be no name.
    """
    partition = load_default()
    _warn_of_seen(priors, photos)
    order = np.random.default_rng(0).permutation(len(photos))[:_MOST]  # sets are often sorted
    some = Subset(photos, order)
    found = gathered(priors, some, partition, folder, scenes=scenes, device=device)
    lat, lon = some.lat[found.photos], some.lon[found.photos]
    if len(lat) < _TOO_FEW:
        _log.warning("%d photos are too few to fit weights on or to measure well: give more", len(lat))
    opinions = Opinions(found.rows, partition.cells_of(lat, lon), found.scenes)
    place = places(lat, lon)
    _log.info("fitting on %d photos of %d places", len(lat), int(place.max()) + 1)
    chosen = choose(opinions, place)
    pool, metrics, why = _measured(chosen, opinions, lat, lon, partition)
    using = found.gate if pool.gated else ""
    card = MixtureCard(
        name=name,
        members=tuple(
            MixtureMember(
                key,
                prior.card.sha256,
                prior.partition.hash,
                prior.card.visual,
                prior.card.licence,
                temperature_of(prior),
            )
            for key, prior in priors.items()
        ),
        kind=pool.kind,
        weights=tuple(tuple(row) for row in pool.weights.tolist()),
        gate=using,
        temperature=pool.temperature,
        data=_data(priors, photos, found, opinions, chosen, why, place),
        metrics=metrics,
        licence="; ".join(f"{printable(key)}: {prior.card.licence}" for key, prior in priors.items()),
        created_with=__version__,
    )
    _log.info("%s (%s)", described(card), why)
    return card


def _warn_of_seen(priors: Mapping[str, Prior], photos: PhotoSet) -> None:
    for name, prior in priors.items():
        if prior.card.visual and printable(photos.name) in prior.card.trained_on:
            _log.warning(
                "%s was trained on %s: of photos that it was trained on it is too sure, and would get too much weight; "
                "give photos that it has not seen (--kept-from-training SHARE takes those that `whence train prior "
                "--held-out SHARE` kept)", printable(name), printable(photos.name),
            )  # fmt: skip


def _measured(
    chosen: Chosen, opinions: Opinions, lat: NDArray[np.float64], lon: NDArray[np.float64], partition: Partition
) -> tuple[Pool, dict[str, float], str]:
    """The pool, its figures out of fold, and why it is that one."""
    density = DensityPrior(partition).distribution
    pool, why = chosen.pool, chosen.why
    alone = corner(len(opinions.rows), chosen.best)
    metrics = measured(chosen.log_p, lat, lon, density, temperature=1.0, points=_POINTS)
    of_best = metrics
    if pool.only is None:
        rows = opinions.pooled(alone, np.arange(len(opinions)))
        of_best = measured(rows, lat, lon, density, temperature=1.0, points=_POINTS)
        if metrics["held_out_geoscore"] < of_best["held_out_geoscore"]:
            pool, metrics, why = alone, of_best, "no pool had points as good as those of the best prior alone"
    metrics |= {f"held_out_best_{figure}": of_best[f"held_out_{figure}"] for figure in ("nll", "geoscore")}
    # How much of the world's photos come from where it was measured at all.
    metrics["covered"] = covered(density, opinions.cells)
    return pool, metrics, why


def _data(
    priors: Mapping[str, Prior],
    photos: PhotoSet,
    found: Gathered,
    opinions: Opinions,
    chosen: Chosen,
    why: str,
    place: NDArray[np.int64],
) -> dict[str, Any]:
    return {
        "photos_of": printable(photos.name),
        "photos": len(found.photos),
        "places": int(place.max()) + 1,
        "unreadable": len(found.unreadable),
        "fingerprint": photos.fingerprint,
        "figures": "out of fold, by place",
        "why": why,
        "scenes": found.gate,
        "nll": chosen.nll,
        "nll_of_members": dict(zip(priors, (-opinions.own().mean(axis=0)).tolist(), strict=True)),
        "best_member": list(priors)[chosen.best],
    }
