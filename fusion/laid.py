"""The clues of one photo laid over the cells, each counted as far as its readings are its own.

The more specific kind of clue has a string first. What it says is a mixture of two ways in which the string came about:
as what it was taken for, or for another reason, as likely everywhere, ``e_k = w_k elsewhere_k``. Where it is another
reason, a less specific clue ``j`` of the same string tells how likely that is from place to place::

    L_k(c) = log(max(exp(w_k l_k) - exp(e_k), 0) + min(exp(w_k l_k), exp(e_k)) exp(sum_j s_jk L_j(c)))

with ``l_k = log P(clue_k | c) - log P(clue_k | background)``, ``w_k`` the reliability of its kind and ``s_jk`` the
share of j's readings that k has (half of it in ``LANGUAGE_AWARE`` kinds). A word that names a town is so not counted
again as a word of its language at the town, but where it is no town's name it remains a word of that language. A clue
that shares nothing has ``L_k = w_k l_k``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from detectors.base import Clue
from fusion.evidence import log_likelihood_ratio
from fusion.rows import Weighed, weighed
from fusion.sharing import Shares, shares_of, spans_of

__all__ = ["RELIABILITY", "LaidClues"]

Floats = NDArray[np.float64]

RELIABILITY: Mapping[str, float] = {
    "coordinates": 1.0,  # the reader's own doubt (a misread digit, another place's coordinates) is in its evidence
    "lookup": 1.0,  # what a map knows of that name elsewhere is in its evidence
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

_UNKNOWN_KIND = 0.5  # a reader from elsewhere that says nothing about its reliability


class LaidClues:
    """What each clue of a photo says about each cell, alone and beside the others.

    Args:
        prior: Before any clue.
        clues: With evidence.
        reliability: Kind of clue to its weight, the most specific kind first; kinds that are not listed weigh 0.5.

    Attributes:
        clues: As given.
        ratios: ``l_k``, [k, n] nats.
        reliability: ``w_k``, (k,).
    """

    def __init__(
        self, prior: CellDistribution, clues: Sequence[Clue], reliability: Mapping[str, float] = RELIABILITY
    ) -> None:
        self.clues = clues
        self._prior = prior
        n = len(prior.partition)
        self.ratios = np.empty((len(clues), n))
        for k, clue in enumerate(clues):
            self.ratios[k] = log_likelihood_ratio(clue.evidence, prior.partition, prior.in_cell)
        self.reliability = np.array([reliability.get(clue.kind, _UNKNOWN_KIND) for clue in clues])
        self._elsewhere = self.reliability * [clue.evidence.elsewhere for clue in clues]
        rank = {kind: place for place, kind in enumerate(reliability)}
        strength = _information(prior.p, self.ratios)
        self._order = sorted(range(len(clues)), key=lambda k: (rank.get(clues[k].kind, len(rank)), -strength[k], k))
        self._kinds = [clue.kind for clue in clues]
        self.spans = [spans_of(clue.evidence.sources) for clue in clues]
        self._known: dict[_Key, Floats] = {}
        self._weighed: dict[_Key, Weighed] = {}

    def __len__(self) -> int:
        return len(self.clues)

    def shares(self, members: Iterable[int] | None = None) -> Shares:
        """Which clue has which readings, among ``members`` only; None for all."""
        kept = None if members is None else frozenset(members)
        order = [k for k in self._order if kept is None or k in kept]
        return shares_of(order, self.spans, self._kinds, _kept)

    def weights(self, shares: Shares) -> tuple[float, ...]:
        """For each clue ``w_k`` times the share of its readings that is its own; 0 for those that do not count."""
        return tuple(float(self.reliability[k] * shares.free.get(k, 0.0)) for k in range(len(self)))

    def value(self, k: int, shares: Shares) -> Floats:
        """(n,) nats, ``L_k``."""
        return self._of(_key(k, shares))

    def weighed(self, k: int, shares: Shares) -> Weighed:
        """:meth:`value` under the prior: kept, since every fusion without one of many other clues asks for it again."""
        key = _key(k, shares)
        if key not in self._weighed:
            self._weighed[key] = weighed(self._prior, self._of(key))
        return self._weighed[key]

    def total(self, shares: Shares) -> Floats:
        """(n,) nats: what all clues say, each counted as far as its readings are its own."""
        out = np.zeros(self.ratios.shape[1])
        for k, share in shares.free.items():
            if share > 0.0:
                out += share * self.value(k, shares)
        return out

    def _of(self, key: _Key) -> Floats:
        if key not in self._known:
            k, nested = key
            value: Floats = self.reliability[k] * self.ratios[k]
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


def _information(p: NDArray[np.float32], ratios: Floats) -> list[float]:
    """Kullback-Leibler divergence in nats of the prior after each clue alone, [k, n], from the prior."""
    found = []
    for ratio in ratios:
        # KL(q | p) with q = p e^ratio / Z is E_q[ratio] - log Z.
        weights = p * np.exp(ratio - ratio.max())
        total = float(weights.sum())
        if total <= 0.0:  # the evidence points only where the prior has nothing
            found.append(0.0)
            continue
        found.append(float(weights @ ratio) / total - float(ratio.max()) - float(np.log(total)))
    return found
