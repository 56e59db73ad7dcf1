"""The log-linear pool: prior times evidence, each kind of clue weighed by how far it can be trusted.

``log p(c) = log p0(c) + sum_k f_k L_k(c) - log Z`` with ``l_k = log P(clue_k | c) - log P(clue_k | background)``
(Genest and Zidek 1986, logarithmic opinion pools), ``w_k`` the reliability of its kind and ``f_k`` the share of its
readings that no clue before it has used, so that the same pixels are counted once (`fusion.sharing`).

The more specific kind of clue has a string first. What it says is a mixture of two ways in which the string came about:
as what it was taken for, or for another reason, as likely everywhere, ``e_k = w_k elsewhere_k``. Where it is another
reason, a less specific clue ``j`` of the same string tells how likely that is from place to place::

    L_k(c) = log(max(exp(w_k l_k) - exp(e_k), 0) + min(exp(w_k l_k), exp(e_k)) exp(sum_j s_jk L_j(c)))

with ``s_jk`` the share of j's readings that k has (half of it in ``LANGUAGE_AWARE`` kinds). A word that names a town
is so not counted again as a word of its language at the town, but where it is no town's name it remains a word of that
language. A clue that shares nothing has ``L_k = w_k l_k``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from detectors.base import Clue
from fusion.context import NOTHING_KNOWN, Context
from fusion.evidence import log_likelihood_ratio
from fusion.narrowing import narrow
from fusion.sharing import Shares, shares_of, spans_of

__all__ = ["RELIABILITY", "Fused", "LogLinearPool"]

RELIABILITY: Mapping[str, float] = {
    "coordinates": 1.0,  # the reader's own doubt (a misread digit, another place's coordinates) is in its evidence
    "plate": 0.9,  # cars from abroad, and what was taken for a plate and is none, are in its evidence
    "phone": 0.9,  # advertisements carry the number of a head office in another region
    "domain": 0.9,  # shops of one country trade under a neighbour's domain
    "address": 0.9,  # vans and advertisements name another town: that is in the reader's own rates
    "institution": 0.9,  # the same; films and toys say Police
    "direction": 0.8,  # a map or a picture of a sign; the places of the sign are counted here and not once more
    "road": 0.8,  # rooms, gates and plates cut in half look like road numbers
    "units": 0.8,  # shops and guide books quote the signs of other countries
    "brand": 0.8,  # what else a name stands for is in its evidence; firms move and merge after the table was made
    "place": 0.8,  # places are read far from where they are: travel agencies, restaurants, surnames
    "currency": 0.8,  # prices for visitors, exchange offices
    "wording": 0.9,  # a foreign branch, a lorry from abroad
    "language": 0.9,  # short lines resemble several languages
    "script": 0.9,  # restaurants and flags abroad
}
"""Kind of clue to the weight of its log-likelihood ratio, 0 to 1; the most specific kind first."""

LANGUAGE_AWARE: Mapping[str, float] = dict.fromkeys(("address", "institution", "units", "wording"), 0.5)
"""Kinds whose ``e_k`` knows already that others write other languages: what is nested in them counts so much."""

_MADE_OF = {"direction": "place"}  # a sign's evidence is made of its places', chance included

_SAME_NATS = 1e-6  # evidence that differs by less between cells differs by rounding: it points nowhere
_UNKNOWN_KIND = 0.5  # a reader from elsewhere that says nothing about its reliability


@dataclass(frozen=True, eq=False)
class Fused:
    """A posterior and what made it.

    Attributes:
        posterior: The refined distribution; the prior object itself where no clue had any weight.
        weights: Weight of each clue in the pool, 0 to 1, in the order given: 0 where all that it was read from
            belongs to more specific clues, beside which it may still count; it then moves mass between cells, not
            inside them.
        without: For each clue, the distribution that the others alone would have given.
    """

    posterior: CellDistribution
    weights: tuple[float, ...]
    without: tuple[CellDistribution, ...]


class LogLinearPool:
    """Fuses a prior with clues; see the module's docstring for the equation.

    Args:
        reliability: Kind of clue to its weight, the most specific kind first; kinds that are not listed weigh 0.5.
    """

    name = "pool"

    def __init__(self, reliability: Mapping[str, float] = RELIABILITY) -> None:
        bad = {kind: weight for kind, weight in reliability.items() if not 0.0 <= weight <= 1.0}
        if bad:
            raise ValueError(f"reliability weights lie in [0, 1], not {bad}")
        self._reliability = dict(reliability)
        self._rank = {kind: rank for rank, kind in enumerate(reliability)}

    def fuse(self, prior: CellDistribution, clues: Sequence[Clue], context: Context = NOTHING_KNOWN) -> Fused:
        """Posterior of ``prior`` after ``clues``; with none of any weight, ``prior`` itself.

        Nothing is taken from ``context``; of the scene: on 74 labelled photos with a clue, weights that depend on it gain 0.01 bits a
        photo out of fold, with a standard error of 0.02 (``benchmarks/results/scenes.txt``).
        """
        if not clues:
            return Fused(prior, (), ())
        ratios = np.stack(
            [log_likelihood_ratio(clue.evidence, prior.partition, prior.in_cell) for clue in clues]
        )  # [k, n]
        reliability = np.array([self._reliability.get(clue.kind, _UNKNOWN_KIND) for clue in clues])
        nodes = _Nodes(reliability[:, None] * ratios, reliability * [clue.evidence.elsewhere for clue in clues])
        strength = [_information(prior.p, ratio) for ratio in ratios]
        order = sorted(range(len(clues)), key=lambda k: (self._rank.get(clues[k].kind, 99), -strength[k], k))
        kinds = [clue.kind for clue in clues]
        spans = [spans_of(clue.evidence.sources) for clue in clues]
        with np.errstate(divide="ignore"):
            log_prior = np.log(prior.p.astype(np.float64))
        shares = shares_of(order, spans, kinds, _kept)
        evidence = nodes.total(shares)  # (n,)
        alone = shares.alone(len(clues))
        without = []
        for k in range(len(clues)):
            if alone[k]:
                rest = evidence - nodes.value(k, shares)
            else:  # others take over the readings it used
                rest = nodes.total(shares_of([j for j in order if j != k], spans, kinds, _kept))
            without.append(_posterior(prior, log_prior, rest))
        posterior = _posterior(prior, log_prior, evidence)
        weights = [float(reliability[k] * shares.free[k]) for k in range(len(clues))]
        if posterior is not prior:
            told = [(clue.evidence, weight) for clue, weight in zip(clues, weights, strict=True)]
            in_cell = narrow(told, prior.partition, prior.in_cell, posterior.p)
            if in_cell is not prior.in_cell:
                posterior = CellDistribution(posterior.partition, posterior.p, in_cell)
        return Fused(posterior, tuple(weights), tuple(without))


class _Nodes:
    """``L_k`` of the module's equation, each computed once for the same clues nested in it.

    Args:
        ratios: ``w_k l_k``, [k, n] nats.
        elsewhere: ``e_k``, (k,) nats.
    """

    def __init__(self, ratios: NDArray[np.float64], elsewhere: NDArray[np.float64]) -> None:
        self._ratios, self._elsewhere = ratios, elsewhere
        self._known: dict[_Key, NDArray[np.float64]] = {}

    def total(self, shares: Shares) -> NDArray[np.float64]:
        """(n,) sum of what all clues say, each counted as far as its readings are its own."""
        out = np.zeros(self._ratios.shape[1])
        for k, share in shares.free.items():
            if share > 0.0:
                out += share * self.value(k, shares)
        return out

    def value(self, k: int, shares: Shares) -> NDArray[np.float64]:
        """(n,) ``L_k``."""
        return self._of(_key(k, shares))

    def _of(self, key: _Key) -> NDArray[np.float64]:
        if key not in self._known:
            k, nested = key
            value: NDArray[np.float64] = self._ratios[k]
            if nested:
                low = self._elsewhere[k]
                other = sum((share * self._of(inner) for inner, share in nested), np.zeros(len(value)))
                with np.errstate(divide="ignore"):
                    taken = value + np.log(-np.expm1(np.minimum(low - value, 0.0)))  # log(max(e^value - e^low, 0))
                value = np.logaddexp(taken, np.minimum(value, low) + other)
            self._known[key] = value
        return self._known[key]


_Key = tuple[int, tuple[tuple[Any, float], ...]]
"""A clue and the keys of those nested in it, each with the share that it has there."""


def _key(k: int, shares: Shares) -> _Key:
    return k, tuple((_key(j, shares), share) for j, share in shares.nested.get(k, ()))


def _kept(holder: str, kind: str) -> float:
    """How much of a clue of one kind counts in one of another that has its reading."""
    if holder == kind or _MADE_OF.get(holder) == kind:
        return 0.0  # it says the same once more
    return LANGUAGE_AWARE.get(holder, 1.0)


def _posterior(
    prior: CellDistribution, log_prior: NDArray[np.float64], evidence: NDArray[np.float64]
) -> CellDistribution:
    if np.ptp(evidence) < _SAME_NATS:
        return prior
    return CellDistribution.from_logits(prior.partition, log_prior + evidence, prior.in_cell)


def _information(p: NDArray[np.float32], ratio: NDArray[np.float64]) -> float:
    """Kullback-Leibler divergence in nats of the prior after this clue alone from the prior."""
    weights = p * np.exp(ratio - ratio.max())
    total = float(weights.sum())
    if total <= 0.0:  # the evidence points only where the prior has nothing
        return 0.0
    q = weights / total
    held = q > 0
    return float((q[held] * np.log(q[held] / p[held])).sum())
