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

__all__ = ["default_clue_readers"]


def default_clue_readers(gazetteer: Gazetteer) -> tuple[ClueReader, ...]:
    """Coordinates, phones, domains, addresses, institutions, brands, place names and language; on ``gazetteer``."""
    return (
        CoordinateReader(),
        PhoneReader(gazetteer),
        DomainReader(gazetteer),
        AddressReader(gazetteer),
        InstitutionReader(gazetteer),
        BrandReader(),
        PlaceReader(gazetteer),
        LanguageReader(),
    )
