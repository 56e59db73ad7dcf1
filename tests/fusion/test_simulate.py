"""The simulator: places, priors and signs that the ranker learns from."""

from __future__ import annotations

import re

import numpy as np
import pytest

from data.geodesy import haversine_km
from data.partition import Partition
from detectors.plate_formats import plate_formats
from detectors.postal import postal_countries
from fusion.simulate import RECIPES, simulate
from fusion.simulated_lines import MAKERS, plate_text, spot_at, world_spot
from fusion.simulated_prior import draw_prior
from fusion.simulated_regex import string_of

pytest.importorskip("wordfreq", reason="the simulator's words need the extra build")

VIENNA = spot_at(48.2082, 16.3738)


class TestPriors:
    def test_what_is_not_distorted_is_calibrated(self, partition: Partition, monkeypatch: pytest.MonkeyPatch) -> None:
        """The expected log-probability of the truth is minus the entropy, photo by photo."""
        monkeypatch.setattr("fusion.simulated_prior._DISTORTED", 0.0)
        rng = np.random.default_rng(0)
        gaps = []
        for _ in range(250):
            prior = draw_prior(rng, partition)
            if prior.name != "density":
                gaps.append(-np.log2(prior.distribution.p[prior.cell]) - prior.distribution.entropy())
        assert abs(np.mean(gaps)) < 3.0 * np.std(gaps) / np.sqrt(len(gaps))

    def test_they_run_from_photo_density_to_priors_that_mostly_know_the_country(self, partition: Partition) -> None:
        rng = np.random.default_rng(1)
        drawn = [draw_prior(rng, partition) for _ in range(120)]
        assert 0.15 < np.mean([prior.name == "density" for prior in drawn]) < 0.4
        top = [max(prior.distribution.countries().values()) for prior in drawn if prior.name != "density"]
        assert min(top) < 0.25 and max(top) > 0.9


class TestSigns:
    def test_every_maker_writes_lines_anywhere(self) -> None:
        rng = np.random.default_rng(2)
        spots = [VIENNA, spot_at(-54.4, -36.6), spot_at(0.0, -30.0), world_spot(rng)]
        for name, maker in MAKERS.items():
            for spot in spots:
                lines = list(maker(spot, rng))
                assert lines and all(isinstance(line, str) for line in lines), name

    def test_an_austrian_address_has_an_austrian_postal_code(self) -> None:
        rng = np.random.default_rng(3)
        text = [" ".join(MAKERS["address"](VIENNA, rng)) for _ in range(60)]
        codes = [code for line in text for code in re.findall(r"\b\d{4}\b", line)]
        assert codes and all(postal_countries()["AT"].pattern.fullmatch(code) for code in codes)

    def test_phones_and_plates_are_the_countrys(self) -> None:
        import phonenumbers

        rng = np.random.default_rng(4)
        text = MAKERS["phone"](VIENNA, rng)[0]
        assert phonenumbers.is_possible_number(phonenumbers.parse(re.sub(r"^[^+\d(]*", "", text), "AT"))
        made = plate_text(VIENNA, rng)
        assert made is not None and made[1] in plate_formats() and made[1].country == "AT" and made[1].matches(made[0])

    @pytest.mark.parametrize(
        "pattern",
        [r"[ABCEGHJ-NPR-TVXY]\d[A-Z] ?\d[A-Z]\d", r"(?:AI-)?2640", r"I{1,3}/\d{2,4}", r"A|B\d+", r"\d{5}(-\d{4})?"],
    )
    def test_a_string_of_a_pattern_matches_it(self, pattern: str) -> None:
        rng = np.random.default_rng(5)
        assert all(re.fullmatch(pattern, string_of(pattern, rng)) for _ in range(50))


class TestPhotos:
    def test_a_photo_depends_on_seed_and_number_only(self) -> None:
        many = list(simulate(4, 9))
        [third] = simulate(1, 9, start=2)
        assert (third.lat, third.lon, third.source) == (many[2].lat, many[2].lon, many[2].source)
        assert [r.text for r in third.context.readings] == [r.text for r in many[2].context.readings]
        assert [c.evidence for c in third.clues] == [c.evidence for c in many[2].clues]
        assert np.array_equal(third.prior.p, many[2].prior.p)
        [other] = simulate(1, 10, start=2)
        assert (other.lat, other.lon) != (third.lat, third.lon)

    def test_clues_come_from_what_was_read_and_say_more_about_the_truth_than_not(self, partition: Partition) -> None:
        from fusion.evidence import log_likelihood_ratio

        photos = list(simulate(60, 11))
        told = []
        for photo in photos:
            ids = {reading.id for reading in photo.context.readings}
            cell = partition.cells_of(photo.lat, photo.lon)[0]
            for clue in photo.clues:
                assert {source.partition(":")[0] for source in clue.evidence.sources} <= ids
                told.append(log_likelihood_ratio(clue.evidence, partition)[cell])
        assert np.mean(told) > 0.2
        assert np.mean(np.array(told) < 0.0) > 0.1  # and some point elsewhere
        assert {photo.source for photo in photos} == set(RECIPES)
        assert len({clue.kind for photo in photos for clue in photo.clues}) >= 8

    def test_the_truth_lies_in_a_cell_that_the_prior_holds_possible(self, partition: Partition) -> None:
        for photo in simulate(30, 12):
            cell = partition.cells_of(photo.lat, photo.lon)[0]
            assert photo.prior.p[cell] > 0.0
            assert haversine_km(photo.lat, photo.lon, partition.lat[cell], partition.lon[cell]) < 3_000.0
