from __future__ import annotations

from data.gazetteer import Gazetteer, load_default
from detectors import towns
from detectors.readers import default_clue_readers
from detectors.towns import Towns, towns_of
from tests.detectors.signs_read import photo


def test_readers_of_one_gazetteer_share_one_finder(monkeypatch) -> None:
    built = []

    class Counted(Towns):
        def __init__(self, gazetteer: Gazetteer) -> None:
            built.append(gazetteer)
            super().__init__(gazetteer)

    monkeypatch.setattr(towns, "Towns", Counted)
    with Gazetteer.open() as own:
        lines = photo("28013 Madrid", "Mairie de Lyon", "Tel. +34 91 555 12 34", "STUTTGART")
        found = [clue for reader in default_clue_readers(own) for clue in reader.clues(lines)]
    assert {"address", "institution", "phone", "place"} <= {clue.kind for clue in found}
    assert built == [own]


def test_without_a_gazetteer_the_shipped_one_is_searched() -> None:
    assert towns_of() is towns_of(load_default())
    assert towns_of().named(["Madrid"])[0][0].country == "ES"
