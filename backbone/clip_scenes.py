"""Scenes by CLIP, zero-shot: how near a photo is to what stands for each category (Radford et al., ICML 2021).

``p(noun | photo) ~ p(noun) exp(s cos(photo, noun))`` over all nouns of all categories at once, with CLIP's own logit
scale ``s`` and a prior that makes scenes, categories in a scene and nouns in a category alike. The probability of a
category is the sum over its nouns, that of a scene the sum over its categories, so that the levels never disagree.
No temperature was fitted: the probabilities are as sure as CLIP's own scale makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backbone.clip_licences import data_of, licence_of
from backbone.clip_network import DEFAULT, ClipNetwork, load_network
from backbone.clip_prompts import NOUNS, TEMPLATES, log_prior
from backbone.clip_texts import default_folder, image_embeddings, text_embeddings, texts_key
from backbone.logistic import softmax
from backbone.scenes import SceneCard, scene_of_categories
from data.errors import WeightsError

__all__ = ["ClipScenes", "text_key"]


def text_key(network: str, sha256: str = "") -> str:
    """What the scenes' text embeddings of a network with these weights are kept under, with every prompt."""
    return texts_key(network, sha256, _sentences())


class ClipScenes:
    """Scenes and finer categories by CLIP; the network is loaded now, its texts are embedded once.

    Args:
        name: ``MODEL/PRETRAINED`` of open_clip.
        network: A network that is loaded already, instead.
        offline: Open no connection.
        folder: Where text embeddings are kept; None for :func:`default_folder`.
        batch: Photos seen at once; None for 32 on a GPU and 1 on a processor, where a photo's answer then does not
            depend on its neighbours.

    Raises:
        RequestError: open_clip knows no such model or weights.
        OfflineError: The weights are not on this machine and the network is forbidden.
        WeightsError: They cannot be fetched, or are damaged.
    """

    def __init__(
        self,
        name: str = DEFAULT,
        *,
        network: ClipNetwork | None = None,
        offline: bool = False,
        folder: Path | None = None,
        batch: int | None = None,
    ) -> None:
        self._network = load_network(name, offline=offline) if network is None else network
        self._folder = default_folder() if folder is None else folder
        self._batch = batch
        self._texts: NDArray[np.float32] | None = None

    @property
    def name(self) -> str:
        """``clip:MODEL/PRETRAINED``."""
        return f"clip:{self._network.name}"

    @property
    def card(self) -> SceneCard:
        """What it is; its weights and their licence are their makers'."""
        return SceneCard(
            summary=f"CLIP ({self._network.name}) asked for {sum(map(len, NOUNS.values()))} kinds of places",
            trained_on=data_of(self._network.name),
            licence=licence_of(self._network.name),
            network=True,
            sha256=self._network.sha256,
        )

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[Mapping[str, float]]:
        """For each image, (H, W, 3) uint8 RGB, the probability of each of ``SCENES``: the sum of its categories'."""
        return [scene_of_categories(p) for p in self.categories(images, device=device)]

    def categories(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[dict[str, float]]:
        """For each image the probability of each of ``CATEGORIES``; they sum to 1.

        Raises:
            WeightsError: The weights give no numbers.
        """
        if not len(images):
            return []
        seen = image_embeddings(self._network, images, device=device, batch=self._batch)
        return self.categories_of(seen, device=device)

    def scenes_of(self, seen: NDArray[np.float32], *, device: str = "cpu") -> list[Mapping[str, float]]:
        """What :meth:`predict` says of the photos with these unit embeddings (n, d), made by the same network."""
        return [scene_of_categories(p) for p in self.categories_of(seen, device=device)]

    def categories_of(self, seen: NDArray[np.float32], *, device: str = "cpu") -> list[dict[str, float]]:
        """What :meth:`categories` says of the photos with these unit embeddings (n, d), made by the same network.

        Raises:
            WeightsError: The weights give no numbers.
        """
        nouns = softmax(self._logits(seen, device) + np.array(list(log_prior().values())))
        if not np.isfinite(nouns).all():
            raise WeightsError(f"the weights of {self.name} give no numbers: delete them and fetch them again")
        starts = np.cumsum([0, *map(len, NOUNS.values())])[:-1]
        sums = np.add.reduceat(nouns, starts, axis=1)
        return [dict(zip(NOUNS, row.tolist(), strict=True)) for row in sums]

    def _logits(self, seen: NDArray[np.float32], device: str) -> NDArray[np.float64]:
        """(n, nouns) ``s cos``; each photo by itself, so that none depends on its neighbours."""
        texts = self.texts(device)
        cosines = np.stack([texts @ row for row in seen]).astype(np.float64)
        logits: NDArray[np.float64] = self._network.logit_scale * cosines
        return logits

    def texts(self, device: str = "cpu") -> NDArray[np.float32]:
        """(nouns, d) unit embeddings, in the order of ``NOUNS``; from memory, the cache folder, or computed."""
        if self._texts is None:
            self._texts = text_embeddings(self._network, _sentences(), folder=self._folder, device=device)
        return self._texts


def _sentences() -> list[list[str]]:
    return [[form.format(noun) for form in TEMPLATES] for nouns in NOUNS.values() for noun in nouns]
