"""Convolutional trunks that turn pixels into features: PlaNet's Inception, smaller ones, and the ways they start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final

import torch
from torch import Tensor, nn

from backbone.planet_config import TRUNKS, TrunkKind
from data.errors import RequestError, WeightsError
from data.offline import offline_by_environment

__all__ = ["imagenet_file", "make_trunk", "normalised"]


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


def imagenet_file(name: str) -> Path:
    """Where torchvision keeps its ImageNet weights of the trunk ``name``, whether or not they are there.

    Raises:
        RequestError: There are no such weights.
    """
    from torchvision import models

    kinds = {
        "inception_v3": models.Inception_V3_Weights.IMAGENET1K_V1,
        "mobilenet_v3_large": models.MobileNet_V3_Large_Weights.IMAGENET1K_V2,
        "mobilenet_v3_small": models.MobileNet_V3_Small_Weights.IMAGENET1K_V1,
    }
    if name not in kinds:
        raise RequestError(f"there are no ImageNet weights of a trunk {name!r}: choose one of {', '.join(kinds)}")
    return _cached(kinds[name])


def _cached(weights: Any) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / str(weights.url).rpartition("/")[2]


def _inception(imagenet: bool) -> nn.Module:
    from torchvision.models import Inception_V3_Weights, inception_v3

    # `transform_input` would undo another normalisation than ours.
    net: nn.Module = inception_v3(weights=None, aux_logits=False, init_weights=False, transform_input=False)
    _start(net, Inception_V3_Weights.IMAGENET1K_V1 if imagenet else None)
    net.dropout, net.fc = nn.Identity(), nn.Identity()
    return net


def _mobilenet_large(imagenet: bool) -> nn.Module:
    from torchvision.models import MobileNet_V3_Large_Weights, mobilenet_v3_large

    net: nn.Module = mobilenet_v3_large(weights=None)
    _start(net, MobileNet_V3_Large_Weights.IMAGENET1K_V2 if imagenet else None)
    return _without_classifier(net)


def _mobilenet_small(imagenet: bool) -> nn.Module:
    from torchvision.models import MobileNet_V3_Small_Weights, mobilenet_v3_small

    net: nn.Module = mobilenet_v3_small(weights=None)
    _start(net, MobileNet_V3_Small_Weights.IMAGENET1K_V1 if imagenet else None)
    return _without_classifier(net)


def _without_classifier(net: nn.Module) -> nn.Module:
    net.classifier = nn.Identity()
    return net


_MAKERS: Final[Mapping[str, Callable[[bool], nn.Module]]] = {
    "inception_v3": _inception,
    "mobilenet_v3_large": _mobilenet_large,
    "mobilenet_v3_small": _mobilenet_small,
}


def _start(net: nn.Module, weights: Any) -> None:
    """Start ``net`` from a network's ``weights`` of torchvision, or, without, by He's initialisation (2015)."""
    if weights is None:
        # torchvision's own for Inception takes half a minute for like numbers.
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, nn.BatchNorm2d):
                # MobileNetV3's 0.01 is for long trainings: after a hundred steps its statistics were still the first.
                module.momentum = 0.1
        return
    cached = _cached(weights)
    cure = "connect to a network once, or start from nothing"
    if offline_by_environment() and not cached.exists():
        raise WeightsError(f"ImageNet's weights are not in {cached.parent} and WHENCE_OFFLINE forbids fetching: {cure}")
    try:
        tensors = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        missing, _ = net.load_state_dict(tensors, strict=False)  # the auxiliary classifier is not taken over
    except (
        OSError,
        RuntimeError,
        HTTPException,
        UnpicklingError,
    ) as error:  # RuntimeError: another hash, or a cut file
        raise WeightsError(f"ImageNet's weights could not be fetched ({error}): {cure}") from error
    if missing:
        raise WeightsError(f"{cached} lacks {len(missing)} of the network's weights: remove it and {cure}")


def _tiny() -> nn.Module:
    def block(into: int, out: int, stride: int) -> list[nn.Module]:
        return [nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]

    layers = [
        *block(3, 24, 2), *block(24, 48, 2), *block(48, 64, 1), *block(64, 96, 2), *block(96, 96, 1), *block(96, 160, 2)
    ]  # fmt: skip
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    _start(net, None)
    return net


def normalised(pixels: Tensor, kind: TrunkKind) -> Tensor:
    """``pixels`` (b, 3, s, s) uint8 as the trunk wants them: float32, each colour around 0."""
    scale = pixels.new_tensor([255.0 * s for s in kind.std], dtype=torch.float32).view(1, 3, 1, 1)
    shift = pixels.new_tensor([m / s for m, s in zip(kind.mean, kind.std, strict=True)], dtype=torch.float32).view(
        1, 3, 1, 1
    )
    return pixels / scale - shift
