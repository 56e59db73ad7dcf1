"""The clue readers that ship, in the order in which they read."""

from __future__ import annotations

from data.gazetteer import Gazetteer
from detectors.addresses import AddressReader
from detectors.base import ClueReader
from detectors.brands import BrandReader
from detectors.coordinates import CoordinateReader
from detectors.domains import DomainReader
from detectors.institutions import InstitutionReader
from detectors.language import LanguageReader
from detectors.phones import PhoneReader
from detectors.places import PlaceReader
from detectors.prices import PriceReader
from detectors.roads import RoadReader
from detectors.units import UnitReader
from detectors.unread import UnreadScriptReader
from detectors.wording import WordingReader

__all__ = ["default_clue_readers"]


def default_clue_readers(gazetteer: Gazetteer) -> tuple[ClueReader, ...]:
    """All that ship, the most specific kind first, built on ``gazetteer``."""
    return (
        CoordinateReader(),
        PhoneReader(gazetteer),
        DomainReader(gazetteer),
        AddressReader(gazetteer),
        InstitutionReader(gazetteer),
        RoadReader(),
        UnitReader(),
        BrandReader(),
        PlaceReader(gazetteer),
        PriceReader(),
        WordingReader(),
        LanguageReader(),
        UnreadScriptReader(),
    )
