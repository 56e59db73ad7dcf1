"""From how often a sign is seen in each country to what seeing it says.

Three rates, all of them per photo with text, or all relative to the same thing:

- ``a_c``: how often a photo taken in country c shows the sign because it belongs there;
- ``d``: how often any photo shows it for another reason: as noise of the OCR, as something else that looks the same, on
  an imported article. An unsure reading is noise more often: ``d`` grows with ``UNSURE (1 - confidence)``;
- ``f``: of all such signs, the share that stands abroad, wherever that is: ``ABROAD``.

With the share ``P0_c`` of the world's photos that country c has, ``B = sum_c P0_c a_c`` and ``d' = d + f B``, a photo
in c shows it at the rate ``a_c + d'`` and the world's photos at ``B + d'``; so
``log_lr_c = log((a_c + d') / (B + d'))`` and elsewhere ``log(d' / (B + d'))``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from detectors.base import Evidence
from detectors.territories import photo_shares

__all__ = ["ABROAD", "LEAST_GAIN", "UNSURE", "evidence_of", "parse_rates", "tells"]

ABROAD = 0.03
"""Of the signs that belong to certain countries, this share stands in others, spread as the world's photos are."""
UNSURE = 10.0
"""A reading of confidence 0 is noise this many times as often, on top, as one of confidence 1."""
LEAST_GAIN = 0.25
"""A clue whose best country gains less, in nats, is not worth a line."""
_REGION_SHARE = 0.1
"""A region is taken as a tenth of its country's photos, several together as nine tenths at most."""

# Short names for groups of countries in the tables.
_GROUPS = {
    "us": "US PR GU VI AS MP", "gb": "GB IM JE GG GI", "anz": "AU NZ", "india": "IN PK BD LK NP",
    "africa": "KE NG GH UG TZ ZM ZW BW NA MW RW", "asia": "SG HK MY",
    "carib": "JM TT BB BS BZ GY LC GD AG DM VC KN KY BM",
    "north": "MX GT HN SV NI CR PA", "south": "BR AR CL CO PE EC VE BO UY PY", "spanish": "AR CL CO PE EC VE BO UY PY",
    "gulf": "SA AE QA KW BH OM", "arab": "SA AE QA KW BH OM EG JO IQ SY LB YE LY SD MA DZ TN",
    "german": "DE AT CH LI", "nordic": "SE NO DK FI IS",
}  # fmt: skip


def evidence_of(
    rates: Mapping[str, float],
    noise: float,
    *,
    sources: Sequence[str],
    confidence: float = 1.0,
    regions: Mapping[str, float] | None = None,
) -> Evidence:
    """Evidence of a sign with rates ``a_c`` and ``d``; see the module's docstring for the derivation.

    Args:
        rates: ISO country code to the rate at which its photos show the sign, not negative; others have none.
        noise: The rate at which photos anywhere show it for another reason, positive.
        sources: Ids of what it was read from.
        confidence: The least confidence of those readings, 0 to 1.
        regions: GeoNames admin-1 code to its rate, where it differs from its country's.

    Raises:
        ValueError: If a rate is negative, or ``noise`` is not positive.

    >>> speed = evidence_of({"US": 1.0, "CA": 0.05}, 0.02, sources=("r0",))
    >>> round(speed.countries["US"], 1), round(speed.elsewhere, 1)
    (1.2, -2.4)
    """
    regions = regions or {}
    if not noise > 0.0 or any(rate < 0.0 for rate in (*rates.values(), *regions.values())):
        raise ValueError(f"rates are not negative and noise is positive, not {noise!r} and {dict(rates)!r}")
    shares = photo_shares()
    background = sum(shares.get(country, 0.0) * rate for country, rate in rates.items())
    for code, rate in regions.items():
        background += (
            min(_REGION_SHARE, 0.9 / len(regions)) * shares.get(code[:2], 0.0) * (rate - rates.get(code[:2], 0.0))
        )
    other = noise * (1.0 + UNSURE * (1.0 - confidence)) + ABROAD * max(background, 0.0)
    base = math.log(max(background, 0.0) + other)
    return Evidence(
        elsewhere=math.log(other) - base,
        countries={c: math.log(rate + other) - base for c, rate in rates.items() if rate > 0.0},
        regions={c: math.log(rate + other) - base for c, rate in regions.items()},
        sources=tuple(sources),
    )


def tells(evidence: Evidence) -> bool:
    """Whether the best place gains enough to be worth a line, or elsewhere loses as much."""
    best = max((*evidence.countries.values(), *evidence.regions.values()), default=0.0)
    return best >= LEAST_GAIN and best - evidence.elsewhere >= LEAST_GAIN


def parse_rates(text: str) -> dict[str, float]:
    """``"us 1 CA .1"`` to country and rate: codes and groups take the next number; later ones replace earlier ones.

    Raises:
        ValueError: If a code is no country that photos have, or the text does not end with a number.

    >>> rates = parse_rates("gb 1 IE ZA .1")
    >>> rates["GB"], rates["IM"], rates["ZA"]
    (1.0, 1.0, 0.1)
    """
    out: dict[str, float] = {}
    waiting: list[str] = []
    for word in text.split():
        if word == "*":
            waiting.extend(photo_shares())
        elif word in _GROUPS:
            waiting.extend(_GROUPS[word].split())
        elif word[0].isdigit() or word[0] == ".":
            out.update(dict.fromkeys(waiting, float(word)))
            waiting = []
        elif word in photo_shares():
            waiting.append(word)
        else:
            raise ValueError(f"{word!r} is no country and no group, in {text!r}")
    if waiting:
        raise ValueError(f"no rate after {waiting!r}, in {text!r}")
    return out
