"""An answer in words: what a person wants to read first. Texts of strangers are made safe for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from data.continents import CONTINENT_NAMES, continent_mass
from data.gazetteer import country_name, the_country
from data.printable import printable
from fusion.credits import lookup_lines

if TYPE_CHECKING:
    from fusion.answer import Answer
    from fusion.effects import Effect
    from fusion.ledger import LedgerRow

__all__ = [
    "NOTHING_NEW",
    "coordinates",
    "describe",
    "distance",
    "effect",
    "headline",
    "level_words",
    "line",
    "no_clue",
    "nothing_new",
    "odds_words",
    "percent",
    "radius_words",
    "scene_words",
    "step",
    "summary",
]

_SURE_PLACE_KM = 30.0  # a named town is given only where half of the probability lies this near
_NO_PLACE_KM = 2000.0  # half of the probability within more than this is no place to speak of
_VERY_LIKELY, _PROBABLE, _POSSIBLE = 0.9, 0.5, 0.25  # probability of a country and the word for it
_SCENE_WORDS = {"indoor": "indoors", "natural": "outdoors, natural", "urban": "outdoors, urban"}
_LEDGER_ROWS = 6
_LINE = 118
_FEWEST_TIMES, _MOST_TIMES = 2.0, 1_000_000  # odds that rise or fall by less, or more, are not counted out
NOTHING_NEW = "adds nothing: a more specific clue uses the same text"


def describe(answer: Answer, *, countries: int = 4, confidence: float = 0.8) -> str:
    """The answer in a few lines: point, radius, countries, prior, and the clues that moved it most."""
    lines = [
        printable(answer.file or "photo"),
        *(f"  {line}" for line in summary(answer, countries=countries, confidence=confidence)),
    ]
    told = [(clue, row) for clue, row in zip(answer.clues, answer.ledger, strict=True)]
    if not told:
        lines += [f"  {no_clue(answer)}", *_steps(answer), *(f"  {line}" for line in lookup_lines(answer))]
        return "\n".join(lines)
    lines.append("  because:")
    for clue, row in told[:_LEDGER_ROWS]:
        quoted = "" if clue.text in clue.meaning else f"'{clue.text}': "
        lines.append(_shorten(f"    {printable(clue.kind):<12}{printable(quoted + clue.meaning)}"))
        lines.append(f"    {'':<12}{effect(row)}")
    if len(told) > _LEDGER_ROWS:
        more = len(told) - _LEDGER_ROWS
        lines.append(f"    ... and {more} more clue{'' if more == 1 else 's'}")
    return "\n".join([*lines, *_steps(answer), *(f"  {line}" for line in lookup_lines(answer))])


def no_clue(answer: Answer) -> str:
    """Why an answer without a clue has none."""
    if not answer.text_sought and not answer.readings:
        return "no clue: text was not looked for, so the answer is the prior's"
    count = len(answer.readings)
    read = f"{count} line{'' if count == 1 else 's'} of text read, none of which" if count else "no text was read that"
    return f"no clue: {read} points anywhere, so the answer is the prior's"


def _steps(answer: Answer) -> list[str]:
    if not answer.effects:
        return []
    return ["  step by step:", *(_shorten(f"    {one.what:<12}{step(one)}", 2 * _LINE) for one in answer.effects)]


def summary(answer: Answer, *, countries: int = 4, confidence: float = 0.8) -> list[str]:
    """Four lines: where and how sure, what it vouches for, countries, prior; a fifth for the scene, if it was asked."""
    likely = [f"{country_name(code)} {percent(p)}" for code, p in list(answer.countries.items())[:countries]]
    by = "what the picture looks like" if answer.visual else "where photos are taken; no visual model was used"
    prior = f"prior: {printable(answer.prior_name)} ({by})"
    shown = [] if answer.scene is None else [f"scene: {scene_words(answer.scene)}"]
    return [headline(answer), level_words(answer, confidence), "countries: " + ", ".join(likely), prior, *shown]


def level_words(answer: Answer, confidence: float = 0.8) -> str:
    """The finest place that the answer vouches for, in a line: ``"at least 80 % sure of the country Spain (93 %)"``."""
    level = answer.level(confidence)
    wanted = f"{100 * confidence:.10g} %"
    if level is None:
        code, p = next(iter(continent_mass(answer.countries).items()), ("", 0.0))
        # cut off, not rounded: 79.97 % beside "no place to 80 %" must not read as 80 %
        most = f" ({CONTINENT_NAMES[code]} {math.floor(1000 * p) / 10:.1f} %)" if code else ""
        return f"sure of no place to {wanted}, not even of a continent{most}"
    return f"at least {wanted} sure of {level}: {percent(level.probability)}"


def scene_words(scene: Mapping[str, float]) -> str:
    """What kind of place a photo shows, and how sure that is.

    >>> scene_words({"indoor": 0.03, "natural": 0.15, "urban": 0.82})
    'outdoors, urban (82 %)'
    >>> scene_words({"indoor": 0.2, "natural": 0.45, "urban": 0.35})
    'uncertain: natural 45 %, urban 35 %, indoor 20 %'
    """
    likely = sorted(scene.items(), key=lambda item: -item[1])
    name, p = likely[0]
    if p < _PROBABLE:
        return "uncertain: " + ", ".join(f"{printable(name)} {percent(p)}" for name, p in likely)
    return f"{_SCENE_WORDS.get(name) or printable(name)} ({percent(p)})"


def headline(answer: Answer) -> str:
    """Where, how sure, and within which radius: a town only when half of the probability is near it."""
    (country, p), *others = answer.countries.items()
    runner_up = others[0][1] if others else 0.0
    if answer.place is not None and answer.radius_km <= _SURE_PLACE_KM:
        where = f"probably near {printable(answer.place.name)}, {country_name(answer.place.country)}"
    elif p >= _VERY_LIKELY:
        where = f"very likely in {the_country(country)}"
    elif p >= _PROBABLE:
        where = f"probably in {the_country(country)}"
    elif p >= _POSSIBLE and p >= 2.0 * runner_up:
        where = f"perhaps in {the_country(country)}"
    else:
        where = "no certain country"
    half, most = answer.radius_km, answer.credible_radius_km(0.8)
    if half > _NO_PLACE_KM:
        at = coordinates(answer.lat, answer.lon)
        return f"{where}, no certain place: half of the probability within {distance(half)} of the best guess, {at}"
    return (
        f"{where}; best point {coordinates(answer.lat, answer.lon)}, half of the probability within {distance(half)}, "
        f"80 % within {distance(most)}"
    )


def line(answer: Answer) -> str:
    """One line for a photo of a batch: file, point, half-mass radius, countries, number of clues."""
    likely = ", ".join(f"{code} {percent(p)}" for code, p in list(answer.countries.items())[:3])
    count = len(answer.clues)
    return (
        f"{printable(answer.file or 'photo')}\t{coordinates(answer.lat, answer.lon)}\t"
        f"within {distance(answer.radius_km)}\t{likely}\t{count} clue{'' if count == 1 else 's'}"
    )


def effect(row: LedgerRow) -> str:
    """What a clue did to the likeliest country, and to the radius where that is known.

    >>> from fusion.ledger import LedgerRow
    >>> effect(LedgerRow(0, "DE", "DE", 0.31, 0.82, 2.3, 0.9, 912.0, 310.0))
    'makes Germany likelier: 31 % -> 82 % (odds 10 times as high); radius 910 km -> 310 km'
    """
    if nothing_new(row.weight, row.log_odds):
        return NOTHING_NEW
    moved = _moved(row, row.country_after)
    if row.country_before != row.country_after:
        moved += f"; without it {the_country(row.country_before)} would come first"
    return moved


def step(effect: Effect) -> str:
    """What a step of the fusion was and what it did, as ``effect`` says it of a clue."""
    sentence = printable(effect.sentence)
    moved = f"{sentence}: {_moved(effect, effect.country)}"
    if effect.country_before != effect.country_after:
        moved += f"; before it {the_country(effect.country_before)} came first"
    return moved


def radius_words(before_km: float | None, after_km: float | None) -> str:
    """A radius before and after, ``"radius 910 km -> 310 km"``; "" where it is not known or stays the same."""
    if before_km is None or after_km is None or distance(before_km) == distance(after_km):
        return ""
    return f"radius {distance(before_km)} -> {distance(after_km)}"


def _moved(row: LedgerRow | Effect, country: str) -> str:
    name = the_country(country)
    before, after = percent(row.p_before), percent(row.p_after)
    times = odds_words(row.log_odds)
    odds = f" ({times})" if times else ""
    if before == after and not times:
        moved = f"leaves {name} at {after}"
    elif row.p_after > row.p_before:
        moved = f"makes {name} likelier: {before} -> {after}{odds}"
    else:
        moved = f"makes {name} less likely: {before} -> {after}{odds}"
    radius = radius_words(row.radius_before_km, row.radius_after_km)
    return f"{moved}; {radius}" if radius else moved


def odds_words(log_odds: float) -> str:
    """How many times as high or low odds became by ``log_odds``, in nats; "" for less than twice.

    >>> odds_words(2.3), odds_words(-1.1), odds_words(12.0), odds_words(0.3)
    ('odds 10 times as high', 'odds 3 times as low', 'odds 160,000 times as high', '')
    """
    times = math.exp(abs(log_odds))
    if times < _FEWEST_TIMES:
        return ""
    if times > _MOST_TIMES:
        return f"odds over {_MOST_TIMES:,} times as {'high' if log_odds > 0 else 'low'}"
    digits = 1 - math.floor(math.log10(times))
    return f"odds {round(times, min(digits, 0)):,.0f} times as {'high' if log_odds > 0 else 'low'}"


def nothing_new(weight: float, log_odds: float) -> bool:
    """Whether a clue says no more than those that have its text."""
    return weight == 0.0 and abs(log_odds) < 0.05


def percent(p: float) -> str:
    """A probability for a person; never 0 % or 100 % when it is neither."""
    if p < 0.0005:
        return "under 0.1 %"
    if p >= 0.9995:
        return "over 99.9 %"
    return f"{100 * p:.1f} %" if p < 0.1 or p > 0.95 else f"{100 * p:.0f} %"


def distance(km: float) -> str:
    """A distance with two significant digits."""
    if km < 1.0:
        return f"{max(10 * round(100 * km), 10)} m"
    digits = max(0, 1 - math.floor(math.log10(km)))
    return f"{round(km, 2 - 1 - math.floor(math.log10(km))):,.{digits}f} km"


def coordinates(lat: float, lon: float) -> str:
    """Degrees with hemispheres: ``40.417 N 3.703 W``."""
    return f"{abs(lat):.3f} {'N' if lat >= 0 else 'S'} {abs(lon):.3f} {'E' if lon >= 0 else 'W'}"


def _shorten(line: str, limit: int = _LINE) -> str:
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
