"""Tar and msgpack shards as sets of photos: what is in them, what is wrong with them, and the index that is kept."""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from data import photo_shards, shard_index
from data.errors import DatasetError, ImageError
from data.photo_sets import PhotoSet, open_photo_set
from data.photo_shards import expanded, in_order
from data.shard_index import ShardIndex, cached_index
from data.tar_shards import index_tar
from tests.small_photos import number_in, photo, write_msgpack, write_table, write_tar


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder for each test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "whence" / "shards"


def label(k: int) -> dict[str, float]:
    return {"lat": 10.0 + k, "lon": -20.0 - k}


def web(*ks: int) -> dict[str, Any]:
    """Members of a WebDataset shard."""
    return {name: value for k in ks for name, value in ((f"{k:04d}.jpg", photo(k)), (f"{k:04d}.json", label(k)))}


def refused(path: Path | str, **options: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        open_photo_set(path, **options)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 1500
    return str(caught.value)


def numbers(photos: PhotoSet) -> list[int]:
    return [number_in(photos.pixels(k)) for k in range(len(photos))]


class TestTar:
    def test_photos_come_shard_by_shard_with_the_places_that_their_json_says(self, tmp_path: Path) -> None:
        root = tmp_path / "web"
        root.mkdir()
        write_tar(root / "s-10.tar", web(5, 6))
        write_tar(root / "s-9.tar", web(3, 1))
        photos = open_photo_set(root)
        assert (photos.name, numbers(photos)) == ("web", [3, 1, 5, 6])
        assert [photos.key(k) for k in range(4)] == ["0003", "0001", "0005", "0006"]
        assert (photos.lat.tolist(), photos.lon.tolist()) == ([13, 11, 15, 16], [-23, -21, -25, -26])

    def test_one_tar_and_a_pattern_of_tars_are_sets_too(self, tmp_path: Path) -> None:
        for k in range(12):
            write_tar(tmp_path / f"s-{k:02d}.tar", web(k))
        assert numbers(open_photo_set(tmp_path / "s-07.tar")) == [7]
        assert numbers(open_photo_set(f"{tmp_path}/s-{{08..11}}.tar")) == [8, 9, 10, 11]
        assert "2 of 4 shards are not there" in refused(f"{tmp_path}/s-{{10..13}}.tar")

    @pytest.mark.parametrize(
        ("format", "name"),
        [(tarfile.USTAR_FORMAT, "d" * 90 + "/" + "n" * 60), (tarfile.GNU_FORMAT, "n" * 300),
         (tarfile.PAX_FORMAT, "n" * 300), (tarfile.PAX_FORMAT, "東京/7"), (tarfile.GNU_FORMAT, "東京/7")],
    )  # fmt: skip
    def test_long_and_foreign_names_are_read_as_tarfile_reads_them(
        self, format: int, name: str, tmp_path: Path
    ) -> None:
        path = write_tar(
            tmp_path / "a.tar", {f"{name}.jpg": photo(3), f"{name}.json": label(3), **web(4)}, format=format
        )
        with tarfile.open(path) as tar:
            assert tar.getnames()[0] == f"{name}.jpg"
        photos = open_photo_set(path)
        assert [photos.key(0), photos.key(1)] == [name, "0004"] and numbers(photos) == [3, 4]

    def test_members_belong_together_up_to_the_first_dot(self, tmp_path: Path) -> None:
        members = {
            "a/7.JPEG": photo(7), "a/7.json": label(7), "a/7.mask.png": photo(1), "README": b"x", ".jpg": b"x",
            "b/7.webp": photo(8, format="WEBP"), "b/7.json": {"latitude": "1.5", "LNG": 2}, "b/7.txt": b"x",
        }  # fmt: skip
        photos = open_photo_set(write_tar(tmp_path / "a.tar", members))
        assert [photos.key(0), photos.key(1), len(photos)] == ["a/7", "b/7", 2]
        assert (photos.lat.tolist(), photos.lon.tolist()) == ([17, 1.5], [-27, 2])

    def test_a_table_takes_the_place_of_the_json(self, tmp_path: Path) -> None:
        path = write_tar(tmp_path / "a.tar", web(1, 2) | {"0003.jpg": photo(3)})
        table = write_table(tmp_path / "t.csv", [("0003.jpg", 3, 3), ("0001", 1, 1), ("0002.JPG", 2, 2)], "key,lat,lon")
        photos = open_photo_set(path, labels=table)
        assert (numbers(photos), photos.lat.tolist()) == ([1, 2, 3], [1, 2, 3])

    @pytest.mark.parametrize(
        "text",
        [b"", b"{", b"[" * 100_000, b"[1, 2]", b"null", b'{"lat": null, "lon": 2}', b'{"lat": 1}', b"\xff\xfe",
         b'{"lat": true, "lon": 2}', b'{"lat": [1], "lon": 2}', b'{"lat": NaN, "lon": 2}', b'{"lat": 91, "lon": 2}',
         b'{"lat": 1' + b"0" * 999 + b', "lon": 2}', b'{"lat": 1, "lon": 2}' + b" " * 2**20],
    )  # fmt: skip
    def test_a_photo_whose_json_says_no_place_is_refused_by_name_or_left_out(self, text: bytes, tmp_path: Path) -> None:
        path = write_tar(tmp_path / "a.tar", web(1) | {"0002.jpg": photo(2), "0002.json": text})
        assert "1 photo, 0002" in refused(path) and "--skip-unlabelled" in refused(path)
        photos = open_photo_set(path, missing="skip")
        assert (numbers(photos), photos.skipped) == ([1], 1)

    def test_a_photo_without_json_and_json_without_a_photo_are_each_named(self, tmp_path: Path) -> None:
        path = write_tar(tmp_path / "a.tar", web(1) | {"0002.jpg": photo(2), "0003.json": label(3)})
        said = refused(path)
        assert "coordinates on the Earth in the shards: 1 photo, 0002" in said
        assert "with a label and no photo: 1 photo, 0003" in said
        assert numbers(open_photo_set(path, missing="skip")) == [1]

    def test_a_key_that_stands_twice_is_refused_within_a_shard_and_across(self, tmp_path: Path) -> None:
        one = write_tar(tmp_path / "a.tar", web(1) | {"0001.png": photo(1)})
        assert "0001 twice" in refused(one)
        write_tar(tmp_path / "a.tar", web(1))
        write_tar(tmp_path / "b.tar", web(2, 1))
        assert "0001 more than once" in refused(tmp_path, missing="skip")

    def test_names_that_lead_out_of_a_folder_are_names_and_nothing_is_written(self, tmp_path: Path) -> None:
        inner = tmp_path / "in"
        inner.mkdir()
        members = {
            "../evil.jpg": photo(1),
            "../evil.json": label(1),
            "/etc/x\x1b[2J.jpg": photo(2),
            "/etc/x\x1b[2J.json": label(2),
        }
        before = sorted(tmp_path.iterdir())
        photos = open_photo_set(write_tar(inner / "a.tar", members))
        assert [photos.key(0), photos.key(1)] == ["../evil", "/etc/x\\x1b[2J"] and numbers(photos) == [1, 2]
        assert sorted(p for p in tmp_path.iterdir() if p.name != "cache") == before

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
    def test_a_photo_that_is_a_link_is_refused_and_not_followed(self, kind: bytes, tmp_path: Path) -> None:
        path = tmp_path / "a.tar"
        with tarfile.open(path, "w") as tar:
            member = tarfile.TarInfo("1.jpg")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        assert "1.jpg as a link" in refused(path)

    def test_folders_devices_and_global_headers_between_the_photos_are_passed_over(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tar"
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * 600}) as tar:
            for kind, name in ((tarfile.DIRTYPE, "d.jpg"), (tarfile.FIFOTYPE, "p.jpg"), (tarfile.CHRTYPE, "c.jpg")):
                member = tarfile.TarInfo(name)
                member.type, member.size = kind, 1100  # some say a size here, and nothing follows
                tar.addfile(member)
            for name, content in (("1.jpg", photo(1)), ("1.json", b'{"lat": 1, "lon": 2}')):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        assert numbers(open_photo_set(path)) == [1]

    def test_a_tar_that_is_cut_short_anywhere_is_refused(self, tmp_path: Path) -> None:
        path = write_tar(tmp_path / "a.tar", web(1, 2))
        content = path.read_bytes()
        end = len(content.rstrip(b"\0"))
        for length in (0, 100, 512, 600, end - 400, end, -(-end // 512) * 512):
            path.write_bytes(content[:length])
            assert "cut short" in refused(path) or "no tar file" in refused(path)

    @pytest.mark.parametrize("method", ["gz", "bz2", "xz"])
    def test_a_compressed_tar_is_named_as_such_whatever_it_is_called(self, method: str, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "a.tar", f"w:{method}") as tar:  # type: ignore[call-overload]
            tar.addfile(tarfile.TarInfo("x"))
        assert "is compressed with" in refused(tmp_path / "a.tar") and "plain tar" in refused(tmp_path)

    def test_every_byte_of_a_header_may_be_wrong_without_another_kind_of_error(self, tmp_path: Path) -> None:
        path = write_tar(tmp_path / "a.tar", {"n" * 200 + ".jpg": photo(1)} | web(2), format=tarfile.PAX_FORMAT)
        content = bytearray(path.read_bytes())
        rng = np.random.default_rng(3)
        for at in [*range(0, 512, 3), *rng.integers(0, len(content), 300)]:
            changed = content.copy()
            changed[at] ^= int(rng.integers(1, 256))
            if at < 512 and at % 2:  # so that what is behind the check sum is tried too
                changed[148:156] = b"%06o\0 " % (sum(changed[:148]) + 256 + sum(changed[156:512]))
            path.write_bytes(changed)
            try:
                assert len(index_tar(path).keys) <= 3
            except DatasetError as error:
                assert str(error).isprintable()

    @pytest.mark.parametrize(
        "field", [b"\xff" * 12, b"\x80" + b"\xff" * 11, b"-0000000001\0", b"77777777777\0", b"9" * 12]
    )
    def test_a_size_that_is_negative_or_beyond_the_file_is_refused_at_once(self, field: bytes, tmp_path: Path) -> None:
        content = bytearray(write_tar(tmp_path / "a.tar", web(1)).read_bytes())
        content[124:136] = field
        content[148:156] = b"%06o\0 " % (sum(content[:148]) + 256 + sum(content[156:512]))
        (tmp_path / "a.tar").write_bytes(content)
        assert "cut short" in refused(tmp_path) or "no tar file" in refused(tmp_path)

    def test_a_damaged_photo_is_known_by_its_pixels_only_and_by_name(self, tmp_path: Path) -> None:
        photos = open_photo_set(write_tar(tmp_path / "a.tar", web(1) | {"0002.jpg": b"", "0002.json": label(2)}))
        with pytest.raises(ImageError, match=r"0002 in a\.tar: the image is empty"):
            photos.pixels(1)
        assert photos.pixels(0).shape == (32, 48, 3)

    def test_a_large_photo_is_decoded_at_a_part_of_its_size(self, tmp_path: Path) -> None:
        big = {"1.jpg": photo(size=(1600, 1200)), "1.json": label(1)}
        assert open_photo_set(write_tar(tmp_path / "a.tar", big)).pixels(0, at_least=300).shape == (300, 400, 3)


class TestMsgpack:
    @pytest.mark.parametrize("options", [{}, {"use_bin_type": False}])
    def test_a_table_beside_the_shards_says_where_the_photos_are(self, options: Any, tmp_path: Path) -> None:
        for shard, ks in ((10, (5, 6)), (2, (3, 1))):
            records = [{"image": photo(k), "id": f"3f/{k}.jpg"} for k in ks]
            write_msgpack(tmp_path / f"shard_{shard}.msg", [records[0], None, records[1]], **options)
        write_table(tmp_path / "other.csv", [(1, 2)], "a,b")
        rows = [(f"3f/{k}.jpg", "u", -20 - k, 10 + k, 0) for k in (6, 5, 3, 1)]
        write_table(tmp_path / "mp16_places365.csv", rows, "IMG_ID,AUTHOR,LON,LAT,S3_Label")
        photos = open_photo_set(tmp_path)
        assert numbers(photos) == [3, 1, 5, 6] and photos.key(0) == "3f/3.jpg"
        assert (photos.lat.tolist(), photos.lon.tolist()) == ([13, 11, 15, 16], [-23, -21, -25, -26])
        assert numbers(open_photo_set(tmp_path / "shard_2.msg", missing="skip")) == [3, 1]

    def test_records_may_say_it_themselves_and_a_table_that_is_given_says_it_better(self, tmp_path: Path) -> None:
        records = [{"id": str(k), "image": photo(k), "latitude": 1.5 * k, "longitude": k} for k in range(2)]
        write_msgpack(tmp_path / "shard_0.msg", records)
        assert open_photo_set(tmp_path).lat.tolist() == [0, 1.5]
        table = write_table(tmp_path / "elsewhere" / "t.csv", [(0, 7, 8), (1, 7, 8)], "IMG_ID,LAT,LON")
        assert open_photo_set(tmp_path, labels=table).lat.tolist() == [7, 7]

    def test_two_tables_beside_the_shards_are_not_guessed_at(self, tmp_path: Path) -> None:
        write_msgpack(tmp_path / "shard_0.msg", [{"id": "1", "image": photo(1)}])
        tables = [write_table(tmp_path / n, [(1, k, 8)], "IMG_ID,LAT,LON") for k, n in enumerate(("a.csv", "b.csv"))]
        assert "a.csv, b.csv" in refused(tmp_path) and "--labels" in refused(tmp_path)
        assert open_photo_set(tmp_path, labels=tables[1]).lat.tolist() == [1]

    def test_photos_without_a_row_and_rows_without_a_photo_are_each_named(self, tmp_path: Path) -> None:
        write_msgpack(tmp_path / "shard_0.msg", [{"id": f"{k}.jpg", "image": photo(k)} for k in range(3)])
        write_table(tmp_path / "t.csv", [("0.jpg", 1, 2), ("1.jpg", "", 2), ("9.jpg", 1, 2)], "IMG_ID,LAT,LON")
        said = refused(tmp_path)
        assert all(text in said for text in ("t.csv: 1 photo, 1.jpg", "t.csv: 1 photo, 2.jpg", "photo: 1 photo, 9.jpg"))
        photos = open_photo_set(tmp_path, missing="skip")
        assert (numbers(photos), photos.skipped) == ([0], 3)

    def test_an_id_that_stands_twice_is_refused(self, tmp_path: Path) -> None:
        for shard in range(2):
            write_msgpack(tmp_path / f"shard_{shard}.msg", [{"id": "1", "image": photo(1), "lat": 1, "lon": 2}])
        assert "1 photo, 1 more than once" in refused(tmp_path, missing="skip")

    def test_a_shard_that_is_cut_short_anywhere_is_refused(self, tmp_path: Path) -> None:
        path = write_msgpack(
            tmp_path / "shard_0.msg", [{"id": str(k), "image": photo(k), "lat": 1, "lon": 2} for k in (1, 2)]
        )
        content = path.read_bytes()
        for length in (*range(len(content) // 2 + 1, len(content), 37), len(content) - 1, 1, 20):
            path.write_bytes(content[:length])
            assert "cut short" in refused(tmp_path)

    @pytest.mark.parametrize(
        "record",
        [7, "x", [1], {}, {"id": "1"}, {"image": b"x"}, {"id": "1", "image": 5}, {"id": [1], "image": b"x"}],
    )  # fmt: skip
    def test_a_record_that_is_no_photo_is_refused(self, record: object, tmp_path: Path) -> None:
        write_msgpack(tmp_path / "shard_0.msg", [{"id": "1", "image": photo(1), "lat": 1, "lon": 2}, record])
        assert "record at byte" in refused(tmp_path)

    @pytest.mark.parametrize(
        "content",
        [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdd\x00\xff\xff\xff", b"\xdf\x00\xff\xff\xff",
         b"\xdc\xff\xff\xdd\x00\x02\x00\x00", b"\xde\xff\xff"],
    )  # fmt: skip
    def test_a_record_that_claims_too_much_is_refused_before_room_is_made_for_it(
        self, content: bytes, tmp_path: Path
    ) -> None:
        (tmp_path / "shard_0.msg").write_bytes(content + bytes(64))
        assert "exceeds max_" in refused(tmp_path)

    @pytest.mark.parametrize("kind", [b"\xc6", b"\xdb", b"\xc9"])
    def test_bytes_that_are_promised_and_do_not_come_are_not_waited_for_beyond_the_largest_photo(
        self, kind: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "shard_0.msg"
        path.write_bytes(kind + b"\xff" * 5 + bytes(64))
        assert "cut short" in refused(tmp_path) or "exceeds" in refused(tmp_path)
        monkeypatch.setattr("data.msgpack_shards._LARGEST", 2**20)
        path.write_bytes(kind + b"\xff" * 5 + bytes(3 * 2**20))
        assert "BufferFull" in refused(tmp_path) or "exceeds" in refused(tmp_path)

    @pytest.mark.parametrize("content", [b"\x91" * 5000, b"\xc1", b"\x81\x91\x01\x02", b"\x81\xc0\x01"])
    def test_bytes_that_are_no_msgpack_too_deep_or_oddly_keyed_are_refused(
        self, content: bytes, tmp_path: Path
    ) -> None:
        (tmp_path / "shard_0.msg").write_bytes(content + bytes(64))
        assert "record at byte 0" in refused(tmp_path)

    def test_a_damaged_photo_and_a_record_changed_since_are_known_by_name(self, tmp_path: Path) -> None:
        records = [
            {"id": str(k), "image": photo(k)[: 900 if k == 2 else None][:-9], "lat": 1, "lon": 2} for k in (1, 2)
        ]
        path = write_msgpack(tmp_path / "shard_0.msg", records)
        photos = open_photo_set(path)
        with pytest.raises(ImageError, match=r"2 in shard_0\.msg: the image"):
            photos.pixels(1)
        path.write_bytes(
            path.read_bytes().replace(msgpack.packb("id") + msgpack.packb("1"), msgpack.packb("id") + b"\xa17")
        )
        with pytest.raises(ImageError, match="changed after it was indexed"):
            photos.pixels(0)
        path.write_bytes(b"")
        with pytest.raises(ImageError, match="cut short after it was indexed"):
            photos.pixels(0)
        path.unlink()
        with pytest.raises(DatasetError, match="still there"):
            photos.pixels(0)


class TestIndex:
    def counted(self, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
        built: list[Path] = []

        def build(path: Path) -> ShardIndex:
            built.append(path)
            return index_tar(path)

        monkeypatch.setitem(photo_shards._READERS, "tar", build)
        return built

    def test_a_shard_is_read_once_and_again_only_when_it_changed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
    ) -> None:
        path = write_tar(tmp_path / "a.tar", web(1, 2))
        built = self.counted(monkeypatch)
        first, second = open_photo_set(path), open_photo_set(path)
        assert len(built) == 1 and first.fingerprint == second.fingerprint and numbers(second) == [1, 2]
        write_tar(path, web(3, 4))  # as large as before
        os.utime(path, ns=(1, 1))
        assert numbers(open_photo_set(path)) == [3, 4] and len(built) == 2
        os.utime(path, ns=(2, 2))
        open_photo_set(path)
        assert len(built) == 3 and len([*cache.iterdir()]) == 1

    def test_a_damaged_index_is_built_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        path = write_tar(tmp_path / "a.tar", web(1, 2))
        open_photo_set(path)
        [entry] = cache.iterdir()
        whole = entry.read_bytes()
        built = self.counted(monkeypatch)
        flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in (0, 20, len(whole) // 2)]
        for k, damage in enumerate([b"", whole[:-1], whole[:40], whole + b"x", b"pickle", *flipped]):
            entry.write_bytes(damage)
            assert numbers(open_photo_set(path)) == [1, 2] and len(built) == k + 1
            assert entry.read_bytes() == whole

    def test_a_cache_that_cannot_be_written_to_or_is_not_there_is_no_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write_tar(tmp_path / "a.tar", web(1))
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        assert numbers(open_photo_set(path)) == [1]
        monkeypatch.setattr(shard_index, "_entry", lambda name: None)
        assert numbers(open_photo_set(path)) == [1]

    def test_an_index_keeps_every_column_and_is_known_by_what_read_it(self, tmp_path: Path) -> None:
        path = write_tar(tmp_path / "a.tar", web(1, 2) | {"9.json": label(9)})
        fresh, kept = cached_index(path, "tar", index_tar), cached_index(path, "tar", index_tar)
        assert [*fresh.keys] == [*kept.keys] == ["0001", "0002", "9"] and kept.offset.tolist()[2] == -1
        for column in ("offset", "size", "lat", "lon"):
            np.testing.assert_array_equal(getattr(fresh, column), getattr(kept, column))
        with pytest.raises(LookupError):
            cached_index(path, "other", lambda path: dict[Path, ShardIndex]()[path])


def number_of(photos: PhotoSet, index: int) -> tuple[int, str, int]:
    return number_in(photos.pixels(index)), photos.key(index), os.getpid()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # with 3.12 a fork beside Arrow's threads warns
@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_workers_read_the_same_photos_however_they_are_started(start: str, tmp_path: Path) -> None:
    for k in range(2):
        write_tar(tmp_path / f"{k}.tar", web(*range(6 * k, 6 * k + 6)))
    photos = open_photo_set(tmp_path)
    photos.pixels(0)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(start)) as pool:
        found = [*pool.map(partial(number_of, photos), range(12))]
    assert [n for n, _, _ in found] == [*range(12)] and found[11][1] == "0011"
    assert os.getpid() not in {pid for _, _, pid in found}


def test_a_pickled_set_of_shards_reads_on(tmp_path: Path) -> None:
    photos = open_photo_set(write_tar(tmp_path / "a.tar", web(1, 2)))
    again = pickle.loads(pickle.dumps(photos))
    assert again.fingerprint == photos.fingerprint and numbers(again) == [1, 2]


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "paths"),
        [("a.tar", ["a.tar"]), ("{9..11}", ["9", "10", "11"]), ("{00..01}{8..9}x", ["008x", "009x", "018x", "019x"]),
         ("{a..b}", ["{a..b}"]), ("{1..1}", ["1"])],
    )  # fmt: skip
    def test_numbers_in_braces_are_counted_through(self, pattern: str, paths: list[str]) -> None:
        assert expanded(pattern) == paths

    @pytest.mark.parametrize("pattern", ["{5..4}.tar", "{0..999999999}.tar", "{1..999}{1..999}.tar"])
    def test_patterns_of_none_or_of_too_many_are_refused(self, pattern: str) -> None:
        assert "shards" in refused(pattern)

    def test_shards_are_in_the_order_of_their_numbers(self) -> None:
        assert in_order(["s_10.msg", "s_2.msg", "r_3.msg", "s.msg"]) == ["r_3.msg", "s.msg", "s_2.msg", "s_10.msg"]
