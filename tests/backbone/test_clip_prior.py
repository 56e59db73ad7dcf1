"""CLIP as a prior, on the real architecture made small: the weights are random, all that is around them is not."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbone import clip_prior, clip_texts
from backbone.checked import Check, Fittable, Proven, Scored, write_check
from backbone.clip_cells import Evidence, PlaceTree
from backbone.clip_network import ClipNetwork
from backbone.clip_places import NamedPlaces, named_places, spoken_country
from backbone.clip_prior import UNFITTED, ClipPrior
from backbone.clip_scenes import ClipScenes
from backbone.clip_texts import image_embeddings, text_embeddings
from backbone.density import DensityPrior
from backbone.priors import make_prior
from data.errors import RequestError, WeightsError
from data.gazetteer import load_default as load_gazetteer
from data.partition import load_default
from tests.backbone.test_clip_scenes import PHOTOS, small_network

PARTITION = load_default()
CODES = PARTITION.country_codes


@pytest.fixture(scope="module")
def network() -> ClipNetwork:
    return small_network()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("texts")


@pytest.fixture(scope="module")
def prior(network: ClipNetwork, folder: Path) -> ClipPrior:
    made = ClipPrior(network=network, folder=folder)
    made.predict(PHOTOS[:1])
    return made


@pytest.fixture(scope="module")
def places() -> NamedPlaces:
    return named_places(PARTITION, load_gazetteer())


def some_evidence(places: NamedPlaces, seed: int = 0, size: float = 4.0) -> Evidence:
    random = np.random.default_rng(seed)
    counts = (len(places.countries), len(places.regions), len(places.cities.names))
    return Evidence(*(random.normal(scale=size, size=count) for count in counts))


# The equation.


def test_a_countrys_parts_sum_to_the_country_and_a_regions_to_the_region(places: NamedPlaces) -> None:
    tree, evidence, t = PlaceTree(PARTITION, places), some_evidence(places), 1.7
    density = DensityPrior(PARTITION).distribution
    mass = density.countries()
    weights = {code: mass[code] * math.exp(e / t) for code, e in zip(CODES, evidence.countries.tolist(), strict=True)}
    expected = {code: weight / sum(weights.values()) for code, weight in weights.items()}
    parts = tree.parts(evidence, t)
    of_country = np.bincount(tree.country_of_region[tree.region], parts)
    assert of_country == pytest.approx([expected[code] for code in CODES], rel=1e-5)

    spain = CODES.index("ES")
    region_mass = PARTITION.region_mass(density.p)
    named = {k: e for (k, _, _), e in zip(places.regions, evidence.regions.tolist(), strict=True)}
    inside = np.flatnonzero(tree.country_of_region == spain).tolist()
    mean = np.mean([named[k] for k in inside if k in named])
    within = {k: region_mass[PARTITION.region_codes[k]] * math.exp(named.get(k, mean) / t) for k in inside}
    of_region = np.bincount(tree.region, parts, len(PARTITION.region_codes))
    for k, weight in within.items():
        assert of_region[k] == pytest.approx(expected["ES"] * weight / sum(within.values()), rel=1e-5)


def test_what_the_answer_says_of_a_country_differs_from_the_names_by_its_borders_alone(places: NamedPlaces) -> None:
    tree, evidence = PlaceTree(PARTITION, places), some_evidence(places, size=1.0)
    p = np.exp(tree.log_p(evidence, 1.0))
    mass, said = tree.country_mass(evidence, 1.0), PARTITION.country_mass(p)
    shared = p[np.diff(PARTITION.country_matrix()[0]) > 1].sum()
    assert shared < 0.2
    assert sum(abs(said[code] - q) for code, q in zip(CODES, mass.tolist(), strict=True)) < 2.0 * shared
    assert said["IS"] == pytest.approx(mass[CODES.index("IS")], rel=1e-6)  # an island has none


def test_no_cell_becomes_impossible_however_sure_the_names_are(places: NamedPlaces, prior: ClipPrior) -> None:
    tree = PlaceTree(PARTITION, places)
    for size in (1.0, 1e3, 1e9):
        p = np.exp(tree.log_p(some_evidence(places, size=size), 0.05)).astype(np.float32)
        assert p.min() > 0.0 and p.sum(dtype=np.float64) == pytest.approx(1.0, abs=1e-5)
    assert prior.at_temperature(0.001).predict(PHOTOS[:1])[0].distribution.p.min() > 0.0


def test_names_that_tell_nothing_leave_the_density_prior(places: NamedPlaces, prior: ClipPrior) -> None:
    density = DensityPrior(PARTITION).distribution.p
    tree, evidence = PlaceTree(PARTITION, places), some_evidence(places)
    level = Evidence(*(np.full_like(values, 7.0) for values in vars(evidence).values()))
    assert np.exp(tree.log_p(level, 1.0)) == pytest.approx(density, rel=1e-4, abs=1e-12)
    hot = prior.at_temperature(1e7).predict(PHOTOS[:1])[0].distribution
    assert hot.p == pytest.approx(density, rel=1e-4, abs=1e-12)


def test_a_city_favours_the_cells_near_it_and_no_other_country(places: NamedPlaces) -> None:
    tree, quiet = PlaceTree(PARTITION, places), some_evidence(places, size=0.0)
    seville = places.cities.names.index("Sevilla") if "Sevilla" in places.cities.names else None
    seville = places.cities.names.index("Seville") if seville is None else seville
    assert places.cities.countries[seville] == "ES"
    cities = quiet.cities.copy()
    cities[seville] = 3.0
    gain = tree.log_p(replace(quiet, cities=cities), 1.0) - tree.log_p(quiet, 1.0)
    [here, huelva, paris] = PARTITION.cells_of([37.389, 37.261, 48.857], [-5.984, -6.945, 2.352]).tolist()
    assert gain[here] > 0.5 and gain[here] > gain[huelva]
    assert gain[paris] == pytest.approx(0.0, abs=1e-9)


def test_what_a_city_tells_falls_with_the_distance_from_it(places: NamedPlaces) -> None:
    tree, evidence = PlaceTree(PARTITION, places), some_evidence(places)
    told = np.exp(tree.log_p(evidence, 1.0)) / DensityPrior(PARTITION).distribution.p
    of_iceland = [k for k, code in enumerate(places.cities.countries) if code == "IS"]
    values = evidence.cities[of_iceland]
    alone = np.flatnonzero(np.diff(PARTITION.region_indptr) == 1)
    regions = PARTITION.region_indices[PARTITION.region_indptr[alone]]
    compared = 0
    for region in {k for k in regions.tolist() if PARTITION.region_codes[k].startswith("IS.")}:
        cells = alone[regions == region]
        apart = np.linalg.norm(PARTITION.vectors[cells][:, None] - places.cities.vectors[of_iceland][None], axis=2)
        apart_km = 2.0 * 6371.0088 * np.arcsin(apart / 2.0)
        expected = np.exp(-apart_km.min(axis=1) / 50.0) * (values[apart_km.argmin(axis=1)] - values.mean())
        assert np.log(told[cells]) - np.log(told[cells[0]]) == pytest.approx(expected - expected[0], abs=1e-4)
        compared += len(cells) - 1
    assert compared > 10


# Planted photos: the text network is the real one, the picture network is linear.


class Linear:
    """A picture network that is a matrix, beside the real text network."""

    def __init__(self, network: ClipNetwork, photos: list[Any], wanted: list[Any]) -> None:
        import torch

        model: Any = network.model
        self.logit_scale = torch.tensor(math.log(100.0))
        self.encode_text = model.encode_text
        pixels = torch.stack([network.preprocess(photo).flatten() for photo in photos])
        self._matrix = torch.linalg.lstsq(pixels, torch.from_numpy(np.stack(wanted))).solution

    def to(self, device: str) -> Linear:
        return self

    def encode_image(self, pixels: Any) -> Any:
        return pixels.flatten(1) @ self._matrix


def test_a_photo_that_is_like_a_countrys_name_is_in_that_country(
    network: ClipNetwork, folder: Path, prior: ClipPrior
) -> None:
    from PIL import Image

    texts = text_embeddings(network, named_places(PARTITION, load_gazetteer()).country_sentences(), folder=folder)
    wanted = ["JP", "KE", "PE"]
    towards = [texts[CODES.index(code)] for code in wanted]
    model = Linear(network, [Image.fromarray(photo) for photo in PHOTOS[:3]], towards)
    seeing = replace(network, model=model)
    # The names of random weights lie close together: only far below the temperature of true ones are they told apart.
    planted = ClipPrior(network=seeing, folder=folder, temperature=0.001)
    told = [next(iter(output.distribution.countries())) for output in planted.predict(PHOTOS[:3])]
    assert told == wanted


# What a photo's answer rests on.


def test_a_photo_is_told_the_same_alone_among_others_and_again(prior: ClipPrior) -> None:
    together, again = prior.predict(PHOTOS), prior.predict(list(reversed(PHOTOS)))
    for photo, one, other in zip(PHOTOS, together, reversed(again), strict=True):
        [alone] = prior.predict([photo])
        for told in (one, other):
            assert np.array_equal(told.distribution.p, alone.distribution.p) and told.scene == alone.scene
            assert np.array_equal(told.embedding, alone.embedding)
    assert not np.array_equal(together[0].distribution.p, together[1].distribution.p)
    assert prior.predict([]) == []


def test_photos_seen_at_once_differ_from_those_seen_alone_by_rounding_alone(network: ClipNetwork) -> None:
    assert image_embeddings(network, PHOTOS, batch=4) == pytest.approx(image_embeddings(network, PHOTOS), abs=1e-5)
    assert image_embeddings(network, []).shape == (0, 0)


def test_a_photo_comes_with_a_unit_embedding_and_the_scenes_of_the_same_network(
    prior: ClipPrior, network: ClipNetwork, folder: Path
) -> None:
    outputs = prior.predict(PHOTOS)
    for output in outputs:
        assert output.embedding is not None and output.embedding.dtype == np.float32
        assert output.embedding.shape == (32,) and np.linalg.norm(output.embedding) == pytest.approx(1.0, abs=1e-5)
    assert [output.scene for output in outputs] == ClipScenes(network=network, folder=folder).predict(PHOTOS)


def test_what_a_name_tells_is_its_cosine_with_the_photo_times_the_learnt_scale(
    prior: ClipPrior, network: ClipNetwork, folder: Path, places: NamedPlaces
) -> None:
    [seen] = prior.scores(PHOTOS[:1])
    evidence, scale = prior.evidence(seen), math.exp(float(network.model.logit_scale.detach()))
    every = (places.country_sentences(), places.region_sentences(), places.city_sentences())
    assert scale > 10.0
    for values, sentences in zip(vars(evidence).values(), every, strict=True):
        texts = text_embeddings(network, sentences, folder=folder)
        assert values == pytest.approx(scale * (texts @ seen), rel=1e-4, abs=1e-4)


def test_the_locator_asks_no_scene_model_where_clip_has_told_the_scene(prior: ClipPrior) -> None:
    from backbone.scenes import SceneCard
    from fusion.locator import Locator

    class Deaf:
        name, card = "deaf", SceneCard("", "", "")

        def predict(self, images: object, *, device: str = "cpu") -> Any:
            raise AssertionError("asked")

    answer = Locator(prior, ocr="none", scenes=Deaf()).locate(PHOTOS[0])
    assert answer.scene == prior.predict(PHOTOS[:1])[0].scene and answer.prior_name == "clip:small/random"


# Texts.


def test_names_are_read_once_and_those_of_other_networks_and_other_sentences_apart(
    prior: ClipPrior, network: ClipNetwork, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prior.predict(PHOTOS[:1])[0].distribution.p
    kept = sorted(folder.iterdir())
    monkeypatch.setattr(clip_texts, "_embedded", lambda *_: pytest.fail("read again"))
    again = ClipPrior(network=network, folder=folder).predict(PHOTOS[:1])[0].distribution.p
    assert np.array_equal(again, first) and sorted(folder.iterdir()) == kept
    for other in (replace(network, name="small/other"), replace(network, sha256="ab" * 32)):
        with pytest.raises(pytest.fail.Exception, match="read again"):
            ClipPrior(network=other, folder=folder, temperature=1.0).predict(PHOTOS[:1])
    monkeypatch.setattr("backbone.clip_places.PLACE_FORMS", ("A drawing of {}, {}.",))
    with pytest.raises(pytest.fail.Exception, match="read again"):
        ClipPrior(network=network, folder=folder).predict(PHOTOS[:1])


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_names_whose_file_is_damaged_are_read_again(
    network: ClipNetwork, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    sentences = [["A photo I took in Spain."], ["A photo I took in Peru."]]
    texts = text_embeddings(network, sentences, folder=tmp_path)
    [kept] = tmp_path.iterdir()
    sound = kept.read_bytes()
    kept.write_bytes(
        {"cut": sound[:-9], "flipped": sound[:-9] + bytes([sound[-9] ^ 1]) + sound[-8:], "empty": b""}[damage]
    )
    assert np.array_equal(text_embeddings(network, sentences, folder=tmp_path), texts)
    assert kept.read_bytes() == sound


def test_a_name_is_the_mean_of_its_sentences_and_padding_changes_nothing(network: ClipNetwork) -> None:
    import torch

    sentences = [["A photo I took in Spain.", "A Street View photo in Spain."], ["A photo.", "a " * 90]]
    with torch.inference_mode():
        each = network.model.encode_text(network.tokenizer([s for some in sentences for s in some]), normalize=True)
    means = each.reshape(2, 2, -1).mean(dim=1).numpy()
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert text_embeddings(network, sentences, folder=None) == pytest.approx(means, abs=1e-6)


def test_a_text_network_of_another_kind_reads_whole_sentences(network: ClipNetwork) -> None:
    import open_clip
    import torch

    torch.manual_seed(0)
    other = open_clip.CustomTextCLIP(
        embed_dim=32,
        vision_cfg={"image_size": 32, "layers": 1, "width": 32, "patch_size": 8, "head_width": 16},
        text_cfg={
            "context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1, "no_causal_mask": True,
            "pool_type": "last",
        },
    ).eval()  # fmt: skip
    sentences = [["A photo I took in Spain."], ["A photo."]]
    with torch.inference_mode():
        each = other.encode_text(network.tokenizer([some[0] for some in sentences]), normalize=True).numpy()
    assert text_embeddings(replace(network, model=other), sentences, folder=None) == pytest.approx(each, abs=1e-6)


def test_the_user_is_told_that_reading_all_names_takes_a_while(
    network: ClipNetwork, caplog: pytest.LogCaptureFixture
) -> None:
    text_embeddings(network, [["A photo."]] * 1999, folder=None)
    assert not caplog.messages
    text_embeddings(network, [["A photo."]] * 2000, folder=None)
    assert caplog.messages == ["clip:small/random reads 2,000 sentences, once, which may take minutes"]


# Sureness.


def test_the_temperature_is_the_kept_one_for_these_weights_and_cautious_otherwise(
    network: ClipNetwork, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path))
    ours = replace(network, sha256="12" * 32)
    unfitted = ClipPrior(network=ours, folder=folder)
    assert unfitted.temperature == UNFITTED and "not fitted" in unfitted.card.summary and not unfitted.card.accuracy
    write_check(Check("clip:small/random", "12" * 32, 3.5, {"held_out_gain": 7.0}, "streets, 300 photos", "whence 0"))
    fitted = ClipPrior(network=ours, folder=folder)
    assert fitted.temperature == 3.5 and fitted.card.accuracy == {"held_out_gain": 7.0}
    assert "streets, 300 photos" in fitted.card.summary
    assert ClipPrior(network=replace(network, sha256="34" * 32), folder=folder).temperature == UNFITTED
    assert ClipPrior(network=ours, folder=folder, temperature=1.0).card.accuracy == {}
    assert fitted.at_temperature(2.5).card.accuracy == {}


def test_another_temperature_is_another_prior_with_the_same_names(prior: ClipPrior) -> None:
    cold = prior.at_temperature(0.5)
    assert isinstance(cold, Scored) and isinstance(cold, Proven)
    fittable: Fittable = cold
    assert fittable.temperature == 0.5 and prior.temperature == UNFITTED
    [scores] = prior.scores(PHOTOS[:1])
    for made in (prior, cold):
        [told] = made.predict(PHOTOS[:1])
        expected = np.exp(prior.log_p(scores, made.temperature))
        assert told.distribution.p == pytest.approx(expected, rel=1e-4)
    assert prior.log_p(scores, 1.0).dtype == np.float32
    # Doubling the temperature halves what a name tells, within the density prior's odds.
    density, k = DensityPrior(PARTITION).distribution.countries(), [CODES.index("ES"), CODES.index("FR")]
    odds = [
        math.log(mass[k[0]] / mass[k[1]]) - math.log(density["ES"] / density["FR"])
        for mass in (prior.tree.country_mass(prior.evidence(scores), t) for t in (1.0, 2.0))
    ]
    assert odds[0] == pytest.approx(2.0 * odds[1], rel=1e-3)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_a_temperature_that_is_none_is_refused(prior: ClipPrior, temperature: float) -> None:
    with pytest.raises(RequestError, match="above 0"):
        prior.at_temperature(temperature)


def test_a_name_that_is_near_to_every_photo_gains_nothing_once_photos_have_shown_it(
    network: ClipNetwork, folder: Path
) -> None:
    corrected = ClipPrior(network=network, folder=folder, neutral=PHOTOS[:1])
    [same, other] = corrected.predict(PHOTOS[:2])
    density = DensityPrior(PARTITION).distribution.p
    assert same.distribution.p == pytest.approx(density, rel=1e-4, abs=1e-12)
    assert other.distribution.p != pytest.approx(density, rel=1e-4, abs=1e-12)


def test_random_weights_prove_nothing(prior: ClipPrior) -> None:
    assert [proof.holds for proof in prior.proofs()] == [False, False]


def test_weights_that_give_no_numbers_are_named(network: ClipNetwork, folder: Path, tmp_path: Path) -> None:
    import torch

    for parameter, folder_of_texts in (("logit_scale", folder), ("visual.proj", folder), ("text_projection", tmp_path)):
        model = copy.deepcopy(network.model)
        with torch.no_grad():
            model.get_parameter(parameter).fill_(float("nan"))
        with pytest.raises(WeightsError, match="clip:small/random give no numbers"):
            ClipPrior(network=replace(network, model=model), folder=folder_of_texts).predict(PHOTOS[:1])
    assert not list(tmp_path.iterdir())


def test_a_device_that_is_not_there_is_refused(prior: ClipPrior) -> None:
    with pytest.raises(RequestError, match="unknown device"):
        prior.predict(PHOTOS[:1], device="tpu")
    with pytest.raises(RequestError, match="not found"):
        prior.predict(PHOTOS[:1], device="cuda:99")
    assert prior.predict(PHOTOS[:1], device="cpu:0")[0].distribution.p.shape == (len(PARTITION),)


# Names of places.


def test_each_country_has_a_name_of_its_own_and_most_regions_and_every_populated_group_a_city(
    places: NamedPlaces,
) -> None:
    assert len(set(places.countries)) == len(CODES) == len(places.countries)
    assert not any(
        name == code or "&" in name or ("(" in name and code != "CC")
        for name, code in zip(places.countries, CODES, strict=True)
    )
    density = PARTITION.region_mass(DensityPrior(PARTITION).distribution.p)
    named = sum(density[PARTITION.region_codes[k]] for k, _, _ in places.regions)
    assert named > 0.95
    gazetteer = load_gazetteer()
    lat, lon, _ = gazetteer.positions()
    group = PARTITION.parents("middle")
    populated = set(group[PARTITION.cells_of(lat, lon)].tolist())
    latitudes = np.degrees(np.arcsin(places.cities.vectors[:, 2]))
    longitudes = np.degrees(np.arctan2(places.cities.vectors[:, 1], places.cities.vectors[:, 0]))
    assert populated <= set(group[PARTITION.cells_of(latitudes, longitudes)].tolist())
    assert set(places.cities.countries) >= set(gazetteer.countries_of(np.arange(len(lat))).tolist()) & set(CODES)


def test_sentences_read_as_a_caption_would() -> None:
    assert spoken_country("NL") == "the Netherlands" and spoken_country("TR") == "Turkey"
    places = named_places(PARTITION, load_gazetteer(), largest=50)
    assert "A Street View photo in the United States." in places.country_sentences()[CODES.index("US")]
    region = next(k for k, (_, name, _) in enumerate(places.regions) if name == "California")
    assert places.region_sentences()[region][0] == "A Street View photo in California, the United States."
    assert places.city_sentences()[0][1] == "A photo I took in Shanghai, China."


# By name.


def test_the_prior_is_made_by_name(network: ClipNetwork, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def loaded(name: str, *, offline: bool) -> ClipNetwork:
        asked.append((name, offline))
        return network

    monkeypatch.setattr(clip_prior, "load_network", loaded)
    assert make_prior("clip").name == "clip:small/random"
    make_prior("clip:hf-hub:geolocal/StreetCLIP", offline=True)
    assert asked == [(clip_prior.DEFAULT, False), ("hf-hub:geolocal/StreetCLIP", True)]
    with pytest.raises(RequestError, match="unknown prior"):
        make_prior("clip:")
