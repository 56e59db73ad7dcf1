"""The field's benchmarks: what is known of them, and made-up photos laid out as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.benchmark_cards import fingerprint_of_ids, known_benchmarks
from data.errors import DatasetError, RequestError
from data.labelled_sets import open_labelled
from tests.data.test_labelled_sets import photo

P365 = "IMG_ID,AUTHOR,LAT,LON,S3_Label,S16_Label,S365_Label,Prob_indoor,Prob_natural,Prob_urban\n"
NAMES = ("im2gps", "im2gps3k", "yfcc4k", "osv5m", "mp16-val")


def laid_out(root: Path, name: str) -> list[str]:
    """Five photos and a list of four labels, of which one has no photo; the photos' names."""
    ids = {
        "im2gps": [*known_benchmarks()["im2gps"].ids[:5]],
        "im2gps3k": [f"10{i}_ab_1_7@N00.jpg" for i in range(5)],
        "yfcc4k": [f"2593589{i}.jpg" for i in range(5)],
        "osv5m": [f"10{i}" for i in range(5)],
        "mp16-val": [f"e{i}/55/476{i}.jpg" for i in range(5)],
    }[name]
    labelled = [*ids[:3], "gone.jpg"]
    if name == "osv5m":
        for number, one in enumerate(ids):
            photo(root / "images" / "test" / f"0{number}" / f"{one}.jpg")
        rows = [f"{one},{i},{i},http://x,FR,s,1,0,0,c,Region,Sub,City" for i, one in enumerate(labelled)]
        header = "id,latitude,longitude,thumb_original_url,country,sequence,captured_at,lon_bin,lat_bin,cell,region,"
        (root / "test.csv").write_text(f"{header}sub-region,city\n" + "\n".join(rows))
        return ids
    for one in ids:
        photo(root / "images" / one)
    rows = [f"{one},me@N00,{i},{i},1,8,150,0,1,0" for i, one in enumerate(labelled)]
    (root / known_benchmarks()[name].label_files[1]).write_text(P365 + "\n".join(rows))
    return ids


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_laid_out_as_it_is_had_is_opened_and_its_gaps_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ids = laid_out(tmp_path / name, name)
    monkeypatch.setenv("WHENCE_BENCHMARKS", str(tmp_path))
    opened = open_labelled(name)
    assert opened.name == name and opened.card is known_benchmarks()[name]
    assert opened.files == tuple(ids[:3]) and opened.lat.tolist() == [0.0, 1.0, 2.0]
    assert opened.left_out["gone.jpg"] == "no photo"
    unlabelled = [file for file, reason in opened.left_out.items() if reason == "no label"]
    assert sorted(Path(file).stem for file in unlabelled) == sorted(Path(one).stem for one in ids[3:])
    assert any("3 of 4 labels have a photo" in note for note in opened.notes)
    assert all(Path(str(opened.source(i))).is_file() for i in range(3))
    given = open_labelled(name, photos=tmp_path / name)
    assert given.fingerprint == opened.fingerprint
    if name == "osv5m":
        assert opened.country == ("FR",) * 3 and opened.groups["region"] == ("Region",) * 3
    else:
        assert opened.groups == {"scene": ("natural",) * 3}


@pytest.mark.parametrize("name", NAMES)
def test_absent_photos_say_where_they_are_had_and_how_they_are_laid_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    card = known_benchmarks()[name]
    monkeypatch.delenv("WHENCE_BENCHMARKS", raising=False)
    with pytest.raises(DatasetError, match="WHENCE_BENCHMARKS is not set") as caught:
        open_labelled(name)
    for told in (card.photos_from[0].source, card.labels_from[0].source, *card.layout):
        assert told in str(caught.value)
    monkeypatch.setenv("WHENCE_BENCHMARKS", str(tmp_path))
    with pytest.raises(DatasetError, match="there is no folder"):
        open_labelled(name)
    (tmp_path / name).mkdir()
    with pytest.raises(DatasetError, match=f"has no labels of {name}") as caught:
        open_labelled(name)
    assert card.label_files[0] in str(caught.value)
    (tmp_path / name / "labels.csv").write_text("file,lat,lon\nnot-there.jpg,1,2\n")
    with pytest.raises(DatasetError, match="none of the 1 photos") as caught:
        open_labelled(name)
    assert card.photos_from[0].source in str(caught.value)


