"""Tables that say which photos make an album."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import DatasetError
from data.photo_albums import read_albums
from data.photo_sets import PhotoSet, open_photo_set
from tests.small_photos import photo, write_table


@pytest.fixture
def photos(tmp_path: Path) -> PhotoSet:
    root = tmp_path / "photos"
    names = ["b.jpg", "a.jpg", "trip/c.jpg", "d.jpg", "e.1.jpg"]
    write_table(root / "labels.csv", [(name, 48.2, 16.4) for name in names])
    for number, name in enumerate(names):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(photo(number))
    return open_photo_set(root)


def names_of(photos: PhotoSet, albums: list[list[int]]) -> list[list[str]]:
    return [[photos.key(number) for number in album] for album in albums]


def test_rows_make_albums_in_their_own_order(photos: PhotoSet, tmp_path: Path) -> None:
    rows = [("trip/c.jpg", "x"), ("d.jpg", "y"), ("a.jpg", "x"), ("e.1", " y "), ("b.jpg", ""), ("nowhere.jpg", "x")]
    found = read_albums(write_table(tmp_path / "t.csv", rows, "file,album"), photos)
    assert names_of(photos, found.albums) == [["trip/c.jpg", "a.jpg"], ["d.jpg", "e.1.jpg"]]
    assert found.unknown == 1


def test_a_table_like_osv5ms_is_read(photos: PhotoSet, tmp_path: Path) -> None:
    rows = [("a", 1, 2, "s1"), ("b", 1, 2, "s1"), ("d", 1, 2, "s2")]
    found = read_albums(write_table(tmp_path / "t.csv", rows, "ID,latitude,longitude,Sequence"), photos)
    assert names_of(photos, found.albums) == [["a.jpg", "b.jpg"], ["d.jpg"]]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"file,group\na.jpg,1\n", "album or sequence"),
        (b"photo,album\na.jpg,1\n", "file or filename"),
        (b"", "no table"),
        (b"file,album\na.jpg,1\na.jpg,2\n", "more than once"),
        (b"file,album\na.jpg,\n", "in an album"),
        (b"file,album\nz.jpg,1\n", "no photo of"),
        (b"file,album\na.jpg,1,2\n", "damaged"),
        (b"file,album\n\xff\xfe,1\n", "damaged"),
    ],
)
def test_what_is_no_table_of_albums_is_refused(photos: PhotoSet, tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=says):
        read_albums(tmp_path / "t.csv", photos)
    with pytest.raises(DatasetError, match="check the path"):
        read_albums(tmp_path / "missing.csv", photos)
