"""Sets of photos to measure on: what is known of each photo, what is left out, and why."""

from __future__ import annotations

import io
import json
import os
import pickle
import tarfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from data.errors import DatasetError, RequestError
from data.labelled_sets import open_labelled

HEADER = "file,lat,lon,country,precision_km\n"


def photo(path: Path, shade: int = 120) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.new("RGB", (48, 32), (shade, 90, 60)).save(path)
    return path


def folder_of(root: Path, names: Sequence[str], table: str, name: str = "labels.csv") -> Path:
    for number, photo_name in enumerate(names):
        photo(root / photo_name, number)
    (root / name).write_text(table, "utf-8")
    return root


def test_a_folder_tells_of_each_photo_what_its_labels_say(tmp_path: Path) -> None:
    table = HEADER + "b.jpg,48.9,2.3,fr,1.5\na.jpg,,,SG,\nc.jpg,-33.8,151.2,,0\n"
    opened = open_labelled(folder_of(tmp_path / "trip", ["images/a.jpg", "b.jpg", "images/c.jpg"], table))
    assert opened.name == "trip"
    assert opened.files == ("b.jpg", "a.jpg", "c.jpg")  # in the order of the labels
    np.testing.assert_array_equal(opened.lat, [48.9, np.nan, -33.8])
    np.testing.assert_array_equal(opened.lon, [2.3, np.nan, 151.2])
    assert opened.country == ("FR", "SG", "")
    assert opened.exact_km.tolist() == [1.5, 0.0, 0.0]
    assert [opened.source(i) for i in range(3)] == [
        tmp_path / "trip" / name for name in ("b.jpg", "images/a.jpg", "images/c.jpg")
    ]
    assert not opened.left_out and opened.human is None and opened.card is None and len(opened) == 3


def test_what_cannot_be_used_is_named_with_its_reason(tmp_path: Path) -> None:
    rows = [
        "good.jpg,1,2,FR,", "gone.jpg,1,2,FR,", "nowhere.jpg,,,,", "beyond.jpg,91,0,FR,", "half.jpg,3,,FR,",
        "word.jpg,north,2,FR,", "../outside.jpg,1,2,FR,", "/etc/hosts,1,2,FR,", r"a\b.jpg,1,2,FR,",
        "vague.jpg,1,2,FR,near", "less.jpg,1,2,FR,-1", ",1,2,FR,", "nan.jpg,nan,nan,,",
    ]  # fmt: skip
    photos = [
        "good.jpg",
        "nowhere.jpg",
        "beyond.jpg",
        "half.jpg",
        "word.jpg",
        "vague.jpg",
        "less.jpg",
        "nan.jpg",
        "sub/other.png",
    ]
    photo(tmp_path / "outside.jpg")
    opened = open_labelled(folder_of(tmp_path / "set", photos, HEADER + "\n".join(rows)))
    assert opened.files == ("good.jpg",)
    reasons = dict(opened.left_out)
    assert reasons.pop("gone.jpg") == "no photo"
    assert reasons.pop("nowhere.jpg") == reasons.pop("nan.jpg") == "no coordinates and no country"
    assert reasons.pop("sub/other.png") == "no label"
    for name in ("beyond.jpg", "half.jpg", "word.jpg"):
        assert reasons.pop(name).startswith("coordinates that are not on the Earth"), name
    for name in ("../outside.jpg", "/etc/hosts", r"a\b.jpg"):
        assert reasons.pop(name).startswith("no plain path inside the folder"), name
    assert "precision_km is no distance" in reasons.pop("vague.jpg")
    assert "precision_km is no distance ('-1')" in reasons.pop("less.jpg")
    assert reasons == {"row 13": "no name of a photo"}


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (HEADER + "a.jpg,1,2,FR,\na.jpg,3,4,FR,\n", "a.jpg more than once"),
        ("file,lat,lon,lat\na.jpg,1,2,1\n", "two columns lat"),
        ("name,lat,lon\na.jpg,1,2\n", "needs in its first line the columns file"),
        ("file,lat\na.jpg,1\n", "needs in its first line the columns file"),
        (HEADER, "holds no label"),
        (HEADER + "b.jpg,1,2,FR,\n", "none of the 1 photos"),
        (HEADER + "a.jpg,1,2,FR\0,\n", "NUL"),
        (HEADER + 'a.jpg,1,2,"' + "x" * 200_000 + '",\n', "damaged"),
    ],
    ids=["two labels", "two columns", "no names", "half a point", "empty", "no photo", "NUL", "endless field"],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path: Path, table: str, complaint: str) -> None:
    with pytest.raises(DatasetError, match=complaint):
        open_labelled(folder_of(tmp_path / "set", ["a.jpg"], table))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_table_that_is_not_utf8_is_refused(tmp_path: Path, encoding: str) -> None:
    root = folder_of(tmp_path / "set", ["a.jpg"], "")
    (root / "labels.csv").write_bytes((HEADER + "é.jpg,1,2,FR,\n").encode(encoding))
    with pytest.raises(DatasetError, match="save it as CSV in UTF-8"):
        open_labelled(root)


