"""What networks that were trained on something else see in a photo: features for small heads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from backbone.crops import shortened
from backbone.planet_config import TRUNKS
from data.assets import read_asset
from data.errors import OfflineError, RequestError, WeightsError
from data.offline import quiet_libraries

if TYPE_CHECKING:
    from torch import nn

__all__ = ["SHIPPED_TRUNKS", "FrozenFeatures", "ImageNetFeatures", "LiteFeatures", "make_features"]

_ASSETS: Final = Path(__file__).parent / "assets"
SHIPPED_TRUNKS: Final = {
    _ASSETS / "efficientnet_lite0.onnx": (224, "cf4f097097c453ffc6e5292c2ce0edb57f3048b3401bd1bb4cf7f4b77a8579b3"),
    _ASSETS / "efficientnet_lite2.onnx": (260, "1c202286b2ca6341a5171c9ffa308eb442d6df5740b20f527be685703544958c"),
}
"""Each trunk that ships to the shorter side that it sees, in pixels, and its sha256."""
_FEATURES: Final = 1280  # of each
_LONGEST: Final = 3  # a photo that is longer, in shorter sides, is cut at both ends: all of it would fill the memory


class FrozenFeatures(Protocol):
    """Photos to features."""

    @property
    def name(self) -> str:
        """As :func:`make_features` takes it."""

    @property
    def sha256(self) -> str:
        """Of the weights, which tells them from others of that name."""

    @property
    def licence(self) -> str:
        """Of the weights, and where they come from."""

    @property
    def blocks(self) -> tuple[int, ...]:
        """How many features each network gives, in order."""

    def of(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        """Features (m, d) of photos (H, W, 3) uint8 RGB, one by one: a photo's do not depend on its neighbours."""


def make_features(name: str, *, offline: bool = False) -> FrozenFeatures:
    """The features called ``name``.

    Args:
        name: ``"lite"`` for the trunks that ship, or ``"inception_v3"``, ``"mobilenet_v3_large"``,
            ``"mobilenet_v3_small"`` with torchvision's ImageNet weights, which are fetched once.
        offline: Open no connection; also where ``WHENCE_OFFLINE`` forbids it.

    Raises:
        RequestError: There are no features of that name.
        OfflineError, WeightsError: Weights are not at hand and cannot be fetched, or are damaged.
    """
    if name == "lite":
        return LiteFeatures()
    if name in TRUNKS and name != "tiny":
        return ImageNetFeatures(name, offline=offline)
    raise RequestError(
        f"unknown features {name!r}: choose lite, {', '.join(trunk for trunk in TRUNKS if trunk != 'tiny')}"
    )


class LiteFeatures:
    """EfficientNet-Lite 0 and 2 (Tan and Le 2019), trained on ImageNet by their authors: they ship.

    Each sees the whole photo in its own shape, its shorter side at 224 and 260 pixels, and its mirror image; features
    are averaged over places and over both.

    Raises:
        WeightsError: A trunk is missing or damaged.
    """

    name = "lite"
    licence = "Apache-2.0 (EfficientNet-Lite, Google; converted by ML Illustrated)"
    blocks = (_FEATURES,) * len(SHIPPED_TRUNKS)

    def __init__(self) -> None:
        self._sessions: list[tuple[int, Any]] | None = None

    @cached_property
    def sha256(self) -> str:
        """Of the trunks' own, one after the other."""
        return hashlib.sha256("".join(sha256 for _, sha256 in SHIPPED_TRUNKS.values()).encode()).hexdigest()

    def of(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        """Features (m, 2560) of photos (H, W, 3) uint8 RGB; always on the processor."""
        if self._sessions is None:
            self._sessions = [(side, _session(path, sha256)) for path, (side, sha256) in SHIPPED_TRUNKS.items()]
        found = np.empty((len(images), sum(self.blocks)), np.float32)
        for k, image in enumerate(images):
            parts = []
            for side, session in self._sessions:
                pixels = _small(image, side)
                both = (
                    np.ascontiguousarray(seen.transpose(2, 0, 1)[None], np.float32)
                    for seen in (pixels, pixels[:, ::-1])
                )
                parts.append(np.mean([session.run(None, {"pixels": seen})[0][0] for seen in both], axis=0))
            found[k] = np.concatenate(parts)
        return found


def _session(path: Path, sha256: str) -> Any:
    content = read_asset(path, sha256, error=WeightsError)
    quiet_libraries(offline=False)
    import onnxruntime  # type: ignore[import-untyped]

    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


class ImageNetFeatures:
    """A trunk of torchvision's with its ImageNet weights, on the whole photo squeezed into its square, and mirrored.

    Args:
        trunk: One of :data:`backbone.planet_config.TRUNKS` that has such weights.
        offline: Open no connection.

    Raises:
        OfflineError, WeightsError: The weights are not at hand and cannot be fetched, or are damaged.
    """

    licence = "BSD-3-Clause (torchvision)"

    def __init__(self, trunk: str, *, offline: bool = False) -> None:
        from backbone.trunks import imagenet_file, make_trunk

        file = imagenet_file(trunk)
        if offline and not file.exists():
            raise OfflineError(
                f"ImageNet's weights of {trunk} are not in {file.parent}, and the network is forbidden: run once "
                "without --offline and WHENCE_OFFLINE, or choose the features lite, which ship"
            )
        self.name = trunk
        self.blocks = (TRUNKS[trunk].features,)
        self._net: nn.Module = make_trunk(trunk, imagenet=True).eval()
        self._file = file

    @cached_property
    def sha256(self) -> str:
        """Of the file that torchvision keeps."""
        with self._file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def of(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        """Features (m, d) of photos (H, W, 3) uint8 RGB."""
        import torch

        from backbone.gist import squeezed
        from backbone.trunks import normalised

        kind = TRUNKS[self.name]
        net = self._net = self._net.to(device)
        found = np.empty((len(images), kind.features), np.float32)
        with torch.inference_mode():
            for k, image in enumerate(images):
                square = squeezed(image, kind.pixels)
                both = torch.from_numpy(np.stack([square, square[:, ::-1]])).to(device).permute(0, 3, 1, 2)
                found[k] = net(normalised(both, kind)).mean(dim=0).cpu().numpy()
        return found


def _small(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A photo (H, W, 3) with its shorter side at ``side`` pixels; the middle of one that is very long."""
    image = shortened(image, _LONGEST)
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    picture = PILImage.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize(size, PILImage.Resampling.BICUBIC, reducing_gap=2.0))
