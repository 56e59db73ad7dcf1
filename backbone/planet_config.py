"""What a PlaNet is, before torch is needed: its trunk, what that sees, and the levels of cells that it classifies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

from data.errors import RequestError, WeightsError
from data.partition_checks import LEVELS

__all__ = ["SCENE_USES", "TRUNKS", "PlanetConfig", "TrunkKind"]

SCENE_USES: Final = ("none", "isn", "mtn")
"""What a network may do with kinds of scene; see :class:`PlanetConfig`."""


@dataclass(frozen=True, slots=True)
class TrunkKind:
    """What is known about a trunk before it is built.

    Attributes:
        pixels: Side of the square that it is made for.
        least_pixels: Smallest side that leaves it more than one place to look at, as normalisation needs.
        features: Length of what it gives for a picture.
        mean: Of each colour, 0 to 1, taken off before the trunk.
        std: What each colour is then divided by.
    """

    pixels: int
    least_pixels: int
    features: int
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


_HALVES: Final = (0.5, 0.5, 0.5)
_LATER: Final = MappingProxyType({"scenes": "none", "mixture": ""})  # fields that the first cards lack

TRUNKS: Final[Mapping[str, TrunkKind]] = MappingProxyType(
    {
        "inception_v3": TrunkKind(299, 107, 2048, _HALVES, _HALVES),
        "mobilenet_v3_large": TrunkKind(224, 64, 960),
        "mobilenet_v3_small": TrunkKind(224, 64, 576),
        "tiny": TrunkKind(64, 32, 160, _HALVES, _HALVES),
    }
)
"""Name of each trunk to what it is like.

``inception_v3`` is PlaNet's (Weyand, Kostrikov, Philbin 2016, there Inception with batch normalisation; here version 3,
Szegedy 2016, without its auxiliary classifier). The two of MobileNetV3 (Howard 2019) are for processors and telephones.
``tiny`` is ours, six convolutions for experiments at 64 pixels. All but the last can start from ImageNet's weights.
"""


@dataclass(frozen=True, slots=True)
class PlanetConfig:
    """What the network is; all of it is written beside its weights.

    Attributes:
        trunk: One of :data:`TRUNKS`.
        pixels: Side of the square that the trunk sees; 0 for what the trunk is made for.
        levels: Levels of the partition that have a classifier, finest first.
        dropout: Share of features that are left out in training.
        scenes: ``"none"``; ``"mtn"``: the kind of scene is learnt as a second task; ``"isn"``: besides, each level has
            one classifier for each kind of scene, and they speak in proportion to how likely each kind is (both of
            Mueller-Budack, Pustu-Iren and Ewerth 2018; their ISNs are whole networks, the likeliest of which speaks).
        mixture: A level's name for a mixture of von Mises-Fisher densities instead of classes (Izbicki, Papalexakis and
            Tsotras 2019), one for each of its cells; empty for classes.

    Raises:
        RequestError: A value is none of these.
    """

    trunk: str = "inception_v3"
    pixels: int = 0
    levels: tuple[str, ...] = LEVELS
    dropout: float = 0.2
    scenes: str = "none"
    mixture: str = ""

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
        object.__setattr__(self, "dropout", float(self.dropout))
        if not 0.0 <= self.dropout < 1.0:
            raise RequestError(f"dropout is a share from 0 to below 1, not {self.dropout}")
        if self.scenes not in SCENE_USES:
            raise RequestError(f"unknown use of scenes {self.scenes!r}: choose one of {', '.join(SCENE_USES)}")
        if self.mixture and (self.mixture not in LEVELS or self.levels != LEVELS[:1] or self.scenes == "isn"):
            raise RequestError(
                f"a mixture has one density for each cell of {', '.join(LEVELS[:-1])} or {LEVELS[-1]}, stands instead "
                f"of the classes (levels {LEVELS[0]} alone) and has no classifier by scene: give other levels or scenes"
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it; what a plain PlaNet does not have is left out, so that an older whence reads it too."""
        fields = asdict(self) | {"levels": list(self.levels)}
        return {name: value for name, value in fields.items() if name not in _LATER or value != _LATER[name]}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> PlanetConfig:
        """Out of JSON.

        Raises:
            WeightsError: It lacks something, has too much, or holds what no network can be made of.
        """
        kinds = {"trunk": str, "pixels": int, "levels": list, "dropout": float, "scenes": str, "mixture": str}
        if not set(kinds) - set(_LATER) <= set(found) <= set(kinds):
            raise WeightsError(
                f"the weights describe a network by {', '.join(sorted(found))}: get them for this whence"
            )
        found = dict(_LATER) | found
        for name, kind in kinds.items():
            if not isinstance(found[name], kind) or isinstance(found[name], bool):
                raise WeightsError(f"the weights' {name} is {found[name]!r}: get them again")
        try:
            return cls(**found | {"levels": tuple(str(level) for level in found["levels"])})
        except RequestError as error:
            raise WeightsError(f"no network can be made of these weights: {error}") from error
