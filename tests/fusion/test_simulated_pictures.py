"""Simulated photos that are drawn and read by the real detectors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.partition import Partition
from fusion.clue_rows import clue_of, clue_values, kept_rows, reading_of, reading_values
from fusion.simulate import Plate, Scene, Sign, scene_of, simulate
from fusion.simulated_lines import spot_at
from fusion.simulated_pictures import picture_of, rendered
from tests.fonts import needs_fonts

pytest.importorskip("wordfreq", reason="the simulator's words need the extra build")
pytest.importorskip("fontTools", reason="drawing signs needs the extra build")
pytestmark = needs_fonts


@pytest.fixture(scope="module")
def scene(partition: Partition) -> Scene:
    made = scene_of(np.random.default_rng([5, 0]), partition)
    sign = Sign(["Bäckerei Huber", "Wien"], "shop", spot_at(48.2, 16.37), "sign", noise=False)
    return replace(made, signs=[sign], plates=[])


def counted(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> list[int]:
    """Every photo shows ``scene``; one entry for each picture that is read, in which nothing is found."""
    read: list[int] = []
    monkeypatch.setattr(
        "fusion.simulated_pictures._read", lambda picture: read.append(1) or {"readings": [], "clues": []}
    )
    monkeypatch.setattr("fusion.simulated_pictures.scene_of", lambda rng, partition: scene)
    return read


class TestPictures:
    def test_a_sign_is_drawn_where_nothing_was(self, scene: Scene) -> None:
        bare = picture_of(replace(scene, signs=[]), np.random.default_rng(0)).astype(int)
        drawn = picture_of(scene, np.random.default_rng(0)).astype(int)
        changed = (np.abs(drawn - bare).max(axis=2) > 40).mean()
        assert 0.0002 < changed < 0.5

    def test_what_no_font_writes_and_what_is_no_text_is_left_out(self, scene: Scene) -> None:
        bare = picture_of(replace(scene, signs=[]), np.random.default_rng(0))
        sign = scene.signs[0]
        for left_out in (replace(sign, lines=["\U0001f5fa\ue000"]), replace(sign, noise=True)):
            assert np.array_equal(picture_of(replace(scene, signs=[left_out]), np.random.default_rng(0)), bare)

    def test_they_are_drawn_onto_a_photo_where_one_is_given(self, scene: Scene, tmp_path: Path) -> None:
        from PIL import Image

        Image.new("RGB", (300, 200), (200, 30, 30)).save(tmp_path / "red.png")
        drawn = picture_of(scene, np.random.default_rng(0), [tmp_path / "red.png"])
        assert drawn.shape == picture_of(scene, np.random.default_rng(0)).shape
        assert (np.abs(drawn.astype(int) - (200, 30, 30)).max(axis=2) < 20).mean() > 0.5


class TestRendered:
    def test_the_real_readers_read_what_is_written(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fusion.simulated_pictures.scene_of", lambda rng, partition: scene)
        monkeypatch.setattr("fusion.simulated_pictures._LINE_PX", 60.0)
        [photo] = rendered(1, 3)
        assert photo.source == "rendered" and (photo.lat, photo.lon) == (scene.lat, scene.lon)
        assert any("huber" in reading.text.casefold() for reading in photo.context.readings)
        assert {source.partition(":")[0] for clue in photo.clues for source in clue.evidence.sources} <= {
            reading.id for reading in photo.context.readings
        }
        assert "AT" in {code for clue in photo.clues for code in clue.evidence.countries}

    def test_what_is_kept_is_read_again_only_where_the_scene_changed(
        self, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read = counted(monkeypatch, scene)
        keep = tmp_path / "kept" / "pictures.jsonl"
        for _ in range(2):
            list(rendered(2, 3, keep=keep))
        assert len(read) == 2 and [json.loads(line)["number"] for line in keep.read_text().splitlines()] == [0, 1]
        other = replace(scene, signs=[replace(scene.signs[0], lines=["Graz"])])
        monkeypatch.setattr("fusion.simulated_pictures.scene_of", lambda rng, partition: other)
        list(rendered(2, 3, keep=keep))
        list(rendered(2, 3, keep=keep))
        assert len(read) == 4
        monkeypatch.setattr("fusion.simulated_pictures.__version__", "of another time")
        list(rendered(2, 3, keep=keep))
        assert len(read) == 6
        keep.write_bytes(keep.read_bytes()[:-20])  # stopped while it wrote
        for _ in range(3):
            assert len(list(rendered(2, 3, keep=keep))) == 2
        assert 7 <= len(read) <= 8

    def test_a_row_that_a_stop_cut_short_is_read_again_and_the_others_stay(
        self, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read = counted(monkeypatch, scene)
        keep = tmp_path / "pictures.jsonl"
        list(rendered(2, 3, keep=keep))
        keep.write_bytes(keep.read_bytes()[:-9])
        list(rendered(3, 3, keep=keep))
        assert len(read) == 4  # two, then the second again and the third
        list(rendered(3, 3, keep=keep))
        assert len(read) == 4 and [row["number"] for row in kept_rows(keep)] == [0, 1, 2]

    def test_another_plate_is_read_again(self, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        read: list[int] = []
        monkeypatch.setattr(
            "fusion.simulated_pictures._read", lambda picture: read.append(1) or {"readings": [], "clues": []}
        )
        for text in ("W 12345 A", "W 12345 A", "W 54321 A"):
            shown = replace(scene, plates=[Plate(text, "AT", real=True)])
            monkeypatch.setattr("fusion.simulated_pictures.scene_of", lambda rng, partition, shown=shown: shown)
            list(rendered(1, 3, keep=tmp_path / "pictures.jsonl"))
        assert len(read) == 2

    def test_their_places_and_priors_are_those_of_the_photos_simulated_as_text(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fusion.simulated_pictures._read", lambda picture: {"readings": [], "clues": []})
        for as_text, drawn in zip(simulate(1, 6, start=3), rendered(1, 6, start=3), strict=True):
            assert (as_text.lat, as_text.lon) == (drawn.lat, drawn.lon)
            assert np.array_equal(as_text.prior.p, drawn.prior.p)


class TestRows:
    def test_readings_and_clues_come_back_from_json_as_they_were(self) -> None:
        photos = list(simulate(12, 21))
        assert any(clue.evidence.points for photo in photos for clue in photo.clues)
        for photo in photos:
            for clue in photo.clues:
                again = clue_of(json.loads(json.dumps(clue_values(clue))))
                assert again == clue
            for reading in photo.context.readings:
                assert reading_of(json.loads(json.dumps(reading_values(reading)))) == reading
