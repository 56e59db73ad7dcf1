from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.scene_labels import label_scenes, read_scene_labels
from backbone.scenes import SCENES, SceneCard
from data.errors import DatasetError
from data.photo_sets import concatenated
from tests.backbone.trained import ColouredPhotos


class ByRedness:
    """A scene model whose answer can be told from the pixels: the redder, the more indoor."""

    name = "redness"
    card = SceneCard("redness", "nothing", "none")

    def __init__(self) -> None:
        self.asked = 0

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[Mapping[str, float]]:
        self.asked += len(images)
        red = [float(image[..., 0].mean()) / 255.0 for image in images]
        return [dict(zip(SCENES, (r, 0.75 * (1 - r), 0.25 * (1 - r)), strict=True)) for r in red]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


class TestReading:
    def test_a_scene_by_name_is_certain_and_a_photo_without_one_unknown(self, tmp_path: Path) -> None:
        table = written(tmp_path / "s.csv", "file,scene\nphoto-2,urban\nphoto-0,Indoor\nphoto-1,\nother,natural\n")
        found = read_scene_labels(table, ColouredPhotos(4))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found[[0, 2]], [[1, 0, 0], [0, 0, 1]])
        assert np.isnan(found[[1, 3]]).all()

    def test_probabilities_are_taken_as_they_are(self, tmp_path: Path) -> None:
        table = written(tmp_path / "s.csv", "id,urban,natural,indoor\nphoto-0,0.2,0.5,0.3\nphoto-1,,,\n")
        found = read_scene_labels(table, ColouredPhotos(2))
        np.testing.assert_allclose(found[0], [0.3, 0.5, 0.2], atol=1e-6)
        assert np.isnan(found[1]).all()

    def test_photos_of_joined_sets_may_be_named_as_their_own_set_names_them(self, tmp_path: Path) -> None:
        both = concatenated([ColouredPhotos(2), ColouredPhotos(2, seed=1)])
        table = written(tmp_path / "s.csv", "file,scene\nphoto-1,urban\ncoloured#1/photo-1,natural\n")
        found = read_scene_labels(table, both)
        np.testing.assert_array_equal(found[[1, 3]], [[0, 0, 1], [0, 1, 0]])

    @pytest.mark.parametrize(
        ("text", "says"),
        [("file,kind\nphoto-0,urban\n", "no column scene"), ("scene\nurban\n", "no column file"),
         ("file,scene\nphoto-0,rural\n", "rural"), ("file,scene\nnobody,urban\n", "no photo"),
         ("file,indoor,natural,urban\nphoto-0,0.9,0.9,0.9\n", "sum to 1"),
         ("file,indoor,natural,urban\nphoto-0,a,b,c\n", "no number"),
         ("file,scene\nphoto-0,urban\nphoto-0,urban\n", "more than once")],
    )  # fmt: skip
    def test_what_is_no_such_table_is_refused_by_what_is_wrong(self, tmp_path: Path, text: str, says: str) -> None:
        with pytest.raises(DatasetError, match=says):
            read_scene_labels(written(tmp_path / "s.csv", text), ColouredPhotos(2))


class TestLabelling:
    def test_what_a_model_says_comes_back_and_a_damaged_photo_is_unknown(self, tmp_path: Path) -> None:
        photos, model = ColouredPhotos(70, damaged=30), ByRedness()
        advanced: list[int] = []
        lost = label_scenes(tmp_path / "s.csv", photos, model, workers=2, advance=advanced.append)
        assert lost == 3 and model.asked == 67 and sum(advanced) == 70
        found = read_scene_labels(tmp_path / "s.csv", photos)
        assert np.flatnonzero(np.isnan(found).all(axis=1)).tolist() == [0, 30, 60]
        wanted = [model.predict([photos.pixels(k)])[0][name] for k in (1, 69) for name in SCENES]
        np.testing.assert_allclose(found[[1, 69]].ravel(), wanted, atol=2e-4)

    def test_it_goes_on_where_it_was_stopped_in_the_middle_of_a_row(self, tmp_path: Path) -> None:
        photos, whole, cut = ColouredPhotos(70), tmp_path / "whole.csv", tmp_path / "cut.csv"
        label_scenes(whole, photos, ByRedness())
        lines = whole.read_text().splitlines(keepends=True)
        cut.write_text("".join(lines[:31]) + lines[31][:9])
        model = ByRedness()
        label_scenes(cut, photos, model)
        assert model.asked == 40 and cut.read_text() == whole.read_text()

    def test_a_table_of_something_else_is_never_written_over(self, tmp_path: Path) -> None:
        table = written(tmp_path / "s.csv", "file,lat,lon\na.jpg,1,2\n")
        with pytest.raises(DatasetError, match="something else"):
            label_scenes(table, ColouredPhotos(3), ByRedness())
        assert table.read_text() == "file,lat,lon\na.jpg,1,2\n"

    def test_rows_of_another_model_are_not_mixed_in(self, tmp_path: Path) -> None:
        table, photos, other = tmp_path / "s.csv", ColouredPhotos(3), ByRedness()
        label_scenes(table, photos, ByRedness())
        before = table.read_text()
        assert before.splitlines()[1].endswith(",redness")
        other.card = SceneCard("redness", "nothing", "none", sha256="ab" * 32)
        with pytest.raises(DatasetError, match=r"labels by redness, not redness@abababababab: go on with that model"):
            label_scenes(table, ColouredPhotos(4), other)
        assert table.read_text() == before and other.asked == 0

    @pytest.mark.parametrize("text", ["", "\n", "\n\n"])
    def test_blank_lines_are_passed_over(self, tmp_path: Path, text: str) -> None:
        table, photos, model = tmp_path / "s.csv", ColouredPhotos(4), ByRedness()
        written(table, text)
        label_scenes(table, ColouredPhotos(2), ByRedness())
        assert table.read_text().startswith("file,")
        table.write_text(table.read_text().replace("\n", "\n\n", 2))
        label_scenes(table, photos, model)
        assert model.asked == 2 and not np.isnan(read_scene_labels(table, photos)[1:]).any()
