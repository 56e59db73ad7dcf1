"""The ranker: prior and clues to a posterior by trees, tested with small ones that are grown here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backbone.density import DensityPrior
from data.distribution import CellDistribution
from data.errors import WeightsError
from detectors.base import Clue, Evidence, PointEvidence, Reading
from fusion.context import Context
from fusion.examples import PLACES, examples_of, joined, load_examples, save_examples
from fusion.features import CONTEXT, EVIDENCE, FEATURES, GROUPS, MONOTONE, beside_trees, rows_of, without_evidence
from fusion.laid import LaidClues
from fusion.load_lightgbm import lightgbm, openmp_of_torch
from fusion.pool import LogLinearPool
from fusion.ranker import FusionRanker, make_ranker
from fusion.ranker_model import CARD, TREES, RankerModel, load_model, save_model
from fusion.train_fusion import temperature_of
from tests.fusion.small_ranker import BOX, made_photos, small_model


def clue(kind: str, evidence: Evidence) -> Clue:
    return Clue(kind, "text", "meaning", evidence)


FRENCH = clue("language", Evidence(-2.5, {"FR": 2.0, "BE": 1.5, "CA": 0.8}, sources=("r0",)))
TEXAS = clue("address", Evidence(-3.0, {}, {"US.TX": 4.0}, sources=("r1",)))
PARIS = clue("place", Evidence(-0.5, points=(PointEvidence(48.8566, 2.3522, 8.0, 5.0),
                                            PointEvidence(33.6609, -95.5555, 5.0, 3.5)), sources=("r2",)))  # fmt: skip


@pytest.fixture(scope="module")
def ranker() -> FusionRanker:
    return FusionRanker(small_model())


class TestFusing:
    def test_without_clues_the_prior_object_itself_comes_back(
        self, ranker: FusionRanker, density: CellDistribution
    ) -> None:
        assert ranker.fuse(density, []).posterior is density

    def test_evidence_that_says_the_same_everywhere_leaves_the_prior_bit_for_bit(
        self, ranker: FusionRanker, density: CellDistribution
    ) -> None:
        context = Context([Reading("r1", "Hotel", BOX, 0.9)], {"indoor": 0.1, "natural": 0.1, "urban": 0.8}, "density")
        for evidence in (Evidence(0.7, sources=("r1",)), Evidence(-0.3, {"ES": -0.3}), Evidence(0.0, {"BV": 5.0})):
            assert ranker.fuse(density, [clue("domain", evidence)], context).posterior is density

    def test_the_posterior_is_the_equation_of_the_design(self, ranker: FusionRanker, density: CellDistribution) -> None:
        clues = [FRENCH, PARIS]
        laid = LaidClues(density, clues)
        shares = laid.shares()
        evidence = laid.total(shares)
        rows, table = rows_of(density, laid, shares, evidence, Context())
        trees = ranker.model.trees
        scores = trees.predict(table, raw_score=True) - trees.predict(without_evidence(table), raw_score=True)
        logits = (
            rows.log_p0 + (beside_trees(rows.gain, table, ranker.model.pool_share) + scores) / ranker.model.temperature
        )
        expected = np.exp(logits - logits.max())
        expected /= expected.sum()
        p = ranker.fuse(density, clues).posterior.p
        np.testing.assert_allclose(np.bincount(rows.of_cell, weights=p), expected, rtol=1e-4, atol=1e-8)

    def test_a_clue_taken_away_leaves_what_the_others_give_alone(
        self, ranker: FusionRanker, density: CellDistribution
    ) -> None:
        clues = [FRENCH, TEXAS, PARIS, replace(PARIS, text="again")]
        without = ranker.fuse(density, clues).without
        for k, rest in enumerate(without):
            alone = ranker.fuse(density, [c for j, c in enumerate(clues) if j != k]).posterior
            np.testing.assert_allclose(rest.p, alone.p, rtol=1e-5, atol=1e-10)

    def test_order_of_clues_does_not_matter(self, ranker: FusionRanker, density: CellDistribution) -> None:
        one = ranker.fuse(density, [FRENCH, TEXAS, PARIS]).posterior.p
        np.testing.assert_allclose(one, ranker.fuse(density, [PARIS, FRENCH, TEXAS]).posterior.p, rtol=1e-4, atol=1e-9)

    def test_a_better_founded_country_gains_and_the_point_is_narrowed(
        self, ranker: FusionRanker, density: CellDistribution
    ) -> None:
        posterior = ranker.fuse(density, [FRENCH, PARIS]).posterior
        assert next(iter(posterior.countries())) == "FR"
        cell = density.partition.cells_of(48.8566, 2.3522)[0]
        assert posterior.spread_km[cell] <= density.spread_km[cell]

    def test_the_scene_acts_through_evidence_only(self, density: CellDistribution) -> None:
        """A model that splits on context alone gives the prior's order back: context cancels against ``none``."""
        model = small_model()
        bare = np.zeros((3, len(FEATURES)), np.float32)
        bare[:, len(CONTEXT) :] = np.nan
        bare[:, : len(CONTEXT)] = np.random.default_rng(0).normal(size=(3, len(CONTEXT)))
        assert np.all(model.scores(bare) == 0.0)


