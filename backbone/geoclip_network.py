"""GeoCLIP's network: the image tower, the location encoder and the gallery of places, loaded and checked.

GeoCLIP (Vivanco Cepeda, Nayak, Shah, NeurIPS 2023) sees a photo with CLIP ViT-L/14 and a small network behind it, and
a place with an encoder of its coordinates; both end in the same 512 dimensions. The package ``geoclip`` carries all
weights but CLIP's, which are fetched from the Hugging Face hub once.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbone.geoclip_files import (
    CLIP_FILES,
    GALLERY,
    INSTALL,
    LOCATIONS,
    MLP,
    PINNED,
    REINSTALL,
    SCALE,
    cached_clip,
    carried,
    fetched_clip,
    package_folder,
    package_version,
)
from backbone.hub_cache import file_sha256
from data.errors import WeightsError
from data.offline import offline_by_environment, quiet_libraries
from data.printable import printable

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["GeoClipNetwork", "from_package", "load_network", "random_network", "random_package"]


@dataclass(frozen=True, eq=False)
class GeoClipNetwork:
    """GeoCLIP with what belongs to it.

    Attributes:
        images: (b, 3, s, s) float32 to features (b, 512), not yet of length 1.
        locations: (m, 2) float32, latitudes and longitudes in degrees, to features (m, 512), not yet of length 1.
        preprocess: A PIL picture to a tensor (1, 3, s, s).
        logit_scale: What GeoCLIP multiplies cosines by, 39.7.
        gallery: (g, 2) float32, latitudes and longitudes in degrees: places of photos of MP-16.
        sha256: File to SHA-256, of all files that it was made of.
        package: Version of the package geoclip.
        folder: Where CLIP's weights are; None where they are from nowhere.
    """

    images: nn.Module
    locations: nn.Module
    preprocess: Callable[[Any], Tensor]
    logit_scale: float
    gallery: NDArray[np.float32]
    sha256: Mapping[str, str]
    package: str
    folder: Path | None = None

    @property
    def digest(self) -> str:
        """One SHA-256 of all of ``sha256``."""
        return hashlib.sha256(json.dumps(sorted(self.sha256.items())).encode()).hexdigest()


def load_network(clip: Path | None = None, *, offline: bool = False) -> GeoClipNetwork:
    """GeoCLIP; CLIP's weights are fetched into the hub's cache where they are not on this machine.

    Args:
        clip: A folder with :data:`backbone.geoclip_files.CLIP_FILES` instead of the hub's.
        offline: Open no connection; also where ``WHENCE_OFFLINE`` forbids it.

    Raises:
        OfflineError: CLIP's weights are not on this machine and the network is forbidden.
        WeightsError: The package is missing, CLIP's weights cannot be fetched, or something is damaged.
    """
    package_folder()
    offline = offline or offline_by_environment()
    quiet_libraries(offline=offline)
    folder = clip or cached_clip() or fetched_clip(offline=offline)
    shown = printable(str(folder))
    if missing := [file for file in CLIP_FILES if not (folder / file).is_file()]:
        raise WeightsError(f"{shown} lacks {', '.join(missing)}: it takes {', '.join(CLIP_FILES)} of CLIP ViT-L/14")
    try:
        digest = file_sha256(folder / CLIP_FILES[0])
        if clip is None and digest != PINNED[CLIP_FILES[0]]:
            raise WeightsError(
                f"CLIP's weights in {shown} are not those that GeoCLIP was made with (sha256 {digest[:12]}...): delete "
                "that folder to have them fetched again"
            )
        with _silenced():
            tower, preprocess = _image_tower(folder)
            locations, scale = _location_encoder(), float(_carried_tensors(SCALE).exp())
        return GeoClipNetwork(
            tower, locations, preprocess, scale, _gallery(), {CLIP_FILES[0]: digest} | _carried_sha256(),
            package_version(), folder,
        )  # fmt: skip
    except WeightsError:
        raise
    except ImportError as error:  # such as transformers beside a huggingface_hub that it does not go with
        detail = printable(" ".join(str(error).split()))[:200]
        raise WeightsError(f"the package geoclip does not import ({detail}): {INSTALL}") from error
    except Exception as error:  # whatever damaged files lead torch, transformers and safetensors to
        detail = printable(" ".join(str(error).split()))[:200]
        raise WeightsError(
            f"GeoCLIP's weights do not open ({detail}): "
            + (f"get CLIP's files in {shown} again" if clip else f"delete {shown}, so that CLIP's are fetched")
            + f", and {REINSTALL}"
        ) from error


def random_package(seed: int = 0) -> Any:
    """The package's own ``GeoCLIP``, of its true architecture, with CLIP's weights from chance and the rest as carried.

    To measure with where CLIP's weights cannot be had: what it says of a photo means nothing, what it costs is true.

    Raises:
        WeightsError: The package is missing.
    """
    package_folder()
    quiet_libraries(offline=offline_by_environment())
    import torch

    with _silenced(), torch.random.fork_rng(devices=[]):
        from geoclip import GeoCLIP

        torch.manual_seed(seed)
        model = GeoCLIP(from_pretrained=True, clip_pretrained=False)
    return model.eval().requires_grad_(False)


def from_package(model: Any, image_sha256: str = "") -> GeoClipNetwork:
    """The network of the package's own ``GeoCLIP``; modules and weights are shared.

    Args:
        model: The package's, with the weights that it carries and CLIP's from anywhere.
        image_sha256: Tells CLIP's weights from others.
    """
    return GeoClipNetwork(
        model.image_encoder, model.location_encoder, model.image_encoder.preprocess_image,
        float(model.logit_scale.detach().exp()), model.gps_gallery.cpu().numpy(),
        {CLIP_FILES[0]: image_sha256} | _carried_sha256(), package_version(),
    )  # fmt: skip


def random_network(seed: int = 0) -> GeoClipNetwork:
    """The network of :func:`random_package`: full size, seconds to make, 1.8 GB.

    Raises:
        WeightsError: The package is missing.
    """
    return from_package(random_package(seed), hashlib.sha256(f"random {seed}".encode()).hexdigest())


def _image_tower(folder: Path) -> tuple[nn.Module, Callable[[Any], Tensor]]:
    import transformers
    from torch import nn

    library: Any = transformers
    config = library.CLIPConfig.from_pretrained(folder, local_files_only=True)
    config.vision_config.projection_dim = config.projection_dim
    # The text tower is left where it is: half a gigabyte that no photo needs.
    vision, told = library.CLIPVisionModelWithProjection.from_pretrained(
        folder, config=config.vision_config, local_files_only=True, use_safetensors=True, output_loading_info=True,
    )  # fmt: skip
    # transformers would start what it does not find from chance.
    if lacking := sorted({*told["missing_keys"], *map(str, told["mismatched_keys"])}):
        raise WeightsError(f"CLIP's weights in {printable(str(folder))} lack {lacking[0]} and such: fetch them again")
    mlp = nn.Sequential(nn.Linear(config.projection_dim, 768), nn.ReLU(), nn.Linear(768, 512))
    mlp.load_state_dict(_carried_tensors(MLP))
    processor = library.AutoImageProcessor.from_pretrained(folder, local_files_only=True)

    class Tower(nn.Module):
        """CLIP's vision tower and GeoCLIP's own layers behind it."""

        def __init__(self) -> None:
            super().__init__()
            self.vision, self.mlp = vision.float(), mlp

        def forward(self, pixels: Tensor) -> Tensor:
            features: Tensor = self.mlp(self.vision(pixel_values=pixels).image_embeds)
            return features

    def preprocess(picture: Any) -> Tensor:
        pixels: Tensor = processor(images=picture, return_tensors="pt")["pixel_values"]
        return pixels

    return Tower().eval().requires_grad_(False), preprocess


def _location_encoder() -> nn.Module:
    import torch
    from geoclip.model.location_encoder import LocationEncoder

    with torch.device("meta"):  # its first weights need neither be made nor kept
        encoder: nn.Module = LocationEncoder(from_pretrained=False)
    encoder.load_state_dict(_carried_tensors(LOCATIONS), assign=True)
    return encoder.eval().requires_grad_(False)


def _carried_tensors(name: str) -> Any:
    import torch

    return torch.load(carried()[name], map_location="cpu", weights_only=True)


def _carried_sha256() -> dict[str, str]:
    return {name: file_sha256(path) for name, path in carried().items()}


def _gallery() -> NDArray[np.float32]:
    places = np.loadtxt(carried()[GALLERY], delimiter=",", skiprows=1, dtype=np.float64, ndmin=2)
    lat, lon = places.T
    if not (len(places) and np.all(np.abs(lat) <= 90.0) and np.all(np.abs(lon) <= 180.0)):
        raise WeightsError(f"GeoCLIP's gallery is damaged: run {REINSTALL}")
    return places.astype(np.float32)


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep transformers from telling of unused tensors and drawing bars, and geoclip from changing warning filters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers.utils import logging

        log: Any = logging
        level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
        log.set_verbosity_error()
        log.disable_progress_bar()
        try:
            yield
        finally:
            log.set_verbosity(level)
            if bars:
                log.enable_progress_bar()
