"""An LSTM over albums: trained on embeddings, kept beside its prior, and asked for an album."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from backbone.album_embeddings import embeddings_of
from backbone.album_net import AlbumNet, album_log_p
from backbone.album_prior import AlbumPrior
from backbone.album_training import AlbumRecipe, Albums, album_log_ps, learn, place_of
from backbone.album_weights import (
    ALBUM_CARD_FILE,
    ALBUM_TENSORS_FILE,
    AlbumConfig,
    read_album_card,
    read_album_tensors,
    write_album,
)
from backbone.albums import DEPENDENCY
from backbone.base import PriorOutput
from backbone.density import DensityPrior
from backbone.planet import PlanetPrior
from backbone.planet_config import PlanetConfig
from backbone.planet_weights import read_card
from backbone.train_album import _divided as divided
from backbone.train_album import _with_own as with_own
from backbone.train_album import of_one_place, train_album
from backbone.train_prior import Recipe, Run, train
from backbone.weights_store import add, verify
from data.errors import DatasetError, RequestError, WeightsError
from data.geodesy import unit_vectors
from data.photo_sets import Subset
from tests.backbone.trained import TOWNS, ColouredPhotos, small_partition

PARTITION = small_partition()
PHOTOS = ColouredPhotos(240, damaged=60)
RECIPE = AlbumRecipe(hidden=32, epochs=30, batch=16, held_out=0.2, rate=0.02, smoothing_km=100.0)


def albums_of_cells(photos: ColouredPhotos = PHOTOS) -> list[list[int]]:
    """Photos of one cell, four and fewer at a time."""
    cells = PARTITION.cells_of(photos.lat, photos.lon)
    return [
        np.flatnonzero(cells == cell)[start : start + 4].tolist()
        for cell in np.unique(cells)
        for start in range(0, int((cells == cell).sum()), 4)
    ]


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prior")
    recipe, run = Recipe(epochs=3, batch=20, held_out=0.2), Run("cpu")
    return train(out, PHOTOS, partition=PARTITION, config=PlanetConfig("tiny"), recipe=recipe, run=run, name="towns")


@pytest.fixture(scope="module")
def out(prior: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("album")
    train_album(folder, PlanetPrior(prior), PHOTOS, albums_of_cells(), recipe=RECIPE, licence="CC0")
    return folder


@pytest.fixture
def model(out: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(out / "model", tmp_path / "model"))


def change(folder: Path, **fields: object) -> None:
    path = folder / ALBUM_CARD_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def outputs_of(folder: Path, indices: list[int]) -> list[PriorOutput]:
    return PlanetPrior(folder).predict([PHOTOS.pixels(i) for i in indices])


class TestNetwork:
    @pytest.mark.parametrize("bidirectional", [False, True])
    def test_an_album_gets_the_same_answer_alone_and_among_longer_ones(self, bidirectional: bool) -> None:
        torch.manual_seed(0)
        net = AlbumNet(AlbumConfig(5, 7, bidirectional), 11).eval()
        torch.nn.init.normal_(net.head.weight)
        torch.nn.init.normal_(net.head.bias)
        short, long = torch.randn(2, 5), torch.randn(6, 5)
        together = album_log_p(net, [long, short])
        for row, album in zip(together, (long, short), strict=True):
            assert torch.allclose(row, album_log_p(net, [album])[0], atol=1e-5)
            assert float(row.exp().sum()) == pytest.approx(1.0, abs=1e-5)

    def test_forward_the_last_photo_answers_and_from_both_ends_all_do(self) -> None:
        torch.manual_seed(0)
        album = torch.randn(3, 5)
        for bidirectional in (False, True):
            net = AlbumNet(AlbumConfig(5, 7, bidirectional), 11).eval()
            torch.nn.init.normal_(net.head.weight)
            log_p = torch.log_softmax(net(album[None], torch.tensor([3]))[0], dim=1)
            expected = torch.log_softmax(log_p.mean(dim=0), dim=0) if bidirectional else log_p[-1]
            assert torch.allclose(album_log_p(net, [album])[0], expected, atol=1e-5)

    def test_only_from_both_ends_does_the_first_photo_know_of_the_last(self) -> None:
        torch.manual_seed(0)
        album, other = torch.randn(1, 3, 5), torch.randn(1, 1, 5)
        changed = torch.cat([album[:, :2], other], dim=1)
        for bidirectional in (False, True):
            net = AlbumNet(AlbumConfig(5, 7, bidirectional), 11).eval()
            first, again = (net(x, torch.tensor([3]))[0, 0] for x in (album, changed))
            assert torch.equal(first, again) is not bidirectional

    @pytest.mark.parametrize("bidirectional", [False, True])
    def test_long_albums_are_not_in_memory_over_all_cells_at_once(self, bidirectional: bool) -> None:
        torch.manual_seed(0)
        net = AlbumNet(AlbumConfig(5, 7, bidirectional), 11).eval()
        lengths = [2, 3000, 1, 40, 2, 700]
        starts = np.cumsum([0, *lengths])
        order = np.split(np.arange(starts[-1]), starts[1:-1])
        embeddings = np.random.default_rng(0).normal(size=(starts[-1], 5)).astype(np.float32)
        albums = Albums(embeddings, np.zeros(starts[-1], np.int32), np.zeros((starts[-1], 3), np.float32), order)
        expected = [album_log_p(net, [torch.from_numpy(embeddings[photos])])[0].numpy() for photos in order]
        over_cells: list[int] = []
        padded: list[int] = []
        net.head.register_forward_pre_hook(lambda head, given: over_cells.append(given[0].shape[:-1].numel()))
        read = net.outputs
        net.outputs = lambda some, counts: (padded.append(some.shape[:2].numel()), read(some, counts))[1]  # type: ignore[method-assign]
        assert album_log_ps(net, albums) == pytest.approx(np.stack(expected), abs=1e-5)
        assert max(over_cells) <= 128 and max(padded) == 3000 and sum(padded) <= sum(lengths) + 200
        assert album_log_ps(net, albums.only(np.zeros(6, bool))).shape == (0, 11)


class TestTraining:
    def test_it_learns_what_only_several_photos_tell(self) -> None:
        """The cell is the sum of two photos' numbers: one photo alone says nothing."""
        rng = np.random.default_rng(0)
        numbers = rng.integers(0, 4, (400, 2))
        cells = np.repeat((numbers.sum(axis=1) % 4).astype(np.int32), 2)
        embeddings = np.eye(4, dtype=np.float32)[numbers].reshape(800, 4)
        points = unit_vectors(*np.array([TOWNS[0]] * 800).T).astype(np.float32)
        order = list(np.arange(800).reshape(400, 2))
        albums = [Albums(embeddings, cells, points, some) for some in (order[:300], order[300:])]
        net = learn(*albums, PARTITION, AlbumRecipe(hidden=16, epochs=25, rate=0.03, batch=50, dropout=0.0))
        log_p = album_log_p(net, [torch.from_numpy(embeddings[photos]) for photos in order[300:]])
        assert float((log_p.argmax(dim=1).numpy() == albums[1].places).mean()) > 0.95

    def test_the_same_seed_is_the_same_network_and_another_is_another(self, prior: Path, out: Path) -> None:
        def weights(folder: Path, seed: int) -> str:
            shutil.copytree(out / "embeddings", folder / "embeddings", dirs_exist_ok=True)
            recipe = AlbumRecipe(hidden=8, epochs=2, held_out=0.2, seed=seed)
            train_album(folder, PlanetPrior(prior), PHOTOS, albums_of_cells(), recipe=recipe)
            card = read_album_card(folder / "model", read_card(prior).sha256)
            assert card is not None
            return card.sha256

        scratch = out.parent / "again"
        assert weights(scratch, 0) == weights(scratch, 0) != weights(scratch, 1)

    def test_embeddings_are_computed_once_and_are_the_priors(
        self, prior: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from safetensors.numpy import load_file

        used = np.unique(np.concatenate(albums_of_cells()))
        kept = load_file(next((out / "embeddings").glob("*.safetensors")))
        assert not kept["read"][used % 60 == 0].any() and kept["read"][used % 60 != 0].all()
        [output] = outputs_of(prior, [int(used[3])])
        assert output.embedding == pytest.approx(kept["embeddings"][3], abs=1e-4)
        shutil.copytree(out / "embeddings", tmp_path / "embeddings")
        asked = []
        of_prior = PlanetPrior.log_posterior
        monkeypatch.setattr(PlanetPrior, "log_posterior", lambda *a, **k: (asked.append(1), of_prior(*a, **k))[1])
        recipe = AlbumRecipe(hidden=8, epochs=1, held_out=0.0)
        train_album(tmp_path, PlanetPrior(prior), PHOTOS, albums_of_cells(), recipe=recipe)
        assert not asked
        (next((tmp_path / "embeddings").glob("*"))).write_bytes(b"damaged")
        train_album(tmp_path, PlanetPrior(prior), PHOTOS, albums_of_cells(), recipe=recipe)
        assert asked

    def test_a_block_of_which_nothing_can_be_read_ends_nothing(
        self, prior: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("backbone.album_embeddings._BLOCK", 2)
        photos = ColouredPhotos(240, damaged=3)
        some = Subset(photos, [0, 3, 1, 2, 6, 4])
        rows, read = embeddings_of(PlanetPrior(prior), some, tmp_path)
        assert read.tolist() == [False, False, True, True, False, True]
        assert rows.any(axis=1).tolist() == read.tolist() and len(list(tmp_path.iterdir())) == 2
        assert np.array_equal(embeddings_of(PlanetPrior(prior), some, tmp_path)[0], rows)
        with pytest.raises(DatasetError, match="none of 2 photos"):
            embeddings_of(PlanetPrior(prior), Subset(photos, [0, 3]), tmp_path / "none")

    def test_the_embeddings_of_others_are_refused(self, prior: Path, out: Path, tmp_path: Path) -> None:
        shutil.copytree(out / "embeddings", tmp_path / "embeddings")
        others = ColouredPhotos(240, seed=9)
        with pytest.raises(WeightsError, match="embeddings of other photos"):
            train_album(tmp_path, PlanetPrior(prior), others, albums_of_cells(others))

    def test_an_album_is_of_one_cell_and_its_neighbours(self) -> None:
        vienna, madrid = PARTITION.cells_of(*np.array(TOWNS[:2]).T)
        near = int(PARTITION.neighbours_of(int(vienna))[0])
        assert of_one_place(PARTITION, np.array([vienna, vienna, near], np.int32))
        assert not of_one_place(PARTITION, np.array([vienna, vienna, madrid], np.int32))
        assert not of_one_place(PARTITION, np.empty(0, np.int32))
        assert place_of(np.array([7, 3, 3, 7, 5])) == 7

    def test_scattered_albums_are_left_out_and_too_few_are_an_error(self, prior: Path, tmp_path: Path) -> None:
        one_of_each = [int(np.flatnonzero(PHOTOS.town == town)[0]) for town in range(4)]
        with pytest.raises(DatasetError, match="no album of one place"):
            train_album(tmp_path, PlanetPrior(prior), PHOTOS, [one_of_each])
        pair = next(album for album in albums_of_cells() if len(album) > 3)
        with pytest.raises(DatasetError, match="left to train on"):
            train_album(tmp_path, PlanetPrior(prior), PHOTOS, [one_of_each, pair])

    def test_what_the_prior_was_trained_on_is_not_held_out_unless_asked_for_and_then_the_card_says_so(
        self, prior: Path, out: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        def trained(held_out: float | None, folder: Path = prior) -> dict[str, object]:
            shutil.rmtree(tmp_path / "model", ignore_errors=True)
            caplog.clear()
            recipe = AlbumRecipe(hidden=4, epochs=1, held_out=held_out)
            train_album(tmp_path, PlanetPrior(folder), PHOTOS, albums_of_cells(), recipe=recipe)
            card = read_album_card(tmp_path / "model", read_card(prior).sha256)
            assert card is not None
            return card.data

        shutil.copytree(out / "embeddings", tmp_path / "embeddings")
        data = trained(None)
        assert (data["held_out_share"], data["held_out_seen_by_prior"]) == (0.2, 0) and "flatter" not in caplog.text
        seen = trained(0.6)["held_out_seen_by_prior"]
        assert isinstance(seen, int) and seen > 0 and f"{seen} of " in caplog.text and "flatter" in caplog.text
        other = Path(shutil.copytree(prior, tmp_path / "other"))
        card = json.loads((other / "planet.json").read_text())
        card["data"]["held_out_from"] = "another set"
        (other / "planet.json").write_text(json.dumps(card))
        data = trained(None, other)
        assert (data["held_out_share"], data["held_out_seen_by_prior"]) == (0.1, None) and "flatter" in caplog.text

    def test_an_album_is_on_one_side_with_its_photos_of_that_side_only(self) -> None:
        side = np.array([0, 0, 2, 1, 1, 2, 2, 0])
        albums = [np.array(a) for a in ([0, 2, 1, 7], [3, 0, 4], [5, 6, 1], [2, 0], [], [7])]
        training, judged, fitted = divided(albums, side)
        assert [[a.tolist() for a in part] for part in (training, judged, fitted)] == [[[0, 1, 7]], [[3, 4]], [[5, 6]]]

    def test_albums_that_stop_and_calibrate_are_not_those_that_are_measured(
        self, prior: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import backbone.train_album as module

        shutil.copytree(out / "embeddings", tmp_path / "embeddings")
        given: dict[str, Albums] = {}
        learnt, measured = module.learn, module._measured
        monkeypatch.setattr(module, "learn", lambda t, h, *a: (given.update(trained=t, stops=h), learnt(t, h, *a))[1])
        monkeypatch.setattr(module, "_measured", lambda n, p, h, *a: (given.update(says=h), measured(n, p, h, *a))[1])
        recipe = AlbumRecipe(hidden=4, epochs=1, held_out=0.5)
        train_album(tmp_path, PlanetPrior(prior), PHOTOS, albums_of_cells(), recipe=recipe)
        spots = [
            {tuple(point) for album in some.order for point in some.points[album].tolist()} for some in given.values()
        ]
        assert all(spots) and not spots[0] & spots[1] and not spots[0] & spots[2] and not spots[1] & spots[2]

    def test_a_photo_that_has_gone_since_its_embedding_is_in_no_held_out_album(self, prior: Path) -> None:
        photos = ColouredPhotos(240, damaged=60)
        albums = Albums(np.zeros((240, 160), np.float32), np.zeros(240, np.int32), np.zeros((240, 3), np.float32),
                        [np.array([60, 1, 2]), np.array([120, 3]), np.array([5, 4])])  # fmt: skip
        left, own = with_own(PlanetPrior(prior), photos, albums, "cpu", 0)
        assert [album.tolist() for album in left.order] == [[1, 2], [5, 4]]
        assert all(np.exp(log_p).sum(axis=1) == pytest.approx(np.ones(2), rel=1e-4) for log_p in own)

    @pytest.mark.parametrize("field", ["hidden", "epochs", "batch", "rate", "held_out"])
    def test_a_recipe_that_makes_no_training_is_refused(self, field: str) -> None:
        with pytest.raises(RequestError, match=field.replace("_", " ")):
            AlbumRecipe(**{field: -1})


class TestWeights:
    def test_the_card_tells_the_prior_the_data_and_the_figures(self, prior: Path, model: Path) -> None:
        card = read_album_card(model, read_card(prior).sha256)
        assert card is not None and card.prior_name == "towns" and card.licence == "CC0"
        assert card.network == AlbumConfig(160, 32)
        figures = {"lstm", "product", "average", "single"}
        assert {f"held_out_nll_{name}" for name in figures} | {"held_out_albums"} <= set(card.metrics)
        assert 0.0 <= card.dependency <= 1.0 and card.temperature > 0.0
        assert set(read_album_tensors(model, card)) >= {"head.weight", "lstm.weight_ih_l0", "mean"}
        assert read_card(model) == read_card(prior)

    def test_where_there_is_none_there_is_none(self, prior: Path) -> None:
        assert read_album_card(prior, read_card(prior).sha256) is None

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"prior_sha256": "0" * 64}, "another prior"),
            ({"sha256": "zz"}, "sha256"),
            ({"temperature": 0}, "temperature"),
            ({"dependency": 1.5}, "dependency"),
            ({"config": {"features": 160}}, "config"),
            ({"config": {"features": 160, "hidden": 0, "bidirectional": False, "dropout": 0.1}}, "hidden"),
            ({"version": 2}, "version 2"),
            ({"more": 1}, "'more'"),
            ({"metrics": {"x": "much"}}, "metric"),
        ],
    )
    def test_an_unsound_card_or_that_of_another_prior_is_refused(
        self, model: Path, fields: dict[str, object], says: str
    ) -> None:
        change(model, **fields)
        for refused in (
            lambda: read_album_card(model, read_card(model).sha256),
            lambda: AlbumPrior(PlanetPrior(model)),
        ):
            with pytest.raises(WeightsError, match=says):
                refused()

    def test_changed_and_missing_tensors_are_refused(self, model: Path) -> None:
        change(model, metrics={})
        path = model / ALBUM_TENSORS_FILE
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
        for spoil in (lambda: None, lambda: path.write_bytes(b"short"), path.unlink):
            spoil()
            with pytest.raises(WeightsError, match=ALBUM_TENSORS_FILE):
                AlbumPrior(PlanetPrior(model)).combine(outputs_of(model, [1, 2]))

    def test_tensors_of_another_network_are_refused(self, model: Path) -> None:
        config = AlbumConfig(160, 9)
        net = AlbumNet(config, 5)
        write_album(
            model, net.state_dict(), config=config, temperature=1.0, dependency=0.1, data={}, metrics={}, licence="-"
        )
        with pytest.raises(WeightsError, match="do not fit the network"):
            AlbumPrior(PlanetPrior(model)).combine(outputs_of(model, [1, 2]))

    def test_it_is_added_and_verified_with_its_prior(
        self, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "store"))
        added = add(model, name="renamed")
        assert AlbumPrior(PlanetPrior(added)).card is not None and verify("renamed") == []
        (added / ALBUM_TENSORS_FILE).write_bytes(b"short")
        assert any(ALBUM_TENSORS_FILE in finding for finding in verify("renamed"))
        change(model, prior_sha256="0" * 64)
        with pytest.raises(WeightsError, match="another prior"):
            add(model, name="other")


