"""PlaNet: a trunk and, on its features, one softmax classifier for each level of cells."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backbone.hierarchy import CellTree, down_the_tree
from backbone.planet_config import TRUNKS, PlanetConfig
from backbone.trunks import make_trunk, normalised

__all__ = ["PlanetNet", "log_posterior"]


class PlanetNet(nn.Module):
    """Pixels to logits over the cells of each level (Weyand et al. 2016; with several levels, Mueller-Budack 2018).

    Args:
        config: What it is.
        tree: The cells of its levels.
        imagenet: Whether the trunk starts from ImageNet's weights.

    Raises:
        WeightsError: ImageNet's weights are not at hand.
    """

    def __init__(self, config: PlanetConfig, tree: CellTree, *, imagenet: bool = False) -> None:
        super().__init__()
        self.config = config
        self.kind = TRUNKS[config.trunk]
        self.trunk = make_trunk(config.trunk, imagenet=imagenet)
        self.dropout = nn.Dropout(config.dropout)
        heads = {level: nn.Linear(self.kind.features, tree.sizes[level]) for level in config.levels}
        for head in heads.values():
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
        self.heads = nn.ModuleDict(heads)

    def start_at(self, prior: NDArray[np.float64], tree: CellTree) -> None:
        """Set the biases so that each level gives a picture without any feature ``prior`` (n,), summed over its cells.

        With one level that is what the network then says; the product of several is more concentrated.
        """
        fine = torch.from_numpy(prior)
        for level, head in self.heads.items():
            mass = torch.zeros(tree.sizes[level], dtype=torch.float64)
            mass.index_add_(0, tree.parents[level].cpu(), fine)
            with torch.no_grad():
                cast("nn.Linear", head).bias.copy_(mass.clamp_min(1e-12).log())

    def features(self, pixels: Tensor) -> Tensor:
        """Features (b, d) of ``pixels`` (b, 3, s, s) uint8."""
        out: Tensor = self.trunk(normalised(pixels, self.kind))
        return out

    def logits(self, features: Tensor) -> dict[str, Tensor]:
        """Logits (b, n_level) of each level, of features (b, d)."""
        kept = self.dropout(features)
        return {level: head(kept) for level, head in self.heads.items()}

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Logits (b, n_level) of each level, of ``pixels`` (b, 3, s, s) uint8."""
        return self.logits(self.features(pixels))


@torch.no_grad()
def log_posterior(net: PlanetNet, tree: CellTree, crops: Tensor) -> tuple[Tensor, Tensor]:
    """What the network says about photos of which it sees several crops.

    The levels' probabilities are averaged over the crops, as in Mueller-Budack (2018), then multiplied down the tree.

    Args:
        net: In evaluation mode.
        tree: Its levels, on the network's device.
        crops: (b, k, 3, s, s) uint8, on the same device.

    Returns:
        Log-probabilities (b, n) over the finest cells, not yet calibrated, and features (b, d) averaged over crops.
    """
    photos, each = crops.shape[:2]
    features = net.features(crops.flatten(0, 1))
    log_p = {}
    for level, logits in net.logits(features).items():
        log_each = torch.log_softmax(logits.float(), dim=1).view(photos, each, -1)
        log_p[level] = torch.logsumexp(log_each, dim=1) - float(np.log(each))
    return down_the_tree(log_p, tree), features.float().view(photos, each, -1).mean(dim=1)