def test_the_whole_of_im2gps_is_recognised_and_any_other_list_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHENCE_BENCHMARKS", str(tmp_path))
    ids = known_benchmarks()["im2gps"].ids
    root = tmp_path / "im2gps"
    for one in ids:
        photo(root / "images" / one)
    (root / "labels.csv").write_text("file,lat,lon\n" + "\n".join(f"{one},1,2" for one in ids))
    whole = open_labelled("im2gps")
    assert len(whole) == 237 and not whole.notes and not whole.left_out
    photo(root / "images" / "extra.jpg")
    (root / "labels.csv").write_text("file,lat,lon\nextra.jpg,1,2\n" + "\n".join(f"{one},1,2" for one in ids[1:]))
    other = open_labelled("im2gps")
    assert len(other) == 237
    assert other.left_out[ids[0]].startswith("in the public list of im2gps")
    assert other.notes == (
        f"these are not the 237 photos of the public list: 1 missing ({ids[0]}), 1 not in it (extra.jpg)",
    )


def test_a_list_of_another_length_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out(tmp_path / "im2gps3k", "im2gps3k")
    monkeypatch.setenv("WHENCE_BENCHMARKS", str(tmp_path))
    assert "im2gps3k has 2997 labels, and this table has 4" in open_labelled("im2gps3k").notes


def test_the_label_list_of_im2gps3k_whose_columns_changed_places_is_refused(tmp_path: Path) -> None:
    photos = [photo(tmp_path / "images" / f"{i}.jpg") for i in range(3)]
    swapped = P365.replace("LAT,LON", "LON,LAT")
    rows = [
        f"{one.name},me,{lat},{lon},1,2,3,0,1,0"
        for one, lat, lon in zip(photos, (32, 29, 46), (-64, 122, 130), strict=True)
    ]
    (tmp_path / "im2gps3k_places365.csv").write_text(swapped + "\n".join(rows))
    with pytest.raises(DatasetError, match="2 latitudes beyond 90 degrees"):
        open_labelled("im2gps3k", photos=tmp_path)


def test_names_of_mp16_are_found_where_an_underscore_stands_for_each_stroke(tmp_path: Path) -> None:
    photo(tmp_path / "images" / "e1_55_4763.jpg")
    (tmp_path / "yfcc25600_places365.csv").write_text("IMG_ID,LAT,LON\ne1/55/4763.jpg,1,2\n")
    assert open_labelled("mp16-val", photos=tmp_path).files == ("e1/55/4763.jpg",)


def test_other_labels_may_be_given_and_one_place_may_not(tmp_path: Path) -> None:
    laid_out(tmp_path, "yfcc4k")
    (tmp_path / "mine.csv").write_text("file,lat,lon\n25935894.jpg,5,6\n")
    assert open_labelled("yfcc4k", photos=tmp_path, labels=tmp_path / "mine.csv").lat.tolist() == [5.0]
    with pytest.raises(RequestError, match="has labels of its own"):
        open_labelled("yfcc4k", photos=tmp_path, at="1,2,FR")


def test_every_statement_of_a_card_has_its_source() -> None:
    assert set(known_benchmarks()) == set(NAMES)
    for name, card in known_benchmarks().items():
        assert card.name == name and card.layout and card.about_counts and card.about_ids and card.columns
        assert all(f"$WHENCE_BENCHMARKS/{name}/" in line for line in card.layout)
        statements = [*card.photos_from, *card.labels_from, card.licence, *card.pitfalls]
        assert all(one.text and one.source for one in statements) and len(card.pitfalls) >= 4
        assert {"labels.csv"} <= set(card.label_files)


def test_the_ids_of_im2gps_are_its_237_names() -> None:
    card = known_benchmarks()["im2gps"]
    assert len(set(card.ids)) == 237 == card.photos == card.labels
    assert list(card.ids) == sorted(card.ids)
    assert card.ids_sha256 == fingerprint_of_ids(reversed(card.ids))
    assert all(one.endswith(".jpg") and "@N" in one for one in card.ids)


def test_a_fingerprint_of_ids_stands_only_where_the_ids_do() -> None:
    for card in known_benchmarks().values():
        assert card.ids_sha256 == (fingerprint_of_ids(card.ids) if card.ids else None)
