"""Head and foot of a report: what was evaluated on and with, what to beware of, how it was measured and made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fusion.evaluation.report_markup import SYSTEMS, bracket, cell, definitions, details, name, number, said, table

__all__ = ["foot", "lead", "priors_table", "protocol", "set_told", "warnings"]

_FEW_PLACES: Final = 20  # whose bootstrap intervals are rough


def lead(summary: Mapping[str, Any]) -> str:
    """A sentence about the set and one about each prior."""
    dataset = summary["dataset"]
    failed = max(run["failed"] for run in summary["runs"])
    first = f"{dataset['photos']:,} {_plural(dataset['photos'], 'photo')} of {dataset['places']:,} " + _plural(
        dataset["places"], "place"
    )
    if failed:
        first += f"; {failed:,} of them failed, counted as misses"
    return f"<p>{first}.</p><ul>{''.join(f'<li>{line}</li>' for line in _told(summary))}</ul>"


def _told(summary: Mapping[str, Any]) -> Iterator[str]:
    for run in summary["runs"]:
        system = "text" if run["with_clue"] else "prior"
        figures = run["systems"][system]
        facts = []
        for figure, words, form in (
            ("within_25", "% within 25 km", ".1f"),
            ("within_200", "% within 200 km", ".1f"),
            ("within_750", "% within 750 km", ".1f"),
            ("median_km", "km median", ",.0f"),
            ("country", "% country right", ".1f"),
        ):
            one = figures[figure]
            if one["value"] is not None:
                facts.append(f"<b>{number(one['value'], form)}</b> {words} {bracket(one['low'], one['high'], form)}")
        clues = (
            f"; {run['with_clue']:,} of {run['photos']:,} have a clue" if run["with_clue"] else "; no photo has a clue"
        )
        yield f"<b>{name(run['prior'])}</b>, {SYSTEMS[system]}: {', '.join(facts) or 'nothing is known'}{clues}"


def warnings(summary: Mapping[str, Any]) -> str:
    """What makes the figures worth less than they look; nothing where that is nothing."""
    found = [
        f"The card of {name(run['prior'])} says that it learnt from this set ({name(summary['dataset']['name'])}): its "
        "figures are no measure of what it does on other photos."
        for run in summary["runs"]
        if run["trained_on_this_set"]
    ]
    dataset = summary["dataset"]
    places, card = dataset["places"], dataset["card"] or {}
    whole = card.get("labels") or card.get("photos")
    if whole and dataset["photos"] < whole:
        found.append(
            f"Only {dataset['photos']:,} of the {whole:,} photos of {name(card['title'])} were measured: figures on "
            "all may differ."
        )
    if places < _FEW_PLACES:
        found.append(f"Intervals over {places} {_plural(places, 'place')} are rough, and too narrow.")
    return "".join(f'<p class="warning" role="note"><b>Beware.</b> {line}</p>' for line in found)


def set_told(summary: Mapping[str, Any]) -> str:
    """What the set is, what was left out of it, and what is known of the benchmark."""
    dataset = summary["dataset"]
    card = dataset["card"] or {}
    left_out = ""
    if dataset["left_out_count"]:
        listed = "".join(f"<li>{name(file)}: {name(why)}</li>" for file, why in dataset["left_out"].items())
        more = dataset["left_out_count"] - len(dataset["left_out"])
        listed += f"<li>and {more:,} more</li>" if more > 0 else ""
        left_out = f"{dataset['left_out_count']:,}" + details("which, and why", f"<ul>{listed}</ul>")
    pairs = [
        ("set", name(card["title"] if card else dataset["name"])),
        ("paper", f"{name(card['paper'])}, {said(card['year'])}" if card else ""),
        ("photos", f"{dataset['photos']:,} of {dataset['places']:,} {_plural(dataset['places'], 'place')}"),
        ("point known", f"{dataset['with_point']:,}"),
        ("country in the labels", f"{dataset['with_country']:,}"),
        ("left out", left_out),
        ("notes", _list(dataset["notes"])),
        ("pitfalls", _list(card.get("pitfalls") or ())),
        ("licence", _sourced(card["licence"]) if card else ""),
        ("photos from", _list(card.get("photos_from") or ())),
        ("labels from", _list(card.get("labels_from") or ())),
    ]
    return definitions(pairs)


def protocol(summary: Mapping[str, Any]) -> str:
    """How figures are counted."""
    told = summary["protocol"]
    boot = told["bootstrap"]
    bands = ", ".join(f"{band:g}" for band in told["bands_km"])
    return definitions([
        ("distance", f"great circle on a sphere of {number(told['earth_radius_km'], '.4f')} km; a band takes in its "
                     f"edge ({'&le;' if told['inclusive'] else '&lt;'}); bands {said(bands)} km"),
        ("no answer", f"photos without an answer {said(told['failures'])}"),
        ("point", f"the one of highest expected {said(told['utility'])}"),
        ("rough places", "a photo counts for a band only where its place is known to that band or better"),
        ("intervals", f"{100 * boot['interval']:g} % bootstrap over places, {boot['draws']:,} draws, seed "
                      f"{said(boot['seed'])}; photos within {boot['places_km']:g} km of each other are of one place"),
        ("calibration error", "of the likeliest country, over ten bins of equally many photos; beside it what few "
                              "photos alone make of perfect calibration"),
    ])  # fmt: skip


def priors_table(summary: Mapping[str, Any]) -> str:
    """What each prior is and learnt from."""
    titles = ("prior", "what it is", "learnt from", "licence", "photos", "failed", "with text", "with a clue")
    rows = []
    for run in summary["runs"]:
        warned = "<b>this set</b>; " if run["trained_on_this_set"] else ""
        rows.append(
            cell(name(run["prior"]), head="row") + cell(name(run["summary"]))
            + cell(warned + (name(run["trained_on"]) or "–")) + cell(name(run["licence"]) or "–")
            + "".join(cell(number(run[key], ",d")) for key in ("photos", "failed", "with_text", "with_clue"))
        )  # fmt: skip
    return table("Priors", ["".join(cell(title, head="col") for title in titles)], [rows], kind="texts")


def foot(summary: Mapping[str, Any]) -> str:
    """Versions, hashes and the machine."""
    dataset, made = summary["dataset"], summary["made"]
    libraries = ", ".join(f"{library} {version}" for library, version in made["libraries"].items())
    pairs = [
        ("made by", f"whence {said(made['whence'])}, Python {said(made['python'])}, {said(made['started'])} (last "
                    f"start), {number(made['seconds'], ',.0f')} s"),
        ("libraries", said(libraries)),
        ("machine", said(made["machine"])),
        ("set, sha256", _hash(dataset["fingerprint"])),
        ("labels, sha256", _hash(dataset["labels_sha256"])),
        ("photos, sha256", _hash(dataset["photos_sha256"])),
    ]  # fmt: skip
    for run in summary["runs"]:
        pairs.append((f"weights of {name(run['prior'])}, sha256", _hash(run["weights_sha256"])))
        pairs.append((f"settings of {name(run['prior'])}", name(run["settings"])))
    return definitions(pairs)


def _hash(text: str | None) -> str:
    return f"<code>{said(text)}</code>" if text else ""


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


def _list(lines: Any) -> str:
    """Lines, or statements with their sources, as a list."""
    items = "".join(f"<li>{_sourced(line) if isinstance(line, Mapping) else name(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _sourced(statement: Mapping[str, Any]) -> str:
    source = f" <small>({name(statement['source'])})</small>" if statement["source"] else ""
    return f"{name(statement['text'])}{source}"