class TestBadInput:
    def test_contradicting_clues_are_answered_and_no_side_is_certain(
        self, ranker: FusionRanker, density: CellDistribution
    ) -> None:
        countries = ranker.fuse(density, [FRENCH, TEXAS]).posterior.countries()
        assert 0.01 < countries["FR"] < 0.99 and 0.01 < countries["US"] < 0.99

    def test_five_hundred_clues(self, ranker: FusionRanker, density: CellDistribution) -> None:
        codes = ["FR", "ES", "DE", "US", "JP"]
        clues = [clue("language", Evidence(-2.0, {codes[k % 5]: 2.0}, sources=(f"r{k}",))) for k in range(500)]
        posterior = ranker.fuse(density, clues).posterior
        assert np.isfinite(posterior.p).all()

    def test_one_clue_a_hundred_times_is_one_clue(self, ranker: FusionRanker, density: CellDistribution) -> None:
        once = ranker.fuse(density, [FRENCH]).posterior.p
        np.testing.assert_allclose(ranker.fuse(density, [FRENCH] * 100).posterior.p, once, rtol=1e-4, atol=1e-10)

    def test_a_prior_that_is_one_cell_stays(self, ranker: FusionRanker, density: CellDistribution) -> None:
        p = np.zeros(len(density.p), np.float32)
        p[42] = 1.0
        posterior = ranker.fuse(CellDistribution(density.partition, p), [FRENCH, PARIS]).posterior
        assert posterior.p[42] == pytest.approx(1.0)

    def test_a_uniform_prior_and_one_with_zeros_are_fused(
        self, ranker: FusionRanker, density: CellDistribution
    ) -> None:
        n = len(density.p)
        uniform = CellDistribution(density.partition, np.full(n, 1.0 / n, np.float32))
        assert next(iter(ranker.fuse(uniform, [FRENCH, PARIS]).posterior.countries())) == "FR"
        p = density.p.astype(np.float64) * (density.partition.country_shares("FR") == 0)
        without = CellDistribution(density.partition, (p / p.sum()).astype(np.float32))
        posterior = ranker.fuse(without, [FRENCH, PARIS]).posterior
        assert np.all(posterior.p[p == 0.0] == 0.0) and posterior.countries().get("FR", 0.0) == 0.0

    def test_a_prior_with_nan_is_no_distribution(self, density: CellDistribution) -> None:
        p = density.p.copy()
        p[3] = np.nan
        with pytest.raises(ValueError, match="sum to 1"):
            CellDistribution(density.partition, p)


