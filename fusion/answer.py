"""The answer to one photo: a point with an honest radius, and the evidence for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.distribution import CellDistribution, CellShare
from data.printable import encodable, printable
from data.version import __version__
from detectors.base import Box, Clue, Reading
from fusion.effects import Effect
from fusion.ledger import LedgerRow
from fusion.odds import first

if TYPE_CHECKING:
    from data.gazetteer import Place
    from fusion.level import Level

__all__ = ["Answer", "Failure", "LedgerRow"]


@dataclass(frozen=True, eq=False)
class Answer:
    """Where a photo was taken, how sure that is, and why.

    Attributes:
        file: The photo's path or name, or None.
        lat: Latitude of the point with the highest expected GeoScore (or another utility if asked for), degrees.
        lon: Its longitude, degrees.
        radius_km: Radius around the point that holds half of the probability.
        place: The gazetteer's nearest place to the point, or None.
        distribution: Probability over the cells.
        prior: The prior's distribution, before any clue.
        prior_name: Which prior spoke.
        visual: Whether that prior looked at the pixels.
        clues: Clues with evidence, those that moved the answer most first.
        readings: All text read; what looks like a plate, phone number or e-mail address is masked.
        ledger: One row per clue, in the same order.
        effects: What each step did, in order: the picture, all clues together, what the user knew already; those of
            them that there were.
        lookups: Requests that look-up services were sent, in order: ``service``, ``query`` and ``kind`` (name or
            address), ``url`` and ``parameters``, ``source`` (network, cache or tape; None where it failed; not in
            JSON), ``found`` (hits), ``failed`` (why, or None) and ``attribution``.
        attributions: Whose map data its clues are of; to be shown with it.
        thumbnail: The photo as a JPEG of no more than 1,280 px without metadata, private text covered; for the map.
        thumbnail_scale: Its pixels per pixel of the original.
        covered: Boxes that are covered in it, in pixels of the original.
        text_sought: Whether text was looked for.
        scene: Indoor, natural or urban to its probability, as ``backbone.scenes.SCENES``; None where nobody was asked.
    """

    file: str | None
    lat: float
    lon: float
    radius_km: float
    place: Place | None
    distribution: CellDistribution
    prior: CellDistribution
    prior_name: str
    visual: bool
    clues: Sequence[Clue] = ()
    readings: Sequence[Reading] = ()
    ledger: Sequence[LedgerRow] = ()
    effects: Sequence[Effect] = ()
    lookups: Sequence[Mapping[str, Any]] = ()
    attributions: Sequence[str] = ()
    thumbnail: bytes | None = field(default=None, repr=False)
    thumbnail_scale: float = 1.0
    covered: Sequence[Box] = ()
    text_sought: bool = True
    scene: Mapping[str, float] | None = None

    @cached_property
    def countries(self) -> dict[str, float]:
        """ISO 3166-1 alpha-2 code to probability, most probable first."""
        return self.distribution.countries()

    @property
    def country(self) -> str:
        """The likeliest country, ISO 3166-1 alpha-2."""
        return first(self.countries)

    def credible_radius_km(self, mass: float) -> float:
        """Radius in km around the point that holds ``mass`` of the probability, 0 < mass < 1."""
        return self.distribution.radius_km(self.lat, self.lon, mass)

    def top(self, k: int = 5) -> list[CellShare]:
        """The ``k`` likeliest cells."""
        return self.distribution.top(k)

    def level(self, confidence: float = 0.8) -> Level | None:
        """The finest of street, city, region, country and continent with at least that probability; None if none has.

        Raises:
            RequestError: The confidence does not lie between 0 and 1.
        """
        from fusion.level import level_of

        if confidence not in self._levels:
            self._levels[confidence] = level_of(
                self.distribution, self.lat, self.lon, confidence, half_km=self.radius_km
            )
        return self._levels[confidence]

    @cached_property
    def _levels(self) -> dict[float, Level | None]:
        return {}

    def to_dict(self, *, top: int = 5, confidence: float = 0.8) -> dict[str, Any]:
        r"""Plain data as in ``fusion/assets/answer.schema.json``; probabilities to 6 digits, degrees to 5.

        What UTF-8 cannot hold, as in the name of a file that is not UTF-8, is escaped (``\udce9``).

        Args:
            top: Likeliest cells.
            confidence: Of the level that is named.

        Raises:
            RequestError: The confidence does not lie between 0 and 1.
        """
        level = self.level(confidence)
        return {
            "file": _encodable(self.file),
            "lat": round(self.lat, 5),
            "lon": round(self.lon, 5),
            "radius_km": _round_km(self.radius_km),
            "country": self.country,
            "country_probability": round(self.countries[self.country], 6),
            "countries": {code: round(p, 6) for code, p in self.countries.items() if p >= 5e-4},
            "place": None if self.place is None else f"{self.place.name}, {self.place.country}",
            "level": None
            if level is None
            else {
                "level": level.level,
                "name": encodable(level.name),
                "code": level.code,
                "probability": round(min(level.probability, 1.0), 6),
                "confidence": confidence,
            },
            "prior": self.prior_name,
            "scene": None if self.scene is None else {name: round(p, 6) for name, p in self.scene.items()},
            "top": [
                {
                    "lat": round(cell.lat, 5),
                    "lon": round(cell.lon, 5),
                    "p": round(cell.p, 6),
                    "radius_km": _round_km(cell.radius_km),
                    "country": cell.country,
                }
                for cell in self.top(top)
            ],
            "readings": [
                {
                    "text": encodable(r.text),
                    "box": _box(r.box),
                    "confidence": round(r.confidence, 3),
                    "script": r.script,
                    "region": r.region,
                }
                for r in self.readings
            ],
            "clues": [
                {
                    "kind": clue.kind,
                    "text": encodable(clue.text),
                    "meaning": encodable(clue.meaning),
                    "box": None if clue.box is None else _box(clue.box),
                    "points_to": list(map(encodable, clue.points_to)),
                }
                for clue in self.clues
            ],
            "ledger": [
                {
                    "clue": row.clue,
                    "country_before": row.country_before,
                    "country_after": row.country_after,
                    "p_before": round(row.p_before, 6),
                    "p_after": round(row.p_after, 6),
                    "log_odds": round(row.log_odds, 4),
                    "weight": round(row.weight, 4),
                    "radius_before_km": None if row.radius_before_km is None else _round_km(row.radius_before_km),
                    "radius_after_km": None if row.radius_after_km is None else _round_km(row.radius_after_km),
                }
                for row in self.ledger
            ],
            "effects": [
                {
                    "what": effect.what,
                    "sentence": encodable(effect.sentence),
                    "country": effect.country,
                    "country_before": effect.country_before,
                    "country_after": effect.country_after,
                    "p_before": round(effect.p_before, 6),
                    "p_after": round(effect.p_after, 6),
                    "log_odds": round(effect.log_odds, 4),
                    "radius_before_km": _round_km(effect.radius_before_km),
                    "radius_after_km": _round_km(effect.radius_after_km),
                }
                for effect in self.effects
            ],
            # Without where it came from: the same photo gives the same line, asked, kept, or replayed from a tape.
            "lookups": [{key: value for key, value in row.items() if key != "source"} for row in self.lookups],
            "attributions": list(map(encodable, self.attributions)),
            "version": __version__,
        }

    def to_json(self, *, top: int = 5, confidence: float = 0.8) -> str:
        """``to_dict`` as one line of JSON."""
        return json.dumps(self.to_dict(top=top, confidence=confidence), ensure_ascii=True)

    def to_html(self, *, confidence: float = 0.8) -> str:
        """One self-contained HTML page: map, photo with clue boxes, ledger. It loads nothing from anywhere."""
        from fusion.page import answer_page  # the page's assets are read only when a map is asked for

        return answer_page(self, confidence=confidence)

    def save_map(self, path: str | Path, *, confidence: float = 0.8) -> Path:
        """Write ``to_html`` to ``path`` and return it; a half-written file is never left."""
        from fusion.page import write_text

        return write_text(Path(path), self.to_html(confidence=confidence))

    def _repr_html_(self) -> str:
        from fusion.page import notebook_frame

        return notebook_frame(self)

    def __str__(self) -> str:
        from fusion.describe import describe

        return describe(self)


@dataclass(frozen=True)
class Failure:
    """A photo of a batch that could not be located, with the error that says why."""

    file: str | None
    error: Exception

    def to_dict(self) -> dict[str, Any]:
        """Plain data as in ``fusion/assets/answer.schema.json``."""
        return {
            "file": _encodable(self.file),
            "error": {"type": type(self.error).__name__, "message": encodable(str(self.error))},
        }

    def to_json(self) -> str:
        """``to_dict`` as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=True)

    def __str__(self) -> str:
        return f"{printable(self.file or 'photo')}: {printable(str(self.error))}"


def _encodable(text: str | None) -> str | None:
    return None if text is None else encodable(text)


def _round_km(km: float) -> float:
    return float(f"{km:.3g}") if km >= 0.01 else round(km, 4)


def _box(box: Box) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in box]
