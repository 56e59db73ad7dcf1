"""The log-linear pool: prior times evidence, each kind of clue weighed by how far it can be trusted.

``log p(c) = log p0(c) + sum_k w_k l_k(c) - log Z`` with ``l_k = log P(clue_k | c) - log P(clue_k | background)``
(Genest and Zidek 1986, logarithmic opinion pools). ``w_k = reliability of its kind x share of its readings that no
clue before it has used``, so that the same pixels are counted once: the more specific kind of clue comes first (a word
that names a town is not counted again as a word of a language), among clues of a kind the one that says more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.distribution import CellDistribution
from detectors.base import Clue
from fusion.evidence import log_likelihood_ratio, narrow

__all__ = ["RELIABILITY", "Fused", "LogLinearPool"]

RELIABILITY: Mapping[str, float] = {
    "coordinates": 1.0,  # the reader's own doubt (a misread digit, another place's coordinates) is in its evidence
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

_SAME_NATS = 1e-6  # evidence that differs by less between cells differs by rounding: it points nowhere
_UNKNOWN_KIND = 0.5  # a reader from elsewhere that says nothing about its reliability
_Span = tuple[str, int, int]  # a reading's id and the characters of it, end excluded
_SOURCE = re.compile(r"^(?P<id>[^:]+)(?::(?P<start>\d+)-(?P<end>\d+))?$")


@dataclass(frozen=True, eq=False)
class Fused:
    """A posterior and what made it.

    Attributes:
        posterior: The refined distribution; the prior object itself where no clue had any weight.
        weights: Weight of each clue in the pool, 0 to 1, in the order given.
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

    def fuse(self, prior: CellDistribution, clues: Sequence[Clue]) -> Fused:
        """Posterior of ``prior`` after ``clues``; with none of any weight, ``prior`` itself."""
        if not clues:
            return Fused(prior, (), ())
        ratios = np.stack([log_likelihood_ratio(clue.evidence, prior.partition) for clue in clues])  # [k, n]
        strength = [_information(prior.p, ratio) for ratio in ratios]
        spans = [[_span(source) for source in clue.evidence.sources] for clue in clues]
        weights = self._weights(clues, spans, strength)
        with np.errstate(divide="ignore"):
            log_prior = np.log(prior.p.astype(np.float64))
        evidence = weights @ ratios  # (n,)
        shared = _shared_readings(spans)
        without = []
        for k in range(len(clues)):
            rest = evidence - weights[k] * ratios[k]
            if shared[k]:  # others take over the readings it used
                rest = self._weights(clues, spans, strength, left_out=k) @ ratios
            without.append(_posterior(prior, log_prior, rest))
        posterior = _posterior(prior, log_prior, evidence)
        if posterior is not prior:
            in_cell = narrow(
                [(clue.evidence, float(w)) for clue, w in zip(clues, weights, strict=True)], prior.partition
            )
            if in_cell is not None:
                posterior = CellDistribution(posterior.partition, posterior.p, in_cell)
        return Fused(posterior, tuple(float(w) for w in weights), tuple(without))

    def _weights(
        self,
        clues: Sequence[Clue],
        spans: Sequence[Sequence[_Span]],
        strength: Sequence[float],
        left_out: int | None = None,
    ) -> NDArray[np.float64]:
        """(k,) weights: clues take their readings by kind and strength, each what is left of its own."""
        weights = np.zeros(len(clues))
        used: dict[str, list[_Span]] = {}
        order = sorted(range(len(clues)), key=lambda k: (self._rank.get(clues[k].kind, 99), -strength[k], k))
        for k in order:
            if k == left_out:
                continue
            free = [span for span in spans[k] if not any(_overlap(span, other) for other in used.get(span[0], ()))]
            share = len(free) / len(spans[k]) if spans[k] else 1.0
            weights[k] = self._reliability.get(clues[k].kind, _UNKNOWN_KIND) * share
            for span in free:
                used.setdefault(span[0], []).append(span)
        return weights


def _posterior(
    prior: CellDistribution, log_prior: NDArray[np.float64], evidence: NDArray[np.float64]
) -> CellDistribution:
    if np.ptp(evidence) < _SAME_NATS:
        return prior
    return CellDistribution.from_logits(prior.partition, log_prior + evidence)


def _information(p: NDArray[np.float32], ratio: NDArray[np.float64]) -> float:
    """Kullback-Leibler divergence in nats of the prior after this clue alone from the prior."""
    weights = p * np.exp(ratio - ratio.max())
    total = float(weights.sum())
    if total <= 0.0:  # the evidence points only where the prior has nothing
        return 0.0
    q = weights / total
    held = q > 0
    return float((q[held] * np.log(q[held] / p[held])).sum())


def _span(source: str) -> _Span:
    match = _SOURCE.match(source)
    if match is None or match["start"] is None:
        return source, 0, 1 << 30
    return match["id"], int(match["start"]), int(match["end"])


def _shared_readings(spans: Sequence[Sequence[_Span]]) -> list[bool]:
    """For each clue, whether another one uses a part of its readings."""
    users: dict[str, list[tuple[int, _Span]]] = {}
    for k, own in enumerate(spans):
        for span in own:
            users.setdefault(span[0], []).append((k, span))
    return [
        any(j != k and _overlap(span, other) for span in own for j, other in users[span[0]])
        for k, own in enumerate(spans)
    ]


def _overlap(a: _Span, b: _Span) -> bool:
    return a[0] == b[0] and a[1] < b[2] and b[1] < a[2]
