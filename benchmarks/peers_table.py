"""The tables of ``benchmarks.peers`` in words: where whence stands, every system's figures, and what is not known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from data.geodesy import BANDS_KM

__all__ = ["ALL", "ANSWERED", "FIGURES", "GAINED", "MISSES", "OURS", "PITFALLS", "SAME", "TOLD", "standing", "table"]

OURS: Final = "whence: pixels out of fold, with clues"
"""The system that peers are compared with: the visual prior that ships, as it is used."""

FIGURES: Final = (*(f"within_{band:g}" for band in BANDS_KM), "median_km", "mean_km", "geoscore")
GAINED: Final = tuple(name for name in FIGURES if name != "median_km")
"""Figures that are means, of which paired differences are told."""

TOLD: Final = ("cell_bits", "country_bits", "ece_country", "radius_50", "radius_80", "radius_95")
"""What only whole distributions tell."""

ALL, ANSWERED, MISSES, SAME = "all", "answered", "missing as misses", "same photos"

PITFALLS: Final = """
Read with care. The photos are test images of OSV-5M: PLONK_OSV_5M learnt from millions of its training images, the
densities from where those were taken (among other things), the pixels prior from some five hundred photos, half of them
of this set; what the language models learnt from is not known. Peers are known by their points only, so whether they
know what they do not know (bits, calibration, radii) cannot be said. A system that did not answer every photo may have
left out the hard ones: its figures on those that it answered stand beside whence's on the same ones.
Answers of peers: github nicolas-dufour/nicolas-dufour.github.io. Photos: OSV-5M (Mapillary), CC BY-SA 4.0.
"""

_HEADS: Final = {
    **{f"within_{band:g}": f"{band:g} km" for band in BANDS_KM},
    "median_km": "median km",
    "mean_km": "mean km",
    "geoscore": "GeoScore",
}
_FEW: Final = 30
"""Photos below which an interval says nothing: of one photo it has no width."""

_LESS_IS_BETTER: Final = ("median_km", "mean_km")

_PARTS: Final = """
Systems that left photos unanswered: of those that they answered; of all photos, those missing as misses; and whence on
those that they answered
"""
_BESIDE: Final = """
What whence says beside a point: bits of the true cell and of the true country that it misses, fewer being better;
calibration error of the likeliest country; share (%) of true points within the radius said to hold 50, 80 and 95 %.
Not known of any peer
"""

Row = Mapping[str, Any]


def standing(rows: Sequence[Row]) -> str:
    """Where whence stands, in words: among the peers that answered every photo, then beside those that did not."""
    whole = [row for row in rows if row["counted"] == ALL]
    us = next(row for row in whole if row["system"] == OURS)
    peers = [row for row in whole if row["kind"] == "peer"]
    some = [row for row in rows if row["counted"] == ANSWERED]
    partly = [row for row in some if row["answered"] >= _FEW]
    lines = [f"{OURS}, beside the {len(peers)} systems that answered all {us['photos']} photos:"]
    for name in FIGURES:
        sign = 1.0 if name in _LESS_IS_BETTER else -1.0
        place = 1 + sum(sign * row[name] < sign * us[name] for row in peers)
        equal = sum(row[name] == us[name] for row in peers)
        told = f"{place} of {len(peers) + 1}" + (f", as {equal} more" if equal else "")
        lines.append(f"  {_HEADS[name]:9}  {_said(us, name):24}  place {told}")
    lines += ["Told apart with 95 % confidence (paired, over places):"]
    lines += [f"  {_HEADS[name]:9}  {_apart(peers, name)}" for name in GAINED]
    if some:
        lines.append(
            f"{len(some)} systems left photos unanswered; beside the {len(partly)} of them with {_FEW} or more answers,"
        )
        lines.append("on the photos that each answered:")
        lines += [f"  {_HEADS[name]:9}  {_apart(partly, name)}" for name in GAINED]
    return "\n".join(lines) + "\n"


def _apart(peers: Sequence[Row], name: str) -> str:
    ahead = sum(row[f"over_{name}_low"] > 0.0 for row in peers)
    behind = sum(row[f"over_{name}_high"] < 0.0 for row in peers)
    return f"{ahead} ahead of whence, {behind} behind it, {len(peers) - ahead - behind} not told apart"


def table(rows: Sequence[Row]) -> str:
    """The figures of ``rows``, best GeoScore first, and below them the differences to whence."""
    whole = sorted((row for row in rows if row["counted"] == ALL), key=lambda row: -row["geoscore"])
    parts = [row for row in rows if row["counted"] != ALL]
    told = [row for row in whole if "cell_bits" in row]
    texts = [
        f"Systems that answered all {whole[0]['photos']} photos, of {whole[0]['places']} places\n",
        *_figures(whole),
        "\nThe same less whence: shares in points, mean km nearer; above 0 the system is better\n",
        *_gains([row for row in whole if row["system"] != OURS]),
    ]
    if parts:
        texts += [_PARTS, *_figures(parts), "\nThe same less whence on the same photos\n"]
        texts += _gains([row for row in parts if row["counted"] != SAME])
    texts += [_BESIDE, *_aligned(
        [["system", *TOLD], *([row["system"], *(f"{row[name]:.3g}" for name in TOLD)] for row in told)]
    )]  # fmt: skip
    return "\n".join(texts) + "\n"


def _figures(rows: Sequence[Row]) -> list[str]:
    return _aligned([
        ["system", *(_HEADS[name] for name in FIGURES)],
        *([_name(row), *(_said(row, name) for name in FIGURES)] for row in rows),
    ])  # fmt: skip


def _gains(rows: Sequence[Row]) -> list[str]:
    return _aligned([
        ["system", *(_HEADS[name] for name in GAINED)],
        *([_name(row), *(_gain(row, name) for name in GAINED)] for row in rows),
    ])  # fmt: skip


def _name(row: Row) -> str:
    if row["counted"] == ALL:
        return str(row["system"])
    if row["counted"] == SAME:
        return f"  whence on the same {row['answered']}"
    whose = f"of {row['answered']} answered" if row["counted"] == ANSWERED else f"of all {row['photos']}"
    return f"{row['system']}, {whose}"


def _said(row: Row, name: str) -> str:
    return _three(row, name, ".0f" if name.endswith("_km") else ".1f")


def _gain(row: Row, name: str) -> str:
    return _three(row, f"over_{name}", "+.0f" if name in ("mean_km", "geoscore") else "+.1f")


def _three(row: Row, name: str, form: str) -> str:
    values = [row.get(key, math.nan) for key in (name, f"{name}_low", f"{name}_high")]
    if any(math.isnan(value) for value in values):
        return "-"
    value, low, high = (f"{each:{form}}" for each in values)
    return f"{value} [{low}, {high}]"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, wide, strict=True)).rstrip() for row in rows]
