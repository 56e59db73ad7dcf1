"""Folders and tables as sets of photos, and what is done about photos and labels that lack each other."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import photo_labels
from data.errors import DatasetError, ImageError, RequestError
from data.packed_names import PackedNames
from data.photo_labels import LabelledPhotos, read_labels
from data.photo_sets import Missing, PhotoSet, Subset, concatenated, open_photo_set
from tests.small_photos import number_in, photo, write_msgpack, write_table, write_tar


def folder_of(root: Path, count: int = 3, inside: str = "") -> Path:
    (root / inside).mkdir(parents=True, exist_ok=True)
    for k in range(count):
        (root / inside / f"{k}.jpg").write_bytes(photo(k))
    write_table(root / "labels.csv", [(f"{k}.jpg", 10 + k, -20 - k) for k in range(count)])
    return root


def refused(path: Path | str, error: type[Exception] = DatasetError, **options: Any) -> str:
    with pytest.raises(error) as caught:
        open_photo_set(path, **options)
    assert str(caught.value).isprintable()
    return str(caught.value)


def numbers(photos: PhotoSet) -> list[int]:
    return [number_in(photos.pixels(k)) for k in range(len(photos))]


class TestFolder:
    @pytest.mark.parametrize("inside", ["", "images"])
    def test_photos_beside_the_table_or_in_images_come_in_the_order_of_the_table(
        self, inside: str, tmp_path: Path
    ) -> None:
        folder_of(tmp_path / "trip", inside=inside)
        write_table(tmp_path / "trip" / "labels.csv", [("2.jpg", 1, 2), ("0.jpg", 3, 4), ("./1.jpg", 5, 6)][:2])
        (tmp_path / "trip" / inside / "1.jpg").unlink()
        photos = open_photo_set(tmp_path / "trip")
        assert (photos.name, len(photos), photos.skipped) == ("trip", 2, 0)
        assert [photos.key(0), photos.key(1)] == ["2.jpg", "0.jpg"]
        assert (photos.lat.tolist(), photos.lon.tolist()) == ([1, 3], [2, 4])
        assert photos.lat.dtype == photos.lon.dtype == np.float64
        assert numbers(photos) == [2, 0]

    @pytest.mark.parametrize("header", ["file,latitude,longitude", "IMG_ID,LAT,LON", " File ,Lat,lng", "key,lat,Long"])
    def test_columns_may_be_called_as_the_field_calls_them(self, header: str, tmp_path: Path) -> None:
        folder_of(tmp_path)
        write_table(tmp_path / "labels.csv", [(f"{k}.jpg", 10 + k, -20) for k in range(3)], header)
        assert open_photo_set(tmp_path).lat.tolist() == [10, 11, 12]

    def test_a_byte_order_mark_windows_line_ends_quotes_and_line_feeds_in_a_caption_change_nothing(
        self, tmp_path: Path
    ) -> None:
        folder_of(tmp_path)
        rows = 'file,note,lat,lon\r\n"0.jpg","one\r\ntwo, ""three""",10.5,20\r\n\r\n1.jpg,,11,21\r\n2.jpg,ü,12,22'
        (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())
        photos = open_photo_set(tmp_path)
        assert [photos.key(k) for k in range(3)] == ["0.jpg", "1.jpg", "2.jpg"]
        assert photos.lat.tolist() == [10.5, 11, 12]

    def test_names_may_lead_into_subfolders_through_links_and_need_not_be_ascii(self, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        (disk / "東京 1.jpg").write_bytes(photo(4))
        root = tmp_path / "set"
        root.mkdir()
        (root / "far").symlink_to(disk)
        (disk / "back").symlink_to(root)  # a circle
        write_table(root / "labels.csv", [("far/東京 1.jpg", 1, 2)])
        photos = open_photo_set(root)
        assert (photos.key(0), numbers(photos)) == ("far/東京 1.jpg", [4])

    @pytest.mark.parametrize(
        "name",
        ["../evil.jpg", "a/../../evil.jpg", "/etc/passwd", "..", "a/..", ".\\evil.jpg", "C:evil.jpg", "a//0.jpg",
         "./0.jpg", "a/./0.jpg", "..\\evil.jpg"],
    )  # fmt: skip
    @pytest.mark.parametrize("missing", ["refuse", "skip"])
    def test_a_name_that_leads_out_of_the_folder_is_refused_even_where_others_are_skipped(
        self, name: str, missing: Missing, tmp_path: Path
    ) -> None:
        root = folder_of(tmp_path / "set")
        (tmp_path / "evil.jpg").write_bytes(photo())
        write_table(root / "labels.csv", [("0.jpg", 1, 2), ("1.jpg", 1, 2), ("2.jpg", 1, 2), (name, 1, 2)])
        assert "no plain path inside the folder" in refused(root, missing=missing)

    def test_a_name_with_dots_that_leads_nowhere_is_a_name(self, tmp_path: Path) -> None:
        (tmp_path / "..a").mkdir()
        (tmp_path / "..a" / "b..jpg").write_bytes(photo(3))
        write_table(tmp_path / "labels.csv", [("..a/b..jpg", 1, 2)])
        assert numbers(open_photo_set(tmp_path)) == [3]

    def test_the_table_itself_may_be_given_and_so_may_another_one(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "set")
        mine = write_table(tmp_path / "mine.csv", [(f"{k}.jpg", 50 + k, 60) for k in range(3)])
        assert open_photo_set(root / "labels.csv").lat.tolist() == [10, 11, 12]
        assert open_photo_set(root, labels=mine).lat.tolist() == [50, 51, 52]
        assert "a table itself" in refused(root / "labels.csv", RequestError, labels=mine)

    def test_a_photo_under_two_names_is_refused(self, tmp_path: Path) -> None:
        folder_of(tmp_path, inside="images")
        rows = [("0.jpg", 1, 2), ("1.jpg", 1, 2), ("2.jpg", 1, 2), ("images/1.jpg", 3, 4)]
        write_table(tmp_path / "labels.csv", rows)
        assert "names 1.jpg and the same photo" in refused(tmp_path).replace("images/1.jpg and", "1.jpg and")
        write_table(tmp_path / "labels.csv", [*rows[:3], ("1.jpg", 3, 4), ("1.jpg", 5, 6), ("0.jpg", 5, 6)])
        assert "3 photos, 1.jpg, 1.jpg, 0.jpg more than once" in refused(tmp_path, missing="skip")

    def test_a_damaged_photo_is_known_by_its_pixels_only(self, tmp_path: Path) -> None:
        folder_of(tmp_path)
        (tmp_path / "1.jpg").write_bytes(photo(1)[:-10])
        photos = open_photo_set(tmp_path)
        assert len(photos) == 3
        with pytest.raises(ImageError, match=r"1\.jpg is truncated"):
            photos.pixels(1)
        assert number_in(photos.pixels(2)) == 2

    def test_a_large_photo_is_decoded_at_a_part_of_its_size_where_that_is_enough(self, tmp_path: Path) -> None:
        (tmp_path / "0.jpg").write_bytes(photo(size=(1600, 1200)))
        write_table(tmp_path / "labels.csv", [("0.jpg", 1, 2)])
        photos = open_photo_set(tmp_path)
        assert photos.pixels(0).shape == (1200, 1600, 3)
        assert photos.pixels(0, at_least=299).shape == (300, 400, 3)


class TestMissing:
    @pytest.mark.parametrize("value", ["", "north", "nan", "90.1", "-inf", "1e400", "12,5"])
    def test_a_photo_whose_coordinates_are_none_is_refused_by_name_or_left_out(
        self, value: str, tmp_path: Path
    ) -> None:
        folder_of(tmp_path)
        write_table(tmp_path / "labels.csv", [("0.jpg", 1, 2), ("1.jpg", f'"{value}"', 2), ("2.jpg", 5, 6)])
        said = refused(tmp_path)
        assert "1 photo, 1.jpg" in said and 'missing="skip" (--skip-unlabelled)' in said and "coordinates" in said
        photos = open_photo_set(tmp_path, missing="skip")
        assert (numbers(photos), photos.lat.tolist(), photos.skipped) == ([0, 2], [1, 5], 1)

    def test_the_edges_of_the_earth_are_on_it_and_what_lies_beyond_is_not(self, tmp_path: Path) -> None:
        folder_of(tmp_path)
        write_table(tmp_path / "labels.csv", [("0.jpg", 90, 180), ("1.jpg", -90, -180), ("2.jpg", 0, 180.0001)])
        assert open_photo_set(tmp_path, missing="skip").lon.tolist() == [180, -180]

    def test_a_photo_without_a_row_and_a_row_without_a_photo_are_each_named(self, tmp_path: Path) -> None:
        root = folder_of(tmp_path / "a\x1b[31mb", 9)
        write_table(root / "labels.csv", [("0.jpg", 1, 2), ("8.jpg", 1, 2), ("lost.jpg", 3, 4)])
        said = refused(root)
        assert "7 photos, 1.jpg, 2.jpg, 3.jpg, 4.jpg, 5.jpg, ..." in said and "6.jpg" not in said
        assert "with a label and no photo: 1 photo, lost.jpg" in said
        photos = open_photo_set(root, missing="skip")
        assert (numbers(photos), photos.skipped) == ([0, 8], 8)

    def test_a_photo_without_a_row_is_seen_in_every_folder_but_not_where_it_is_hidden_or_no_photo(
        self, tmp_path: Path
    ) -> None:
        folder_of(tmp_path)
        for name in (".trash/x.jpg", "sub/._y.jpg", "sub/notes.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(photo())
        assert len(open_photo_set(tmp_path)) == 3
        (tmp_path / "sub" / "z.PNG").write_bytes(photo())
        assert "without a label in" in refused(tmp_path) and "sub/z.PNG" in refused(tmp_path)

    def test_a_set_of_nothing_is_an_error_either_way(self, tmp_path: Path) -> None:
        write_table(tmp_path / "labels.csv", [])
        assert "no rows" in refused(tmp_path, missing="skip")
        write_table(tmp_path / "labels.csv", [("lost.jpg", 1, 2)])
        assert "lost.jpg" in refused(tmp_path) and "holds no photo" in refused(tmp_path, missing="skip")

    def test_another_word_for_missing_makes_no_sense(self, tmp_path: Path) -> None:
        assert "refuse, skip" in refused(folder_of(tmp_path), RequestError, missing="drop")


class TestTables:
    @pytest.mark.parametrize(
        "content",
        [b"", b"\n", b"file\n0.jpg\n", b"lat,lon\n1,2\n", b"file,lat,lat,lon\n0.jpg,1,2,3\n", b"\x00\x01\x02",
         b"file,lat,lon\n0.jpg,1\n", b"file,lat,lon\n\xff.jpg,1,2\n", b'file,lat,lon\n"0.jpg,1,2\n',
         b"file,lat,lon\n" + b"," * 9000, b"file,lat,LAT,lon\n0.jpg,1,2,3\n"],
    )  # fmt: skip
    def test_a_table_that_is_none_is_refused_in_one_printable_line(self, content: bytes, tmp_path: Path) -> None:
        folder_of(tmp_path)
        (tmp_path / "labels.csv").write_bytes(content)
        assert "labels.csv" in refused(tmp_path) and len(refused(tmp_path)) < 1000

    def test_a_row_that_begins_in_one_piece_of_the_file_may_end_in_the_next(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(photo_labels, "_BLOCK", 1000)
        rows = [(f"{k}.jpg", f'"{"a caption, " * (k % 7)}\nof two lines"', k % 90, -k % 180) for k in range(500)]
        table = read_labels(write_table(tmp_path / "labels.csv", rows, "file,caption,lat,lon"))
        assert [*table.names] == [f"{k}.jpg" for k in range(500)] and table.lat.tolist() == [k % 90 for k in range(500)]

    def test_of_a_hundred_thousand_rows_none_is_lost_and_the_wrong_one_is_found(self, tmp_path: Path) -> None:
        rows = [(f"{k:06d}.jpg", k / 2000, -k / 1000) for k in range(100_000)]
        table = read_labels(write_table(tmp_path / "labels.csv", rows))
        assert len(table.names) == 100_000 and table.names[99_999] == "099999.jpg"
        np.testing.assert_array_equal(table.lat, np.arange(100_000) / 2000)
        np.testing.assert_array_equal(table.lon, -np.arange(100_000) / 1000)
        rows[77_777] = ("077777.jpg", "?", 0)  # type: ignore[assignment]
        damaged = read_labels(write_table(tmp_path / "labels.csv", rows))
        assert np.flatnonzero(np.isnan(damaged.lat)).tolist() == [77_777] and damaged.lat[5] == table.lat[5]


class TestOsv5m:
    def make(self, root: Path, flat: bool = False) -> Path:
        rows = []
        for k in range(6):
            folder = root / "images" / "train" / ("" if flat else f"{k % 2:02d}")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{10**15 + k}.jpg").write_bytes(photo(k))
            rows.append((10**15 + k, 10 + k, 20 - k, "http://x", "FR", '"(0, 8)"', ""))
        write_table(root / "train.csv", rows[::-1], "id,latitude,longitude,thumb_original_url,country,cell,city")
        return root

    @pytest.mark.parametrize("flat", [False, True])
    def test_photos_are_found_in_numbered_folders_and_without_them(self, flat: bool, tmp_path: Path) -> None:
        root = self.make(tmp_path / "osv5m", flat)
        photos = open_photo_set(root)
        assert (photos.name, numbers(photos)) == ("osv5m-train", [5, 4, 3, 2, 1, 0])
        assert photos.key(0) == "1000000000000005"
        assert (photos.lat.tolist(), photos.lon.tolist()) == ([15, 14, 13, 12, 11, 10], [15, 16, 17, 18, 19, 20])

    def test_the_test_photos_are_asked_for_by_their_table(self, tmp_path: Path) -> None:
        self.make(tmp_path)
        (tmp_path / "images" / "train").rename(tmp_path / "images" / "test")
        (tmp_path / "train.csv").rename(tmp_path / "test.csv")
        assert len(open_photo_set(tmp_path / "test.csv")) == 6

    def test_folders_that_are_not_unpacked_yet_are_missed_by_name_or_skipped(self, tmp_path: Path) -> None:
        self.make(tmp_path)
        for path in (tmp_path / "images" / "train" / "01").iterdir():
            path.unlink()
        assert "3 photos, 1000000000000005, 1000000000000003, 1000000000000001)" in refused(tmp_path)
        photos = open_photo_set(tmp_path, missing="skip")
        assert (numbers(photos), photos.skipped) == ([4, 2, 0], 3)

    def test_a_photo_in_two_folders_is_refused(self, tmp_path: Path) -> None:
        self.make(tmp_path)
        (tmp_path / "images" / "train" / "01" / f"{10**15}.jpg").write_bytes(photo())
        assert "1000000000000000 more than once" in refused(tmp_path)

    def test_a_photo_without_a_row_is_refused(self, tmp_path: Path) -> None:
        self.make(tmp_path)
        (tmp_path / "images" / "train" / "01" / "7.jpg").write_bytes(photo())
        assert "without a label" in refused(tmp_path) and "1 photo, 7)" in refused(tmp_path)

    def test_no_file_is_looked_at_one_by_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.make(tmp_path)
        looked: list[str] = []
        stat = os.stat

        def watched(path: Any, *args: Any, **options: Any) -> os.stat_result:
            looked.append(str(path))
            return stat(path, *args, **options)

        monkeypatch.setattr(os, "stat", watched)
        assert len(open_photo_set(tmp_path)) == 6
        assert looked and not [path for path in looked if path.endswith(".jpg")]


class TestLayouts:
    def test_a_folder_of_no_layout_is_told_which_there_are(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(photo())
        said = refused(tmp_path)
        assert all(word in said for word in ("labels.csv", "*.tar", "OSV-5M", "MP-16", "shard_*.msg"))
        assert "no shard that can be read" in refused(tmp_path / "a.jpg")
        assert "check the path" in refused(tmp_path / "nothing")

    @pytest.mark.parametrize("ending", ["tar.gz", "tgz", "tar.zst"])
    def test_compressed_shards_are_to_be_unpacked(self, ending: str, tmp_path: Path) -> None:
        (tmp_path / f"a.{ending}").write_bytes(b"\x1f\x8b")
        assert "plain .tar" in refused(tmp_path) and "plain .tar" in refused(tmp_path / f"a.{ending}")

    def test_a_folder_that_fits_two_layouts_is_not_guessed_at(self, tmp_path: Path) -> None:
        folder_of(tmp_path)
        write_tar(tmp_path / "a.tar", {"7.jpg": photo(7), "7.json": {"lat": 1, "lon": 2}})
        assert "in 2 ways" in refused(tmp_path) and "labels.csv itself" in refused(tmp_path)
        assert len(open_photo_set(tmp_path / "labels.csv")) == 3
        assert numbers(open_photo_set(tmp_path / "a.tar")) == [7]
        write_msgpack(tmp_path / "shard_0.msg", [{"id": "8", "image": photo(8)}])
        assert "msgpack" in refused(tmp_path)


class TestSetsOfSets:
    def test_a_subset_has_the_photos_that_were_chosen_in_that_order(self, tmp_path: Path) -> None:
        whole = open_photo_set(folder_of(tmp_path, 5))
        some = Subset(whole, np.array([4, 1]), name="held out")
        assert (some.name, len(some), numbers(some), some.key(0)) == ("held out", 2, [4, 1], "4.jpg")
        assert (some.lat.tolist(), some.lon.tolist()) == ([14, 11], [-24, -21])
        assert some.fingerprint == Subset(whole, [4, 1]).fingerprint != Subset(whole, [1, 4]).fingerprint

    @pytest.mark.parametrize("indices", [[5], [-1], [1, 1], [[0, 1]], [0.5]])
    def test_a_subset_of_others_or_of_twice_the_same_is_refused(self, indices: Any, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="subset of"):
            Subset(open_photo_set(folder_of(tmp_path, 5)), indices)

    def test_several_sets_become_one_with_keys_that_stay_different(self, tmp_path: Path) -> None:
        first = open_photo_set(folder_of(tmp_path / "a" / "set", 3))
        second = open_photo_set(folder_of(tmp_path / "b" / "set", 2))
        both = concatenated([first, Subset(second, [1]), second])
        assert (len(both), numbers(both)) == (6, [0, 1, 2, 1, 0, 1])
        assert len({both.key(k) for k in range(6)}) == 6 and both.key(3) == "set#1/1.jpg"
        assert both.lat.tolist() == [10, 11, 12, 11, 10, 11]
        assert both.fingerprint != concatenated([second, Subset(second, [1]), first]).fingerprint
        assert concatenated([first]) is first
        with pytest.raises(IndexError):
            both.pixels(6)
        with pytest.raises(DatasetError, match="at least one"):
            concatenated([])

    def test_a_pickled_set_is_the_same_set(self, tmp_path: Path) -> None:
        whole = open_photo_set(folder_of(tmp_path, 3))
        for photos in (whole, Subset(whole, [2, 0]), concatenated([whole, whole])):
            again = pickle.loads(pickle.dumps(photos))
            assert again.fingerprint == photos.fingerprint and numbers(again) == numbers(photos)
            assert again.key(1) == photos.key(1)


class TestFingerprint:
    def test_the_same_set_has_it_wherever_it_lies(self, tmp_path: Path) -> None:
        first, second = (open_photo_set(folder_of(tmp_path / name)) for name in "ab")
        assert first.fingerprint == second.fingerprint and len(first.fingerprint) == 64

    @pytest.mark.parametrize(
        "rows",
        [[("0.jpg", 10, -20), ("1.jpg", 11, -21)], [("1.jpg", 10, -20), ("0.jpg", 11, -21), ("2.jpg", 12, -22)],
         [("0.jpg", 10, -20), ("1.jpg", 11.000001, -21), ("2.jpg", 12, -22)],
         [("0.jpg", 10, -20), ("1.jpg", 11, -21), ("2.jpg", 12, -22.000001)]],
    )  # fmt: skip
    def test_another_order_another_place_or_fewer_photos_change_it(self, rows: Any, tmp_path: Path) -> None:
        before = open_photo_set(folder_of(tmp_path)).fingerprint
        write_table(tmp_path / "labels.csv", rows)
        assert open_photo_set(tmp_path, missing="skip").fingerprint != before

    def test_where_one_name_ends_and_the_next_begins_counts(self) -> None:
        one, other = (
            LabelledPhotos("", np.zeros(2), np.zeros(2), PackedNames.of(names), 0)
            for names in (["ab", "c"], ["a", "bc"])
        )
        assert one.keys.text.tolist() == other.keys.text.tolist() and one.fingerprint != other.fingerprint


class TestPackedNames:
    def test_names_survive_packing_whatever_they_are(self) -> None:
        names = ["", "a", "", "東京", "x" * 1000, "caf\udce9"]
        packed = PackedNames.of(names)
        assert [packed[k] for k in range(6)] == [*names[:5], "caf\\udce9"]
        assert packed[-1] == packed[5]
        with pytest.raises(IndexError):
            packed[6]

    def test_slices_of_a_column_join_and_match(self) -> None:
        packed = PackedNames.of(["a", "b", "c", "d"])
        part = PackedNames.of_arrow(packed.arrow[1:3])
        assert [*part] == ["b", "c"] and [*PackedNames.joined([part, PackedNames.of([]), packed])][:3] == [
            "b",
            "c",
            "a",
        ]
        assert packed.positions(part).tolist() == [1, 2] and len(PackedNames.joined([])) == 0
        assert [*PackedNames.of(["a.JPG", "b.jpg.txt"]).without_endings(["jpg"])] == ["a", "b.jpg.txt"]
