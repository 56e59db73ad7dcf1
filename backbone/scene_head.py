"""Our own scene model: words of small patches, and a logistic regression on how much of each a photo has.

It ships, needs no network and takes tens of milliseconds a photo. How good it is, and on how few photos it was trained,
stands in its card and in ``benchmarks/results/scenes.txt``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backbone.logistic import Logistic, softmax
from backbone.patch_words import PatchWords
from backbone.scenes import SCENES, SceneCard
from data.assets import read_asset
from data.errors import WeightsError

__all__ = ["HEAD_PATH", "HEAD_SHA256", "SceneHead", "SceneModelFile", "described"]

HEAD_PATH: Final = Path(__file__).parent / "assets" / "scenes.safetensors"
HEAD_SHA256: Final = "4976b84492b3a368263ee82a43f8ef1c667d30eb3caef8e41091445f02cab9b0"


def described(image: NDArray[np.uint8], vocabularies: Sequence[PatchWords]) -> NDArray[np.float64]:
    """Features (d,) of a photo (H, W, 3) uint8 RGB, the same for its mirror image.

    Square roots of the words' means, which tempers the frequent ones, averaged over the photo and its mirror image.
    """
    mirror = image[:, ::-1]
    both = ([np.sqrt(words.describe(side)).ravel() for words in vocabularies] for side in (image, mirror))
    return np.asarray(np.mean([np.concatenate(parts) for parts in both], axis=0), np.float64)


class SceneModelFile:
    """What is kept of a scene head: vocabularies, regression, temperature and what it was measured to be.

    Args:
        vocabularies: One for each size at which patches are taken.
        regression: To :data:`backbone.scenes.SCENES`, in order.
        temperature: What its logits are divided by.
        figures: Name of a measured figure to its value.
    """

    def __init__(
        self,
        vocabularies: Sequence[PatchWords],
        regression: Logistic,
        temperature: float,
        figures: Mapping[str, float],
    ) -> None:
        self.vocabularies = tuple(vocabularies)
        self.regression = regression
        self.temperature = temperature
        self.figures = dict(figures)

    def to_bytes(self) -> bytes:
        """As safetensors, with the rest as JSON in its metadata."""
        from safetensors.numpy import save

        tensors = {f"head.{name}": getattr(self.regression, name).astype(np.float32) for name in _OF_HEAD}
        shapes = []
        for k, words in enumerate(self.vocabularies):
            tensors |= {f"words{k}.{name}": np.ascontiguousarray(getattr(words, name)) for name in _OF_WORDS}
            shapes.append([words.side, words.patch, words.step, words.bands])
        card = {"scenes": SCENES, "temperature": self.temperature, "words": shapes, "figures": self.figures}
        return bytes(save(tensors, metadata={"whence": json.dumps(card)}))

    @classmethod
    def from_bytes(cls, content: bytes) -> SceneModelFile:
        """What :meth:`to_bytes` gave.

        Raises:
            WeightsError: It is none.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            tensors = load(content)
            size = int.from_bytes(content[:8], "little")
            card = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["whence"])
            vocabularies = [
                PatchWords(*(tensors[f"words{k}.{name}"] for name in _OF_WORDS), *map(int, shape))  # type: ignore[arg-type]
                for k, shape in enumerate(card["words"])
            ]
            regression = Logistic(*(tensors[f"head.{name}"].astype(np.float64) for name in _OF_HEAD))
            known = tuple(card["scenes"]) == SCENES
            model = cls(vocabularies, regression, float(card["temperature"]), card["figures"])
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"these are no weights of a scene head ({error}): train them again") from error
        if not known:
            raise WeightsError(f"this scene head knows {card['scenes']}, not {SCENES}: train it again")
        return model


_OF_HEAD: Final = ("mean", "deviation", "weights", "bias")
_OF_WORDS: Final = ("mean", "whitening", "words")


class SceneHead:
    """The scene model that ships, or one that ``whence train scenes`` wrote.

    Args:
        file: Another file than the one that ships.

    Raises:
        WeightsError: It is missing or damaged.

    >>> head = SceneHead()
    >>> [told] = head.predict([np.zeros((48, 64, 3), np.uint8)])
    >>> tuple(told), round(sum(told.values()), 6)
    (('indoor', 'natural', 'urban'), 1.0)
    """

    def __init__(self, file: Path | None = None) -> None:
        self.model, self._sha256 = _shipped() if file is None else _of(file)

    @property
    def name(self) -> str:
        """``head``."""
        return "head"

    @property
    def card(self) -> SceneCard:
        """What it was trained on and how good it was measured to be."""
        return SceneCard(
            summary="words of small patches and a logistic regression; indoor photos were scarce in its training",
            trained_on="268 photos of streets_train (CC BY-SA 4.0, OSV-5M, Mapillary) and travel_train (by "
            "permission), 57 of facades (CC0), 22 of plates_train (MIT), 108 views of 18 panoramas (CC0)",
            licence="CC BY-SA 4.0",
            accuracy=dict(self.model.figures),
            sha256=self._sha256,
        )

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[Mapping[str, float]]:
        """For each image, (H, W, 3) uint8 RGB, the probability of each of ``SCENES``; always on the processor."""
        model = self.model
        told: list[Mapping[str, float]] = []
        for image in images:  # one by one: a photo's answer does not depend on its neighbours
            p = softmax(model.regression.logits(described(image, model.vocabularies)), model.temperature)
            told.append(dict(zip(SCENES, p.tolist(), strict=True)))
        return told


@lru_cache(maxsize=1)
def _shipped() -> tuple[SceneModelFile, str]:
    return SceneModelFile.from_bytes(read_asset(HEAD_PATH, HEAD_SHA256, error=WeightsError)), HEAD_SHA256


def _of(file: Path) -> tuple[SceneModelFile, str]:
    import hashlib

    try:
        content = file.read_bytes()
    except OSError as error:
        raise WeightsError(f"{file} cannot be read ({error.strerror or error}): train it again") from error
    return SceneModelFile.from_bytes(content), hashlib.sha256(content).hexdigest()