class TestColumns:
    def test_every_column_is_in_one_group_and_has_a_direction(self) -> None:
        assert sorted(name for names in GROUPS.values() for name in names) == sorted(FEATURES)
        assert len(MONOTONE) == len(FEATURES) and set(MONOTONE) == {-1, 0, 1}
        assert all(way == 0 for way in MONOTONE[: len(CONTEXT)])

    def test_who_is_silent_has_no_value_and_who_speaks_has_one_everywhere(self, density: CellDistribution) -> None:
        laid = LaidClues(density, [FRENCH, PARIS])
        shares = laid.shares()
        evidence = laid.total(shares)
        rows, table = rows_of(density, laid, shares, evidence, Context())
        column = dict(zip(FEATURES, table.T, strict=True))
        assert np.isfinite(column["row_language"]).all() and np.isfinite(column["country_place"]).all()
        assert np.isnan(column["row_phone"]).all() and np.isnan(column["lookup_km"]).all()
        paris = int(np.flatnonzero(rows.cells == density.partition.cells_of(48.8566, 2.3522)[0])[0])
        assert column["sources_for"][paris] == 2.0 and np.expm1(column["km_to_place"][paris]) < 50.0
        assert np.isnan(without_evidence(table)[:, len(CONTEXT) :]).all()
        assert len(EVIDENCE) + len(CONTEXT) == len(FEATURES)

    def test_the_trees_never_hold_more_evidence_against_a_row(self) -> None:
        """Raising what a reader says of a row, all else equal, never lowers its score."""
        model = small_model()
        table = examples_of(made_photos(20, 5)).table
        before = model.scores(table)
        for name in ("row_language", "country_phone", "gain", "sources_for"):
            more = table.copy()
            more[:, FEATURES.index(name)] += 1.5
            assert np.all(model.scores(more) >= before - 1e-9), name


class TestLearning:
    def test_out_of_sample_the_ranker_misses_fewer_bits_than_the_pool(self) -> None:
        """A fifth of the clues is wrong here, which the readers' own evidence does not know."""
        ranker, pool = FusionRanker(small_model()), LogLinearPool()
        gained = []
        for photo in made_photos(60, 99):
            cell = photo.prior.partition.cells_of(photo.lat, photo.lon)[0]
            ours, theirs = (r.fuse(photo.prior, photo.clues, photo.context).posterior.p[cell] for r in (ranker, pool))
            gained.append(np.log2(ours / theirs))
        assert np.mean(gained) > 0.2

    def test_examples_are_kept_and_come_back(self, tmp_path: Path) -> None:
        examples = examples_of(made_photos(12, 1))
        save_examples(tmp_path / "some.npz", examples)
        kept = load_examples(tmp_path / "some.npz")
        assert kept is not None and np.array_equal(kept.table, examples.table, equal_nan=True)
        assert len(kept) == 12 and set(kept.source) == {"even", "odd"} and kept.place.max() < PLACES
        (tmp_path / "some.npz").write_bytes(b"damaged")
        assert load_examples(tmp_path / "some.npz") is None and load_examples(tmp_path / "none.npz") is None

    def test_joining_and_choosing_keep_each_photos_rows(self) -> None:
        one, two = examples_of(made_photos(6, 1)), examples_of(made_photos(5, 2))
        both = joined([one, two])
        back = both.of(np.arange(6, 11))
        assert np.array_equal(back.table, two.table, equal_nan=True) and np.array_equal(back.truth, two.truth)
        assert np.array_equal(both.of(np.arange(11) < 6).log_p0, one.log_p0)

    def test_the_row_and_what_is_inside_it_make_the_pools_probability_of_the_true_cell(self) -> None:
        photos = list(made_photos(8, 3))
        examples = examples_of(photos)
        for k, photo in enumerate(photos):
            cell = photo.prior.partition.cells_of(photo.lat, photo.lon)[0]
            rows = slice(examples.starts[k], examples.starts[k + 1])
            z = examples.log_p0[rows] + examples.gain[rows]
            at = z[examples.truth[k] - examples.starts[k]] - np.logaddexp.reduce(z) + examples.inside[k]
            pooled = LogLinearPool().fuse(photo.prior, photo.clues).posterior.p[cell]
            assert at == pytest.approx(np.log(pooled), abs=1e-4)

    def test_the_temperature_undoes_evidence_that_is_twice_as_loud(self) -> None:
        rng = np.random.default_rng(0)
        photos, rows = 4_000, 6
        told = rng.normal(0.0, 1.5, (photos, rows))
        p = np.exp(told) / np.exp(told).sum(axis=1, keepdims=True)
        truth = (p.cumsum(axis=1) > rng.random((photos, 1))).argmax(axis=1) + np.arange(photos) * rows
        starts = np.arange(photos + 1) * rows
        assert temperature_of(np.zeros(told.size), 2.0 * told.ravel(), starts, truth) == pytest.approx(2.0, rel=0.06)


