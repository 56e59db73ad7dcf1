from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from backbone.calibrate import fit_temperature, mean_nll
from backbone.crops import five_crops, least_side, training_crop
from backbone.density import DensityPrior
from backbone.hierarchy import CellTree, class_prior, down_the_tree, haversine_targets
from backbone.planet_config import TRUNKS, PlanetConfig
from backbone.planet_net import PlanetNet, log_posterior
from backbone.trunks import make_trunk
from data.errors import RequestError, WeightsError
from data.geodesy import haversine_km, unit_vectors
from data.partition import LEVELS, load_default
from tests.backbone.trained import TOWNS, small_partition

PARTITION = small_partition()
RNG = np.random.default_rng(5)


class TestTrunks:
    @pytest.mark.parametrize("name", TRUNKS)
    def test_a_trunk_gives_as_many_features_as_it_says_at_its_least_size(self, name: str) -> None:
        kind = TRUNKS[name]
        with torch.no_grad():
            features = make_trunk(name).eval()(torch.randn(1, 3, kind.least_pixels, kind.least_pixels))
        assert features.shape == (1, kind.features) and torch.isfinite(features).all()

    def test_an_unknown_trunk_names_those_that_there_are(self) -> None:
        with pytest.raises(RequestError, match="inception_v3"):
            make_trunk("vgg")

    @pytest.mark.parametrize("name", ["inception_v3", "mobilenet_v3_small", "mobilenet_v3_large"])
    def test_weights_of_imagenet_that_cannot_be_fetched_are_one_clear_error(
        self, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
    ) -> None:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
        with pytest.raises(WeightsError, match="connect to a network once, or start from nothing"):
            make_trunk(name, imagenet=True)

    def test_the_same_seed_makes_the_same_trunk(self) -> None:
        torch.manual_seed(1)
        first = make_trunk("tiny").state_dict()
        torch.manual_seed(1)
        second = make_trunk("tiny").state_dict()
        assert all(torch.equal(first[name], second[name]) for name in first)


class TestHierarchy:
    def test_the_product_down_the_tree_is_that_of_each_cell_and_its_ancestors(self) -> None:
        tree = CellTree(PARTITION, LEVELS)
        p = {level: RNG.dirichlet(np.ones(n), 2) for level, n in tree.sizes.items()}
        found = down_the_tree({k: torch.from_numpy(np.log(v)) for k, v in p.items()}, tree).exp().numpy()
        wanted = np.ones((2, len(PARTITION)))
        for cell in range(len(PARTITION)):
            for level in LEVELS:
                wanted[:, cell] *= p[level][:, PARTITION.parents(level)[cell]]
        np.testing.assert_allclose(found, wanted / wanted.sum(axis=1, keepdims=True), rtol=1e-9)

    def test_smoothed_labels_fall_to_one_in_e_over_tau(self) -> None:
        lat, lon = np.array([48.21, 10.0]), np.array([16.37, -170.0])
        points = torch.from_numpy(unit_vectors(lat, lon).astype(np.float32))
        tree = CellTree(load_default(), ("fine",))
        found = haversine_targets(points, tree.vectors["fine"], 75.0).numpy()
        km = haversine_km(lat[:, None], lon[:, None], load_default().lat, load_default().lon)
        wanted = np.exp(-(km - km.min(axis=1, keepdims=True)) / 75.0)
        np.testing.assert_allclose(found, wanted / wanted.sum(axis=1, keepdims=True), rtol=2e-3, atol=1e-7)

    def test_a_point_on_a_centre_and_one_opposite_are_told_apart_exactly(self) -> None:
        centres = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
        found = haversine_targets(centres[:1], centres, 5_000.0)[0]
        assert found[1] / found[0] == pytest.approx(math.exp(-math.pi * 6371.0088 / 5_000.0), rel=1e-4)

    def test_photos_of_one_place_move_the_class_prior_there_and_leave_no_class_at_nothing(self) -> None:
        cells = PARTITION.cells_of([TOWNS[0][0]] * 500, [TOWNS[0][1]] * 500)
        prior = class_prior(PARTITION, cells)
        assert prior.sum() == pytest.approx(1.0) and prior.min() > 0
        assert prior[cells[0]] > 0.99

    def test_photos_of_the_whole_world_leave_the_class_prior_at_the_density(self) -> None:
        density = DensityPrior(load_default()).predict([np.zeros((1, 1, 3), np.uint8)])[0].distribution.p
        cells = RNG.choice(len(density), 20_000, p=density / density.sum(dtype=np.float64)).astype(np.int32)
        prior = class_prior(load_default(), cells)
        seen = np.bincount(cells, minlength=len(density)) > 0
        assert abs(np.log(prior / density)[~seen]).max() < 0.2, "a cell that 20,000 photos missed is not thought empty"

    @pytest.mark.parametrize("levels", [(), ("coarse",), ("fine", "fine"), ("fine", "other")])
    def test_levels_that_are_not_the_partitions_are_refused(self, levels: tuple[str, ...]) -> None:
        with pytest.raises(RequestError):
            CellTree(PARTITION, levels)


