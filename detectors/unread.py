"""Lines that nobody could read, in a script that was recognised: Thai is Thai even where no word of it is known.

For n lines in script S the rate in country c is ``P(S | a line of a sign in c) + e / n``: the share of its languages
that are written in S, and the error of the script classifier, which seldom makes the same mistake twice in one photo.
The log-likelihood ratio is the log of that rate over the world's, once for a photo: its lines are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from detectors.base import Clue, Evidence, Reading, bounding_box
from detectors.language_model import SETTLED, load_model
from detectors.sentences import in_countries
from detectors.territories import photo_shares, region_languages, sign_languages

__all__ = ["UnreadScriptReader"]

ERROR = 0.0003
"""Chance that a line is taken for one in a given script that nobody reads: 4 of the 1,762 lines of ``facades/test`` and
``signs_dev`` (dev) were, each in another of some twenty scripts; three times that, for so few were seen."""
_NAMED = 4  # countries named in the sentence
_LEAST_SHARE = 0.3  # ... of the share that the script has where it has most
_NAMES = {"Arab": "Arabic", "Hebr": "Hebrew", "Hang": "Hangul", "Geor": "Georgian", "Ethi": "Ethiopic",
          "Armn": "Armenian", "Taml": "Tamil", "Telu": "Telugu", "Knda": "Kannada", "Mlym": "Malayalam",
          "Gujr": "Gujarati", "Guru": "Gurmukhi", "Sinh": "Sinhala", "Laoo": "Lao", "Khmr": "Khmer",
          "Mymr": "Burmese"}  # fmt: skip


class UnreadScriptReader:
    """One clue for each script in which there are lines without text.

    >>> box = ((0.0, 0.0), (90.0, 0.0), (90.0, 9.0), (0.0, 9.0))
    >>> clue, = UnreadScriptReader().clues([Reading("r0", "", box, 0.99, script="Thai")])
    >>> clue.kind, clue.points_to[0]
    ('script', 'TH')
    """

    kind = "script"

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """What the scripts of unread lines say; nothing where a line has text, which other readers read."""
        lines: dict[str, list[Reading]] = {}
        for reading in readings:
            if not reading.text and reading.script:
                lines.setdefault(reading.script, []).append(reading)
        return [clue for script, group in sorted(lines.items()) if (clue := _clue(script, group)) is not None]


def _clue(script: str, group: list[Reading]) -> Clue | None:
    languages = load_model().languages_of(script) | set(SETTLED.get(script, ()))
    error = ERROR / len(group)

    def rate_of(shares: Mapping[str, float]) -> float:
        return sum(shares.get(language, 0.0) for language in languages)

    rates = {code: rate_of(shares) for code, shares in sign_languages().items()}
    weight = photo_shares()
    world = sum(weight[code] * rate for code, rate in rates.items())
    if world <= 0.0:
        return None
    foreign = min(rates.values())  # what every place has of foreign text
    # A country some of whose regions have a language of their own is told by them and by its rest.
    told = rates | {code: rate_of(shares) for code, shares in region_languages().items()}
    log_lr = {code: math.log((rate + error) / (world + error)) for code, rate in told.items()}
    elsewhere = math.log((foreign + error) / (world + error))
    likely = sorted(
        (code for code, rate in rates.items() if rate >= _LEAST_SHARE * max(rates.values())),
        key=lambda code: -weight[code] * rates[code],
    )
    named = in_countries(likely[:_NAMED], more=len(likely) > _NAMED)
    name = _NAMES.get(script, script)
    return Clue(
        "script",
        name,
        f"{len(group)} line{'s' if len(group) > 1 else ''} in {name} script, not read: {named}",
        Evidence(
            elsewhere,
            {code: value for code, value in log_lr.items() if len(code) == 2 and abs(value - elsewhere) > 0.01},
            {code: value for code, value in log_lr.items() if len(code) > 2},
            sources=tuple(reading.id for reading in group),
        ),
        bounding_box([reading.box for reading in group]),
        tuple(likely[:_NAMED]),
    )
