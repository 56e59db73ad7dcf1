from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import DatasetError
from data.packed_names import PackedNames
from data.photo_columns import columns_of, rows_of
from data.photo_sets import PhotoSet, open_photo_set
from tests.small_photos import photo, write_table


@pytest.fixture
def photos(tmp_path: Path) -> PhotoSet:
    root = tmp_path / "photos"
    names = ["a.jpg", "a.png", "trip/a.jpg", "trip/b.jpg"]
    write_table(root / "labels.csv", [(name, 48.2, 16.4) for name in names])
    for number, name in enumerate(names):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(photo(number))
    return open_photo_set(root)


def test_only_wanted_columns_come_back_as_texts(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv", [("x", 7, "", "z"), ("y", 8, "NA", "é")], "ID, Album ,scene,other")
    names, columns = columns_of(table, ("scene", "album", "missing"))
    assert list(names) == ["x", "y"] and columns == {"scene": ["", "NA"], "album": ["7", "8"]}


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["trip/b.jpg", "a.png", "a.jpg", "trip/a.jpg"], [2, 1, 3, 0]),
        (["a.jpg", "b"], [0, -1, -1, 1]),
        (["b.jpg"], [-1, -1, -1, 0]),
        (["trip/a", "a.jpg", "a"], [1, 2, 0, -1]),
    ],
)
def test_a_photo_is_named_whole_or_without_its_folder_or_ending(
    photos: PhotoSet, names: list[str], rows: list[int]
) -> None:
    assert rows_of(photos, PackedNames.of(names), where="t.csv").tolist() == rows


def test_a_name_that_could_be_that_of_two_photos_is_refused(photos: PhotoSet) -> None:
    with pytest.raises(DatasetError, match=r"a in t\.csv is the name of several"):
        rows_of(photos, PackedNames.of(["a"]), where="t.csv")


def test_a_table_of_other_photos_is_refused(photos: PhotoSet) -> None:
    with pytest.raises(DatasetError, match="should be like a"):
        rows_of(photos, PackedNames.of(["z.jpg"]), where="t.csv")


def test_a_row_without_a_name_is_no_photos(photos: PhotoSet) -> None:
    assert rows_of(photos, PackedNames.of(["", "trip/b.jpg"]), where="t.csv").tolist() == [-1, -1, -1, 1]
    with pytest.raises(DatasetError, match="no photo of"):
        rows_of(photos, PackedNames.of(["", ".jpg"]), where="t.csv")
