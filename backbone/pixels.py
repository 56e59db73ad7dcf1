"""The prior that ships: what frozen networks see in a photo, and which cells look like that.

A photo's features (:mod:`backbone.frozen_features`) and a cell's (:mod:`backbone.cell_features`) meet in a conditional
logit with the density prior as offset (:mod:`backbone.log_bilinear`). Its evidence is divided by a temperature that was
fitted out of fold, and a share of the density prior is mixed in, so that a photo unlike those it was trained on is not
believed too far: ``p = (1 - s) softmax(log d + evidence / T) + s d``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.cell_features import cell_features
from backbone.checked import Check, read_check
from backbone.density import DensityPrior
from backbone.frozen_features import FrozenFeatures, LiteFeatures, make_features
from backbone.pixels_file import PixelsModel, model_from_bytes, read_model
from data.assets import read_asset
from data.distribution import CellDistribution
from data.errors import WeightsError
from data.partition import Partition, load_default

__all__ = ["SHIPPED_PATH", "SHIPPED_SHA256", "PixelsPrior", "mixed", "shipped_model"]

SHIPPED_PATH: Final = Path(__file__).parent / "assets" / "pixels.safetensors"
SHIPPED_SHA256: Final = "71373cd9ac1cf0c7c7379499d61fffb0733f8e1683dc3606754b2c81e40b6092"


class PixelsPrior:
    """The prior that ships, or one that ``whence train pixels`` wrote.

    The model is read and checked now, its networks when the first photo comes. Its temperature is the one that it was
    trained with, or the one that ``whence weights check pixels --photos SET`` fitted, where one is kept for this model.

    Args:
        path: A file, or a folder with one, instead of the one that ships.
        offline: Open no connection.
        features: Features that are made already.

    Raises:
        WeightsError: The model is missing or damaged, or was trained for other cells or on other networks.
        OfflineError: Its networks are not on this machine and the network is forbidden.
    """

    def __init__(
        self, path: Path | None = None, *, offline: bool = False, features: FrozenFeatures | None = None
    ) -> None:
        if path is None:
            self._model, self._sha256 = shipped_model(), SHIPPED_SHA256
        else:
            self._model, self._sha256 = read_model(path)
        self._shipped = path is None
        card = self._model.card
        self._partition = load_default()
        if card.partition_hash != self._partition.hash:
            raise WeightsError(
                f"this pixels prior speaks about the cells {card.partition_name!r}, this whence has "
                f"{self._partition.name!r}: train it again (`whence train pixels`)"
            )
        self._features = make_features(card.features, offline=offline) if features is None else features
        if self._features.sha256 != card.features_sha256:
            raise WeightsError(
                f"this pixels prior was trained on other weights of {card.features}: train it again "
                "(`whence train pixels`)"
            )
        self._last: tuple[object, NDArray[np.float32]] | None = None
        self._check: Check | None = read_check(self.name, self._sha256, partition_hash=self._partition.hash)
        self._temperature = card.temperature if self._check is None else self._check.temperature

    @property
    def name(self) -> str:
        """``pixels`` for the one that ships, else ``pixels:`` and its name."""
        return "pixels" if self._shipped else f"pixels:{self._model.card.name}"

    @property
    def partition(self) -> Partition:
        """The shipped one."""
        return self._partition

    @property
    def card(self) -> PriorCard:
        """What it was trained on and how good it was measured to be; by a kept check, where its temperature is used."""
        card = self._model.card
        fitted = "" if self._check is None else f"; temperature fitted on {self._check.photos}"
        return PriorCard(
            summary=f"what the photo looks like: frozen networks ({card.features}) and a conditional logit over cells"
            f"{fitted}",
            visual=True,
            trained_on=card.trained_on,
            licence=card.licence,
            accuracy={**card.metrics, **({} if self._check is None else self._check.figures)},
            sha256=self._sha256,
            gpu=not isinstance(self._features, LiteFeatures),
        )

    @property
    def temperature(self) -> float:
        """What its evidence is divided by."""
        return self._temperature

    def at_temperature(self, temperature: float) -> PixelsPrior:
        """The same with another temperature; what a check has measured is not said.

        Raises:
            ValueError: It is not above 0.
        """
        if not temperature > 0.0:
            raise ValueError(f"a temperature is above 0, not {temperature}")
        other = PixelsPrior.__new__(PixelsPrior)
        other.__dict__.update(self.__dict__)
        other._temperature, other._check = temperature, None
        return other

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        """One output per image (H, W, 3) uint8 RGB, in order; ``embedding`` is the networks' features (d,)."""
        return [
            PriorOutput(
                CellDistribution(self._partition, self._p(row, self._temperature).astype(np.float32)), embedding=row
            )
            for row in self.scores(images, device=device)
        ]

    def scores(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> NDArray[np.float32]:
        """The networks' features (b, d) of ``images``, from which :meth:`log_p` goes on."""
        return self._features.of(images, device=device)

    def log_p(self, scores: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
        """Log-probabilities (n,) of the cells for a photo with these features (d,), at ``temperature``."""
        return np.log(self._p(scores, temperature)).astype(np.float32)

    def _p(self, features: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
        """(n,) for one photo: by itself, so that its answer does not depend on its neighbours."""
        if self._last is None or self._last[0] is not features:  # many temperatures are tried on one photo
            self._last = features, self._cells @ self._model.regression.directions(features[None])[0]
        evidence = self._last[1][None] / temperature
        p: NDArray[np.float64] = mixed(self._log_density, evidence, self._model.card.density_share)[0]
        return p

    @cached_property
    def _cells(self) -> NDArray[np.float32]:
        return cell_features(self._partition, self._model.components)

    @cached_property
    def _log_density(self) -> NDArray[np.float64]:
        return np.log(DensityPrior(self._partition).distribution.p.astype(np.float64))


def shipped_model() -> PixelsModel:
    """The model that ships.

    Raises:
        WeightsError: It is missing or damaged.
    """
    return model_from_bytes(read_asset(SHIPPED_PATH, SHIPPED_SHA256, error=WeightsError))


def mixed(log_density: NDArray[np.floating], evidence: NDArray[np.floating], share: float) -> NDArray[np.float64]:
    """Probabilities (m, n): ``share`` of the density (n,), the rest its softmax with the ``evidence`` (m, n) added."""
    logits = np.asarray(log_density + evidence, np.float64)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = (1.0 - share) * e / e.sum(axis=1, keepdims=True) + share * np.exp(log_density)
    return np.asarray(p / p.sum(axis=1, keepdims=True))
