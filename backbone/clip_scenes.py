"""Scenes by CLIP, zero-shot: how near a photo is to what stands for each category (Radford et al., ICML 2021).

``p(noun | photo) ~ p(noun) exp(s cos(photo, noun))`` over all nouns of all categories at once, with CLIP's own logit
scale ``s`` and a prior that makes scenes, categories in a scene and nouns in a category alike. The probability of a
category is the sum over its nouns, that of a scene the sum over its categories, so that the levels never disagree.
No temperature was fitted: the probabilities are as sure as CLIP's own scale makes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from backbone.clip_network import DEFAULT, ClipNetwork, load_network
from backbone.clip_prompts import NOUNS, TEMPLATES, log_prior
from backbone.logistic import softmax
from backbone.scenes import SceneCard, scene_of_categories
from data.errors import WeightsError
from data.writing import write_whole

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ClipScenes", "default_folder", "text_key"]

_AT_ONCE: Final = 32  # photos that a GPU sees at once
_SENTENCES_AT_ONCE: Final = 64


def default_folder() -> Path | None:
    """Where text embeddings are kept: in the user's cache folder; None for a user without a home folder."""
    import platformdirs

    try:
        folder = Path(platformdirs.user_cache_dir("whence", appauthor=False)) / "clip"
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None


def text_key(network: str, sha256: str = "") -> str:
    """What text embeddings depend on, as 32 hexadecimal digits: the network's name and weights, and every prompt."""
    content = json.dumps([network, sha256, TEMPLATES, {category: NOUNS[category] for category in NOUNS}])
    return hashlib.sha256(content.encode("utf-8")).hexdigest()[:32]


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
        self._device = "cpu"

    @property
    def name(self) -> str:
        """``clip:MODEL/PRETRAINED``."""
        return f"clip:{self._network.name}"

    @property
    def card(self) -> SceneCard:
        """What it is; its weights and their licence are their makers'."""
        return SceneCard(
            summary=f"CLIP ({self._network.name}) asked for {sum(map(len, NOUNS.values()))} kinds of places",
            trained_on="pictures and captions of the web, by the makers of the weights",
            licence="that of the weights, see the hub",
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
        nouns = softmax(self._logits(images, device) + np.array(list(log_prior().values())))
        if not np.isfinite(nouns).all():
            raise WeightsError(f"the weights of {self.name} give no numbers: delete them and fetch them again")
        starts = np.cumsum([0, *map(len, NOUNS.values())])[:-1]
        sums = np.add.reduceat(nouns, starts, axis=1)
        return [dict(zip(NOUNS, row.tolist(), strict=True)) for row in sums]

    def _logits(self, images: Sequence[NDArray[np.uint8]], device: str) -> NDArray[np.float64]:
        """(n, nouns) ``s cos``."""
        import torch
        from PIL import Image as Pillow

        model = self._on(device)  # before the texts, which are embedded where the network is
        texts = torch.from_numpy(self.texts())
        step = self._batch or (_AT_ONCE if device.startswith("cuda") else 1)
        rows = []
        with torch.inference_mode():
            texts = texts.to(device)
            for start in range(0, len(images), step):
                pixels = [self._network.preprocess(Pillow.fromarray(image)) for image in images[start : start + step]]
                seen = _unit(model.encode_image(torch.stack(pixels).to(device)))
                rows.append((model.logit_scale.exp() * seen @ texts.T).double().cpu())
        return np.asarray(torch.cat(rows).numpy(), np.float64)

    def texts(self) -> NDArray[np.float32]:
        """(nouns, d) unit embeddings, in the order of ``NOUNS``; from memory, the cache folder, or computed."""
        if self._texts is None:
            key = text_key(self._network.name, self._network.sha256)
            path = None if self._folder is None else self._folder / f"{key}.safetensors"
            self._texts = _read(path)
            if self._texts is None:
                self._texts = self._embedded()
                _keep(path, self._texts)
        return self._texts

    def _embedded(self) -> NDArray[np.float32]:
        import torch

        sentences = [form.format(noun) for nouns in NOUNS.values() for noun in nouns for form in TEMPLATES]
        model = self._on(self._device)
        with torch.inference_mode():
            parts = [
                _unit(
                    model.encode_text(self._network.tokenizer(sentences[k : k + _SENTENCES_AT_ONCE]).to(self._device))
                )
                for k in range(0, len(sentences), _SENTENCES_AT_ONCE)
            ]
            by_noun = torch.cat(parts).float().reshape(-1, len(TEMPLATES), parts[0].shape[-1])
            return np.asarray(_unit(by_noun.mean(dim=1)).cpu().numpy(), np.float32)

    def _on(self, device: str) -> Any:
        if device != self._device:
            self._network.model.to(device)
            self._device = device
        return self._network.model


def _unit(vectors: Tensor) -> Tensor:
    unit: Tensor = vectors / vectors.norm(dim=-1, keepdim=True)
    return unit


def _read(path: Path | None) -> NDArray[np.float32] | None:
    """Embeddings kept at ``path``, or None where there are none or they are not what was kept."""
    if path is None:
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            texts, digest = file.get_tensor("texts"), (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    sound = texts.dtype == np.float32 and texts.ndim == 2 and len(texts) == sum(map(len, NOUNS.values()))
    return texts if sound and digest == hashlib.sha256(texts.tobytes()).hexdigest() else None


def _keep(path: Path | None, texts: NDArray[np.float32]) -> None:
    from safetensors.numpy import save

    if path is None:
        return
    content = save({"texts": texts}, metadata={"sha256": hashlib.sha256(texts.tobytes()).hexdigest()})
    with suppress(OSError):  # a cache that cannot be kept costs a second at the next start
        write_whole(path, content)
