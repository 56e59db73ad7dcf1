"""Photos of an evaluation by what they have in common, and what each kind of clue is worth."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.continents import CONTINENT_NAMES, CONTINENTS
from fusion.evaluation.figures import mean_interval
from fusion.evaluation.runs import PhotoColumns

__all__ = ["TEXT_GROUPS", "groups_of", "kinds_of"]

TEXT_GROUPS: Final = ("no text", "text without a clue", "with a clue")
"""Values of the group ``text``."""

_MOST_VALUES: Final = 60  # of a column of the set: one that is different for every photo makes no groups
_BY_KIND: Final = "kind of clue"
_MASS_NAMES: Final = ("country_bits", "cell_bits", "alone_country_bits", "alone_cell_bits")


def groups_of(columns: PhotoColumns) -> dict[str, dict[str, PhotoColumns]]:
    """Name of a grouping to its values, the largest first, to the photos of each.

    By true country and continent, scene, text (:data:`TEXT_GROUPS`), kind of clue, and the set's own columns where
    they have between 2 and 60 values; one that is called like ours has " (labels)" behind its name. A photo with clues
    of two kinds is in both.
    """
    country = columns.texts("true_country")
    readings, clues = columns.reals("readings"), columns.reals("clues")
    text = np.select([clues > 0, readings > 0, readings == 0], [2, 1, 0], -1)
    labels: dict[str, list[str]] = {
        "country": country,
        "continent": [CONTINENT_NAMES.get(CONTINENTS.get(code, ""), "") for code in country],
        "scene": columns.texts("scene"),
        "text": [TEXT_GROUPS[k] if k >= 0 else "" for k in text.tolist()],
    }
    for name in columns.table.column_names:
        if name.startswith("group_"):
            values = columns.texts(name)
            if 1 < len(set(filter(None, values))) <= _MOST_VALUES:
                called = name.removeprefix("group_")
                labels[f"{called} (labels)" if called in (*labels, _BY_KIND) else called] = values
    found = {name: _split(columns, values) for name, values in labels.items()}
    kinds = _kinds(columns)
    names = sorted({kind for row in kinds for kind in row})
    found[_BY_KIND] = {
        name: columns.take(np.array([k for k, row in enumerate(kinds) if name in row], np.int64)) for name in names
    }
    return {name: parts for name, parts in found.items() if parts}


def kinds_of(columns: PhotoColumns) -> dict[str, dict[str, Any]]:
    """Kind of clue to what it is worth on the photos that have it.

    ``country_bits`` and ``cell_bits``: bits that the answer would lose without all clues of that kind, mean and the
    ends of its 95 % bootstrap interval over places; ``alone_...``: bits that they add to the prior by themselves;
    ``helped`` and ``hurt``: percent of the photos on which the true country gains or loses by them beside the others.
    """
    rows = _kinds(columns)
    found: dict[str, dict[str, Any]] = {}
    for kind in sorted({kind for row in rows for kind in row}):
        chosen = np.array([k for k, row in enumerate(rows) if kind in row], np.int64)
        told = [rows[k][kind] for k in chosen.tolist()]
        _, place = np.unique(columns.place[chosen], return_inverse=True)
        entry: dict[str, Any] = {"photos": len(told), "clues": sum(one["clues"] for one in told)}
        for name in _MASS_NAMES:
            values = np.array([math.nan if one[name] is None else one[name] for one in told], np.float64)
            value, low, high = mean_interval(values, place.astype(np.int64))
            # One photo says nothing of how others differ from it.
            entry[name] = [value, low, high] if len(told) > 1 else [value, math.nan, math.nan]
        bits = np.array([math.nan if one["country_bits"] is None else one["country_bits"] for one in told])
        bits = bits[~np.isnan(bits)]
        entry["helped"] = 100.0 * float((bits > 0.0).mean()) if len(bits) else math.nan
        entry["hurt"] = 100.0 * float((bits < 0.0).mean()) if len(bits) else math.nan
        found[kind] = entry
    return dict(sorted(found.items(), key=lambda item: -item[1]["photos"]))


def _kinds(columns: PhotoColumns) -> list[Mapping[str, Any]]:
    return [json.loads(text) if text else {} for text in columns.texts("kinds")]


def _split(columns: PhotoColumns, values: list[str]) -> dict[str, PhotoColumns]:
    by: dict[str, list[int]] = {}
    for k, value in enumerate(values):
        if value:
            by.setdefault(value, []).append(k)
    order = sorted(by, key=lambda value: (-len(by[value]), value))
    return {value: columns.take(_indices(by[value])) for value in order}


def _indices(chosen: list[int]) -> NDArray[np.int64]:
    return np.array(chosen, np.int64)
