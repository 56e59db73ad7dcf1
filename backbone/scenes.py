"""What kind of place a photo shows: indoor, natural or urban, and sixteen finer categories.

The three are those of Mueller-Budack, Pustu-Iren and Ewerth (ECCV 2018), who gate geolocation by them (S3); the sixteen
are the middle level of the hierarchy of Places365 (Zhou et al. 2017), which is their S16.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from data.errors import RequestError

__all__ = ["CATEGORIES", "SCENES", "SceneCard", "SceneModel", "make_scene_model", "scene_of_categories"]

SCENES: Final = ("indoor", "natural", "urban")
"""The scenes, in the order in which every model names them."""

CATEGORIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "shop or restaurant": "indoor",
        "workplace": "indoor",
        "home or hotel": "indoor",
        "vehicle or station": "indoor",
        "indoor sport or leisure": "indoor",
        "museum, church or school": "indoor",
        "water, ice or snow": "natural",
        "mountain or desert": "natural",
        "forest or field": "natural",
        "open country with something built": "natural",
        "street or transport": "urban",
        "historic or cultural building": "urban",
        "park or sports field": "urban",
        "industry or construction": "urban",
        "houses, gardens or farm": "urban",
        "shops, city or town": "urban",
    }
)
"""Finer category to its scene; the middle level of Places365's hierarchy, in its order.

:class:`backbone.clip_scenes.ClipScenes` tells them apart. A road in open country is "open country with something
built", a street between houses is urban.
"""


@dataclass(frozen=True)
class SceneCard:
    """What a scene model is made of.

    Attributes:
        summary: One sentence for a person.
        trained_on: Its data, with licences.
        licence: Licence of its weights.
        network: Whether it runs a network, which a GPU makes faster.
        accuracy: Name of a measured figure to its value, with the set in the name.
        sha256: Of its weights, in hexadecimal digits; empty where it has none or nobody took it.
    """

    summary: str
    trained_on: str
    licence: str
    network: bool = False
    accuracy: Mapping[str, float] = field(default_factory=dict)
    sha256: str = ""


class SceneModel(Protocol):
    """Pixels to probabilities of the scenes.

    How far they may be taken at their word is the model's own: the head's temperature was fitted on two sets, and its
    expected calibration error is 0.04 to 0.15 on others (``benchmarks/results/scenes.txt``); CLIP's was not fitted.
    """

    @property
    def name(self) -> str:
        """Short name, such as ``"head"``."""

    @property
    def card(self) -> SceneCard:
        """What it was trained on and how good it was measured to be."""

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[Mapping[str, float]]:
        """For each image, (H, W, 3) uint8 RGB, the name of each of :data:`SCENES`, in order, to its probability."""


def make_scene_model(name: str = "auto", *, offline: bool = False) -> SceneModel | None:
    """The scene model called ``name``, or None where there is to be none.

    Args:
        name: What is wanted.

            - ``"auto"``: CLIP, where weights that we know of are on this machine already, the smallest of them first,
              else the head; it fetches nothing. CLIP reads 600 MB or more at every start, and takes 0.2 s (ViT-B-32)
              to 2.3 s (ViT-L-14) of one processor core a photo; with new weights it spends a minute or two on its
              sentences, once. ``"head"`` spares that.
            - ``"head"``: our own, which ships; measured in ``benchmarks/results/scenes.txt``.
            - ``"clip"``, ``"clip:MODEL/PRETRAINED"``: CLIP as open_clip calls it, fetched where it is not at hand.
            - ``"none"``.
        offline: Open no connection; also where ``WHENCE_OFFLINE`` forbids it.

    Raises:
        RequestError: There is no scene model of that name.
        OfflineError: Its weights are not on this machine, and the network is forbidden.
        WeightsError: Its weights are damaged, or cannot be fetched.

    >>> make_scene_model("head").name
    'head'
    >>> make_scene_model("none") is None
    True
    """
    # Imported here: each of them imports this module.
    from backbone.clip_network import DEFAULT, first_at_hand

    kind, colon, which = name.partition(":")
    if name == "none":
        return None
    if name == "auto":
        which = first_at_hand() or ""
        kind = "clip" if which else "head"
    if kind == "head" and not colon:
        from backbone.scene_head import SceneHead

        return SceneHead()
    if kind == "clip":
        from backbone.clip_scenes import ClipScenes

        return ClipScenes(which if colon or which else DEFAULT, offline=offline)
    raise RequestError(f"unknown scene model {name!r}: choose auto, head, clip, clip:MODEL/PRETRAINED or none")


def scene_of_categories(categories: Mapping[str, float]) -> dict[str, float]:
    """Probabilities of :data:`SCENES` as the sums over their finer categories.

    >>> scene_of_categories({"home or hotel": 0.25, "workplace": 0.25, "forest or field": 0.5})
    {'indoor': 0.5, 'natural': 0.5, 'urban': 0.0}
    """
    sums = dict.fromkeys(SCENES, 0.0)
    for category, p in categories.items():
        sums[CATEGORIES[category]] += p
    return sums
