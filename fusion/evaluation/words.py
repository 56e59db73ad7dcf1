"""An evaluation in words, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from data.geodesy import BANDS_KM
from data.printable import printable

__all__ = ["gains_table", "in_words"]

_SYSTEMS: Final = {"prior": "prior alone", "text": "with clues"}
_GAINED: Final = (*(f"within_{band:g}" for band in BANDS_KM), "geoscore", "country", "cell_bits", "country_bits")


def in_words(summary: Mapping[str, Any]) -> str:
    """What a run found: a line a prior and system, what clues gained, and what is to be known about the set.

    Args:
        summary: ``Run.summary``.
    """
    dataset = summary["dataset"]
    lines = [f"{printable(dataset['name'])}: {dataset['photos']:,} photos, {dataset['places']:,} places"]
    if dataset["left_out_count"]:
        count, listed = dataset["left_out_count"], dataset["left_out"]
        some = f"of {len(listed)}: " if len(listed) < count else ""
        lines.append(f"left out: {count:,}, named in summary.json ({some}{_reasons(listed)})")
    lines += [f"note: {printable(note)}" for note in dataset["notes"]]
    for run in summary["runs"]:
        failed = f", {run['failed']:,} failed (count as misses)" if run["failed"] else ""
        lines += ["", f"{printable(run['prior'])}: {run['with_clue']:,} with a clue{failed}"]
        if run["trained_on_this_set"]:
            lines.append("  its card says that it learnt from this set: no measure of what it does on other photos")
        lines += list(_systems(run["systems"]))
        fewer = {name: one["photos"] for name, one in run["systems"]["text"].items() if name.startswith("within_")}
        if len(set(fewer.values())) > 1:
            told = ", ".join(f"{count:,} to {name.removeprefix('within_')} km" for name, count in fewer.items())
            lines.append(f"  photos whose place is known well enough: {told}")
        if run["with_clue"]:
            lines += ["  what clues gain, with 95 % intervals:", *gains_table(run["gain"])]
        if human := run["human"]:
            lines.append(
                f"  against people, {human['rounds']} rounds: won {human['won']}, lost {human['lost']}; median "
                f"{_or_dash(human['median_km_ours'], ',.0f')} km against {human['median_km']:,.0f} km"
            )
    return "\n".join([*lines, "", *_LEGEND])


def gains_table(gain: Mapping[str, Sequence[float | None]]) -> Iterator[str]:
    """A line a figure: the gain and its interval; more is better, bits are those that are saved.

    Args:
        gain: Name of a figure to its difference and the ends of its interval.
    """
    for name in _GAINED:
        told = gain.get(name)
        if told is None or any(value is None for value in told):
            continue
        difference, low, high = told
        gained, *ends = (format(value, _FORMS.get(name, "+.1f")) for value in (difference, low, high))
        yield f"    {_TITLES.get(name, name):<21} {gained:>10}  [{', '.join(ends)}]"


_TITLES: Final = {
    **{f"within_{band:g}": f"within {band:g} km, %" for band in BANDS_KM},
    "geoscore": "GeoScore",
    "country": "country, %",
    "cell_bits": "bits saved, cell",
    "country_bits": "bits saved, country",
}
_FORMS: Final = {"geoscore": "+,.0f", "cell_bits": "+.2f", "country_bits": "+.2f"}
_LEGEND: Final = (
    "In percent: photos in each band, right countries, regions and cities, and true places in the radius that was to",
    "hold 50 and 80 %. GeoScore is of 5,000. Intervals of all figures: summary.json, whence report.",
)


def _reasons(left_out: Mapping[str, str]) -> str:
    """Each reason, without what stands in brackets behind it, how often it is given, and one photo as an example."""
    files: dict[str, list[str]] = {}
    for file, reason in left_out.items():
        files.setdefault(reason.partition(" (")[0], []).append(file)
    most_first = sorted(files.items(), key=lambda item: -len(item[1]))
    return "; ".join(f"{len(some):,} {printable(reason)}, as {printable(some[0])}" for reason, some in most_first)


def _systems(systems: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> Iterator[str]:
    head = " ".join(f"{f'{band:g} km':>8}" for band in BANDS_KM)
    more = f"{'median km':>10} {'GeoScore':>9} {'country':>8} {'region':>7} {'city':>6} {'50/80 %':>12}"
    yield f"  {'':<12} {head} {more}"
    for name, title in _SYSTEMS.items():
        figures = {key: figure["value"] for key, figure in systems[name].items()}
        bands = " ".join(f"{_or_dash(figures[f'within_{band:g}'], '.1f'):>8}" for band in BANDS_KM)
        radii = f"{_or_dash(figures['radius_50'], '.0f')}/{_or_dash(figures['radius_80'], '.0f')}"
        yield (
            f"  {title:<12} {bands} {_or_dash(figures['median_km'], ',.0f'):>10} "
            f"{_or_dash(figures['geoscore'], ',.0f'):>9} {_or_dash(figures['country'], '.1f'):>8} "
            f"{_or_dash(figures['region'], '.1f'):>7} {_or_dash(figures['city'], '.1f'):>6} {radii:>12}"
        )


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