def test_latitudes_and_longitudes_that_changed_places_are_refused(tmp_path: Path) -> None:
    rows = [f"{i}.jpg,{100 + i},{10 + i},JP," if i < 4 else f"{i}.jpg,{20 + i},50,RU," for i in range(8)]
    with pytest.raises(DatasetError, match=r"4 latitudes beyond 90 degrees.*changed places"):
        open_labelled(folder_of(tmp_path / "set", [f"{i}.jpg" for i in range(8)], HEADER + "\n".join(rows)))


def test_columns_may_be_called_as_the_field_calls_them(tmp_path: Path) -> None:
    tables = {
        "IMG_ID,AUTHOR,LAT,LON,S3_Label,Prob_urban\na.jpg,someone@N00,1.5,2.5,2,0.9\n": {"scene": ("urban",)},
        "id,latitude,longitude,country,region,sub-region,city,captured_at\na,1.5,2.5,FR,Île,92,Sèvres,1\n": {
            "region": ("Île",), "sub-region": ("92",), "city": ("Sèvres",),
        },
        " Filename ; Latitude ; LNG ; Scene ; group_camera ; note \na.jpg;1.5;2.5;street;phone;AB-123-CD\n": {
            "scene": ("street",), "camera": ("phone",),
        },
        "﻿image\tlat\tlong\tsplit\na.jpg\t1.5\t2.5\ttest\n": {"split": ("test",)},
    }  # fmt: skip
    for number, (table, groups) in enumerate(tables.items()):
        opened = open_labelled(folder_of(tmp_path / str(number), ["images/a.jpg"], table))
        assert (opened.lat.tolist(), opened.lon.tolist()) == ([1.5], [2.5]), table
        assert opened.groups == groups  # authors, notes and dates stay unread
        assert opened.source(0) == tmp_path / str(number) / "images" / "a.jpg"


def test_countries_that_are_no_codes_count_as_not_known_and_are_told(tmp_path: Path) -> None:
    table = HEADER + "a.jpg,1,2,Germany,\nb.jpg,1,2,UK,\nc.jpg,1,2,-99,\n"
    opened = open_labelled(folder_of(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], table))
    assert opened.country == ("", "GB", "")
    assert len(opened.notes) == 1 and opened.notes[0].endswith("2 photos (-99, Germany)")


