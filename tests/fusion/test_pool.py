"""The log-linear pool: prior times evidence, the same pixels counted once."""

from __future__ import annotations

import numpy as np
import pytest

from data.distribution import CellDistribution, InCell
from detectors.base import Clue, Evidence, PointEvidence
from fusion.constraints import Constraints
from fusion.evidence import log_likelihood_ratio
from fusion.pool import RELIABILITY, LogLinearPool


def clue(kind: str, evidence: Evidence) -> Clue:
    return Clue(kind, "text", "meaning", evidence)


SPANISH = clue("language", Evidence(-2.0, {"ES": 1.5, "MX": 1.2, "AR": 1.2}, sources=("r2", "r3")))
MADRID = clue("place", Evidence(-0.2, points=(PointEvidence(40.4168, -3.7038, 15.0, 4.0),), sources=("r1",)))


def test_without_clues_the_prior_object_itself_comes_back(density: CellDistribution) -> None:
    fused = LogLinearPool().fuse(density, [])
    assert fused.posterior is density


def test_evidence_that_says_the_same_everywhere_leaves_the_prior_bit_for_bit(density: CellDistribution) -> None:
    for evidence in (
        Evidence(0.7, sources=("r1",)),
        Evidence(0.0, {"ES": 0.0}),
        Evidence(-0.3, {"ES": -0.3}, {"US.CA": -0.3}),
        Evidence(0.0, {"BV": 5.0}),  # no cell lies there
    ):
        assert LogLinearPool().fuse(density, [clue("domain", evidence)]).posterior is density


def test_the_posterior_is_prior_times_weighed_evidence(density: CellDistribution) -> None:
    fused = LogLinearPool().fuse(density, [SPANISH, MADRID])
    partition = density.partition
    logits = np.log(density.p.astype(np.float64))
    for each in (SPANISH, MADRID):
        logits = logits + RELIABILITY[each.kind] * log_likelihood_ratio(each.evidence, partition)
    expected = np.exp(logits - logits.max())
    np.testing.assert_allclose(fused.posterior.p, expected / expected.sum(), rtol=1e-4, atol=1e-9)
    assert fused.weights == (RELIABILITY["language"], RELIABILITY["place"])
    assert next(iter(fused.posterior.countries())) == "ES"


def test_order_of_clues_does_not_matter(density: CellDistribution) -> None:
    one = LogLinearPool().fuse(density, [SPANISH, MADRID]).posterior.p
    two = LogLinearPool().fuse(density, [MADRID, SPANISH]).posterior.p
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-12)


def test_a_reading_counts_once(density: CellDistribution) -> None:
    once = LogLinearPool().fuse(density, [MADRID])
    thrice = LogLinearPool().fuse(density, [MADRID, MADRID, MADRID])
    np.testing.assert_array_equal(once.posterior.p, thrice.posterior.p)
    assert sorted(thrice.weights) == [0.0, 0.0, RELIABILITY["place"]]


def test_a_clue_counts_by_the_share_of_its_readings_that_is_left(density: CellDistribution) -> None:
    overlapping = clue("language", Evidence(-1.0, {"ES": 0.5}, sources=("r1", "r9")))
    fused = LogLinearPool().fuse(density, [MADRID, overlapping])
    assert fused.weights == (RELIABILITY["place"], RELIABILITY["language"] / 2)


def test_different_characters_of_one_reading_are_different_sources(density: CellDistribution) -> None:
    phone = clue("phone", Evidence(-2.0, {"ES": 3.0}, sources=("r1:10-20",)))
    word = clue("language", Evidence(-1.0, {"ES": 1.0}, sources=("r1:0-9",)))
    whole = clue("place", Evidence(-1.0, {"ES": 0.1}, sources=("r1",)))
    assert LogLinearPool().fuse(density, [phone, word]).weights == (RELIABILITY["phone"], RELIABILITY["language"])
    assert LogLinearPool().fuse(density, [phone, whole]).weights == (RELIABILITY["phone"], 0.0)


def test_a_word_that_names_a_town_is_a_word_of_its_language_only_elsewhere(density: CellDistribution) -> None:
    loud = clue("language", Evidence(-6.0, {"IT": 6.0}, sources=("r1",)))
    fused = LogLinearPool().fuse(density, [loud, MADRID])
    assert fused.weights == (0.0, RELIABILITY["place"])
    place, language = (
        RELIABILITY[each.kind] * log_likelihood_ratio(each.evidence, density.partition) for each in (MADRID, loud)
    )
    low = RELIABILITY["place"] * MADRID.evidence.elsewhere
    both = np.maximum(np.exp(place) - np.exp(low), 0.0) + np.minimum(np.exp(place), np.exp(low)) * np.exp(language)
    expected = density.p * both
    np.testing.assert_allclose(fused.posterior.p, expected / expected.sum(), rtol=1e-3, atol=1e-10)


def test_a_specific_clue_of_the_same_string_lowers_no_country_that_the_language_told(density: CellDistribution) -> None:
    spanish = clue("language", Evidence(-2.0, {"ES": 4.0}, sources=("r1",)))
    alone = LogLinearPool().fuse(density, [spanish]).posterior.countries()["ES"]
    both = LogLinearPool().fuse(density, [spanish, MADRID]).posterior.countries()["ES"]
    assert both > alone


