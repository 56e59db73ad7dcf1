"""The clue readers that ship, in the order in which they read."""

from __future__ import annotations

from data.gazetteer import Gazetteer
from detectors.base import ClueReader
from detectors.coordinates import CoordinateReader
from detectors.domains import DomainReader
from detectors.language import LanguageReader
from detectors.phones import PhoneReader
from detectors.places import PlaceReader
from detectors.wording import WordingReader

__all__ = ["default_clue_readers"]


def default_clue_readers(gazetteer: Gazetteer) -> tuple[ClueReader, ...]:
    """Coordinates, phone numbers, web domains, place names, wording and language, built on ``gazetteer``."""
    return (
        CoordinateReader(),
        PhoneReader(gazetteer),
        DomainReader(gazetteer),
        PlaceReader(gazetteer),
        WordingReader(),
        LanguageReader(),
    )
