"""The ledger: what each clue and each step moved, in probability and in radius."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest

from backbone.density import DensityPrior
from detectors.base import Clue, Evidence, Reading
from fusion.answer import Answer
from fusion.constraints import Constraints
from fusion.context import Context
from fusion.describe import NOTHING_NEW, effect
from fusion.ledger import RADII, LedgerRow
from fusion.locator import Locator
from tests.conftest import REPOSITORY
from tests.fusion.parts import FixedText

SCHEMA = json.loads((REPOSITORY / "fusion" / "assets" / "answer.schema.json").read_text())
GREY = np.full((240, 320, 3), 127, np.uint8)
LINES = ["Fußgängerzone", "EDEKA", "Lyon", "48.20849N 16.37208E"]


class Says:
    """Gives the clues that a test says, whatever was read."""

    kind = "said"

    def __init__(self, *evidence: Evidence) -> None:
        self._clues = [Clue("said", f"c{k}", f"clue {k}", one) for k, one in enumerate(evidence)]

    def clues(self, readings: list[Reading]) -> list[Clue]:
        return self._clues


@pytest.fixture(scope="module")
def locator() -> Locator:
    return Locator("density", ocr=FixedText(LINES), scenes="none")


@pytest.fixture(scope="module")
def answer(locator: Locator) -> Answer:
    return locator.locate(GREY)


def test_a_rows_radii_are_those_of_the_answers_without_the_clue_and_with_it(locator: Locator, answer: Answer) -> None:
    assert all(row.radius_after_km == answer.radius_km for row in answer.ledger)
    for row in answer.ledger:
        others = [clue for clue in answer.clues if clue is not answer.clues[row.clue]]
        context = Context(answer.readings, answer.scene, answer.prior_name)
        alone = locator.ranker.fuse(answer.prior, others, context).posterior
        lat, lon = alone.point(locator.utility)
        assert row.radius_before_km == pytest.approx(alone.radius_km(lat, lon), rel=1e-3)
    assert max(row.radius_before_km or 0.0 for row in answer.ledger) > 2 * answer.radius_km


def test_radii_are_computed_for_the_twelve_clues_that_moved_most() -> None:
    many = Says(*(Evidence(0.0, {"ES": 0.1 + 0.05 * k}, sources=(f"r0:{k}-{k + 1}",)) for k in range(RADII + 3)))
    told = Locator("density", ocr=FixedText(["x" * 40]), scenes="none", clue_readers=[many]).locate(GREY)
    known = [row.radius_before_km is not None for row in told.ledger]
    assert known == [True] * RADII + [False] * 3
    assert all((row.radius_before_km is None) == (row.radius_after_km is None) for row in told.ledger)
    jsonschema.validate(told.to_dict(), SCHEMA)
    assert told.to_dict()["ledger"][-1]["radius_before_km"] is None


def test_equal_answers_without_a_clue_share_one_radius(monkeypatch: pytest.MonkeyPatch) -> None:
    from data.distribution import CellDistribution

    asked: list[int] = []
    point = CellDistribution.point
    monkeypatch.setattr(CellDistribution, "point", lambda self, utility: asked.append(1) or point(self, utility))
    same = Says(*(Evidence(0.0, {"ES": 1.0}, sources=("r0",)) for _ in range(8)))
    told = Locator("density", ocr=FixedText(["x" * 40]), scenes="none", clue_readers=[same]).locate(GREY)
    assert len(told.ledger) == 8 and all(row.radius_before_km for row in told.ledger)
    assert len(asked) <= 5


def test_all_clues_together_are_one_effect(answer: Answer) -> None:
    [effect] = answer.effects
    assert (effect.what, effect.country) == ("clues", answer.country)
    assert effect.p_before == answer.prior.countries()[answer.country]
    assert effect.p_after == answer.countries[answer.country] and effect.log_odds > 0
    assert effect.radius_before_km > 1000 > effect.radius_after_km == answer.radius_km


@pytest.mark.parametrize(
    ("count", "words"), [(1, "the one clue"), (2, "both clues together"), (3, "all 3 clues together")]
)
def test_the_step_of_the_clues_counts_them(count: int, words: str) -> None:
    says = Says(*(Evidence(0.0, {"ES": 2.0}, sources=(f"r{k}",)) for k in range(count)))
    told = Locator("density", ocr=FixedText(["x" * 40]), scenes="none", clue_readers=[says]).locate(GREY)
    assert told.effects[-1].sentence == words


def test_every_step_is_told_in_order_and_each_begins_where_the_last_ended() -> None:
    answer = Locator("pixels", ocr=FixedText(LINES), scenes="none").locate(GREY, within="DE,FR", exclude="AT")
    assert [one.what for one in answer.effects] == ["picture", "clues", "within"]
    for before, after in zip(answer.effects, answer.effects[1:], strict=False):
        assert (before.p_after, before.radius_after_km) == (after.p_before, after.radius_before_km)
        assert before.country_after == after.country_before
    first, last = answer.effects[0], answer.effects[-1]
    density = next(iter(DensityPrior(answer.prior.partition).distribution.countries()))
    assert (first.country_before, last.country_after) == (density, answer.country)
    assert answer.effects[-1].p_after == answer.countries[answer.country]
    assert answer.effects[-1].radius_after_km == answer.radius_km
    assert "within France or Germany and outside Austria" in answer.effects[-1].sentence
    told, words, page = answer.to_dict(), str(answer), answer.to_html()
    jsonschema.validate(told, SCHEMA)
    assert [one["what"] for one in told["effects"]] == ["picture", "clues", "within"]
    for one in answer.effects:
        assert one.sentence in words and one.sentence in page


def test_what_the_user_knew_says_how_much_lay_there(locator: Locator) -> None:
    free = Locator("density", ocr="none", scenes="none")
    within, outside = free.locate(GREY, within="ES"), free.locate(GREY, exclude="US")
    prior = within.prior.countries()
    [spain], [rest] = within.effects, outside.effects
    assert spain.what == rest.what == "within"
    assert spain.sentence == f"{100 * prior['ES']:.1f} % of the probability lay within Spain"
    assert rest.sentence == f"{100 * (1 - prior['US']):.0f} % of the probability lay outside the United States"
    assert (spain.p_before, spain.p_after) == (prior["ES"], pytest.approx(1.0))
    box = Constraints.parse("-9.5,36,3.3,43.8", None, within.prior.partition)
    _, share = box.measured(within.prior)
    assert prior["ES"] < share < 3 * prior["ES"]
    assert "within the box -9.5,36,3.3,43.8" in box.words()


def test_without_clue_picture_or_knowledge_nothing_has_an_effect() -> None:
    silent = Locator("density", ocr="none", scenes="none").locate(GREY)
    assert not silent.effects and silent.distribution is silent.prior
    jsonschema.validate(silent.to_dict(), SCHEMA)
    assert "step by step" not in str(silent)


def test_text_that_was_not_looked_for_is_not_said_to_be_missing() -> None:
    unsought = Locator("density", ocr="none", scenes="none").locate(GREY)
    assert "no clue: text was not looked for" in str(unsought)
    assert "No clue: text was not looked for" in unsought.to_html()
    empty = Locator("density", ocr=FixedText([]), scenes="none").locate(GREY)
    assert "no text was read that points anywhere" in str(empty) and "not looked for" not in empty.to_html()


def test_an_album_tells_what_its_photos_did_together() -> None:
    album = Locator("pixels", ocr=FixedText(["MADRID"]), scenes="none").locate_album([GREY, GREY[::2]], within="ES")
    assert [one.what for one in album.effects] == ["photos", "clues", "within"]
    assert [one["what"] for one in album.to_dict()["answer"]["effects"]] == ["photos", "clues", "within"]
    single = album.photos[0]
    assert isinstance(single, Answer) and [one.what for one in single.effects] == ["picture", "clues", "within"]
    assert "the photos look like together" in str(album)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (LedgerRow(0, "DE", "DE", 0.31, 0.82, 2.3, 0.9, 900.0, 310.0),
         "makes Germany likelier: 31 % -> 82 % (odds 10 times as high); radius 900 km -> 310 km"),
        (LedgerRow(0, "FR", "DE", 0.31, 0.82, 2.3, 0.9),
         "makes Germany likelier: 31 % -> 82 % (odds 10 times as high); without it France would come first"),
        (LedgerRow(0, "DE", "DE", 0.82, 0.31, -2.3, 0.9),
         "makes Germany less likely: 82 % -> 31 % (odds 10 times as low)"),
        (LedgerRow(0, "DE", "DE", 0.9996, 0.99999, 3.7, 0.9),
         "makes Germany likelier: over 99.9 % -> over 99.9 % (odds 40 times as high)"),
        (LedgerRow(0, "DE", "DE", 0.5, 0.55, 0.2, 0.9), "makes Germany likelier: 50 % -> 55 %"),
        (LedgerRow(0, "DE", "DE", 0.82, 0.82, 0.0, 0.9, 310.0, 12.0), "leaves Germany at 82 %; radius 310 km -> 12 km"),
        (LedgerRow(0, "US", "US", 0.2, 0.4, 1.0, 0.9), "makes the United States likelier"),
        (LedgerRow(0, "DE", "DE", 0.82, 0.82, 0.0, 0.0), NOTHING_NEW),
    ],
)  # fmt: skip
def test_an_effect_reads_as_a_person_would_say_it(row: LedgerRow, words: str) -> None:
    assert effect(row).startswith(words)
