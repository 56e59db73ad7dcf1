"""What is private only together: pieces that a photo's lines give of a name, a number or an address."""

from __future__ import annotations

import pytest

from data.distribution import CellDistribution
from detectors.base import Reading
from fusion.lookup_plan import plan_queries
from fusion.private_lines import private_lines, private_together

TOGETHER = [
    ("Hans", "Müller"), ("Katarzyna", "Wojciechowska"), ("GOTTFRIED", "KRAUTWURST"), ("Dr. med. univ.", "Krautwurst"),
    ("FAMILIE", "KRAUTWURST"), ("hans.mueller@", "gmail.com"), ("Anna Maria", "Schmidt"),
]  # fmt: skip
APART = [
    ("Gasthof", "Müller"), ("Museo Nacional", "del Prado"), ("Farmacia", "Echegaray"), ("Hotel", "Post"),
    ("Giorgio", "Armani"), ("Hugo", "Boss"), ("Hauptstraße 5", "3500 Krems"), ("Kärntner", "Straße"),
    ("San", "Marino"), ("Trattoria", "da Mario"), ("Landesmuseum", "Vaduz"), ("Burger", "King"),
    ("Hans Müller", "Hauptstraße 5"), ("Studio", "0664 1234567"),
]  # fmt: skip


def line(number: int, text: str, x: float, y: float, width: float = 200.0) -> Reading:
    box = ((x, y), (x + width, y), (x + width, y + 40.0), (x, y + 40.0))
    return Reading(f"r{number}", text, box, 0.9)


@pytest.mark.parametrize(("one", "other"), TOGETHER)
def test_two_pieces_of_what_is_private_are_private(one: str, other: str) -> None:
    assert private_together(one, other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_two_lines_of_a_shop_or_an_address_are_not(one: str, other: str) -> None:
    assert not private_together(one, other)


def test_pieces_are_put_together_where_they_stand_one_above_or_beside_the_other() -> None:
    given, surname = "Katarzyna", "Wojciechowska"
    shop = line(2, "Landesmuseum", 2000.0, 900.0)
    assert private_lines([line(0, given, 0.0, 0.0), line(1, surname, 0.0, 50.0), shop]) == {0, 1}
    assert private_lines([shop, line(0, given, 0.0, 0.0), line(1, surname, 230.0, 3.0)]) == {1, 2}
    # A café of that name down the street is another sign.
    assert not private_lines([line(0, given, 0.0, 0.0), line(1, surname, 900.0, 600.0), shop])
    assert not private_lines([line(0, given, 0.0, 0.0), line(1, surname, 600.0, 0.0)])
    assert not private_lines([]) and not private_lines([shop])


def test_what_is_private_only_together_is_not_asked(density: CellDistribution) -> None:
    lines = [line(0, "Katarzyna", 0.0, 0.0), line(1, "Wojciechowska", 0.0, 50.0), line(2, "Quirlbachhaus", 0.0, 900.0)]
    assert [query.text for query in plan_queries(lines, [], density)] == ["Quirlbachhaus"]


@pytest.mark.parametrize("name", ["Hans Müller", "c/o Krautwurst"])
def test_the_address_under_a_persons_name_is_not_asked(name: str, density: CellDistribution) -> None:
    house = line(1, "Quirlbachgasse 5", 0.0, 50.0)
    assert [query.text for query in plan_queries([house], [], density)] == ["Quirlbachgasse 5"]
    assert plan_queries([line(0, name, 0.0, 0.0), house], [], density) == []
    assert plan_queries([line(0, "Bäckerei", 0.0, 0.0), house], [], density) != []


@pytest.mark.parametrize(
    "panel", [("Ospelt", "Frick", "Hoop", "Marxer", "Krautwurst"), ("Smith", "Jones", "Pemberton"), ("Gassner",)]
)
def test_surnames_on_doorbells_are_not_asked(panel: tuple[str, ...], density: CellDistribution) -> None:
    bells = [line(k, name, 300.0 * k, 0.0) for k, name in enumerate(panel)]
    shop = line(9, "Konditorei Quirlbach", 0.0, 900.0)
    assert [query.text for query in plan_queries([*bells, shop], [], density)] == ["Konditorei Quirlbach"]


def test_one_word_that_is_no_surname_is_asked(density: CellDistribution) -> None:
    for text in ("Weienau", "Falknis", "Quirlbachhaus"):
        assert [query.text for query in plan_queries([line(0, text, 0.0, 0.0)], [], density)] == [text]
