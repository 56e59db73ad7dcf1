"""GeoCLIP as a prior: how near a photo is to the places of each cell (Vivanco Cepeda, Nayak, Shah, NeurIPS 2023)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.checked import Check, Proof, read_check
from backbone.density import DensityPrior
from backbone.devices import check_device
from backbone.geoclip_gallery import Places, cell_log_p, default_folder, places_of
from backbone.geoclip_network import GeoClipNetwork, load_network
from backbone.held_out import covered
from data.distribution import CellDistribution
from data.errors import RequestError, WeightsError
from data.partition import Partition, load_default

__all__ = ["DENSITY_SHARE", "PUBLISHED", "GeoClipPrior"]

DENSITY_SHARE: Final = 0.02
"""Of the density prior in every answer, so that no place is ruled out: 0.02 nats at most where GeoCLIP is right.

In ``benchmarks/results/geoclip_pooling.txt`` it is the best of five shares on two of three sets of places.
"""

PUBLISHED: Final[Mapping[str, float]] = {
    "published_im2gps3k_within_1_km": 0.1411,
    "published_im2gps3k_within_25_km": 0.3447,
    "published_im2gps3k_within_200_km": 0.5065,
    "published_im2gps3k_within_750_km": 0.6967,
    "published_im2gps3k_within_2500_km": 0.8382,
}
"""What GeoCLIP's makers measured on IM2GPS3k (arXiv:2309.16020, table 1), with their way of naming a point."""

_AT_ONCE: Final = 16  # photos that a GPU sees at once


