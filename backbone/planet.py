"""PlaNet as a prior: weights on disk to calibrated distributions over cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.devices import check_device
from backbone.planet_config import PlanetConfig
from backbone.planet_weights import read_card, read_partition_of, read_tensors
from backbone.scenes import SCENES
from data.distribution import CellDistribution
from data.errors import RequestError, WeightsError
from data.partition import Partition
from data.printable import printable

if TYPE_CHECKING:
    from backbone.hierarchy import CellTree
    from backbone.planet_net import PlanetNet, Seen

__all__ = ["PlanetPrior"]

_AT_ONCE = 8  # photos of five crops that a GPU sees at once


class PlanetPrior:
    """PlaNet (Weyand, Kostrikov, Philbin 2016) with weights from a folder that ``whence train prior`` wrote.

    The card is read and checked now, the weights when the first photo comes. A prior belongs to one thread at a time,
    as ``Locator`` uses it.

    Args:
        folder: The folder of the weights.

    Raises:
        WeightsError: They are missing, damaged, or belong to other cells.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._weights = read_card(self._folder)
        self._config = PlanetConfig.from_dict(self._weights.config)
        self._partition = read_partition_of(self._folder, self._weights)
        self._made: tuple[str, PlanetNet, CellTree] | None = None

    @property
    def name(self) -> str:
        """``planet:`` and the name of the weights."""
        return f"planet:{self._weights.name}"

    @property
    def partition(self) -> Partition:
        """The cells it was trained on."""
        return self._partition

    @property
    def card(self) -> PriorCard:
        """What it was trained on and how good it was measured to be."""
        data = self._weights.data
        return PriorCard(
            summary=f"PlaNet ({self._config.trunk}), {self._weights.name}: what the photo looks like",
            visual=True,
            trained_on=str(data.get("trained_on", "not stated")),
            licence=self._weights.licence,
            accuracy=dict(self._weights.metrics),
            sha256=self._weights.sha256,
        )

    @property
    def folder(self) -> Path:
        """Where its weights are."""
        return self._folder

    @property
    def pixels(self) -> int:
        """Side of the squares that it sees."""
        return self._config.pixels

    @property
    def temperature(self) -> float:
        """What its log-probabilities are divided by."""
        return self._weights.temperature

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        """One output per image (H, W, 3) uint8 RGB, in order; ``embedding`` is the trunk's features (d,).

        ``scene`` is what the network was taught about kinds of scene; None where it was not.

        On a processor each photo is seen by itself, so that its answer does not depend on its neighbours in the batch.

        Raises:
            WeightsError: The weights are damaged or do not fit the network that their card describes.
            RequestError: There is no such device.
        """
        from backbone.crops import five_crops

        outputs: list[PriorOutput] = []
        step = 1 if device == "cpu" else _AT_ONCE
        for start in range(0, len(images), step):
            crops = np.stack([five_crops(image, self._config.pixels) for image in images[start : start + step]])
            outputs += self._outputs(crops, device)
        return outputs

    def log_posterior(self, crops: NDArray[np.uint8], *, device: str = "cpu") -> tuple[NDArray[Any], NDArray[Any]]:
        """Log-probabilities (b, n), not yet calibrated, and features (b, d), of crops (b, k, s, s, 3) uint8."""
        seen = self._seen(crops, device)
        return seen.log_p.cpu().numpy(), seen.features.cpu().numpy()

    def _seen(self, crops: NDArray[np.uint8], device: str) -> Seen:
        import torch

        from backbone.planet_net import log_posterior

        net, tree = self._net_on(device)
        return log_posterior(net, tree, torch.from_numpy(crops).to(device).movedim(-1, -3).contiguous())

    def _outputs(self, crops: NDArray[np.uint8], device: str) -> list[PriorOutput]:
        seen = self._seen(crops, device)
        log_p, features = seen.log_p.cpu().numpy(), seen.features.cpu().numpy()
        scenes = None if seen.scenes is None else seen.scenes.double().cpu().numpy()
        if not np.isfinite(log_p).all():
            raise WeightsError(f"the weights in {printable(str(self._folder))} give no numbers: train them again")
        if scenes is not None:
            scenes /= scenes.sum(axis=1, keepdims=True)
        return [
            PriorOutput(
                CellDistribution.from_logits(self._partition, row.astype(np.float64) / self._weights.temperature),
                scene=None if scenes is None else dict(zip(SCENES, scenes[k].tolist(), strict=True)),
                embedding=features[k].astype(np.float32),
            )
            for k, row in enumerate(log_p)
        ]

    def _net_on(self, device: str) -> tuple[PlanetNet, CellTree]:
        check_device(device)
        if self._made is None:
            self._made = ("cpu", *self._built())
        where, net, tree = self._made
        if where != device:
            self._made = (device, net.to(device), tree.to(device))
        return self._made[1], self._made[2]

    def _built(self) -> tuple[PlanetNet, CellTree]:
        import torch

        from backbone.hierarchy import CellTree
        from backbone.planet_net import PlanetNet

        tensors = read_tensors(self._folder, self._weights)
        try:
            tree = CellTree(self._partition, self._config.levels)
            with torch.device("meta"):  # the first weights need neither be made nor kept
                net = PlanetNet(self._config, tree)
            full = {key: t.float() if t.is_floating_point() else t for key, t in tensors.items()}
            net.load_state_dict(full, assign=True)
        except (RuntimeError, RequestError) as error:
            detail = printable(str(error).splitlines()[-1])[:200]
            raise WeightsError(
                f"the weights in {printable(str(self._folder))} do not fit the network that they describe ({detail}): "
                "train them again, or get them again"
            ) from error
        return net.eval(), tree
