"""The tables of a report: figures by prior, what clues gain and are worth, groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from data.gazetteer import country_name
from data.geodesy import BANDS_KM
from fusion.evaluation.report_markup import (
    FIGURES,
    SYSTEMS,
    bracket,
    cell,
    details,
    difference,
    name,
    number,
    said,
    table,
)

__all__ = ["HONEST", "RECALL", "WHERE", "figures_table", "gain_cells", "groups_of", "kinds_table", "value_cells"]

_BANDS: Final = tuple(f"within_{band:g}" for band in BANDS_KM)
WHERE: Final = (*_BANDS, "median_km", "mean_km", "geoscore", "country", "region", "city")
"""Figures about the point and the country."""
HONEST: Final = (
    "country_bits", "cell_bits", "ece_country", "ece_chance", "radius_50", "radius_80", "radius_95", "region_50",
    "region_80", "region_95",
)  # fmt: skip
"""Figures about the probabilities."""
RECALL: Final = tuple(f"recall_1e{power}" for power in range(3, 8))
"""Shares of true places in the smallest region of an area."""
_OF_GROUPS: Final = ("within_25", "within_200", "within_750", "median_km", "geoscore", "country", "country_bits",
                     "radius_50")  # fmt: skip
_KINDS: Final = {
    "country_bits": "country, without it",
    "cell_bits": "cell, without it",
    "alone_country_bits": "country, alone",
    "alone_cell_bits": "cell, alone",
}


def figures_table(summary: Mapping[str, Any], caption: str, figures: Sequence[str]) -> str:
    """Of each prior a row for the prior alone, one with clues, and one of the paired gains.

    Args:
        summary: Of a run.
        caption: Plain text.
        figures: Names of the columns.
    """
    known = [
        figure
        for figure in figures
        if any(run["systems"][system][figure]["value"] is not None for run in summary["runs"] for system in SYSTEMS)
    ]
    if not known:
        return ""
    head = cell("", head="col") + "".join(cell(FIGURES[figure].title, head="col") for figure in known)
    bodies = []
    for run in summary["runs"]:
        rows = [cell(name(run["prior"]), head="rowgroup", span=len(known) + 1, kind="prior")]
        for system, title in SYSTEMS.items():
            if system == "prior" or run["with_clue"]:
                rows.append(cell(title, head="row") + value_cells(run["systems"][system], known, run["photos"]))
        if run["with_clue"]:
            rows.append(cell("clues gain", head="row") + gain_cells(run["gain"], known))
        bodies.append(rows)
    return table(caption, [head], bodies, kind="figures")


def value_cells(
    told: Mapping[str, Mapping[str, float | None]], figures: Iterable[str], photos: int | None = None
) -> str:
    """A cell for each of ``figures``: its value above its interval, and its photos where these are not all."""
    cells = []
    for figure in figures:
        form, one = FIGURES[figure].form, told[figure]
        counted = one.get("photos") or photos
        fewer = f"<small>of {counted:,}</small>" if photos and counted != photos and one["value"] is not None else ""
        cells.append(cell(number(one["value"], form) + bracket(one["low"], one["high"], form) + fewer))
    return "".join(cells)


def gain_cells(gain: Mapping[str, Sequence[float | None]], figures: Iterable[str]) -> str:
    """A cell for each of ``figures``: the gain above its interval, marked where that lies on one side of zero."""
    cells = []
    for figure in figures:
        form = FIGURES[figure].form
        if figure not in gain:
            cells.append(cell(""))
            continue
        value, low, high = gain[figure]
        mark = ""
        if low is not None and high is not None and (low > 0.0 or high < 0.0):
            mark = '<b class="up" title="better">▲</b>' if low > 0.0 else '<b class="down" title="worse">▼</b>'
        cells.append(cell(f"{mark}{difference(value, form)}{bracket(low, high, form, signed=True)}", kind="gain"))
    return "".join(cells)


def kinds_table(run: Mapping[str, Any]) -> str:
    """What each kind of clue contributed with one prior; nothing where there was none."""
    if not run["kinds"]:
        return ""
    heads = [
        cell("", span=3) + cell("bits that clues of the kind are worth", head="colgroup", span=4)
        + cell("share of photos on which the true country", head="colgroup", span=2),
        "".join(
            cell(title, head="col")
            for title in ("kind of clue", "photos", "clues", *_KINDS.values(), "gains, %", "loses, %")
        ),
    ]  # fmt: skip
    rows = []
    for kind, told in run["kinds"].items():
        row = cell(name(kind), head="row") + cell(number(told["photos"], ",d")) + cell(number(told["clues"], ",d"))
        for column in _KINDS:
            value, low, high = told[column]
            row += cell(difference(value, ".2f") + bracket(low, high, ".2f", signed=True))
        rows.append(row + cell(number(told["helped"], ".0f")) + cell(number(told["hurt"], ".0f")))
    return table(f"What kinds of clues are worth, beside {run['prior']}", heads, [rows])


def groups_of(run: Mapping[str, Any]) -> str:
    """A folded table for each grouping of one prior's photos."""
    systems = ["prior", "text"] if run["with_clue"] else ["prior"]
    return "".join(
        details(
            f"{said('by ' + group)} <small>({len(parts)} {'group' if len(parts) == 1 else 'groups'})</small>",
            _group_table(run, group, parts, systems),
        )
        for group, parts in run["groups"].items()
        if parts
    )


def _group_table(run: Mapping[str, Any], group: str, parts: Mapping[str, Any], systems: Sequence[str]) -> str:
    known = [
        figure
        for figure in _OF_GROUPS
        if any(part[system].get(figure) is not None for part in parts.values() for system in systems)
    ]
    over = cell("", span=2)
    over += "".join(cell(FIGURES[figure].title, head="colgroup", span=len(systems)) for figure in known)
    under = cell(said(group), head="col") + cell("photos", head="col")
    under += "".join(cell(SYSTEMS[system], head="col") for _ in known for system in systems)
    rows = []
    for value, part in parts.items():
        title = name(value)
        if group == "country" and country_name(value) != value:
            title = f"{said(country_name(value))} <small>{said(value)}</small>"
        row = cell(title, head="row") + cell(number(part["photos"], ",d"))
        for figure in known:
            row += "".join(cell(number(part[system].get(figure), FIGURES[figure].form)) for system in systems)
        rows.append(row)
    return table(f"{run['prior']}, by {group}", [over, under], [rows])
