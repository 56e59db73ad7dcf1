"""Our own scene head: fitted exactly, calibrated, kept whole, trained from labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backbone import train_scenes
from backbone.logistic import Logistic, fit, fit_temperature, softmax
from backbone.panoramas import view
from backbone.patch_words import PatchWords
from backbone.scene_head import HEAD_PATH, SceneHead, SceneModelFile, described
from backbone.scenes import SCENES, make_scene_model
from backbone.train_scenes import figures, read_labelled_photos, train
from data.errors import DatasetError, RequestError, WeightsError
from tests.conftest import REPOSITORY

RNG = np.random.default_rng(0)
PHOTOS = [RNG.integers(0, 256, (60, 80 + k, 3), dtype=np.uint8) for k in range(3)]


def test_the_shipped_head_gives_probabilities_of_the_scenes() -> None:
    head = make_scene_model("head")
    assert head is not None
    told = head.predict(PHOTOS)
    assert all(tuple(each) == SCENES and sum(each.values()) == pytest.approx(1.0) for each in told)
    assert told[1] == head.predict(PHOTOS[1:2])[0] and head.predict([]) == []
    assert head.card.sha256 and head.card.accuracy["travel_train, out of fold: accuracy"] > 0.8


def test_a_mirror_image_shows_the_same_scene() -> None:
    head = SceneHead()
    picture = RNG.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    [one, other] = head.predict([picture, picture[:, ::-1]])
    assert list(one.values()) == pytest.approx(list(other.values()), abs=1e-6)


def test_sky_over_leaves_is_more_natural_than_rows_of_windows() -> None:
    meadow = np.zeros((240, 320, 3), np.float64)
    meadow[:120] = (150, 190, 240)
    meadow[120:] = np.array((70, 110, 40)) + RNG.normal(0, 25, (120, 320, 1)) + RNG.normal(0, 10, (120, 320, 3))
    facade = np.full((240, 320, 3), (190, 170, 140), np.float64)
    for y in range(15, 230, 45):
        for x in range(12, 310, 36):
            facade[y : y + 28, x : x + 16] = (50, 55, 65)
    facade += RNG.normal(0, 4, facade.shape)
    [field, wall] = SceneHead().predict([np.clip(x, 0, 255).astype(np.uint8) for x in (meadow, facade)])
    assert field["natural"] > wall["natural"] + 0.3 and field["indoor"] < 0.05
    assert wall["natural"] < 0.1 and wall["urban"] == max(wall.values())


@pytest.mark.parametrize("name", ["heads", "head:x", "", "none:"])
def test_names_of_no_model_are_refused(name: str) -> None:
    with pytest.raises(RequestError, match="unknown scene model"):
        make_scene_model(name)


def test_auto_is_the_head_where_no_clip_is_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert isinstance(make_scene_model("auto"), SceneHead) and make_scene_model("none") is None


def test_the_regression_finds_the_true_one_and_its_own_minimum() -> None:
    x = RNG.normal(size=(4000, 3)) * (1.0, 5.0, 0.1) + (0.0, 3.0, -1.0)
    truth = Logistic(x.mean(axis=0), x.std(axis=0), np.array([[1.0, -1, 0], [0, 1, 0], [-1.0, 0, 0.5]]), np.zeros(3))
    y = np.array([RNG.choice(3, p=p) for p in softmax(truth.logits(x))])
    found = fit(x, y, classes=3, ridge=1e-4)
    assert softmax(found.logits(x)) == pytest.approx(softmax(truth.logits(x)), abs=0.1)
    assert fit_temperature(3.0 * truth.logits(x), y) == pytest.approx(3.0, rel=0.1)
    # At the minimum, probabilities add up to the counts of each class.
    assert softmax(found.logits(x)).sum(axis=0) == pytest.approx(np.bincount(y), rel=1e-3)


def test_weights_stand_for_repeated_photos_and_constant_features_for_nothing() -> None:
    x = RNG.normal(size=(60, 4))
    x[:, 3] = 7.0
    y = RNG.integers(0, 2, 60)
    weights = RNG.integers(1, 4, 60)
    once = fit(x, y, classes=2, ridge=0.1, sample_weights=weights)
    often = fit(np.repeat(x, weights, axis=0), np.repeat(y, weights), classes=2, ridge=0.1)
    assert once.logits(x) == pytest.approx(often.logits(x), abs=1e-3)
    assert once.weights[:, 3] == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(ValueError, match="positive"):
        fit(x, y, classes=2, ridge=0.0)


def test_figures_say_what_they_are_called() -> None:
    p = np.array([[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    made = figures(p, np.array([0, 1, 1, 2]))
    assert made["accuracy"] == 0.75
    assert made["log_loss"] == pytest.approx(-np.log([0.8, 0.1, 0.5, 0.7]).mean())
    assert made["ece"] == pytest.approx((2 * 0.3 + 0.5 + 0.3) / 4)


def test_what_is_kept_is_what_is_read() -> None:
    content = HEAD_PATH.read_bytes()
    kept = SceneModelFile.from_bytes(content)
    again = SceneModelFile.from_bytes(kept.to_bytes())
    assert kept.to_bytes() == again.to_bytes()
    assert np.array_equal(described(PHOTOS[0], kept.vocabularies), described(PHOTOS[0], again.vocabularies))
    for broken in (b"", content[:-100], content[:50], b"\x00" * 300):
        with pytest.raises(WeightsError, match="no weights of a scene head"):
            SceneModelFile.from_bytes(broken)


def test_a_head_of_ones_own_is_used_and_a_missing_one_is_named(tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    shipped = SceneModelFile.from_bytes(HEAD_PATH.read_bytes())
    own.write_bytes(SceneModelFile(shipped.vocabularies, shipped.regression, 1e6, {}).to_bytes())
    [told] = SceneHead(own).predict(PHOTOS[:1])
    assert list(told.values()) == pytest.approx([1 / 3] * 3, abs=1e-3)
    with pytest.raises(WeightsError, match="cannot be read"):
        SceneHead(tmp_path / "none")


def test_the_labels_of_the_repository_are_sound_and_name_no_photo_twice() -> None:
    photos = read_labelled_photos(REPOSITORY / "benchmarks" / "scene_labels.tsv")
    assert len({(photo.set, photo.file) for photo in photos}) == len(photos) == 1005
    assert {photo.scene for photo in photos} == set(SCENES)


def test_a_wrong_label_is_named_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "labels.tsv"
    table.write_text("set\tfile\tscene\tcategory\tdoubtful\na\tb.jpg\tindoor\tforest or field\t\n")
    with pytest.raises(DatasetError, match=r"line 2 of .*forest or field"):
        read_labelled_photos(table)
    for short in ("a\tb.jpg", "a\tb.jpg\tindoor\tworkplace"):
        table.write_text(f"set\tfile\tscene\tcategory\tdoubtful\n{short}\n")
        with pytest.raises(DatasetError, match=r"line 2 of .*mend it"):
            read_labelled_photos(table)
    with pytest.raises(DatasetError, match="no table"):
        read_labelled_photos(tmp_path / "none.tsv")


def test_photos_without_a_place_and_views_without_a_direction_are_named(tmp_path: Path) -> None:
    for name in train_scenes.MAIN:
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text("file,lat,lon\na.jpg,1,2\n")
    photo = train_scenes.LabelledPhoto(train_scenes.MAIN[0], "b.jpg", "urban", "street or transport", False)
    with pytest.raises(DatasetError, match=r"labels\.csv has no row of b\.jpg: add"):
        train_scenes.folds_of([photo], tmp_path)
    (tmp_path / train_scenes.MAIN[0] / "labels.csv").write_text("file,lat,lon\nb.jpg,1\n")
    with pytest.raises(DatasetError, match="does not say where"):
        train_scenes.folds_of([photo], tmp_path)
    for file in ("attic", "attic:0", "attic:left:0"):
        view_of = train_scenes.LabelledPhoto("panoramas", file, "indoor", "home or hotel", False)
        with pytest.raises(DatasetError, match="name:yaw:pitch"):
            train_scenes.photo_pixels(view_of, tmp_path, tmp_path)


def middle(light: np.ndarray) -> float:
    return float(light @ np.arange(len(light)) / light.sum())


def test_a_view_looks_where_it_says() -> None:
    """Rings of longitude in red, of latitude in green."""
    rows, columns = 256, 512
    panorama = np.full((rows, columns, 3), 0.2, np.float32)
    panorama[:, columns // 4 - 6 : columns // 4 + 6, 0] = 5.0  # 90 degrees to the left
    panorama[rows // 2 - 6 : rows // 2 + 6, :, 1] = 5.0  # the horizon
    left = view(panorama, -90.0, 0.0).astype(int)
    assert left.shape == (120, 160, 3)
    assert middle((left[:, :, 0] - left[:, :, 2])[:50].sum(axis=0)) == pytest.approx(79.5, abs=1.0)
    assert middle((left[:, :, 1] - left[:, :, 2])[:, :70].sum(axis=1)) == pytest.approx(59.5, abs=1.0)
    lower = 59.5 + 80.0 / np.tan(np.radians(47.5)) * np.tan(np.radians(20.0))
    raised = view(panorama, -90.0, 20.0).astype(int)
    assert middle((raised[:, :, 1] - raised[:, :, 2])[:, 60:70].sum(axis=1)) == pytest.approx(lower, abs=2.0)


def test_training_learns_what_the_labels_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_scenes, "_WORDS", 12)
    monkeypatch.setattr(train_scenes, "_SIZES", ((32, 2),))
    rows = ["set\tfile\tscene\tcategory\tdoubtful"]
    looks = {
        "indoor": ("workplace", (120, 90, 60), 2), "natural": ("forest or field", (60, 140, 50), 40),
        "urban": ("street or transport", (130, 130, 135), 12),
    }  # fmt: skip
    rng = np.random.default_rng(3)
    for name in train_scenes.MAIN:
        folder = tmp_path / "data" / name / "images"
        folder.mkdir(parents=True)
        points = ["file,lat,lon"]
        for k in range(24):
            scene = SCENES[k % 3]
            category, colour, noise = looks[scene]
            pixels = np.clip(np.array(colour) + rng.normal(0, noise, (40, 48, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{k}.png")
            rows.append(f"{name}\t{k}.png\t{scene}\t{category}\t")
            points.append(f"{k}.png,{2 * k},{5 * k}")
        (folder.parent / "labels.csv").write_text("\n".join(points))
    table = tmp_path / "labels.tsv"
    table.write_text("\n".join(rows))
    path = train(tmp_path / "out", table, data=tmp_path / "data", panoramas=None)
    head = SceneHead(path)
    assert head.card.accuracy["streets_train, out of fold: accuracy"] > 0.9
    pixels = np.clip(np.array((60, 140, 50)) + rng.normal(0, 40, (40, 48, 3)), 0, 255).astype(np.uint8)
    assert head.predict([pixels])[0]["natural"] > 0.7
    assert path.read_bytes() == train(tmp_path / "again", table, data=tmp_path / "data", panoramas=None).read_bytes()
    with pytest.raises(DatasetError, match="cannot write"):
        train(table, table, data=tmp_path / "data", panoramas=None)


def test_words_are_learnt_without_labels() -> None:
    assert PatchWords.learn(PHOTOS, words=4, side=32).words.shape == (4, 108)
