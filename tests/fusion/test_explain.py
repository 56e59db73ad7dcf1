"""`explain`: the covered sign that told the place lights up, and nothing private is shown."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from backbone.occlusion import Occlusion
from data.distribution import CellDistribution
from data.errors import RequestError
from data.partition import Partition
from detectors.base import Clue, Reading
from fusion.context import NOTHING_KNOWN, Context
from fusion.coverings import Part
from fusion.explain import Explanation, explain
from fusion.heatmap import check_heatmap_path, coloured, draw_heatmap
from fusion.locator import Locator
from fusion.pool import Fused, LogLinearPool
from tests.backbone.test_occlusion import RedPatch
from tests.fusion.test_scenes import URBAN, Says

Place = tuple[int, int, int, int]
SPAIN, NEUTRAL, PRIVATE = (40, 40, 140, 70), (200, 190, 300, 220), (40, 190, 140, 215)
PLATE = "B-AB 1234"


class Signs:
    """Reads the words of the dark blocks that are still dark."""

    name = "signs"

    def __init__(self, signs: dict[Place, str]) -> None:
        self._signs = signs
        self.read_photos = 0

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        self.read_photos += 1
        out = []
        for k, ((left, top, right, bottom), text) in enumerate(self._signs.items()):
            if pixels[top:bottom, left:right].mean() < 60:
                box = (
                    (float(left), float(top)),
                    (float(right), float(top)),
                    (float(right), float(bottom)),
                    (float(left), float(bottom)),
                )
                out.append(Reading(f"r{k}", text, box, 0.99, "Latn"))
        return out


def photo(*signs: Place) -> NDArray[np.uint8]:
    pixels = np.full((260, 340, 3), (150, 170, 190), np.uint8)
    for left, top, right, bottom in signs:
        pixels[top:bottom, left:right] = 20
    return pixels


FEW = Occlusion((0.3,))
TEXTS = {SPAIN: "MADRID", NEUTRAL: "0", PRIVATE: PLATE}


@pytest.fixture(scope="module")
def told() -> Explanation:
    return Locator("density", ocr=Signs(TEXTS), regions="none").explain(photo(SPAIN, NEUTRAL, PRIVATE), how=FEW)


def on(heat: NDArray[np.float32], place: Place) -> NDArray[np.float32]:
    left, top, right, bottom = place
    return heat[top:bottom, left:right]


def test_the_sign_that_told_the_country_lights_up_and_the_neutral_one_does_not(told: Explanation) -> None:
    assert told.target.code == "ES" and told.heat.shape == (260, 340) and told.looks_heat is None
    assert on(told.heat, SPAIN).min() > 1.0
    rest = told.heat.copy()
    on(rest, SPAIN)[:] = 0.0
    assert np.abs(on(rest, NEUTRAL)).max() == 0.0 and np.abs(rest).max() < 0.2 * told.heat.max()
    assert told.probability > 0.3 and told.without_text is not None and told.without_text < 0.1


def test_the_part_says_what_covering_it_does(told: Explanation) -> None:
    part = told.parts[0]
    assert (part.kind, part.text) == ("line", "MADRID")
    assert part.probability == pytest.approx(told.without_text, abs=0.02) and part.drop > 1.0
    assert f"{100 * told.probability:.0f} % -> " in str(told) and "'MADRID'" in str(told)


def test_against_a_country_that_it_speaks_against_the_sign_is_negative() -> None:
    told = Locator("density", ocr=Signs(TEXTS), regions="none").explain(photo(SPAIN, NEUTRAL), "us", how=FEW)
    assert told.target.name == "United States" and on(told.heat, SPAIN).max() < -0.2
    assert told.parts[-1].drop < 0 and "against it" in str(told) and "carried by" not in str(told)


def test_a_cell_is_explained_too() -> None:
    locator = Locator("density", ocr=Signs(TEXTS), regions="none")
    likeliest = locator.explain(photo(SPAIN), "cell", how=FEW)
    named = locator.explain(photo(SPAIN), "40.4168,-3.7038", how=FEW)
    assert likeliest.target.kind == "cell" and on(likeliest.heat, SPAIN).min() > 0.5
    assert likeliest.target.code == named.target.code


def test_nothing_private_is_in_words_json_or_picture(told: Explanation) -> None:
    for shown in (str(told), told.to_json()):
        assert "AB 12" not in shown and "1234" not in shown
    with Image.open(io.BytesIO(told.picture)) as picture:
        pixels = np.asarray(picture.convert("RGB"), np.int16)
    assert on(pixels, SPAIN).mean() < 40
    assert on(pixels, PRIVATE).min() > 60, "the plate is still to be seen"


def test_a_phone_number_is_masked_and_covered_even_where_the_locator_reveals() -> None:
    locator = Locator("density", ocr=Signs({SPAIN: "MADRID +34 91 555 12 34"}), regions="none", reveal=True)
    told = locator.explain(photo(SPAIN), how=FEW)
    assert "MADRID" in str(told) and "555" not in str(told) + told.to_json()
    with Image.open(io.BytesIO(told.picture)) as picture:
        assert on(np.asarray(picture), SPAIN).min() > 60


def test_two_signs_that_say_the_same_share_what_both_lose() -> None:
    second = (150, 40, 250, 70)
    locator = Locator("density", ocr=Signs({SPAIN: "MADRID", second: "MADRID"}), regions="none")
    told = locator.explain(photo(SPAIN, second), how=Occlusion((0.9,)))
    assert told.without_text is not None and told.probability - told.without_text > 0.3
    assert all(abs(part.drop) < 0.5 for part in told.parts)
    assert on(told.heat, SPAIN).max() > 0.3 and on(told.heat, second).max() > 0.3


class Both(RedPatch):
    """Sees red at the photo's lower right."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(partition, slice(200, 240), slice(250, 300), nats=6.0)


