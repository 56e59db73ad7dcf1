"""Convolutional trunks that turn pixels into features: PlaNet's Inception, smaller ones, and the ways they start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor, nn

from backbone.planet_config import TRUNKS, TrunkKind
from data.errors import RequestError, WeightsError
from data.offline import offline_by_environment

__all__ = ["make_trunk", "normalised"]


def make_trunk(name: str, *, imagenet: bool = False) -> nn.Module:
    """The trunk called ``name``: (b, 3, s, s) float32, normalised, to features (b, d) float32, averaged over places.

    Args:
        name: One of :data:`backbone.planet_config.TRUNKS`.
        imagenet: Start from torchvision's ImageNet weights, which are fetched once and kept in torch's cache folder,
            instead of from chance (torch's generator).

    Raises:
        RequestError: There is no trunk of that name, or no ImageNet weights of it.
        WeightsError: The weights are not at hand and cannot be fetched.
    """
    if name not in TRUNKS:
        raise RequestError(f"unknown trunk {name!r}: choose one of {', '.join(TRUNKS)}")
    if name == "tiny":
        if imagenet:
            raise RequestError("there are no ImageNet weights of the trunk 'tiny': start it from nothing")
        return _tiny()
    return _MAKERS[name](imagenet)


def _inception(imagenet: bool) -> nn.Module:
    from torchvision.models import Inception_V3_Weights, inception_v3

    # ImageNet's weights come with the auxiliary classifier, which is then taken off; `transform_input` would undo
    # another normalisation than ours.
    if imagenet:
        net = _fetched(lambda: inception_v3(weights=Inception_V3_Weights.IMAGENET1K_V1, transform_input=False))
        vars(net)["aux_logits"], net._modules["AuxLogits"] = False, None
    else:
        net = inception_v3(weights=None, aux_logits=False, init_weights=False, transform_input=False)
        _start_by_he(net)
    net.dropout, net.fc = nn.Identity(), nn.Identity()
    return net


def _mobilenet_large(imagenet: bool) -> nn.Module:
    from torchvision.models import MobileNet_V3_Large_Weights, mobilenet_v3_large

    weights = MobileNet_V3_Large_Weights.IMAGENET1K_V2 if imagenet else None
    return _without_classifier(_fetched(lambda: mobilenet_v3_large(weights=weights)))


def _mobilenet_small(imagenet: bool) -> nn.Module:
    from torchvision.models import MobileNet_V3_Small_Weights, mobilenet_v3_small

    weights = MobileNet_V3_Small_Weights.IMAGENET1K_V1 if imagenet else None
    return _without_classifier(_fetched(lambda: mobilenet_v3_small(weights=weights)))


def _without_classifier(net: nn.Module) -> nn.Module:
    net.classifier = nn.Identity()
    return net


_MAKERS: Final[Mapping[str, Callable[[bool], nn.Module]]] = {
    "inception_v3": _inception,
    "mobilenet_v3_large": _mobilenet_large,
    "mobilenet_v3_small": _mobilenet_small,
}


def _fetched(make: Callable[[], nn.Module]) -> nn.Module:
    """What ``make`` gives; whatever a download raises becomes one error that says what to do."""
    try:
        return make()
    except (OSError, RuntimeError) as error:  # RuntimeError: what was fetched has not the hash that it should have
        forbidden = " (WHENCE_OFFLINE forbids it)" if offline_by_environment() else ""
        raise WeightsError(
            f"torchvision's ImageNet weights are not at hand and could not be fetched{forbidden}: {error}; connect to "
            "a network once, or start from nothing"
        ) from error


def _start_by_he(net: nn.Module) -> None:
    """He's initialisation (2015); torchvision's own for this network takes half a minute for like numbers."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _tiny() -> nn.Module:
    def block(into: int, out: int, stride: int) -> list[nn.Module]:
        return [nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]

    layers = [
        *block(3, 24, 2), *block(24, 48, 2), *block(48, 64, 1), *block(64, 96, 2), *block(96, 96, 1), *block(96, 160, 2)
    ]  # fmt: skip
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    _start_by_he(net)
    return net


def normalised(pixels: Tensor, kind: TrunkKind) -> Tensor:
    """``pixels`` (b, 3, s, s) uint8 as the trunk wants them: float32, each colour around 0."""
    scale = pixels.new_tensor([255.0 * s for s in kind.std], dtype=torch.float32).view(1, 3, 1, 1)
    shift = pixels.new_tensor([m / s for m, s in zip(kind.mean, kind.std, strict=True)], dtype=torch.float32).view(
        1, 3, 1, 1
    )
    return pixels / scale - shift
