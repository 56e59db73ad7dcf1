"""`whence gallery` and `whence locate --gallery`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backbone import gallery_build
from backbone.density import DensityPrior
from backbone.gallery import Gallery
from backbone.gallery_prior import GalleryPrior
from data.errors import WeightsError
from data.partition import Partition
from fusion.cli import main
from fusion.locator import Locator
from tests.fusion.parts import FixedText
from tests.small_photos import write_table

COLOURS = {"Wien": (48.2, 16.4, (200, 60, 50)), "Sydney": (-33.9, 151.2, (60, 90, 210))}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit on few photos: what is fitted is tested elsewhere."""
    fitted = gallery_build.fitted
    monkeypatch.setattr(gallery_build, "fitted", lambda gallery, asked: fitted(gallery, 3))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHENCE_GALLERIES", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return small_set(tmp_path / "photos", 6)


def small_set(folder: Path, count: int, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    rows = []
    (folder / "images").mkdir(parents=True)
    for k in range(count):
        lat, lon, colour = list(COLOURS.values())[k % 2]
        pixels = np.clip(np.array(colour) + rng.integers(-30, 31, (48, 64, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{k}.png")
        rows.append((f"{k}.png", lat + rng.normal(0, 1.0), lon + rng.normal(0, 1.0)))
    write_table(folder / "labels.csv", rows)
    return folder


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(args))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_gallery_from_building_to_removing(
    photos: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "images" / "3.png").write_bytes(b"no photo")
    code, out, err = run(
        capsys, "gallery", "build", str(photos), "-o", "mine", "--licence", "CC0", "--source", "my \x1b[2J trip"
    )
    assert code == 0 and "5 photos added, 0 were there already, 1 could not be read" in err
    assert "mine\n" in out and "5, " in out and "im2gps (1886 numbers" in out and "\x1b" not in out
    assert (store / "mine" / "unreadable.txt").read_text() == "photos/3.png\n"

    code, out, _ = run(capsys, "gallery", "list", "--json")
    row = json.loads(out)
    assert (code, row["name"], row["card"]["photos"], row["fault"], row["card"]["licence"]) == (
        0,
        "mine",
        5,
        None,
        "CC0",
    )

    other = small_set(tmp_path / "other", 2, seed=5)
    code, _, err = run(capsys, "gallery", "add", "mine", str(photos / "labels.csv"), str(other), "--skip-unlabelled")
    assert code == 0 and "2 photos added, 5 were there already, 1 could not be read" in err

    (tmp_path / "list.txt").write_text("other/1.png\nphotos/9.png\n")
    code, out, err = run(capsys, "gallery", "remove", "mine", "photos/0.png", "--list", str(tmp_path / "list.txt"))
    assert code == 2 and out == "2 photos removed\n" and "no photo in it is called photos/9.png" in err

    code, out, _ = run(capsys, "gallery", "info", "mine", "--photos")
    keys = [line.split(",")[0] for line in out.splitlines()]
    assert (code, keys) == (0, ["key", "photos/1.png", "photos/2.png", "photos/4.png", "photos/5.png", "other/0.png"])

    assert run(capsys, "gallery", "verify")[:2] == (0, "mine: sound\n")
    part = next((store / "mine").glob("part-*.npy"))
    part.write_bytes(part.read_bytes()[:-1] + b"\x00")
    code, out, err = run(capsys, "gallery", "verify", "mine")
    assert (code, out) == (2, "") and "is damaged" in err and "build that gallery again" in err


def test_what_cannot_be_done_is_said_in_one_line(photos: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for args, said in (
        (["info", "none"], "no gallery is called none"),
        (["build", str(photos), "-o", "../Up"], "cannot be the name"),
        (["build", str(photos), "-o", "mine", "--by", "density"], "gives no embedding"),
        (["build", str(photos), "-o", "mine", "--by", "nothing"], "unknown prior"),
        (["build", str(photos / "images"), "-o", "mine"], "no set of photos"),
    ):
        code, out, err = run(capsys, "gallery", *args)
        assert (code, out) == (2, "") and said in err and err.count("\n") == 1
    assert not store.exists()
    assert run(capsys, "gallery", "list")[2].startswith("no gallery is in")


def test_photos_are_located_with_a_gallery(photos: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "gallery", "build", str(photos), "-o", "mine")[0] == 0
    photo = str(photos / "images" / "1.png")
    parts = ("--ocr", "none", "--scenes", "none", "--json")
    code, out, _ = run(capsys, "locate", photo, "--prior", "im2gps:mine", "--gallery", "mine", *parts)
    assert code == 0 and json.loads(out)["prior"] == "im2gps:mine+gallery:mine"
    code, _, err = run(capsys, "locate", photo, "--gallery", "mine", *parts)
    assert code == 2 and "was embedded with im2gps" in err and "the prior is pixels" in err


def test_a_located_photo_keeps_what_the_gallery_narrowed(
    photos: Path, store: Path, partition: Partition, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the prior through clues to the answer: the spread of a cell stays as narrow as the gallery made it."""
    from backbone import gallery_refine, gallery_votes

    assert run(capsys, "gallery", "build", str(photos), "-o", "mine")[0] == 0
    gallery = Gallery(store / "mine")
    sure = gallery_refine.Refinement(1.0, (), (1.0,), (0.25,), 50)
    monkeypatch.setattr(gallery_refine.Refinement, "of", classmethod(lambda cls, fields: sure))
    votes = gallery_votes.VoteConfig(6, 1.0, 0.0, 15.0, 0.9)
    monkeypatch.setattr(gallery_votes.VoteConfig, "of", classmethod(lambda cls, fields: votes))
    locator = Locator(
        GalleryPrior(gallery), gallery="mine", ocr=FixedText(["Zu vermieten"]), regions="none", scenes="none"
    )
    answer = locator.locate(photos / "images" / "0.png")
    cells = np.unique(partition.cells_of(gallery.lat, gallery.lon))
    wide = DensityPrior(partition).distribution.spread_km
    narrowed = [c for c in cells if wide[c] > 4.0 and answer.prior.spread_km[c] < 0.3 * wide[c]]
    assert answer.clues and narrowed, "the sentence is German, and some cell was narrowed"
    assert answer.distribution is not answer.prior
    assert answer.distribution.spread_km[narrowed] == pytest.approx(answer.prior.spread_km[narrowed])
    within = locator.locate(photos / "images" / "0.png", within="-180,-60,180,80").distribution
    assert within.spread_km[narrowed] == pytest.approx(answer.prior.spread_km[narrowed], rel=0.1)


def test_a_gallery_of_a_model_that_is_not_at_hand_is_refused(
    photos: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "gallery", "build", str(photos), "-o", "mine")[0] == 0
    card = store / "mine" / "gallery.json"
    card.write_text(card.read_text().replace('"name": "im2gps"', '"name": "planet:gone"'))
    with pytest.raises(WeightsError, match="no model is called gone"):
        GalleryPrior(Gallery(store / "mine"))
    code, _, err = run(capsys, "gallery", "add", "mine", str(photos))
    assert code == 2 and "no model is called gone" in err
