"""MvMF: a mixture of von Mises-Fisher densities that all photos share, each photo with weights of its own.

Izbicki, Papalexakis and Tsotras (2019), "Exploiting the Earth's Spherical Geometry to Geolocate Images", equation 6::

    p(x | photo) = sum_i softmax(photo's logits)_i vMF(x; mu_i, kappa_i)

Centres and concentrations are learnt with the network. They start at the cells of a partition: the mean of their photos
and its spread.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from backbone.von_mises_fisher import LEAST_KAPPA, MOST_KAPPA, cell_masses, kappa_of, log_density
from data.partition import Partition

__all__ = ["SphereMixture"]

_NOTHING: Final = 1e-15  # probability of a cell where no density has any: softened by a temperature of 2, still nothing


class SphereMixture(nn.Module):
    """The densities, one for each cell of a level of ``partition``.

    Args:
        partition: The cells.
        level: The name of the level.

    Attributes:
        centres: (k, 3); of any length, only the direction counts.
        log_kappa: (k,) logarithms of the concentrations.
    """

    def __init__(self, partition: Partition, level: str) -> None:
        super().__init__()
        cells = partition.at(level)
        self.centres = nn.Parameter(torch.from_numpy(cells.vectors.astype(np.float32)))
        self.log_kappa = nn.Parameter(torch.from_numpy(np.log(kappa_of(cells.spread_km)).astype(np.float32)))
        self._masses: Tensor | None = None

    def __len__(self) -> int:
        return len(self.log_kappa)

    def log_likelihood(self, logits: Tensor, points: Tensor) -> Tensor:
        """Log-density (b,) in nats per steradian of ``points`` (b, 3), unit vectors, under ``logits`` (b, k)."""
        each = log_density(points, functional.normalize(self.centres, dim=1), self._bounded())
        return torch.logsumexp(functional.log_softmax(logits, dim=1) + each, dim=1)

    def over_cells(self, log_weights: Tensor, partition: Partition) -> Tensor:
        """Log-probabilities (b, n) of the cells of ``partition``, given those (b, k) of the densities.

        How much of each density lies in which cell is computed when first asked, and kept until it learns again.
        """
        if self._masses is None or self._masses.device != log_weights.device:
            centres = functional.normalize(self.centres.detach().double().cpu(), dim=1).numpy()
            kappa = self._bounded().detach().double().cpu().exp().numpy()
            masses = cell_masses(centres, kappa, partition).T.tocoo()
            indices = torch.from_numpy(np.stack([masses.row, masses.col]).astype(np.int64))
            made = torch.sparse_coo_tensor(indices, torch.from_numpy(masses.data), masses.shape, check_invariants=False)
            self._masses = made.coalesce().to(log_weights.device)
        p: Tensor = torch.sparse.mm(self._masses, log_weights.float().exp().T).T
        return p.clamp_min(_NOTHING).log()

    def train(self, mode: bool = True) -> SphereMixture:
        """As every module; what is known of the cells is forgotten when it learns."""
        if mode:
            self._masses = None
        return super().train(mode)

    def _bounded(self) -> Tensor:
        """The logarithms (k,) within what :func:`log_density` bears; those at a bound go on learning as they are."""
        bounded = self.log_kappa.clamp(math.log(LEAST_KAPPA), math.log(MOST_KAPPA))
        return self.log_kappa + (bounded - self.log_kappa).detach()