def test_a_chain_of_clues_of_one_string_is_nested(density: CellDistribution) -> None:
    brand = clue("brand", Evidence(-0.5, {"PT": 2.0}, sources=("r1",)))
    fused = LogLinearPool().fuse(density, [SPANISH, brand, MADRID])
    assert fused.weights == (RELIABILITY["language"], RELIABILITY["brand"], 0.0)
    word = clue("language", Evidence(-1.0, {"ES": 1.0}, sources=("r1",)))
    without = LogLinearPool().fuse(density, [brand, MADRID, word])
    for k, others in enumerate(([MADRID, word], [brand, word], [brand, MADRID])):
        expected = LogLinearPool().fuse(density, others).posterior.p
        np.testing.assert_allclose(without.without[k].p, expected, rtol=1e-5)


def test_the_places_of_a_direction_sign_count_in_it_alone_and_their_language_where_it_is_none(
    density: CellDistribution,
) -> None:
    sign = clue("direction", Evidence(-2.0, {"ES": 1.0}, sources=("r1",)))
    alone = LogLinearPool().fuse(density, [sign]).posterior
    np.testing.assert_array_equal(LogLinearPool().fuse(density, [sign, MADRID]).posterior.p, alone.p)
    word = clue("language", Evidence(-1.0, {"ES": 1.0}, sources=("r1",)))
    with_word = LogLinearPool().fuse(density, [sign, MADRID, word]).posterior.p
    np.testing.assert_allclose(with_word, LogLinearPool().fuse(density, [sign, word]).posterior.p, rtol=1e-6)


def test_a_repeated_brand_does_not_take_the_language_away(density: CellDistribution) -> None:
    german = clue("language", Evidence(-2.0, {"DE": 4.0}, sources=("r1",)))
    brand, again = (clue("brand", Evidence(-0.1, {"PL": x}, sources=("r1",))) for x in (0.5, 0.4))
    once = LogLinearPool().fuse(density, [german, brand]).posterior.countries()["DE"]
    twice = LogLinearPool().fuse(density, [german, brand, again]).posterior.countries()["DE"]
    assert twice == pytest.approx(once, rel=1e-6)


def test_leaving_a_clue_out_lets_another_take_over_its_reading(density: CellDistribution) -> None:
    weaker = clue("language", Evidence(-1.0, {"ES": 0.5}, sources=("r1",)))
    fused = LogLinearPool().fuse(density, [MADRID, weaker])
    assert fused.weights[1] == 0.0
    for k, left in enumerate((weaker, MADRID)):
        alone = LogLinearPool().fuse(density, [left]).posterior
        np.testing.assert_allclose(fused.without[k].p, alone.p, rtol=1e-5)


def test_contradicting_clues_share_the_mass_and_nothing_breaks(density: CellDistribution) -> None:
    france = clue("domain", Evidence(-4.0, {"FR": 4.0}, sources=("r5",)))
    texas = clue("phone", Evidence(-4.0, regions={"US.TX": 4.0}, sources=("r6",)))
    countries = LogLinearPool().fuse(density, [france, texas]).posterior.countries()
    assert countries["FR"] + countries["US"] > 0.8 and countries["FR"] > 0.02 and countries["US"] > 0.02


def test_five_hundred_clues_are_fused(density: CellDistribution) -> None:
    many = [clue("domain", Evidence(-0.5, {"ES": 0.5}, sources=(f"r{k}",))) for k in range(500)]
    countries = LogLinearPool().fuse(density, many).posterior.countries()
    assert countries["ES"] == pytest.approx(1.0, abs=1e-6)


def test_impossible_cells_of_the_prior_stay_impossible(density: CellDistribution) -> None:
    p = density.p.copy()
    p[density.partition.country_shares("ES") > 0] = 0.0
    blind = CellDistribution(density.partition, (p / p.sum()).astype(np.float32))
    posterior = LogLinearPool().fuse(blind, [MADRID, SPANISH]).posterior
    assert posterior.countries().get("ES", 0.0) == 0.0


def test_a_reliability_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(ValueError):
        LogLinearPool({"place": 1.5})


def test_clues_keep_where_the_prior_says_the_mass_lies_inside_its_cells(density: CellDistribution) -> None:
    spread = density.spread_km.copy()
    spread[:50] *= 0.2
    known = CellDistribution(density.partition, density.p, InCell(density.lat, density.lon, spread))
    fused = LogLinearPool().fuse(known, [SPANISH])
    assert fused.posterior.in_cell is known.in_cell
    assert all(without is known or without.in_cell is known.in_cell for without in fused.without)
    pointed = LogLinearPool().fuse(known, [SPANISH, MADRID]).posterior
    madrid = int(density.partition.cells_of(40.4168, -3.7038)[0])
    assert pointed.spread_km[:50] == pytest.approx(spread[:50])
    assert pointed.spread_km[madrid] == LogLinearPool().fuse(density, [SPANISH, MADRID]).posterior.spread_km[madrid]
    assert Constraints.parse("ES", None, density.partition).restrict(fused.posterior).in_cell is known.in_cell