class TestNet:
    def test_the_full_size_network_has_three_classifiers_over_the_shipped_cells(self) -> None:
        tree = CellTree(load_default(), LEVELS)
        net = PlanetNet(PlanetConfig(), tree).eval()
        with torch.no_grad():
            log_p, features, _ = log_posterior(net, tree, torch.randint(0, 256, (1, 2, 3, 299, 299), dtype=torch.uint8))
        assert log_p.shape == (1, 19_673) and features.shape == (1, 2048)
        assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-4)
        assert {level: head.out_features for level, head in net.heads.items()} == tree.sizes

    def test_started_at_the_density_a_network_that_sees_nothing_says_the_density(self) -> None:
        tree = CellTree(PARTITION, ("fine",))
        net = PlanetNet(PlanetConfig("tiny", levels=("fine",)), tree).eval()
        prior = class_prior(PARTITION, np.zeros(10, np.int32))
        net.start_at(prior, tree)
        logits = net.logits(torch.zeros(1, TRUNKS["tiny"].features))["fine"]
        np.testing.assert_allclose(logits.softmax(dim=1)[0].detach().numpy(), prior, rtol=1e-4)

    def test_probabilities_are_averaged_over_crops_and_not_logits(self) -> None:
        tree = CellTree(PARTITION, ("fine",))
        torch.manual_seed(0)
        net = PlanetNet(PlanetConfig("tiny", levels=("fine",)), tree).eval()
        for head in net.heads.values():
            torch.nn.init.normal_(head.weight, std=0.5)
        crops = torch.randint(0, 256, (1, 5, 3, 64, 64), dtype=torch.uint8)
        with torch.no_grad():
            each = net(crops[0])["fine"].softmax(dim=1)
            log_p, _, _ = log_posterior(net, tree, crops)
        np.testing.assert_allclose(log_p.exp()[0], each.mean(dim=0), rtol=1e-4)

    def test_classifiers_by_scene_speak_in_proportion_to_how_likely_each_scene_is(self) -> None:
        tree = CellTree(PARTITION, ("fine", "coarse"))
        torch.manual_seed(0)
        net = PlanetNet(PlanetConfig("tiny", levels=("fine", "coarse"), scenes="isn"), tree).eval()
        for head in net.heads.values():
            torch.nn.init.normal_(head.weight, std=0.5)
        crops = torch.randint(0, 256, (1, 5, 3, 64, 64), dtype=torch.uint8)
        with torch.no_grad():
            logits = net(crops[0])
            found = log_posterior(net, tree, crops)
        scenes = logits["scene"].softmax(dim=1).mean(dim=0)
        fine, coarse = (logits[level].softmax(dim=2).mean(dim=0) for level in tree.levels)  # [3, n]
        assert fine.shape == (3, len(PARTITION))
        products = fine * coarse[:, tree.parents["coarse"]]
        wanted = (scenes[:, None] * products / products.sum(dim=1, keepdim=True)).sum(dim=0)
        np.testing.assert_allclose(found.log_p.exp()[0], wanted, rtol=1e-4)
        assert found.scenes is not None
        np.testing.assert_allclose(found.scenes[0], scenes, rtol=1e-4)

    def test_started_at_the_density_each_scenes_classifier_says_the_density(self) -> None:
        tree = CellTree(PARTITION, ("fine",))
        net = PlanetNet(PlanetConfig("tiny", levels=("fine",), scenes="isn"), tree).eval()
        prior = class_prior(PARTITION, np.zeros(10, np.int32))
        net.start_at(prior, tree)
        logits = net.logits(torch.zeros(1, TRUNKS["tiny"].features))
        for k in range(3):
            np.testing.assert_allclose(logits["fine"][0, k].softmax(dim=0).detach().numpy(), prior, rtol=1e-4)
        assert logits["scene"].detach().abs().max() == 0.0

    def test_a_second_task_leaves_the_classifiers_as_they_are_and_names_the_scene(self) -> None:
        tree = CellTree(PARTITION, LEVELS)
        crops = torch.randint(0, 256, (2, 5, 3, 64, 64), dtype=torch.uint8)
        net = PlanetNet(PlanetConfig("tiny", scenes="mtn"), tree).eval()
        plain = PlanetNet(PlanetConfig("tiny"), tree).eval()
        plain.load_state_dict({k: v for k, v in net.state_dict().items() if "scene" not in k})
        found, alone = log_posterior(net, tree, crops), log_posterior(plain, tree, crops)
        assert torch.equal(found.log_p, alone.log_p) and alone.scenes is None
        assert found.scenes is not None and torch.allclose(found.scenes.sum(dim=1), torch.ones(2))

    def test_a_mixture_started_at_the_density_gives_each_part_of_the_earth_about_its_mass(self) -> None:
        tree = CellTree(PARTITION, ("fine",))
        net = PlanetNet(PlanetConfig("tiny", levels=("fine",), mixture="fine"), tree).eval()
        net.start_at(class_prior(PARTITION, PARTITION.cells_of(*np.array(TOWNS).T)), tree)
        with torch.no_grad():
            net.heads["mixture"].weight.zero_()
            log_p = log_posterior(net, tree, torch.zeros(1, 1, 3, 64, 64, dtype=torch.uint8)).log_p
        assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-4)
        prior = class_prior(PARTITION, PARTITION.cells_of(*np.array(TOWNS).T))
        parents = PARTITION.parents("coarse")
        np.testing.assert_allclose(np.bincount(parents, log_p.exp()[0]), np.bincount(parents, prior), atol=0.15)

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [({"trunk": "x"}, "trunk"), ({"pixels": 20}, "pixels"), ({"levels": ("coarse",)}, "levels"),
         ({"levels": ("fine", "coarse", "middle")}, "levels"), ({"dropout": 1.0}, "dropout"),
         ({"scenes": "x"}, "scenes"),
         ({"mixture": "fine"}, "mixture"), ({"mixture": "x", "levels": ("fine",)}, "mixture"),
         ({"mixture": "fine", "levels": ("fine",), "scenes": "isn"}, "mixture")],
    )  # fmt: skip
    def test_a_configuration_that_makes_no_network_is_refused(self, wrong: dict[str, object], says: str) -> None:
        with pytest.raises(RequestError, match=says):
            PlanetConfig(**wrong)  # type: ignore[arg-type]

    def test_a_configuration_comes_back_out_of_json_and_damage_is_named(self) -> None:
        config = PlanetConfig("tiny", levels=("fine", "coarse"))
        assert PlanetConfig.from_dict(config.to_dict()) == config
        taught = PlanetConfig("tiny", levels=("fine",), scenes="mtn", mixture="middle")
        assert PlanetConfig.from_dict(taught.to_dict()) == taught
        assert set(config.to_dict()) == {"trunk", "pixels", "levels", "dropout"}, "an older whence reads a plain one"
        for damage in ({"pixels": "64"}, {"trunk": 3}, {"levels": "fine"}, {"pixels": 7}, {"more": 1}):
            with pytest.raises(WeightsError):
                PlanetConfig.from_dict(config.to_dict() | damage)


