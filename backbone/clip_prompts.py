"""What CLIP is asked about a photo: nouns for each category of scene, and the sentences they are put into."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from backbone.scenes import CATEGORIES, SCENES

__all__ = ["NOUNS", "TEMPLATES", "log_prior"]

TEMPLATES: Final = (
    "a photo of {}.",
    "a snapshot of {}.",
    "a dashcam photo of {}.",
    "a travel photo of {}.",
    "a blurry photo of {}.",
    "a photo of {} at night.",
)
"""Sentences; a noun's embedding is the mean of those of its sentences (Radford et al. 2021, section 3.1.4)."""

NOUNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "shop or restaurant": (
            "the inside of a shop", "the inside of a supermarket", "the inside of a restaurant", "a bar counter",
            "the inside of a shopping mall",
        ),
        "workplace": (
            "the inside of an office", "a hospital room", "the inside of a factory", "a workshop", "a laboratory",
            "the inside of a warehouse",
        ),
        "home or hotel": ("a living room", "a bedroom", "a kitchen", "a bathroom", "a hotel lobby", "a hotel room"),
        "vehicle or station": (
            "the inside of a train", "the inside of a bus", "the inside of an airport terminal", "a subway station",
            "the cabin of an aeroplane",
        ),
        "indoor sport or leisure": (
            "a gym", "an indoor swimming pool", "an indoor arena", "the inside of a theatre", "a dance hall",
        ),
        "museum, church or school": (
            "the inside of a museum", "the inside of a church", "the inside of a mosque", "a classroom", "a library",
        ),
        "water, ice or snow": (
            "the sea", "a beach", "a lake", "a river in the wild", "a glacier", "a snow field", "a waterfall",
        ),
        "mountain or desert": ("a mountain", "a canyon", "a desert", "a rocky coast", "a volcano", "the sky"),
        "forest or field": ("a forest", "a jungle", "a meadow", "a field of crops", "grassland", "bushes"),
        "open country with something built": (
            "a road through open country", "a dirt road through bushes", "a road through a forest",
            "a road through a desert", "a railway line in the country", "a mountain road",
        ),
        "street or transport": (
            "a city street with cars", "a village street", "a road junction with traffic lights", "a bridge in a city",
            "a car park", "a harbour", "a street with shops on both sides",
        ),
        "historic or cultural building": (
            "a palace", "the outside of a church", "a temple", "a mosque from outside", "a castle", "ruins",
            "a monument", "a famous tower", "the outside of a museum",
        ),
        "park or sports field": (
            "a city park", "a formal garden", "a playground", "a stadium", "a golf course", "an amusement park",
        ),
        "industry or construction": (
            "a factory from outside", "a construction site", "a power plant", "a dam", "an oil refinery",
        ),
        "houses, gardens or farm": (
            "a residential street with houses", "a detached house", "a farm with a barn", "huts of a village",
            "a garden in front of a house",
        ),
        "shops, city or town": (
            "a city skyline", "a city from above", "skyscrapers", "a market in the street", "a shop front",
            "the roofs of a town", "a town square", "an apartment building", "a town by the water",
        ),
    }
)  # fmt: skip
"""Category of :data:`backbone.scenes.CATEGORIES` to what it looks like; most are places of Places365."""


def log_prior() -> dict[str, float]:
    """The log-probability of each noun before a photo is seen: scenes alike, then categories, then nouns.

    Without it a scene would be the likelier the more nouns stand for it.

    >>> round(sum(math.exp(p) for p in log_prior().values()), 9)
    1.0
    """
    in_scene = {scene: sum(s == scene for s in CATEGORIES.values()) for scene in SCENES}
    return {
        noun: -math.log(len(SCENES) * in_scene[CATEGORIES[category]] * len(nouns))
        for category, nouns in NOUNS.items()
        for noun in nouns
    }
