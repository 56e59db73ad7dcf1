from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import vonmises_fisher

from backbone.sphere_mixture import SphereMixture
from backbone.von_mises_fisher import LEAST_KAPPA, MOST_KAPPA, cell_masses, kappa_of, log_density, quantile_points
from data.geodesy import EARTH_RADIUS_KM, lat_lon, unit_vectors
from data.partition import load_default
from tests.backbone.trained import TOWNS, small_partition

PARTITION = small_partition()
KAPPAS = [0.1, 1.0, 30.0, 1e3, 1e4, 1e5, 1e6]


def some_points(n: int, around: NDArray[np.float64], kappa: float, seed: int) -> NDArray[np.float64]:
    """Points (n, 3) drawn at random by scipy's own sampler."""
    drawn: NDArray[np.float64] = vonmises_fisher(around, kappa).rvs(n, random_state=np.random.default_rng(seed))
    return drawn


class TestDensity:
    @pytest.mark.parametrize("kappa", KAPPAS)
    def test_it_is_scipys_in_double_precision(self, kappa: float) -> None:
        centre = unit_vectors(48.2, 16.4).reshape(3)
        points = some_points(200, centre, kappa, 1)
        found = log_density(
            torch.from_numpy(points),
            torch.from_numpy(centre[None]),
            torch.tensor([math.log(kappa)], dtype=torch.float64),
        )
        np.testing.assert_allclose(found[:, 0], vonmises_fisher(centre, kappa).logpdf(points), rtol=1e-9, atol=1e-7)

    @pytest.mark.parametrize("kappa", KAPPAS)
    def test_in_single_precision_it_and_its_gradients_are_within_a_thousandth(self, kappa: float) -> None:
        centre = unit_vectors(-33.9, 151.2).reshape(3)
        points = some_points(200, centre, kappa, 2)
        results = []
        for kind in (torch.float32, torch.float64):
            mu = torch.tensor(centre[None], dtype=kind, requires_grad=True)
            log_kappa = torch.tensor([math.log(kappa)], dtype=kind, requires_grad=True)
            value = log_density(torch.tensor(points, dtype=kind), mu, log_kappa)
            value.sum().backward()
            results.append([value.detach().double(), *(x.grad.double() for x in (mu, log_kappa) if x.grad is not None)])
        for single, double in zip(*results, strict=True):
            assert torch.isfinite(single).all()
            scale = max(float(double.abs().max()), 1.0)
            np.testing.assert_allclose(single / scale, double / scale, atol=2e-3)

    def test_at_its_own_centre_and_on_the_other_side_it_stays_finite(self) -> None:
        x = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
        centre = x[:1].clone().requires_grad_()
        value = log_density(x, centre, torch.tensor([math.log(MOST_KAPPA)]))
        assert value[0, 0].item() == pytest.approx(math.log(MOST_KAPPA / (2 * math.pi)), rel=1e-6)
        assert value[1, 0].item() == pytest.approx(math.log(MOST_KAPPA / (2 * math.pi)) - 2 * MOST_KAPPA, rel=1e-6)
        value.sum().backward()
        assert centre.grad is not None and torch.isfinite(centre.grad).all()

    def test_a_spread_becomes_the_concentration_of_that_gaussian_within_bounds(self) -> None:
        assert kappa_of(np.array([EARTH_RADIUS_KM / 100.0]))[0] == pytest.approx(1e4)
        assert kappa_of(np.array([0.01, 1e5])).tolist() == [MOST_KAPPA, LEAST_KAPPA]


class TestMasses:
    @pytest.mark.parametrize("kappa", KAPPAS)
    def test_quantile_points_have_the_mean_direction_that_theory_gives(self, kappa: float) -> None:
        centre = unit_vectors(1.3, 36.8).reshape(1, 3)
        mean = quantile_points(centre, np.array([kappa]), 4096)[0].mean(axis=0)
        length = 1.0 / math.tanh(kappa) - 1.0 / kappa
        np.testing.assert_allclose(mean, length * centre[0], atol=2e-3)

    @pytest.mark.parametrize("kappa", KAPPAS)
    def test_what_lies_in_each_cell_is_what_random_points_say(self, kappa: float) -> None:
        partition, n = load_default(), 100_000
        centres = unit_vectors(np.array([48.2, -23.5, 64.0]), np.array([16.4, -46.6, -21.0]))
        found = cell_masses(centres, np.full(3, kappa), partition).toarray()
        np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-5)
        for row, centre in zip(found, centres, strict=True):
            shares = [
                np.bincount(partition.cells_of(*lat_lon(some_points(n, centre, kappa, seed))), minlength=len(row)) / n
                for seed in (3, 4)
            ]
            noise = np.abs(shares[0] - shares[1]).sum() / math.sqrt(2.0)  # of one sample, about
            off = np.abs(row - np.mean(shares, axis=0)).sum()
            assert off < noise + 0.015, f"{off:.4f} of the mass in other cells, {noise:.4f} by chance"

    def test_the_widest_density_gives_every_cell_about_its_area(self) -> None:
        partition = load_default()
        found = cell_masses(unit_vectors(np.array([0.0]), np.array([0.0])), np.array([1e-6]), partition).toarray()[0]
        kept = partition.area_km2 > 1e3
        area = partition.area_km2 / partition.area_km2.sum()
        np.testing.assert_allclose(found[kept], area[kept], rtol=0.02, atol=2e-7)


