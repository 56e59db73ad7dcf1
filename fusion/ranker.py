"""The ranker: prior and clues to a posterior by a LightGBM model over a photo's rows.

    log p(r) = log p0(r) + [a E(r) + s(x_r, e) - s(x_r, none)] / T + L(r) - log Z

Rows are the likeliest cells and the rest of each country (``fusion.rows``), ``E`` the log-linear pool's evidence, ``s``
the trees' score of a row's columns (``fusion.features``), ``none`` the same row with every evidence column missing, and
T the temperature fitted out of fold, which divides the evidence term only. ``L`` is what hits on maps say beside the
other clues, which the trees do not see (``fusion.features.WHOLE``). The trees are trained as a conditional logit
(``fusion.conditional_logit``). Where no clue points anywhere the prior object is returned as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.distribution import CellDistribution
from data.errors import WeightsError
from data.printable import printable
from detectors.base import Clue
from fusion.context import NOTHING_KNOWN, Context
from fusion.features import WHOLE, rows_of
from fusion.laid import LaidClues
from fusion.pool import SAME_NATS, Fused, LogLinearPool, narrowed
from fusion.ranker_model import RankerModel, load_model, shipped_model
from fusion.sharing import Shares

__all__ = ["FusionRanker", "make_ranker"]


class FusionRanker:
    """Fuses a prior with clues by a trained model; see the module's docstring for the equation.

    Args:
        model: The trees and what they are used with; None for the model that ships.

    Raises:
        WeightsError: The shipped model is missing or damaged.
    """

    def __init__(self, model: RankerModel | None = None) -> None:
        self.model = shipped_model() if model is None else model

    @property
    def name(self) -> str:
        """``ranker@`` and the beginning of its trees' sha256: two models of one name do not share a table."""
        return f"ranker@{self.model.sha256[:12]}"

    def fuse(self, prior: CellDistribution, clues: Sequence[Clue], context: Context = NOTHING_KNOWN) -> Fused:
        """Posterior of ``prior`` after ``clues``; with none that points anywhere, ``prior`` itself."""
        if not clues:
            return Fused(prior)
        laid = LaidClues(prior, clues)
        shares = laid.shares()

        def rest(k: int) -> CellDistribution:
            return self._posterior(prior, laid, laid.shares(j for j in range(len(clues)) if j != k), context)

        return Fused(self._posterior(prior, laid, shares, context), laid.weights(shares), rest)

    def _posterior(
        self, prior: CellDistribution, laid: LaidClues, shares: Shares, context: Context
    ) -> CellDistribution:
        evidence = laid.total(shares)
        if np.ptp(evidence) < SAME_NATS:
            return prior
        learnt = laid.shares(k for k in shares.free if laid.clues[k].kind not in WHOLE)
        own = evidence if len(learnt.free) == len(shares.free) else laid.total(learnt)
        if np.ptp(own) < SAME_NATS:
            p = prior.p
        else:
            rows, table = rows_of(prior, laid, learnt, own, context)
            p = rows.posterior(rows.log_p0 + self.model.told(rows.gain, table))
        if own is not evidence:
            with np.errstate(divide="ignore"):
                log_p = np.log(p.astype(np.float64)) + (evidence - own)
            p = CellDistribution.from_logits(prior.partition, log_p).p
        return narrowed(prior, CellDistribution(prior.partition, p, prior.in_cell), laid, shares)


def make_ranker(name: str) -> FusionRanker | LogLinearPool:
    """A ranker by its name: ``"auto"`` for the one that ships, ``"pool"``, or a folder made by ``whence train fusion``.

    Raises:
        WeightsError: There is no such model, or it is damaged or of another version.
    """
    if name == "auto":
        return FusionRanker()
    if name == "pool":
        return LogLinearPool()
    folder = Path(name)
    if not name or not folder.is_dir():
        where = printable(name) or "an empty name"
        raise WeightsError(f"no fusion model in {where}: give auto, pool or a folder of `whence train fusion`")
    return FusionRanker(load_model(folder))
