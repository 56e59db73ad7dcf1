"""The prior ``im2gps:NAME``: the nearest photos of a gallery, voting for where they were taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.density import DensityPrior
from backbone.gallery import Gallery
from backbone.gallery_card import Embedding
from backbone.gallery_embedders import Embedder, make_embedder
from backbone.gallery_votes import VoteConfig, modes, vote
from data.errors import WeightsError
from data.geodesy import lat_lon, unit_vectors
from data.partition import Partition, load_default

__all__ = ["GalleryPrior"]


class GalleryPrior:
    """IM2GPS (Hays and Efros 2008) over a gallery; of whatever embedding the gallery is.

    Args:
        gallery: The photos.
        embedder: That of the gallery; None makes it by its name.
        offline: Open no connection for it.

    Raises:
        WeightsError: The gallery is damaged or of another embedding than ``embedder``.
        RequestError: There is no such embedding.
        OfflineError: Its weights are not on this machine, and the network is forbidden.
    """

    def __init__(self, gallery: Gallery, embedder: Embedder | None = None, *, offline: bool = False) -> None:
        self.gallery = gallery.opened()
        self._config = VoteConfig.of(gallery.card.votes)
        self._embedder = make_embedder(gallery.embedding.name, offline=offline) if embedder is None else embedder
        if self._embedder.embedding != gallery.embedding:
            raise WeightsError(
                f"the gallery {gallery.name} was embedded with {gallery.embedding}, at hand is "
                f"{self._embedder.embedding}: build that gallery again"
            )
        self._density = DensityPrior(load_default()).distribution
        self._vectors = unit_vectors(gallery.lat, gallery.lon)

    @property
    def name(self) -> str:
        """``im2gps:`` and the gallery's name."""
        return f"im2gps:{self.gallery.name}"

    @property
    def partition(self) -> Partition:
        """The shipped cells."""
        return self._density.partition

    @property
    def embedding(self) -> Embedding:
        """What its ``PriorOutput.embedding`` is."""
        return self.gallery.embedding

    @property
    def config(self) -> VoteConfig:
        """How the photos vote, as fitted on the gallery."""
        return self._config

    @property
    def card(self) -> PriorCard:
        """The photos, their licence, and figures of each photo of the gallery asked about without those near it.

        Figures are those of :func:`backbone.held_out.measured` and ``covered``; ``backbone.gallery_fit`` says how they
        are taken. The sha256 is that of the gallery, which is another one when its photos are.
        """
        card = self.gallery.card
        return PriorCard(
            summary=f"IM2GPS over {len(self.gallery):,} photos by {card.embedding.name}: where the most similar were "
            "taken",
            visual=True,
            trained_on="; ".join(card.sources) or "not stated",
            licence=card.licence,
            accuracy=dict(card.metrics),
            sha256=card.content_sha256,
        )

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        """One output per image (H, W, 3) uint8 RGB, in order, each the same whatever the others are.

        ``embedding`` is the photo's vector (d,), as the gallery's are.

        Raises:
            WeightsError: A file of the gallery, or the weights of its embedding, are damaged.
        """
        outputs = []
        for image in images:
            vector = self._embedder.embed([image], device=device)[0]
            rows, square = self.gallery.nearest(vector, self._config.neighbours)
            said = vote(self._config, square[0], self._vectors[rows[0]], self._density)
            outputs.append(PriorOutput(said, embedding=vector))
        return outputs

    def candidates(self, image: NDArray[np.uint8], *, device: str = "cpu") -> list[tuple[float, float, int]]:
        """Hays and Efros's own answer: modes of the nearest photos' places, latitude, longitude and number of photos.

        Those of most photos first.
        """
        vector = self._embedder.embed([image], device=device)[0]
        rows, _ = self.gallery.nearest(vector, self._config.neighbours)
        found, label = modes(self._vectors[rows[0]], self._config.bandwidth_km)
        lat, lon = lat_lon(found)
        counts = np.bincount(label, minlength=len(found))
        return list(zip(lat.tolist(), lon.tolist(), counts.tolist(), strict=True))