class TestMixture:
    def test_it_starts_with_one_density_at_each_cell_of_its_level(self) -> None:
        for level in PARTITION.levels:
            mixture, cells = SphereMixture(PARTITION, level), PARTITION.at(level)
            assert len(mixture) == len(cells)
            np.testing.assert_allclose(mixture.centres.detach(), cells.vectors, atol=1e-6)
            kappa = mixture.log_kappa.detach().exp().numpy()
            np.testing.assert_allclose(kappa * (cells.spread_km / EARTH_RADIUS_KM) ** 2, 1.0, rtol=1e-3)

    def test_its_density_integrates_to_one_over_the_sphere(self) -> None:
        torch.manual_seed(0)
        mixture = SphereMixture(PARTITION, "coarse")
        with torch.no_grad():
            mixture.log_kappa.copy_(torch.linspace(math.log(0.1), math.log(60.0), len(mixture)))
        logits = torch.randn(1, len(mixture)).expand(20_000, -1)
        spread = quantile_points(np.array([[0.0, 0.0, 1.0]]), np.array([1e-6]), 20_000)[0]  # evenly over the sphere
        with torch.no_grad():
            density = mixture.log_likelihood(logits, torch.from_numpy(spread.astype(np.float32))).exp()
        assert 4.0 * math.pi * float(density.mean()) == pytest.approx(1.0, abs=0.01)

    def test_learning_moves_a_centre_and_narrows_a_density_around_the_photos(self) -> None:
        mixture = SphereMixture(PARTITION, "coarse")
        lat, lon = TOWNS[0]
        point = unit_vectors(lat + 1.0, lon + 1.0).reshape(1, 3)
        nearest = int((PARTITION.at("coarse").vectors @ point[0]).argmax())
        logits = torch.full((1, len(mixture)), -10.0)
        logits[0, nearest] = 10.0
        optimiser = torch.optim.Adam(mixture.parameters(), lr=1e-2)
        before = mixture.centres[nearest].detach().clone(), mixture.log_kappa[nearest].item()
        for _ in range(100):
            optimiser.zero_grad()
            (-mixture.log_likelihood(logits, torch.from_numpy(point.astype(np.float32))).mean()).backward()
            optimiser.step()
        after = torch.nn.functional.normalize(mixture.centres[nearest].detach(), dim=0)
        wanted = torch.from_numpy(point[0]).float()
        assert float((after - wanted).norm()) < 0.3 * float((before[0] - wanted).norm())
        assert mixture.log_kappa[nearest].item() > before[1] + 0.5

    @pytest.mark.parametrize("bound", [MOST_KAPPA, LEAST_KAPPA])
    def test_a_concentration_that_starts_beyond_a_bound_learns_too(self, bound: float) -> None:
        mixture = SphereMixture(PARTITION, "coarse")
        with torch.no_grad():
            mixture.log_kappa.fill_(math.log(bound) + math.copysign(0.5, bound - 1.0))
        spread = 1.0 if bound == MOST_KAPPA else 1e-3  # of the photos around the centre, in radians
        offset = spread * torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
        points = torch.nn.functional.normalize(mixture.centres[:1].detach() + offset, dim=1)
        logits = torch.full((200, len(mixture)), -20.0)
        logits[:, 0] = 20.0
        optimiser = torch.optim.Adam(mixture.parameters(), lr=0.1)
        before = mixture.log_kappa[0].item()
        for _ in range(30):
            optimiser.zero_grad()
            (-mixture.log_likelihood(logits, points).mean()).backward()
            optimiser.step()
        moved = mixture.log_kappa[0].item() - before
        assert moved < -1.0 if bound == MOST_KAPPA else moved > 1.0

    def test_over_cells_it_is_the_mean_of_the_densities_masses_and_forgets_them_when_it_learns(self) -> None:
        mixture = SphereMixture(PARTITION, "middle").eval()
        weights = torch.rand(2, len(mixture)).softmax(dim=1)
        found = mixture.over_cells(weights.log(), PARTITION).exp().numpy()
        centres = mixture.centres.detach().double().numpy()
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        masses = cell_masses(centres, mixture.log_kappa.detach().double().exp().numpy(), PARTITION).toarray()
        np.testing.assert_allclose(found, weights.numpy() @ masses, atol=1e-6)
        mixture.train()
        with torch.no_grad():
            mixture.log_kappa.fill_(0.0)
        mixture.eval()
        assert np.abs(mixture.over_cells(weights.log(), PARTITION).exp().numpy() - found).max() > 1e-3
