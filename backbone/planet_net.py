"""PlaNet: a trunk and, on its features, what speaks about places: classifiers of cells, or a mixture of densities."""

from __future__ import annotations

from typing import Final, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backbone.hierarchy import CellTree, down_the_tree
from backbone.planet_config import TRUNKS, PlanetConfig
from backbone.scenes import SCENES
from backbone.sphere_mixture import SphereMixture
from backbone.trunks import make_trunk, normalised

__all__ = ["MIXTURE", "SCENE", "PlanetNet", "Seen", "log_posterior"]

SCENE: Final = "scene"
"""What the logits (b, 3) of kinds of scene are called beside those of levels."""

MIXTURE: Final = "mixture"
"""What the logits (b, k) of the densities of a mixture are called."""


class Seen(NamedTuple):
    """What a network says about photos.

    Attributes:
        log_p: (b, n) log-probabilities over the finest cells, not yet calibrated.
        features: (b, d), averaged over crops.
        scenes: (b, 3) probabilities of :data:`backbone.scenes.SCENES`, or None where it was not taught them.
    """

    log_p: Tensor
    features: Tensor
    scenes: Tensor | None


class PlanetNet(nn.Module):
    """Pixels to logits over the cells of each level (Weyand et al. 2016; with several levels, Mueller-Budack 2018).

    Args:
        config: What it is.
        tree: The cells of its levels.
        imagenet: Whether the trunk starts from ImageNet's weights.

    Attributes:
        mixture: The densities, where it has some instead of classes.

    Raises:
        WeightsError: ImageNet's weights are not at hand.
    """

    def __init__(self, config: PlanetConfig, tree: CellTree, *, imagenet: bool = False) -> None:
        super().__init__()
        self.config = config
        self.kind = TRUNKS[config.trunk]
        self.trunk = make_trunk(config.trunk, imagenet=imagenet)
        self.dropout = nn.Dropout(config.dropout)
        self.mixture = SphereMixture(tree.partition, config.mixture) if config.mixture else None
        if self.mixture is not None:
            sizes = {MIXTURE: len(self.mixture)}
        else:
            sizes = {level: tree.sizes[level] * self._for_each_cell for level in config.levels}
        if config.scenes != "none":
            sizes[SCENE] = len(SCENES)
        self.heads = nn.ModuleDict({name: nn.Linear(self.kind.features, size) for name, size in sizes.items()})
        for head in self.heads.values():
            nn.init.normal_(cast("Tensor", head.weight), std=0.01)
            nn.init.zeros_(cast("Tensor", head.bias))

    @property
    def _for_each_cell(self) -> int:
        return len(SCENES) if self.config.scenes == "isn" else 1

    def start_at(self, prior: NDArray[np.float64], tree: CellTree) -> None:
        """Set the biases so that each level gives a picture without any feature ``prior`` (n,), summed over its cells.

        With one level that is what the network then says; the product of several is more concentrated. A mixture gives
        each density the mass of its cell.
        """
        fine = torch.from_numpy(prior)
        for name, head in self.heads.items():
            if name == SCENE:
                continue
            level = self.config.mixture if name == MIXTURE else name
            parents = torch.from_numpy(tree.partition.parents(level).astype(np.int64))
            mass = torch.zeros(int(parents.max()) + 1, dtype=torch.float64)
            mass.index_add_(0, parents, fine)
            with torch.no_grad():
                cast("Tensor", head.bias).copy_(mass.clamp_min(1e-12).log().repeat(self._for_each_cell))

    def features(self, pixels: Tensor) -> Tensor:
        """Features (b, d) of ``pixels`` (b, 3, s, s) uint8."""
        out: Tensor = self.trunk(normalised(pixels, self.kind))
        return out

    def logits(self, features: Tensor) -> dict[str, Tensor]:
        """Logits of features (b, d): (b, n_level) of each level, (b, 3, n_level) where each kind of scene has its own.

        Besides, where it has them, (b, k) of :data:`MIXTURE` and (b, 3) of :data:`SCENE`.
        """
        kept = self.dropout(features)
        out = {name: head(kept) for name, head in self.heads.items()}
        if self.config.scenes == "isn":
            out |= {level: out[level].unflatten(1, (len(SCENES), -1)) for level in self.config.levels}
        return out

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """:meth:`logits` of ``pixels`` (b, 3, s, s) uint8."""
        return self.logits(self.features(pixels))


@torch.no_grad()
def log_posterior(net: PlanetNet, tree: CellTree, crops: Tensor) -> Seen:
    """What the network says about photos of which it sees several crops.

    The levels' probabilities are averaged over the crops, as in Mueller-Budack (2018), then multiplied down the tree;
    where each kind of scene has its own classifiers, their products are mixed by how likely each kind is.

    Args:
        net: In evaluation mode.
        tree: Its levels, on the network's device.
        crops: (b, k, 3, s, s) uint8, on the same device.
    """
    photos, each = crops.shape[:2]
    features = net.features(crops.flatten(0, 1))
    logits = {name: values.float() for name, values in net.logits(features).items()}

    def averaged(values: Tensor) -> Tensor:
        log_each = torch.log_softmax(values, dim=-1).view(photos, each, *values.shape[1:])
        return torch.logsumexp(log_each, dim=1) - float(np.log(each))

    log_p = {name: averaged(values) for name, values in logits.items()}
    log_scenes = log_p.pop(SCENE, None)
    if net.mixture is not None:
        whole = net.mixture.over_cells(log_p[MIXTURE], tree.partition)
    elif log_scenes is not None and net.config.scenes == "isn":
        of_scene = [down_the_tree({level: log_p[level][:, k] for level in log_p}, tree) for k in range(len(SCENES))]
        whole = torch.logsumexp(torch.stack(of_scene, dim=1) + log_scenes[:, :, None], dim=1)
    else:
        whole = down_the_tree(log_p, tree)
    scenes = None if log_scenes is None else log_scenes.exp()
    return Seen(whole, features.float().view(photos, each, -1).mean(dim=1), scenes)