def test_looks_and_text_are_told_apart_and_add_up(partition: Partition) -> None:
    pixels = photo(SPAIN)
    pixels[200:240, 250:300] = (255, 0, 0)
    locator = Locator(Both(partition), ocr=Signs(TEXTS), regions="none")
    told = locator.explain(pixels, "JP", how=FEW)
    assert told.looks_heat is not None and told.text_heat is not None
    assert np.allclose(told.heat, told.looks_heat + told.text_heat)
    assert told.looks_heat[220, 275] > 1.0 and abs(told.looks_heat[20, 60]) < 1e-6
    assert on(told.text_heat, SPAIN).max() < -0.2 and told.text_heat[220, 275] == 0.0
    [area] = [part for part in told.parts if part.kind == "area"]
    assert area.drop > 1.0 and area.text == "" and "the area at" in str(told)
    alone = locator.explain(pixels, "JP", what="prior", how=FEW)
    assert alone.text_heat is None and alone.without_text is None and alone.read_again == 0
    assert alone.looks_heat is not None and alone.looks_heat.argmax() == told.looks_heat.argmax()
    assert "by the visual prior alone" in str(alone)


def test_a_window_over_text_that_told_something_is_no_area(partition: Partition) -> None:
    place = (250, 200, 300, 240)
    pixels = photo(place)
    pixels[200:220, 250:300] = (255, 0, 0)
    told = Locator(Both(partition), ocr=Signs({place: "MADRID"}), regions="none").explain(pixels, "JP", how=FEW)
    assert told.looks_heat is not None and told.looks_heat[210, 275] > 0.5
    assert {part.kind for part in told.parts} == {"line"}


class ByScene(LogLinearPool):
    """Takes clues at their word in cities only."""

    def fuse(self, prior: CellDistribution, clues: Sequence[Clue], context: Context = NOTHING_KNOWN) -> Fused:
        urban = context.scene is not None and context.scene["urban"] > 0.5
        return super().fuse(prior, clues if urban else [], context)


def test_what_is_explained_is_what_is_located_scene_and_all() -> None:
    urban = Says(URBAN)
    locator = Locator("density", ocr=Signs(TEXTS), regions="none", scenes=urban, ranker=ByScene())
    told, answer = locator.explain(photo(SPAIN), "ES", how=FEW), locator.locate(photo(SPAIN))
    spain = answer.distribution.partition.country_shares("ES")
    assert told.probability == pytest.approx(float(answer.distribution.p @ spain), rel=1e-5)
    assert told.probability > 0.3 and told.parts[0].drop > 1.0
    assert len(urban.shown) == 2  # once a photo, however many windows


def test_photos_are_read_again_only_where_a_telling_sign_is_touched() -> None:
    reader = Signs(TEXTS)
    told = Locator("density", ocr=reader, regions="none").explain(photo(SPAIN, NEUTRAL), how=FEW)
    assert told.read_again < told.coverings / 2
    assert reader.read_photos == told.read_again  # one is the covered line, which needs no reading; one is the photo


def test_with_no_clue_and_no_visual_prior_there_is_nothing_to_explain() -> None:
    for ocr, says in ((Signs({SPAIN: "0"}), "1 line of text read"), ("none", "0 lines of text read")):
        with pytest.raises(RequestError, match=says):
            Locator("density", ocr=ocr, regions="none").explain(photo(SPAIN))
    with pytest.raises(RequestError, match="looks at no pixel"):
        Locator("density", ocr=Signs(TEXTS), regions="none").explain(photo(SPAIN), what="prior")
    with pytest.raises(RequestError, match="unknown 'mood'"):
        Locator("density", ocr=Signs(TEXTS), regions="none").explain(photo(SPAIN), what="mood")  # type: ignore[arg-type]


