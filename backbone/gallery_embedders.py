"""What a gallery's photos are embedded with: IM2GPS's descriptors, or any prior that gives an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backbone.base import Prior
from backbone.gallery_card import Embedding
from data.errors import RequestError, WeightsError

__all__ = ["Embedder", "Im2gpsEmbedder", "PriorEmbedder", "make_embedder", "unit"]

Floats32 = NDArray[np.float32]

_GREY = np.full((64, 64, 3), 127, np.uint8)


class Embedder(Protocol):
    """Photos to vectors whose Euclidean distance means something."""

    @property
    def embedding(self) -> Embedding:
        """What it is."""

    @property
    def at_least(self) -> int:
        """How many pixels the shorter side of a photo needs; a larger one may be decoded smaller."""

    @property
    def threads(self) -> bool:
        """Whether several threads may embed at once."""

    def embed(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> Floats32:
        """(m, d), a row for each image (H, W, 3) uint8 RGB, in order; each is the same whatever the others are."""


class Im2gpsEmbedder:
    """IM2GPS's descriptors (``backbone.im2gps``).

    Raises:
        WeightsError: The shipped dictionary is missing or damaged.
    """

    at_least = 320
    threads = True

    def __init__(self) -> None:
        from backbone.im2gps import shipped_features  # scipy's transforms: only who embeds needs them

        self._features = shipped_features()
        self.embedding = Embedding("im2gps", self._features.sha256, len(self._features.describe(_GREY)))

    def embed(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> Floats32:
        """(m, d) of images; ``device`` makes no difference."""
        if not len(images):
            return np.zeros((0, self.embedding.dimensions), np.float32)
        return np.stack([self._features.describe(image) for image in images])


class PriorEmbedder:
    """The embedding of a prior, at length 1: squared distances are twice 1 less the cosine.

    Args:
        prior: What ``PriorOutput.embedding`` is taken from. It is asked once, to learn the length.

    Raises:
        RequestError: It gives no embedding.
    """

    at_least = 640
    threads = False

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        [output] = prior.predict([_GREY])
        if output.embedding is None:
            raise RequestError(
                f"the prior {prior.name} gives no embedding that photos could be compared by: choose im2gps, or "
                "a prior that looks at the photo"
            )
        self.embedding = Embedding(prior.name, prior.card.sha256, len(output.embedding))

    def embed(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> Floats32:
        """(m, d) of images.

        Raises:
            WeightsError: The prior gives no embedding, or one that is not finite.
        """
        rows = [output.embedding for output in self.prior.predict(images, device=device)]
        return np.stack([unit(row, self.embedding) for row in rows]) if rows else np.zeros(
            (0, self.embedding.dimensions), np.float32
        )  # fmt: skip


def unit(vector: NDArray[np.float32] | None, embedding: Embedding) -> Floats32:
    """A prior's ``vector`` (d,) at length 1.

    Raises:
        WeightsError: It is None, has another length than ``embedding`` says, or is not finite.
    """
    if vector is None or vector.shape != (embedding.dimensions,) or not np.isfinite(vector).all():
        raise WeightsError(f"the prior {embedding.name} gave no embedding of {embedding.dimensions} finite numbers")
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return np.asarray(vector / max(length, 1e-12), np.float32)


def make_embedder(name: str = "im2gps", *, offline: bool = False) -> Embedder:
    """The embedder called ``name``: ``"im2gps"``, or the name of a prior (see ``backbone.priors.make_prior``).

    Raises:
        RequestError: There is no prior of that name, or it gives no embedding.
        WeightsError: Its weights are missing or damaged.
        OfflineError: They are not on this machine, and the network is forbidden.

    >>> make_embedder().embedding.dimensions
    1886
    """
    if name == "im2gps":
        return Im2gpsEmbedder()
    from backbone.priors import make_prior  # which imports this module's users when they are asked for

    return PriorEmbedder(make_prior(name, offline=offline))