class TestPrior:
    def test_the_lstm_answers_where_it_did_better_and_says_so(self, model: Path) -> None:
        change(model, metrics={"held_out_nll_lstm": 1.0, "held_out_nll_product": 2.0})
        town = np.flatnonzero((PHOTOS.town == 2) & (np.arange(240) % 60 > 0))[:4].tolist()
        together = AlbumPrior(PlanetPrior(model))
        joint, how = together.combine(outputs_of(model, town))
        assert how == "LSTM over 4 photos"
        assert joint.countries()["AU"] > 0.5
        again, _ = together.combine(outputs_of(model, town))
        assert np.array_equal(joint.p, again.p)

    def test_where_it_did_worse_the_product_answers_and_says_so(self, model: Path) -> None:
        change(model, metrics={"held_out_nll_lstm": 2.0, "held_out_nll_product": 1.0}, dependency=0.25)
        _, how = AlbumPrior(PlanetPrior(model)).combine(outputs_of(model, [1, 2]))
        assert how.startswith("product of 2 photos, dependency 0.25; the LSTM") and "worse" in how

    @pytest.mark.parametrize(
        ("photos", "lstm"), [(2, False), (3, False), (4, True), (7, True), (8, False), (50, False)]
    )
    def test_the_figures_of_albums_of_that_size_decide(self, model: Path, photos: int, lstm: bool) -> None:
        nll = {2: (3.0, 2.0), 4: (1.0, 2.0), 8: (2.5, 2.0)}
        figures = {
            f"held_out_nll_{way}_{size}": both[n]
            for size, both in nll.items()
            for n, way in enumerate(("lstm", "product"))
        }
        change(model, metrics=figures | {"held_out_nll_lstm": 9.0, "held_out_nll_product": 2.0})
        card = read_album_card(model, read_card(model).sha256)
        assert card is not None and card.beats_product(photos) is lstm

    def test_enough_albums_of_a_size_have_figures_of_their_own(self, prior: Path, tmp_path: Path) -> None:
        photos = ColouredPhotos(240)
        photos.lat, photos.lon = (np.repeat(some[::2], 2) for some in (photos.lat, photos.lon))
        pairs = np.arange(240).reshape(120, 2).tolist()
        train_album(tmp_path, PlanetPrior(prior), photos, pairs, recipe=AlbumRecipe(hidden=8, epochs=1, held_out=0.7))
        card = read_album_card(tmp_path / "model", read_card(prior).sha256)
        assert card is not None and card.metrics["held_out_nll_product_2"] == card.metrics["held_out_nll_product"]
        assert "held_out_nll_lstm_4" not in card.metrics

    def test_without_weights_the_product_answers_and_says_so(self, prior: Path) -> None:
        _, how = AlbumPrior(PlanetPrior(prior)).combine(outputs_of(prior, [1, 2]))
        assert how == f"product of 2 photos, dependency {DEPENDENCY:.2g}; no LSTM weights for this prior"

    def test_one_photo_and_a_prior_that_looks_at_nothing_come_back_as_they_are(self, model: Path) -> None:
        outputs = outputs_of(model, [1])
        assert AlbumPrior(PlanetPrior(model)).combine(outputs)[0] is outputs[0].distribution
        density = DensityPrior(PARTITION, "density:street")
        said = density.predict([PHOTOS.pixels(1)] * 3)
        assert AlbumPrior(density).combine(said)[0] is density.distribution
        with pytest.raises(RequestError, match="at least one"):
            AlbumPrior(density).combine([])