def test_two_drawn_signs_read_by_the_engine_that_ships() -> None:
    font = ImageFont.load_default(26)
    picture = Image.new("RGB", (360, 240), (150, 170, 190))
    draw = ImageDraw.Draw(picture)
    places = {"MADRID": (20, 20, 150, 60), "FRIDGE": (210, 180, 340, 220)}
    for text, place in places.items():
        draw.rectangle(place, fill="white")
        draw.text((place[0] + 12, place[1] + 4), text, fill="black", font=font)
    told = explain(Locator("density", offline=True, regions="none"), np.asarray(picture), "ES", how=Occlusion((0.4,)))
    assert told.heat.max() > 1.0
    row, column = np.unravel_index(int(told.heat.argmax()), told.heat.shape)
    assert 10 < row < 70 and 10 < column < 160
    assert np.abs(on(told.heat, places["FRIDGE"])).max() < 0.25 * told.heat.max()


@pytest.mark.parametrize("size", [(64, 64), (40, 900), (900, 40), (1280, 700)])
def test_a_heat_map_is_drawn_at_any_size_and_shape(told: Explanation, size: tuple[int, int], tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGB", size, (120, 130, 140)).save(stream, "JPEG")
    heat = np.zeros((max(size[1] // 2, 1), max(size[0] // 2, 1)), np.float32)
    heat[: len(heat) // 2] = -1.0
    heat[:, : heat.shape[1] // 4] = 2.0
    box = ((1.0, 1.0), (30.0, 1.0), (30.0, 20.0), (1.0, 20.0))
    odd = replace(
        told, picture=stream.getvalue(), picture_scale=1.0, heat=heat, parts=(Part("line", "مرحبا é", box, 2.0, 0.2),)
    )
    drawn = draw_heatmap(odd)
    assert drawn.shape[1] >= 560 and min(drawn.shape[:2]) > 150 and max(drawn.shape[:2]) < 1400
    out = odd.save_heatmap(tmp_path / "out.png")
    with Image.open(out) as picture:
        assert picture.format == "PNG" and not picture.info and picture.size == drawn.shape[1::-1]
        assert out.stat().st_size < 2_000_000


def test_no_line_of_letters_runs_off_a_narrow_picture(told: Explanation) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (60, 600), (120, 130, 140)).save(stream, "JPEG")
    box = ((1.0, 1.0), (30.0, 1.0), (30.0, 20.0), (1.0, 20.0))
    parts = tuple(Part("line", text, box, 2.0, 0.2) for text in ("W" * 40, "MW WM " * 7))
    wide = replace(told, picture=stream.getvalue(), picture_scale=1.0, parts=parts, prior_name="planet:" + "W" * 90)
    drawn = draw_heatmap(wide)
    assert (drawn[:, -8:] == 250).all(), "letters reach the right edge"
    assert len(drawn) > len(draw_heatmap(replace(wide, parts=(), prior_name="x"))) + 60


def test_colours_grow_lighter_either_way_and_nothing_is_clear() -> None:
    strength = np.linspace(-1, 1, 21, dtype=np.float32)
    colours, solid = coloured(strength)
    light = colours @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(light[10:]) > 0).all() and (np.diff(light[:11]) < 0).all()
    assert solid[10] == 0.0 and (np.diff(solid[10:]) > 0).all()
    assert (colours[11:, 0] > colours[11:, 2]).all() and (colours[:10, 2] > colours[:10, 0]).all()


def test_no_heat_is_drawn_as_none(told: Explanation) -> None:
    nothing = replace(told, heat=np.full((26, 34), 0.001, np.float32), parts=())
    grey = draw_heatmap(nothing)[90:200, 150:400].astype(int)
    assert np.abs(grey[..., 0] - grey[..., 2]).max() < 40, "a thousandth of a nat is drawn as if it were much"


def test_the_picture_must_be_a_png_in_a_folder(told: Explanation, tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    for name, says in (("a.jpg", "ends in .png"), ("no/a.png", "make it first"), ("x.png", "it is a folder")):
        with pytest.raises(RequestError, match=says):
            check_heatmap_path(tmp_path / name)


def test_json_has_what_the_words_have(told: Explanation) -> None:
    data = json.loads(told.to_json())
    assert data["target"] == {"kind": "country", "code": "ES", "name": "Spain"}
    assert data["parts"][0]["text"] == "MADRID" and data["heat"]["most"] == round(float(told.heat.max()), 4)
    x, y = data["heat"]["hottest"]
    assert SPAIN[0] <= x * 340 <= SPAIN[2] and SPAIN[1] <= y * 260 <= SPAIN[3]
