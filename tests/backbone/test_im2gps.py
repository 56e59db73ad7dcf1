"""IM2GPS: what its descriptors see, how nearest photos vote, and the prior that they make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.density import DensityPrior
from backbone.gallery import Gallery
from backbone.gallery_build import build_gallery
from backbone.gallery_card import read_gallery_card, write_gallery_card
from backbone.gallery_embedders import Im2gpsEmbedder, PriorEmbedder, make_embedder
from backbone.gallery_fit import fit_blind
from backbone.gallery_prior import GalleryPrior
from backbone.gallery_votes import VoteConfig, kernel_rows, modes, vote
from backbone.im2gps import IM2GPS_PATH, WEIGHTS, blocks_of, shipped_features
from backbone.priors import available_priors, make_prior
from backbone.straight_lines import ANGLES, LENGTHS, line_histograms
from backbone.surfaces import surfaces
from backbone.textons import learn_textons, texton_histogram
from data.distribution import CellDistribution
from data.errors import RequestError, WeightsError
from data.geodesy import haversine_km, lat_lon, unit_vectors
from tests.backbone.galleries import ByTable, Numbered, made, scattered
from tests.backbone.trained import TOWNS, ColouredPhotos

Picture = NDArray[np.uint8]


def stripes(*, upright: bool, seed: int = 0) -> Picture:
    """A few broad bars on grey."""
    picture = np.full((240, 320, 3), 120, np.uint8)
    for k in range(20 + seed, 230, 50):
        if upright:
            picture[:, k : k + 20] = 220
        else:
            picture[k : k + 20] = 220
    return picture


def noise(seed: int = 0, scale: int = 1) -> Picture:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (240 // scale, 320 // scale, 3))
    return np.kron(small, np.ones((scale, scale, 1))).astype(np.uint8)


def test_lines_are_told_by_their_angle_and_length() -> None:
    level, upright = (line_histograms(stripes(upright=up)) for up in (False, True))
    assert level[0] > 0.9 and upright[ANGLES // 2] > 0.9
    assert level[ANGLES : ANGLES + LENGTHS].argmax() == LENGTHS - 1, "the bars are as long as the photo"
    for told in (level, line_histograms(np.full((60, 80, 3), 90, np.uint8)), line_histograms(noise()[:6])):
        assert [told[a:b].sum() for a, b in ((0, ANGLES), (ANGLES, ANGLES + LENGTHS), (-2, None))] == pytest.approx(
            [1] * 3
        )
    assert level[-2] > line_histograms(np.full((60, 80, 3), 90, np.uint8))[-2] == 0.0


def test_textons_tell_textures_apart_and_repeat_themselves() -> None:
    textures = [noise(k, scale) for k in range(3) for scale in (1, 4, 16)] + [stripes(upright=True)]
    textons = learn_textons(textures, 12, seed=4)
    assert np.array_equal(textons, learn_textons(textures, 12, seed=4))
    fine, coarse, other_fine = (texton_histogram(noise(k, scale), textons) for k, scale in ((7, 1), (7, 16), (8, 1)))
    assert fine.sum() == pytest.approx(1.0)
    assert np.abs(fine - other_fine).sum() < 0.2 * np.abs(fine - coarse).sum()


def test_surfaces_see_sky_above_and_ground_below() -> None:
    street = np.full((90, 120, 3), 100, np.uint8)
    street[:30] = (190, 215, 250)
    street[30:60] = noise(1, 2)[:30, :120]
    shares = surfaces(street)
    assert shares.sum(axis=-1) == pytest.approx(np.ones((8, 8)), abs=1e-6)
    assert (shares[:2].argmax(axis=-1) == 0).all() and (shares[7].argmax(axis=-1) == 1).all()
    assert (shares[3:5].argmax(axis=-1) == 2).all()


def test_each_descriptor_counts_as_its_weight_says() -> None:
    features = shipped_features()
    first, second = noise(0, 8), stripes(upright=True)
    whole = ((features.describe(first) - features.describe(second)) ** 2).sum()
    blocks = [blocks_of(picture, features.textons) for picture in (first, second)]
    parts = {
        name: WEIGHTS[name] * ((blocks[0][name] - blocks[1][name]) ** 2).sum() / features.scales[name] ** 2
        for name in WEIGHTS
    }
    assert whole == pytest.approx(sum(parts.values()), rel=1e-4) and sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert all(part > 0.01 for part in parts.values())


@pytest.mark.parametrize("shape", [(16, 16, 3), (40, 900, 3), (900, 20, 3), (17, 33, 3)])
def test_any_photo_has_a_vector(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    features = shipped_features()
    for image in (picture, np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)):
        vector = features.describe(image)
        assert vector.dtype == np.float32 and np.isfinite(vector).all() and np.abs(vector).max() < 100.0
        assert np.array_equal(vector, features.describe(image))


def test_a_damaged_dictionary_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(IM2GPS_PATH.read_bytes()[:-1])
    monkeypatch.setattr("backbone.im2gps.IM2GPS_PATH", tmp_path / "x.safetensors")
    shipped_features.cache_clear()
    with pytest.raises(WeightsError, match="damaged"):
        shipped_features()
    shipped_features.cache_clear()


def test_mean_shift_finds_the_places_around_which_photos_were_taken() -> None:
    rng = np.random.default_rng(0)
    lat = np.concatenate([48.2 + rng.normal(0, 0.3, 30), -17.0 + rng.normal(0, 0.3, 12), [89.5, 89.5]])
    lon = np.concatenate([16.4 + rng.normal(0, 0.3, 30), (179.9 + rng.normal(0, 0.4, 12) + 180) % 360 - 180, [0, 180]])
    found, which = modes(unit_vectors(lat, lon), 150.0)
    assert np.bincount(which).tolist() == [30, 12, 2]
    places = np.stack(lat_lon(found), axis=1)
    expected = ((48.2, 16.4), (-17.0, 179.9), (90.0, 0.0))
    assert all(haversine_km(*place, *true) < 25.0 for place, true in zip(places, expected, strict=True))


def test_votes_are_a_share_of_the_density_and_never_nothing(density: CellDistribution) -> None:
    places = unit_vectors([48.2, 48.3, -33.9], [16.4, 16.3, 151.2])
    config = VoteConfig(3, 1.0, 0.0, 100.0, 0.5)
    said = vote(config, np.array([0.0, 0.0, 2.0]), places, density)
    assert (said.p >= 0.49 * density.p).all() and said.p.min() > 0.0
    rows = kernel_rows(places, density, 100.0).astype(np.float64)
    weights = np.array([1.0, 1.0, np.exp(-2.0)]) / (2.0 + np.exp(-2.0))
    assert said.p == pytest.approx(0.5 * density.p + 0.5 * weights @ rows, rel=1e-3, abs=1e-9)
    crowd = vote(VoteConfig(3, 1.0, 1.0, 100.0, 0.5), np.array([0.0, 0.0, 2.0]), places, density)
    vienna = density.partition.cells_of(48.2, 16.4)[0]
    assert crowd.p[vienna] > said.p[vienna], "where many are, each counts more"
    assert vote(VoteConfig(), np.array([0.0]), places[:1], density) is density
    assert vote(config, np.zeros(0), np.zeros((0, 3)), density) is density


def test_photos_that_tell_are_believed_and_those_that_do_not_hardly(tmp_path: Path, density: CellDistribution) -> None:
    telling, embedder, _ = made(tmp_path / "telling", 70, asked=25)
    assert telling.card.votes["share"] > 0.7 and telling.card.metrics["held_out_gain_low"] > 500.0
    blank, _, _ = made(tmp_path / "blank", 70, tells=False, asked=25)
    assert blank.card.metrics["held_out_gain_low"] < 0.0, "to know where a gallery's photos are is no sight"
    assert blank.card.metrics["held_out_blind_gain"] < 100.0
    assert fit_blind(telling, density).p == pytest.approx(fit_blind(blank, density).p)
    prior = GalleryPrior(telling, embedder)
    lat, lon = scattered(70)
    [output] = prior.predict([np.frombuffer(np.int64(5).tobytes(), np.uint8)])
    assert output.distribution.mass_within(lat[5], lon[5], 1000.0) > 0.6
    assert output.embedding is not None and np.array_equal(output.embedding, embedder.vectors[5])
    best = prior.candidates(np.frombuffer(np.int64(5).tobytes(), np.uint8))
    assert sum(count for *_, count in best) == 70
    assert best[0][2] >= best[-1][2]


def test_the_figures_leave_out_what_is_near(tmp_path: Path) -> None:
    """Photos that come in pairs of one spot, and tell nothing else, are worth nothing."""
    lat, lon = scattered(30)
    vectors = np.random.default_rng(0).standard_normal((30, 8)).astype(np.float32)
    photos = Numbered(np.repeat(lat, 2) + np.tile([0.0, 0.05], 30), np.repeat(lon, 2))
    build_gallery(tmp_path / "pairs", [photos], ByTable(np.repeat(vectors, 2, axis=0)), asked=25)
    assert read_gallery_card(tmp_path / "pairs").metrics["held_out_gain_low"] < 0.0


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("galleries") / "coloured"
    report = build_gallery(folder, [ColouredPhotos(40, damaged=13)], Im2gpsEmbedder(), workers=2, asked=25)
    assert report.unreadable == 4 and report.photos == 36
    return Gallery(folder)


def test_pixels_alone_find_the_town(coloured: Gallery, density: CellDistribution) -> None:
    prior = make_prior(f"im2gps:{coloured.folder}")
    assert prior.name == "im2gps:coloured" and prior.card.visual and prior.partition == density.partition
    photos = ColouredPhotos(8, seed=7)
    outputs = prior.predict([photos.pixels(i) for i in range(8)])
    for i, output in enumerate(outputs):
        town = TOWNS[photos.town[i]]
        assert output.distribution.mass_within(*town, 500.0) > 5.0 * density.mass_within(*town, 500.0)
        alone = prior.predict([photos.pixels(i)])[0]
        assert np.array_equal(alone.distribution.p, output.distribution.p), "neighbours in the batch change nothing"
    assert set(prior.card.accuracy) >= {"held_out_gain", "held_out_gain_low", "held_out_points", "covered"}


def test_a_gallery_goes_by_name_among_the_priors(coloured: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_GALLERIES", str(coloured.folder.parent))
    assert "im2gps:coloured" in available_priors()
    assert make_prior("im2gps:coloured").name == "im2gps:coloured"
    with pytest.raises(WeightsError, match="no gallery is called other"):
        make_prior("im2gps:other")
    with pytest.raises(RequestError, match="needs a gallery"):
        make_prior("im2gps")


def test_what_gives_no_embedding_builds_no_gallery(density: CellDistribution) -> None:
    assert make_embedder("im2gps").embedding.name == "im2gps"
    with pytest.raises(RequestError, match="the prior density gives no embedding"):
        make_embedder("density")
    with pytest.raises(RequestError, match="gives no embedding"):
        PriorEmbedder(DensityPrior(density.partition))


def test_votes_of_another_whence_are_refused(coloured: Gallery, tmp_path: Path) -> None:
    import shutil
    from dataclasses import replace

    folder = shutil.copytree(coloured.folder, tmp_path / "coloured")
    for votes in ({}, {**coloured.card.votes, "share": 1.0}, {**coloured.card.votes, "neighbours": "120"}):
        write_gallery_card(folder, replace(coloured.card, votes=votes))
        with pytest.raises(WeightsError, match="build that gallery again"):
            GalleryPrior(Gallery(folder))