class TestCalibration:
    def test_the_temperature_that_logits_were_multiplied_with_is_found(self) -> None:
        logits = RNG.normal(0.0, 2.0, (4_000, 30)).astype(np.float32)
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        cells = np.array([RNG.choice(30, p=row / row.sum()) for row in p.astype(np.float64)], np.int32)
        for factor in (0.5, 1.0, 3.0):
            assert fit_temperature(factor * logits, cells) == pytest.approx(factor, rel=0.05)
        assert mean_nll(3.0 * logits, cells, 3.0) < mean_nll(3.0 * logits, cells)

    def test_without_photos_nothing_is_changed(self) -> None:
        assert fit_temperature(np.empty((0, 5), np.float32), np.empty(0, np.int32)) == 1.0


class TestCrops:
    def test_five_crops_are_the_middle_and_the_corners_of_the_photo(self) -> None:
        y, x = np.mgrid[:200, :300]
        photo = np.stack([y, x * 200 // 300, np.zeros_like(y)], axis=2).astype(np.uint8)
        crops = five_crops(photo, 112)
        assert crops.shape == (5, 112, 112, 3) and least_side(112) == 128
        across, down = crops[..., 1].mean(axis=(1, 2)), crops[..., 0].mean(axis=(1, 2))
        assert across[1] == pytest.approx(across[3], abs=1) and across[1] < across[0] < across[2]
        assert down[1] == pytest.approx(down[2], abs=1) and down[1] < down[0] < down[3]

    @pytest.mark.parametrize("shape", [(16, 16), (16, 4000), (4000, 16), (299, 300)])
    def test_photos_of_any_shape_give_five_full_squares(self, shape: tuple[int, int]) -> None:
        assert five_crops(np.zeros((*shape, 3), np.uint8), 64).shape == (5, 64, 64, 3)
        assert training_crop(np.zeros((*shape, 3), np.uint8), 64, RNG).shape == (64, 64, 3)

    def test_a_training_crop_keeps_left_and_right_top_and_bottom(self) -> None:
        y, x = np.mgrid[:120, :160]
        photo = np.stack([y, x, np.full_like(x, 128)], axis=2).astype(np.uint8)
        for seed in range(50):
            square = training_crop(photo, 64, np.random.default_rng(seed)).astype(int)
            assert square[:, -8:, 1].mean() - square[:, :8, 1].mean() > 60, "never mirrored, at least 0.65 of the area"
            assert square[-8:, :, 0].mean() - square[:8, :, 0].mean() > 60

    def test_the_same_chance_cuts_the_same_square(self) -> None:
        photo = RNG.integers(0, 256, (90, 90, 3)).astype(np.uint8)
        first, second = (training_crop(photo, 64, np.random.default_rng(4)) for _ in range(2))
        assert (first == second).all() and not (first == training_crop(photo, 64, np.random.default_rng(5))).all()
