"""Galleries on disk: built in blocks, added to, taken from, searched, and refused when they are not what they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from backbone.gallery import Gallery
from backbone.gallery_build import add_photos, build_gallery, remove_photos
from backbone.gallery_card import read_gallery_card
from backbone.gallery_index import exact_search
from backbone.gallery_prior import GalleryPrior
from backbone.gallery_store import find_gallery, galleries
from data.errors import DatasetError, RequestError, WeightsError
from tests.backbone.galleries import ByTable, Numbered, made, scattered, telling

QUICK = {"asked": 4}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Gallery, ByTable, Numbered]:
    return made(tmp_path_factory.mktemp("galleries") / "mine", 60, block=25, **QUICK)


@pytest.fixture
def copied(built: tuple[Gallery, ByTable, Numbered], tmp_path: Path) -> Path:
    return Path(shutil.copytree(built[0].folder, tmp_path / "mine"))


def test_the_nearest_are_those_of_an_exhaustive_search(built: tuple[Gallery, ByTable, Numbered]) -> None:
    gallery, embedder, photos = built
    kept = embedder.vectors.astype(np.float16).astype(np.float64)
    queries = telling(*scattered(7, seed=3), seed=0)
    rows, square = gallery.nearest(queries, 9)
    true = ((queries[:, None].astype(np.float64) - kept) ** 2).sum(axis=-1)
    assert np.array_equal(rows, np.argsort(true, axis=1, kind="stable")[:, :9])
    assert square == pytest.approx(np.sort(true, axis=1)[:, :9], abs=1e-5)
    assert gallery.key(int(rows[0, 0])) == f"made/{photos.key(int(rows[0, 0]))}"
    assert np.array_equal(gallery.lat, photos.lat) and np.array_equal(gallery.lon, photos.lon)


def test_blocks_make_no_difference_to_what_is_nearest() -> None:
    x = np.random.default_rng(0).standard_normal((50, 6)).astype(np.float16)
    x[40] = x[3]
    queries = x[[3, 17]].astype(np.float32)
    rows, square = exact_search([x[:7], x[7:8], x[8:]], queries, 12)
    whole = exact_search([x], queries, 12)
    assert np.array_equal(rows, whole[0]) and np.array_equal(square, whole[1])
    assert rows[0, :2].tolist() == [3, 40], "of equals the lower row comes first"


def test_vectors_stay_on_disk_until_they_are_asked_for(built: tuple[Gallery, ByTable, Numbered]) -> None:
    gallery, embedder, _ = built
    assert all(isinstance(part.base, np.memmap) or isinstance(part, np.memmap) for part in gallery.parts)
    assert [len(part) for part in gallery.parts] == [25, 25, 10]
    assert np.array_equal(gallery.vectors([59, 0, 30]), embedder.vectors[[59, 0, 30]].astype(np.float16))


def test_an_index_finds_nearly_all_of_the_nearest_and_tells_exact_distances(tmp_path: Path) -> None:
    gallery, _, _ = made(tmp_path / "mine", 3_000, index_above=1_000, **QUICK)
    assert gallery.card.index is not None and gallery.card.index.photos == 3_000
    queries = telling(*scattered(20, seed=8), seed=0)
    rows, square = gallery.nearest(queries, 100)
    true, true_square = gallery.nearest(queries, 100, exact=True)
    recall = np.mean([len(np.intersect1d(a, b)) / 100 for a, b in zip(rows, true, strict=True)])
    assert recall > 0.97 and np.array_equal(np.sort(square, axis=1), square)
    both = rows == true
    assert square[both] == pytest.approx(true_square[both], abs=1e-4)


def test_an_interrupted_build_ends_as_one_that_was_not(tmp_path: Path) -> None:
    lat, lon = scattered(40)
    embedder = ByTable(telling(lat, lon))
    folders = tmp_path / "a" / "mine", tmp_path / "b" / "mine"
    build_gallery(folders[0], [Numbered(lat, lon, broken=[3, 22])], embedder, block=10, **QUICK)
    with pytest.raises(KeyboardInterrupt):
        build_gallery(folders[1], [Numbered(lat, lon, broken=[3, 22], dies_at=27)], embedder, block=10, **QUICK)
    with pytest.raises(WeightsError, match=r"not finished.*again"):
        Gallery(folders[1])
    (folders[1] / "part-000002.npy").write_bytes(b"half of a block")
    photos = Numbered(lat, lon, broken=[3, 22])
    report = build_gallery(folders[1], [photos], embedder, block=10, **QUICK)
    assert min(photos.asked) == 20, "what is there is not embedded again"
    assert (report.added, report.known, report.unreadable, report.photos) == (19, 19, 2, 38)
    files = [{path.name: path.read_bytes() for path in f.iterdir() if path.name != ".lock"} for f in folders]
    assert files[0] == files[1]
    assert (folders[1] / "unreadable.txt").read_text().split() == ["made/00003.jpg", "made/00022.jpg"]


def test_photos_that_are_there_are_not_added_twice(copied: Path, built: tuple[Gallery, ByTable, Numbered]) -> None:
    _, embedder, photos = built
    report = add_photos(copied, [photos], embedder, **QUICK)
    assert (report.added, report.known, report.photos) == (0, 60, 60)
    other = Numbered(photos.lat[:5], photos.lon[:5], name="other")
    report = add_photos(copied, [other], embedder, licence="CC0", **QUICK)
    assert (report.added, report.photos) == (5, 65)
    gallery = Gallery(copied)
    assert gallery.key(64) == "other/00004.jpg" and gallery.card.sources == ("made", "other")
    assert gallery.card.licence == "CC0" and gallery.verify() == []


def test_removed_photos_are_found_no_more(copied: Path, built: tuple[Gallery, ByTable, Numbered]) -> None:
    _, embedder, _ = built
    before = Gallery(copied).opened()
    query = before.vectors([30])
    assert before.nearest(query, 1)[0][0, 0] == 30
    count, unknown = remove_photos(copied, ["made/00030.jpg", "00002.jpg", "nobody.jpg"], embedder, **QUICK)
    after = Gallery(copied)
    assert (count, unknown, len(after)) == (2, ["nobody.jpg"], 58)
    keys = {after.key(i) for i in range(58)}
    assert not keys & {"made/00030.jpg", "made/00002.jpg"} and "made/00031.jpg" in keys
    row = int(after.nearest(query, 1)[0][0, 0])
    assert after.key(row) != "made/00030.jpg" and after.lat[row] == before.lat[int(after.key(row)[5:10])]
    assert after.verify() == [] and len(list(copied.glob("part-*.npy"))) == 3
    with pytest.raises(RequestError, match="no photo would be left"):
        remove_photos(copied, [after.key(i) for i in range(58)], embedder)


def test_photos_go_also_where_their_embedding_is_gone_and_the_prior_is_then_another(
    copied: Path, built: tuple[Gallery, ByTable, Numbered]
) -> None:
    before = GalleryPrior(Gallery(copied), built[1]).card.sha256
    assert before == GalleryPrior(built[0], built[1]).card.sha256
    assert remove_photos(copied, ["00001.jpg"], **QUICK) == (1, [])
    assert GalleryPrior(Gallery(copied), built[1]).card.sha256 != before


def test_a_gallery_that_changes_while_it_is_opened_says_so(copied: Path) -> None:
    reader = Gallery(copied)
    remove_photos(copied, ["00001.jpg"], **QUICK)
    with pytest.raises(WeightsError, match="was changed while it was opened: open it again"):
        reader.opened()
    assert len(Gallery(copied).opened().places) == 59
    next(copied.glob("part-*.parquet")).unlink()
    with pytest.raises(WeightsError, match="build that gallery again"):
        Gallery(copied).opened()


def test_an_index_grows_and_is_made_anew(tmp_path: Path) -> None:
    gallery, embedder, photos = made(tmp_path / "mine", 60, index_above=40, **QUICK)
    more = Numbered(photos.lat[:10] + 1.0, photos.lon[:10], name="more")
    add_photos(gallery.folder, [more], embedder, index_above=40, **QUICK)
    grown = Gallery(gallery.folder)
    assert grown.card.index is not None and grown.card.index.photos == 70 and grown.verify() == []
    assert set(grown.nearest(embedder.vectors[4], 2)[0][0].tolist()) == {4, 64}
    remove_photos(gallery.folder, ["made/00004.jpg"], embedder, index_above=40, **QUICK)
    left = Gallery(gallery.folder)
    assert left.key(int(left.nearest(embedder.vectors[4], 1)[0][0, 0])) == "more/00004.jpg"
    assert len(list(gallery.folder.glob("index-*"))) == 1


def test_what_is_damaged_or_foreign_is_refused_with_a_cure(copied: Path) -> None:
    part = copied / "part-000001.npy"
    whole = part.read_bytes()
    for content in (whole[:-2], b"PK\x03\x04" + whole[4:], whole.replace(b"'<f2'", b"'<f4'"), b""):
        part.write_bytes(content)
        with pytest.raises(WeightsError, match=r"part-000001\.npy cannot be used.*build that gallery again"):
            Gallery(copied).nearest(np.zeros(8), 1)
    part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert ["damaged" in line for line in Gallery(copied).verify()] == [True]
    part.write_bytes(whole)
    places = copied / "part-000000.parquet"
    places.write_bytes(places.read_bytes()[:-9])
    with pytest.raises(WeightsError, match=r"part-000000\.parquet is damaged"):
        _ = Gallery(copied).lat
    card = copied / "gallery.json"
    for text in ("{}", card.read_text().replace('"photos": 25', '"photos": "25"'), card.read_text()[:-20],
                 card.read_text().replace('"number": 1', '"number": 0'), "[" * 100_000):  # fmt: skip
        card.write_text(text)
        with pytest.raises(WeightsError, match=r"no card of a gallery.*build that gallery again"):
            read_gallery_card(copied)


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    gallery, _, _ = made(tmp_path / "mine", 60, index_above=40, **QUICK)
    assert gallery.card.index is not None
    file = gallery.folder / gallery.card.index.file
    whole = file.read_bytes()
    for content in (whole[:-100], whole[:64] + bytes(8) + whole[72:]):
        file.write_bytes(content)
        with pytest.raises(WeightsError, match="damaged or not the index"):
            Gallery(gallery.folder).nearest(np.zeros(8), 1)
    file.unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        Gallery(gallery.folder).nearest(np.zeros(8), 1)


def test_two_embeddings_are_not_mixed(copied: Path, built: tuple[Gallery, ByTable, Numbered]) -> None:
    _, embedder, photos = built
    for other in (ByTable(embedder.vectors, sha256="6" * 64), ByTable(embedder.vectors, name="clip")):
        with pytest.raises(WeightsError, match="two embeddings cannot be compared"):
            add_photos(copied, [photos], other)
        with pytest.raises(WeightsError, match="two embeddings cannot be compared"):
            remove_photos(copied, ["made/00001.jpg"], other)
    with pytest.raises(RequestError, match="vectors of 8 numbers"):
        Gallery(copied).nearest(np.zeros(9), 3)


def test_what_cannot_be_built_leaves_nothing(tmp_path: Path, built: tuple[Gallery, ByTable, Numbered]) -> None:
    _, embedder, photos = built
    with pytest.raises(RequestError, match="already: add to it"):
        build_gallery(built[0].folder, [photos], embedder)
    with pytest.raises(RequestError, match="called alike"):
        build_gallery(tmp_path / "twice", [photos, photos], embedder)
    assert not (tmp_path / "twice").exists()
    with pytest.raises(DatasetError, match="none of the 2 photos can be read"):
        build_gallery(tmp_path / "bad", [Numbered(photos.lat[:2], photos.lon[:2], broken=[0, 1])], embedder)
    with pytest.raises(WeightsError, match="cannot be the name"):
        build_gallery(tmp_path / "Not A Name", [photos], embedder)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(DatasetError, match="cannot write the gallery"):
        build_gallery(file / "g", [photos], embedder)


def test_one_process_at_a_time_changes_a_gallery(copied: Path, built: tuple[Gallery, ByTable, Numbered]) -> None:
    from filelock import FileLock

    with FileLock(copied / ".lock"), pytest.raises(WeightsError, match="another process is changing"):
        add_photos(copied, [built[2]], built[1])


def test_galleries_go_by_name(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_GALLERIES", str(tmp_path))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "gallery.json").write_text("?")
    found = {gallery.name: gallery for gallery in galleries()}
    assert set(found) == {"mine", "broken"} and not found["mine"].fault
    assert "build that gallery again" in found["broken"].fault
    assert find_gallery("mine") == copied == find_gallery(str(copied))
    with pytest.raises(WeightsError, match=r"no gallery is called other.*at hand: broken, mine"):
        find_gallery("other")
    monkeypatch.setenv("WHENCE_GALLERIES", str(tmp_path / "none"))
    assert galleries() == []
