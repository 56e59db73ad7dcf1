"""The plots of one prior in a report: distances, recall by area, reliability, and what doubt is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.geodesy import BANDS_KM
from fusion.evaluation.report_markup import SYSTEMS, name
from fusion.evaluation.report_plots import Axis, Line, legend, plot, wilson

__all__ = ["curves_of", "distances"]

Floats = NDArray[np.float64]

_POINTS: Final = 160  # of a curve of distances
_PERCENT: Final = tuple((k / 4, f"{25 * k}") for k in range(5))
_KM: Final = Axis(
    "distance from the true place at most, km (log)", 0.5, 20_020.0,
    [(0.5, "0.5"), *((band, f"{band:g}") for band in BANDS_KM), (20_020.0, "20000")], log=True,
)  # fmt: skip
_AREA: Final = Axis(
    "area of the region, km² (log)", 1e3, 1e7, [(10.0**k, f"10{'³⁴⁵⁶⁷'[k - 3]}") for k in range(3, 8)], log=True
)
_TARGETS: Final = {"country": "country", "25": "25 km", "200": "200 km", "750": "750 km"}
_LOOKS: Final = {"text": 0, "prior": 1}


def distances(kms: Mapping[str, Floats], title: str, looks: Sequence[int]) -> str:
    """The plot of the share of photos within each distance.

    Args:
        kms: Plain name of each line to distances (n,) in km, infinite where there is no answer.
        title: Plain text above the plot.
        looks: Number of each line's look.
    """
    known = {key: np.sort(km[~np.isnan(km)]) for key, km in kms.items()}
    lines = [
        Line(key, _steps(km), look, stepped=True)
        for (key, km), look in zip(known.items(), looks, strict=True)
        if len(km)
    ]
    about = "; ".join(
        f"{key}: " + ", ".join(f"{100 * float((km <= band).mean()):.0f} % within {band:g} km" for band in BANDS_KM)
        for key, km in known.items()
        if len(km)
    )
    return plot(title, about, _KM, _share("photos within it, %"), lines) if lines else ""


def curves_of(run: Mapping[str, Any], kms: Mapping[str, Floats]) -> str:
    """All plots of one prior, and what their lines are.

    Args:
        run: Of ``summary["runs"]``.
        kms: System to its distances (n,) in km, infinite where there is no answer, NaN where the place is not known.
    """
    systems = ["text", "prior"] if run["with_clue"] else ["prior"]
    titled = {SYSTEMS[system]: kms[system] for system in systems}
    looks = [_LOOKS[system] for system in systems]
    plots = [
        distances(titled, "Distances", looks),
        _recall(run, systems),
        *(_reliability(run, systems, target, words) for target, words in _TARGETS.items()),
        _radii(run, systems),
        *(_abstention(run, systems, target, words) for target, words in _TARGETS.items()),
    ]
    drawn = [one for one in plots if one]
    if not drawn:
        return '<p class="note">Nothing can be drawn: no photo has an answer and a truth.</p>'
    entries = [(name(SYSTEMS[system]), _LOOKS[system]) for system in systems]
    notes = ["" if run["with_clue"] else "no photo has a clue: the answer is the prior's"]
    notes.append("reliability: bars are 95 % intervals (Wilson) of the photos of a bin; on the dotted diagonal "
                 "probabilities mean what they say")  # fmt: skip
    return legend(entries, [note for note in notes if note]) + f'<div class="plots">{"".join(drawn)}</div>'


def _share(label: str) -> Axis:
    return Axis(label, 0.0, 1.0, _PERCENT)


def _steps(km: Floats) -> list[tuple[float, float]]:
    """Points of the distribution of ``km`` (n,), sorted; about 160 of them where there are more."""
    n = len(km)
    answered = int(np.isfinite(km).sum())
    ranks = (
        np.unique(np.linspace(1, answered, min(answered, _POINTS)).round().astype(np.int64))
        if answered
        else np.zeros(0, np.int64)
    )
    points = [(_KM.low, float((km <= _KM.low).mean()))]
    points += [(float(km[k - 1]), float(k / n)) for k in ranks.tolist()]
    return [*points, (_KM.high, answered / n)]


def _recall(run: Mapping[str, Any], systems: Sequence[str]) -> str:
    lines = []
    for system in systems:
        known = [(area, share) for area, share in run["recall"][system] if share is not None]
        if known:
            lines.append(Line(SYSTEMS[system], known, _LOOKS[system]))
    about = "; ".join(
        f"{line.name}: " + ", ".join(f"{100 * share:.0f} % in {area:,.0f} km²" for area, share in line.points)
        for line in lines
    )
    title = "Recall by area: true places in the smallest region"
    return plot(title, about, _AREA, _share("true places in it, %"), lines) if lines else ""


def _reliability(run: Mapping[str, Any], systems: Sequence[str], target: str, words: str) -> str:
    lines = []
    for system in systems:
        bins = run["calibration"][system].get(target) or []
        points = [(one["said"], one["true"]) for one in bins]
        if points:
            bars = [wilson(one["true"], one["photos"]) for one in bins]
            lines.append(Line(SYSTEMS[system], points, _LOOKS[system], bars))
    what = "right" if target == "country" else "within"
    title = f"Reliability: {'likeliest country' if target == 'country' else f'within {words}'}"
    return _squared(title, f"said, %: probability of the {'country' if target == 'country' else words}",
                    f"true, %: {what}", lines)  # fmt: skip


def _radii(run: Mapping[str, Any], systems: Sequence[str]) -> str:
    lines = []
    for system in systems:
        points = run["calibration"][system].get("radius") or []
        if points:
            ends = [(0.0, 0.0), *((mass, share) for mass, share in points), (1.0, 1.0)]
            lines.append(Line(SYSTEMS[system], ends, _LOOKS[system]))
    return _squared("Radii: true places inside the radius of each mass", "mass of the radius, %",
                    "true places inside, %", lines)  # fmt: skip


def _squared(title: str, x: str, y: str, lines: Sequence[Line]) -> str:
    about = "; ".join(
        f"{line.name}: " + ", ".join(f"said {100 * a:.1f} % true {100 * b:.0f} %" for a, b in line.points)
        for line in lines
    )
    return plot(title, about, _share(x), _share(y), lines, diagonal=True) if lines else ""


def _abstention(run: Mapping[str, Any], systems: Sequence[str], target: str, words: str) -> str:
    lines = []
    for system in systems:
        points = [(answered, right) for answered, right in run["abstention"][system].get(target) or []]
        if points:
            lines.append(Line(SYSTEMS[system], points, _LOOKS[system]))
    about = "; ".join(f"{line.name}: {', '.join(_quarters(line.points))}" for line in lines)
    title = f"Only the surest answered: {'country right' if target == 'country' else f'within {words}'}"
    right = "country right, %" if target == "country" else f"within {words}, %"
    return plot(title, about, _share("photos answered, surest first, %"), _share(right), lines) if lines else ""


def _quarters(points: Sequence[tuple[float, float]]) -> Iterator[str]:
    for wanted in (0.25, 0.5, 0.75, 1.0):
        answered, right = min(points, key=lambda point: abs(point[0] - wanted))
        yield f"{100 * right:.0f} % right of the surest {100 * answered:.0f} %"