def test_a_name_finds_its_photo_in_any_folder_only_where_it_is_the_only_one(tmp_path: Path) -> None:
    table = HEADER + "one.jpg,1,2,FR,\ntwo.jpg,1,2,FR,\nleft/two.jpg,5,6,FR,\n7,1,2,FR,\nx/one.jpg,1,2,FR,\n"
    photos = ["deep/down/one.jpg", "left/two.jpg", "right/two.jpg", "deep/7.png"]
    opened = open_labelled(folder_of(tmp_path, photos, table))
    assert opened.files == ("one.jpg", "left/two.jpg", "7")
    assert opened.left_out["two.jpg"] == "2 photos are called so, in several folders"
    assert opened.left_out["x/one.jpg"] == "no photo"  # a name with a folder is meant as it stands
    assert opened.source(2) == tmp_path / "deep" / "7.png"


def test_two_labels_are_never_measured_on_one_photo(tmp_path: Path) -> None:
    opened = open_labelled(folder_of(tmp_path, ["images/a.jpg"], HEADER + "a.jpg,1,2,FR,\nimages/a.jpg,3,4,FR,\n"))
    assert opened.files == ("a.jpg",)
    assert opened.left_out == {"images/a.jpg": "its photo is that of a.jpg already"}


def test_accents_match_whether_composed_or_not(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café.jpg")
    opened = open_labelled(folder_of(tmp_path, [decomposed], HEADER + "café.jpg,1,2,FR,\n"))
    assert len(opened) == 1 and Path(str(opened.source(0))).is_file()


def test_names_that_steer_a_terminal_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    opened = open_labelled(folder_of(tmp_path, ["a\x1b[2J.jpg", "b.jpg"], HEADER + "a\x1b[2J.jpg,1,2,FR,\n"))
    assert opened.files == (r"a\x1b[2J.jpg",)
    assert Path(str(opened.source(0))).is_file()


def test_labels_and_photos_may_lie_apart(tmp_path: Path) -> None:
    photo(tmp_path / "photos" / "a.jpg")
    table = tmp_path / "elsewhere" / "truth.csv"
    table.parent.mkdir()
    table.write_text(HEADER + "a.jpg,1,2,FR,\n")
    for opened in (
        open_labelled(table, photos=tmp_path / "photos"),
        open_labelled(tmp_path / "photos", labels=table),
    ):
        assert opened.files == ("a.jpg",) and opened.source(0) == tmp_path / "photos" / "a.jpg"
    with pytest.raises(RequestError, match="is a table itself"):
        open_labelled(table, labels=table)


def test_the_folders_own_table_is_found_and_doubt_is_an_error(tmp_path: Path) -> None:
    root = folder_of(tmp_path, ["a.jpg"], "IMG_ID,LAT,LON\na.jpg,1,2\n", name="im2gps3k_places365.csv")
    (root / "notes.csv").write_text("something,else\n1,2\n")
    assert len(open_labelled(root)) == 1
    (root / "second.csv").write_text(HEADER + "a.jpg,3,4,FR,\n")
    with pytest.raises(DatasetError, match=r"holds 2 tables of labels.*say which one"):
        open_labelled(root)
    (root / "labels.csv").write_text(HEADER + "a.jpg,5,6,FR,\n")
    assert open_labelled(root).lat.tolist() == [5.0]  # labels.csv comes first


def test_the_test_part_of_osv5m_is_read_and_its_training_part_left_alone(tmp_path: Path) -> None:
    table = "id,latitude,longitude,country,region,city\n11,1,2,FR,R,C\n12,3,4,DE,S,D\n13,5,6,IT,T,E\n"
    root = folder_of(tmp_path / "osv5m", ["images/test/00/11.jpg", "images/test/01/12.jpg"], table, name="test.csv")
    photo(root / "images" / "train" / "00" / "13.jpg")
    (root / "train.csv").write_text("id,latitude,longitude\n13,5,6\n")
    for dataset in (root, root / "test.csv"):
        opened = open_labelled(dataset)
        assert opened.files == ("11", "12") and opened.country == ("FR", "DE") and opened.name == "osv5m"
        assert opened.left_out == {"13": "no photo"}
        assert opened.source(1) == root / "images" / "test" / "01" / "12.jpg"


def test_photos_in_shards_are_decoded_and_get_the_countries_of_a_table(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "shard-0.tar", "w") as tar:
        for number in range(3):
            held = io.BytesIO()
            PILImage.new("RGB", (40, 30), (10 * number, 0, 0)).save(held, "PNG")
            for name, content in (
                (f"{number}.png", held.getvalue()),
                (f"{number}.json", json.dumps({"lat": number, "lon": 2 * number}).encode()),
            ):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    opened = open_labelled(tmp_path)
    assert opened.files == ("0", "1", "2") and opened.lon.tolist() == [0.0, 2.0, 4.0] and opened.country == ("",) * 3
    pixels = opened.take([2]).source(0)
    assert isinstance(pixels, np.ndarray) and pixels.shape == (30, 40, 3) and pixels[0, 0].tolist() == [20, 0, 0]
    table = tmp_path / "truth.txt"
    table.write_text(HEADER + "2.png,7,8,JP,3\n0.png,1,2,FR,\n")
    labelled = open_labelled(tmp_path / "shard-0.tar", labels=table)
    assert labelled.files == ("0.png", "2.png") and labelled.country == ("FR", "JP")
    assert labelled.exact_km.tolist() == [0.0, 3.0] and len(labelled.left_out) == 1
    assert np.asarray(labelled.source(1))[0, 0, 0] == 20
    # A label that is no good is left out, and the others are kept with all that is known.
    table.write_text(HEADER + "0.png,1,2,FR,25\n1.png,3,4,DE,far\n2.png,7,8,JP,3\n")
    labelled = open_labelled(tmp_path / "shard-0.tar", labels=table)
    assert labelled.files == ("0.png", "2.png") and labelled.exact_km.tolist() == [25.0, 3.0]
    assert np.asarray(labelled.source(1))[0, 0, 0] == 20 and "no distance" in labelled.left_out["1.png"]


def test_an_archive_that_was_unpacked_to_images_may_lie_beside_the_labels(tmp_path: Path) -> None:
    root = folder_of(tmp_path, ["images/a.jpg"], HEADER + "a.jpg,1,2,FR,\n")
    (root / "photos.tar").write_bytes(b"no tar file at all")
    assert open_labelled(root).files == ("a.jpg",)


def test_a_folder_may_come_from_one_place(tmp_path: Path) -> None:
    photo(tmp_path / "set" / "b.jpg")
    photo(tmp_path / "set" / "sub" / "a.jpg")
    opened = open_labelled(tmp_path / "set", at="59.94, 30.31, ru, 25")
    assert opened.files == ("b.jpg", "sub/a.jpg") and opened.country == ("RU", "RU")
    assert opened.lat.tolist() == [59.94] * 2 and opened.exact_km.tolist() == [25.0, 25.0]
    country = open_labelled(tmp_path / "set", at=",,SG")
    assert np.isnan(country.lat).all() and country.country == ("SG", "SG")
    for wrong in ("", "1", "91,0", "1,2,Russia", "1,2,RU,-1", "1,2,RU,nan", "1,2,RU,1,5", ",,,3", "a,b"):
        with pytest.raises(RequestError, match="at must be LAT,LON,ISO,KM"):
            open_labelled(tmp_path / "set", at=wrong)
    with pytest.raises(RequestError, match="either a table of labels"):
        open_labelled(tmp_path / "set", at="1,2", labels=tmp_path / "x.csv")


def test_nothing_there_and_nothing_known_of_it_are_clear_errors(tmp_path: Path) -> None:
    photo(tmp_path / "set" / "a.jpg")
    with pytest.raises(DatasetError, match=r"has no labels: put labels\.csv"):
        open_labelled(tmp_path / "set")
    with pytest.raises(DatasetError, match=r"no photos at .*name of a benchmark.*im2gps"):
        open_labelled(tmp_path / "nothing")
    with pytest.raises(DatasetError, match="is a photo: give its folder"):
        open_labelled(tmp_path / "set" / "a.jpg")
    with pytest.raises(RequestError, match="the set has no name"):
        open_labelled("")
    with pytest.raises(DatasetError, match="no table of labels"):
        open_labelled(tmp_path / "set", labels=tmp_path / "no.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no photo in folder"):
        open_labelled(tmp_path / "empty", at="1,2,FR")


def test_some_photos_keep_what_is_known_of_them(tmp_path: Path) -> None:
    table = "file,lat,lon,country,scene\na.jpg,1,2,FR,x\nb.jpg,3,4,DE,y\nc.jpg,5,6,IT,z\n"
    opened = open_labelled(folder_of(tmp_path, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"], table))
    some = opened.take([2, 0])
    assert some.files == ("c.jpg", "a.jpg") and some.lat.tolist() == [5.0, 1.0] and some.country == ("IT", "FR")
    assert some.groups == {"scene": ("z", "x")} and some.left_out == {"d.jpg": "no label"}
    assert some.source(0) == tmp_path / "c.jpg" and some.take([1]).source(0) == tmp_path / "a.jpg"
    for wrong in ([3], [-1], [0, 0], [0.5]):
        with pytest.raises(RequestError):
            opened.take(wrong)
    assert len(opened.take([])) == 0


def test_the_fingerprint_tells_other_labels_and_another_order_apart(tmp_path: Path) -> None:
    def fingerprint(table: str) -> str:
        return open_labelled(folder_of(tmp_path, ["a.jpg", "b.jpg"], HEADER + table)).fingerprint

    first = fingerprint("a.jpg,1,2,FR,\nb.jpg,,,DE,\n")
    assert fingerprint("a.jpg,1.0,2.0,fr,0\nb.jpg,,,DE,\n") == first
    others = ["b.jpg,,,DE,\na.jpg,1,2,FR,\n", "a.jpg,1,2,FR,\n", "a.jpg,1,3,FR,\nb.jpg,,,DE,\n",
              "a.jpg,1,2,IT,\nb.jpg,,,DE,\n", "a.jpg,1,2,FR,4\nb.jpg,,,DE,\n"]  # fmt: skip
    assert len({first, *map(fingerprint, others)}) == 6


def test_a_set_goes_to_workers(tmp_path: Path) -> None:
    opened = open_labelled(folder_of(tmp_path, ["a.jpg"], HEADER + "a.jpg,1,2,FR,\n"))
    again = pickle.loads(pickle.dumps(opened))
    assert again.fingerprint == opened.fingerprint and again.source(0) == opened.source(0)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "set", ["images/a.jpg"], HEADER + "a.jpg,1,2,FR,\n")
    (root / "images").chmod(0)
    try:
        with pytest.raises(DatasetError, match="check its permissions"):
            open_labelled(root)
    finally:
        (root / "images").chmod(0o755)


def test_codes_of_no_country_are_told_and_count_as_not_known(tmp_path: Path) -> None:
    table = HEADER + "a.jpg,48.9,2.3,XX,\nb.jpg,48.9,2.3,USA,\nc.jpg,51.5,-0.1,UK,\n"
    opened = open_labelled(folder_of(tmp_path / "set", ["a.jpg", "b.jpg", "c.jpg"], table))
    assert opened.country == ("", "", "GB")
    [note] = opened.notes
    assert "2 photos (USA, XX)" in note and "ISO 3166-1" in note


def test_degrees_with_a_comma_are_told_how_to_be_written(tmp_path: Path) -> None:
    table = "file;lat;lon\na.jpg;48,87;2,29\nb.jpg;48.9;2.3\n"
    opened = open_labelled(folder_of(tmp_path / "set", ["a.jpg", "b.jpg"], table))
    assert opened.files == ("b.jpg",)
    assert "write degrees with a point" in opened.left_out["a.jpg"]
