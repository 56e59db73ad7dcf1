"""What a scene of the rendered Earth shows: its attributes, their values, and in which scenes each can be seen.

Value 0 of every attribute but ``scene`` means *hidden*: the scene does not show it. Whether it is hidden depends on
the kind of scene alone, so that a hidden attribute says nothing about the place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ATTRIBUTES", "GROUPS", "INDEX", "NAMES", "SCENES", "SHOWN", "Attribute"]

SCENES: Final = ("natural", "urban", "indoor")
"""Kinds of scene: the values of attribute ``scene``."""

GROUPS: Final = ("sky", "land", "soil", "plants", "relief", "road", "sign", "bollard", "pole", "building", "room")
"""What is seen or hidden together."""

SHOWN: Final[tuple[tuple[float, ...], ...]] = (
    (0.85, 1.00, 1.00, 0.85, 1.00, 0.60, 0.35, 0.50, 0.40, 0.35, 0.00),
    (0.85, 0.50, 0.00, 0.60, 0.60, 0.95, 0.75, 0.60, 0.70, 1.00, 0.00),
    (0.70, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 1.00),
)
"""Probability that each of ``GROUPS`` is shown, for each of ``SCENES``; whatever the place."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing to be seen: its name, its values and the group of ``GROUPS`` that it belongs to (``scene`` has none).

    An attribute of a group that is shown may still have no part in a kind of scene: ``scenes`` lists where it has.
    """

    name: str
    values: tuple[str, ...]
    group: str = ""
    scenes: tuple[str, ...] = SCENES


def _hideable(name: str, group: str, values: str, scenes: tuple[str, ...] = SCENES) -> Attribute:
    return Attribute(name, ("hidden", *values.split(", ")), group, scenes)


ATTRIBUTES: Final[tuple[Attribute, ...]] = (
    Attribute("scene", SCENES),
    _hideable("sun", "sky", "polar, subpolar, low, middling, high, higher, tropical, overhead"),
    _hideable("shadow", "sky", "to the north, to the south", ("natural", "urban")),
    _hideable(
        "land",
        "land",
        "ice, tundra, boreal forest, temperate fields, mediterranean, steppe, desert, savanna, rainforest, wetland",
    ),
    _hideable("soil", "soil", "red, yellow, black, grey, brown"),
    _hideable("plants", "plants", "rocks, grass, cactus, palm, broadleaf, conifer, shrub"),
    _hideable("relief", "relief", "flat, hills, mountains, snowy peaks, mesas"),
    _hideable("driving", "road", "left, right"),
    _hideable("centre line", "road", "dashed white, solid white, dashed yellow, double yellow, none"),
    _hideable("edge line", "road", "white, none, yellow"),
    _hideable(
        "sign", "sign", "yellow diamond, red triangle, red and yellow triangle, blue square, green board, red disc"
    ),
    _hideable(
        "bollard",
        "bollard",
        "black band, red band, red stripes, yellow, black and yellow, green, concrete and blue, orange",
    ),
    _hideable("pole", "pole", "one arm, two arms, concrete, lattice, lamp, ladder"),
    _hideable("wall", "building", "white, brick, ochre, pink, blue, green, grey, timber"),
    _hideable("roof", "building", "flat, gable, steep, hipped"),
    _hideable("storeys", "building", "low, middle, tower"),
    _hideable("socket", "room", "round, two pins, slanted, three bars, switch"),
    _hideable("curtain", "room", "red, blue stripes, green checks, yellow dots, purple, white bars"),
    _hideable("floor", "room", "planks, tiles, carpet, mats"),
)
"""All attributes, in the order of the columns of a scene's attributes."""

NAMES: Final = tuple(attribute.name for attribute in ATTRIBUTES)
INDEX: Final = {name: k for k, name in enumerate(NAMES)}
"""Name of an attribute to its column."""