class TestFiles:
    def test_a_saved_model_says_the_same(self, tmp_path: Path, density: CellDistribution) -> None:
        save_model(tmp_path, small_model())
        loaded = make_ranker(str(tmp_path))
        clues = [FRENCH, PARIS]
        ours = FusionRanker(small_model()).fuse(density, clues).posterior.p
        np.testing.assert_allclose(loaded.fuse(density, clues).posterior.p, ours, rtol=1e-6, atol=1e-12)
        assert isinstance(loaded, FusionRanker) and loaded.model.info == {"made": "here"}

    def test_a_model_for_other_columns_is_refused_by_name(self, tmp_path: Path) -> None:
        save_model(tmp_path, small_model())
        card = json.loads((tmp_path / CARD).read_text())
        card["features"][4] = "phase_of_the_moon"
        (tmp_path / CARD).write_text(json.dumps(card))
        with pytest.raises(WeightsError, match="phase_of_the_moon"):
            load_model(tmp_path)

    def test_changed_trees_are_refused(self, tmp_path: Path) -> None:
        save_model(tmp_path, small_model())
        (tmp_path / TREES).write_bytes((tmp_path / TREES).read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))
        with pytest.raises(WeightsError, match="damaged"):
            load_model(tmp_path)

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            (CARD, b""),
            (CARD, b"[]"),
            (CARD, b'{"format": 1}'),
            (CARD, b"\xff\xfe"),
            (CARD, b"[" * 100_000),
            (TREES, b"tree"),
        ],
    )
    def test_damaged_files_are_weights_errors(self, tmp_path: Path, name: str, content: bytes) -> None:
        save_model(tmp_path, small_model())
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError):
            load_model(tmp_path)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("features", [{}]), ("features", "rank"), ("temperature", 10**400), ("pool_share", None), ("info", [1])],
    )
    def test_a_card_whose_values_are_none_is_a_weights_error(self, tmp_path: Path, name: str, value: object) -> None:
        save_model(tmp_path, small_model())
        card = json.loads((tmp_path / CARD).read_text())
        (tmp_path / CARD).write_text(json.dumps({**card, name: value}))
        with pytest.raises(WeightsError, match=r"fusion\.json"):
            load_model(tmp_path)

    def test_trees_that_are_no_trees_are_refused_though_the_card_names_them(self, tmp_path: Path) -> None:
        import hashlib

        save_model(tmp_path, small_model())
        (tmp_path / TREES).write_bytes(b"no trees")
        card = json.loads((tmp_path / CARD).read_text())
        card["trees_sha256"] = hashlib.sha256(b"no trees").hexdigest()
        (tmp_path / CARD).write_text(json.dumps(card))
        with pytest.raises(WeightsError, match="no LightGBM model"):
            load_model(tmp_path)

    def test_no_folder_and_a_temperature_of_nothing_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match="no fusion model in an empty name"):
            make_ranker("")
        with pytest.raises(WeightsError, match="no fusion model"):
            make_ranker(str(tmp_path / "none"))
        save_model(tmp_path, RankerModel(small_model().trees, 0.0, 0.5))
        with pytest.raises(WeightsError, match="out of range"):
            load_model(tmp_path)


class TestLoading:
    def test_where_the_system_has_no_openmp_pytorchs_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import ctypes

        tries: list[str] = []

        def fails_once() -> str:
            tries.append("tried")
            if len(tries) == 1:
                raise OSError("libgomp.so.1: cannot open shared object file")
            return "the module"

        loaded: list[str] = []
        monkeypatch.setattr("fusion.load_lightgbm._imported", fails_once)
        monkeypatch.setattr(ctypes, "CDLL", lambda path, mode: loaded.append(path))
        library = openmp_of_torch()
        if library is None:
            with pytest.raises(WeightsError, match="--fusion pool"):
                lightgbm()
        else:
            assert lightgbm() == "the module" and loaded == [str(library)] and len(tries) == 2

    def test_without_any_openmp_the_error_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails() -> object:
            raise OSError("libgomp.so.1: cannot open shared object file")

        monkeypatch.setattr("fusion.load_lightgbm.openmp_of_torch", lambda: None)
        monkeypatch.setattr("fusion.load_lightgbm._imported", fails)
        with pytest.raises(WeightsError, match="--fusion pool"):
            lightgbm()


def test_density_is_the_prior_that_examples_are_made_of(density: CellDistribution) -> None:
    assert np.array_equal(next(made_photos(1, 0)).prior.p, DensityPrior(density.partition).distribution.p)