class GeoClipPrior:
    """GeoCLIP; the network is loaded now, the places of the cells are read or encoded with the first photo.

    What it says of a cell is in :mod:`backbone.geoclip_gallery`, with 2 % of the density prior. Its sureness is
    GeoCLIP's own logit scale, divided by the temperature that ``whence weights check geoclip --photos SET`` fitted,
    where one is kept for these weights. A prior belongs to one thread at a time, as ``Locator`` uses it.

    Args:
        clip: A folder with CLIP's files instead of the hub's.
        network: A network that is loaded already, instead.
        partition: The cells; None for the shipped ones.
        offline: Open no connection.
        folder: Where the places' features are kept; None for the user's cache folder.
        temperature: None for the fitted one, or 1.

    Raises:
        OfflineError: CLIP's weights are not on this machine and the network is forbidden.
        WeightsError: The package is missing, CLIP's weights cannot be fetched, or something is damaged.
        RequestError: The temperature is not a finite number above 0.
    """

    def __init__(
        self,
        clip: Path | None = None,
        *,
        network: GeoClipNetwork | None = None,
        partition: Partition | None = None,
        offline: bool = False,
        folder: Path | None = None,
        temperature: float | None = None,
    ) -> None:
        self._network = load_network(clip, offline=offline) if network is None else network
        self._partition = load_default() if partition is None else partition
        self._folder = default_folder() if folder is None else folder
        self._check: Check | None = None
        if temperature is None:
            self._check = read_check(self.name, self._network.digest, partition_hash=self._partition.hash)
        fitted = 1.0 if self._check is None else self._check.temperature
        self._temperature = fitted if temperature is None else temperature
        if not (math.isfinite(self._temperature) and self._temperature > 0.0):
            raise RequestError(f"a temperature is a finite number above 0, not {temperature}")
        self._density = DensityPrior(self._partition).distribution.p.astype(np.float64)
        self._places: Places | None = None
        self._on_device: tuple[str, object] | None = None
        self._last: tuple[object, NDArray[np.float32]] | None = None

    @property
    def name(self) -> str:
        """``geoclip``."""
        return "geoclip"

    @property
    def partition(self) -> Partition:
        """The cells it speaks about."""
        return self._partition

    @property
    def network(self) -> GeoClipNetwork:
        """What sees the photos."""
        return self._network

    @property
    def temperature(self) -> float:
        """What GeoCLIP's logits are divided by; 1 where none was fitted."""
        return self._temperature

    @property
    def card(self) -> PriorCard:
        """What it was trained on and how good it was measured to be; what its makers measured says ``published``."""
        fitted = (
            f"temperature {self._temperature:.2f} fitted on {self._check.photos}"
            if self._check
            else "its temperature was not fitted: whence weights check geoclip --photos SET"
        )
        return PriorCard(
            summary=f"GeoCLIP {self._network.package}: what the photo looks like beside what places do; {fitted}",
            visual=True,
            trained_on="MP-16, 4.7 million photos of Flickr; CLIP: 400 million pictures and captions of the web",
            licence="MIT (GeoCLIP and its weights; CLIP by OpenAI)",
            accuracy={**PUBLISHED, "covered": self._covered, **(self._check.figures if self._check else {})},
            sha256=self._network.digest,
        )

    def at_temperature(self, temperature: float) -> GeoClipPrior:
        """The same prior, with the same network and places, at another temperature.

        Raises:
            RequestError: It is not a finite number above 0.
        """
        other = GeoClipPrior(
            network=self._network, partition=self._partition, folder=self._folder, temperature=temperature
        )
        other._places = self._places
        return other

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        """One output per image (H, W, 3) uint8 RGB, in order; ``embedding`` is GeoCLIP's (512,), of length 1.

        On a processor each photo is seen by itself, so that its answer does not depend on its neighbours in the batch.

        Raises:
            WeightsError: The weights give no numbers.
            RequestError: There is no such device.
        """
        return [
            PriorOutput(
                CellDistribution.from_logits(self._partition, self._log_p(features, self._temperature)),
                embedding=features,
            )
            for features in self.scores(images, device=device)
        ]

    def scores(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        """GeoCLIP's features (b, 512) of ``images``, of length 1.

        Raises:
            WeightsError: The weights give no numbers.
            RequestError: There is no such device.
        """
        import torch
        from PIL import Image

        check_device(device)
        if self._places is None:
            self._places = places_of(self._network, self._partition, self._folder, device=device)
        self._network.images.to(device)  # which a prior at another temperature may have moved elsewhere
        if self._on_device is None or self._on_device[0] != device:
            self._on_device = device, torch.from_numpy(self._places.features).to(device)
        step = 1 if device == "cpu" else _AT_ONCE
        rows = [np.empty((0, self._places.features.shape[1]), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(images), step):
                some = [self._network.preprocess(Image.fromarray(image)) for image in images[start : start + step]]
                seen = self._network.images(torch.cat(some).to(device)).float()
                rows.append(torch.nn.functional.normalize(seen, dim=1).cpu().numpy())
        features = np.concatenate(rows)
        if not np.isfinite(features).all():
            raise WeightsError("GeoCLIP's weights give no numbers: whence weights check geoclip tells what is wrong")
        return features

    def log_p(self, scores: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
        """Log-probabilities (n,) of the cells for a photo with these features (512,), at ``temperature``."""
        return self._log_p(scores, temperature).astype(np.float32)

    def _log_p(self, features: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
        places = self._places or places_of(self._network, self._partition, self._folder)
        self._places = places
        cosines = self._cosines(features, places)
        logits = cosines * np.float32(self._network.logit_scale / temperature)
        log_p = cell_log_p(logits, places.starts, np.log(self._density))
        return np.log((1.0 - DENSITY_SHARE) * np.exp(log_p) + DENSITY_SHARE * self._density)

    def _cosines(self, features: NDArray[np.float32], places: Places) -> NDArray[np.float32]:
        """(k,) to all places; a photo's are kept until another comes, since many temperatures are tried on one."""
        import torch

        if self._last is None or self._last[0] is not features:
            device, table = self._on_device or ("cpu", torch.from_numpy(places.features))
            assert isinstance(table, torch.Tensor)
            self._last = features, (table @ torch.from_numpy(features).to(device)).cpu().numpy()
        return self._last[1]

    @cached_property
    def _covered(self) -> float:
        """Share of the world's photos that come from where the gallery, a sample of its training photos, has some."""
        gallery = self._network.gallery.astype(np.float64)
        cells = self._partition.cells_of(gallery[:, 0], gallery[:, 1])
        return covered(DensityPrior(self._partition).distribution, cells)

    def proofs(self, *, device: str = "cpu") -> list[Proof]:
        """What GeoCLIP's true weights do and others do not, tried on these; see :mod:`backbone.geoclip_proofs`."""
        from backbone.geoclip_proofs import proofs

        return proofs(self, self._network, device=device)
