"""PlaNet: a trunk and, on its features, one softmax classifier for each level of cells."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backbone.hierarchy import CellTree, down_the_tree
from backbone.trunks import TRUNKS, make_trunk, normalised
from data.errors import RequestError, WeightsError
from data.partition_checks import LEVELS

__all__ = ["PlanetConfig", "PlanetNet", "log_posterior"]


@dataclass(frozen=True, slots=True)
class PlanetConfig:
    """What the network is; all of it is written beside its weights.

    Attributes:
        trunk: One of ``backbone.trunks.TRUNKS``.
        pixels: Side of the square that the trunk sees; 0 for what the trunk is made for.
        levels: Levels of the partition that have a classifier, finest first.
        dropout: Share of features that are left out in training.

    Raises:
        RequestError: A value is none of these.
    """

    trunk: str = "inception_v3"
    pixels: int = 0
    levels: tuple[str, ...] = LEVELS
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.trunk not in TRUNKS:
            raise RequestError(f"unknown trunk {self.trunk!r}: choose one of {', '.join(TRUNKS)}")
        kind = TRUNKS[self.trunk]
        if not self.pixels:
            object.__setattr__(self, "pixels", kind.pixels)
        if not kind.least_pixels <= self.pixels <= 1024:
            raise RequestError(f"{self.trunk} sees {kind.least_pixels} to 1024 pixels a side, not {self.pixels}")
        if self.levels != tuple(level for level in LEVELS if level in self.levels) or self.levels[:1] != LEVELS[:1]:
            raise RequestError(f"levels are fine, and then some of middle, coarse; not {', '.join(self.levels)}")
        if not 0.0 <= self.dropout < 1.0:
            raise RequestError(f"dropout is a share from 0 to below 1, not {self.dropout}")

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self) | {"levels": list(self.levels)}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> PlanetConfig:
        """Out of JSON.

        Raises:
            WeightsError: It lacks something, has too much, or holds what no network can be made of.
        """
        kinds = {"trunk": str, "pixels": int, "levels": list, "dropout": float}
        if set(found) != set(kinds):
            raise WeightsError(
                f"the weights describe a network by {', '.join(sorted(found))}: get them for this whence"
            )
        for name, kind in kinds.items():
            if not isinstance(found[name], kind) or isinstance(found[name], bool):
                raise WeightsError(f"the weights' {name} is {found[name]!r}: get them again")
        try:
            return cls(**found | {"levels": tuple(str(level) for level in found["levels"])})
        except RequestError as error:
            raise WeightsError(f"no network can be made of these weights: {error}") from error


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
        """Set the biases so that a picture without any feature gets ``prior`` (n,) over the finest cells."""
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
