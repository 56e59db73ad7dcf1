"""The map page: it loads nothing, runs nothing but its own scripts, draws no smear, and leaks no covered text."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import fusion
from data.geodesy import EARTH_RADIUS_KM, haversine_km
from fusion.build_map_assets import ALPHABET, encode_arc, simplify_arc
from fusion.map import MapCell, MapClue, MapLedgerRow, cover, render_map
from fusion.map_scale import choose_level, class_labels, class_of, density_scale, percent
from fusion.rings import cell_area_km2, cell_ring, circle_ring

ASSETS = Path(fusion.__path__[0]) / "assets"
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`&{{world}}\u202e\u200f\u2028\ud800"
    + "A" * 10_000
)


def square(lat: float, lon: float, side: float) -> np.ndarray:
    return np.array([[lat, lon], [lat, lon + side], [lat + side, lon + side], [lat + side, lon]])


def box(x: float, y: float, w: float, h: float):
    return ((x, y), (x + w, y), (x + w, y + h), (x, y + h))


def page(**changes) -> str:
    rng = np.random.default_rng(0)
    answer = {
        "title": "bus.jpg: probably Madrid, Spain",
        "summary": ["40.4 N, 3.7 W, within 187 km with probability 50 %.", "Spain 61 %"],
        "point": (40.4168, -3.7038),
        "radius_km": 187.0,
        "cells": [MapCell(square(39.0 + i, -5.0, 1.0), 0.5 / 2**i, "ES", "Toledo") for i in range(8)],
        "cells_note": "Drawn: 8 cells.",
        "photo": rng.integers(0, 256, (300, 400, 3), dtype=np.uint8),
        "covered": [],
        "clues": [
            MapClue("place", "MADRID", "A place.", box(20, 20, 90, 30), [(40.4, -3.7, 25.0)], ["ES"]),
            MapClue("language", "cero", "Spanish.", None, [], ["ES", "MX", "TV"]),
        ],
        "ledger": [
            MapLedgerRow(0, "DE", "ES", 0.12, 0.61, 2.44),
            MapLedgerRow(1, "ES", "ES", 0.4, 0.61, 0.85, "counted once"),
        ],
        "readings": ["MADRID", "cero"],
        "footer": "whence",
    }
    return render_map(**(answer | changes))


def hostile_page() -> str:
    clue = MapClue(HOSTILE, HOSTILE, HOSTILE, box(-50, -50, 900, 900), [(0.0, 0.0, 0.0)], [HOSTILE, "__proto__"])
    return page(
        title=HOSTILE,
        summary=[HOSTILE],
        cells=[MapCell(square(1, 1, 1), 1.0, HOSTILE, HOSTILE)],
        cells_note=HOSTILE,
        clues=[clue],
        ledger=[MapLedgerRow(0, HOSTILE, HOSTILE, 0.0, 1.0, 90.0, HOSTILE)],
        readings=[HOSTILE] * 1000,
        footer=HOSTILE,
    )


class Elements(HTMLParser):
    """All elements of a page with their attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.raw.append((tag, ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.raw[-1] = (self.raw[-1][0], self.raw[-1][1] + data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    def data(self) -> dict:
        index = next(i for i, script in enumerate(self.of("script")) if script.get("id") == "data")
        return json.loads([text for tag, text in self.raw if tag == "script"][index])


def bare_page() -> str:
    return page(photo=None, clues=[], ledger=[], cells=[], readings=[])


@pytest.mark.parametrize("make", [page, bare_page, hostile_page])
def test_the_page_can_load_nothing(make):
    text = make()
    elements = Elements(text)
    for _, attributes in elements.found:
        for name, value in attributes.items():
            assert name not in ("href", "srcset", "action", "style", "background") and not name.startswith("on")
            assert name != "src" or value.startswith("data:image/jpeg;base64,")
    assert not any(elements.of(tag) for tag in ("link", "base", "iframe", "object", "embed", "form", "a"))
    assert not any(re.search(r"url\(|@import", css) for tag, css in elements.raw if tag == "style")
    assert "sourceMappingURL" not in text


def test_the_policy_lets_only_the_pages_own_two_scripts_run():
    elements = Elements(page())
    policy = next(m["content"] for m in elements.of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    assert rules["default-src"] == ["'none'"] and rules["img-src"] == ["data:"]
    scripts = [text for tag, text in elements.raw if tag == "script"]
    code = [text for text, attributes in zip(scripts, elements.of("script"), strict=True) if "type" not in attributes]
    hashes = ["'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'" for text in code]
    assert len(hashes) == 2 and rules["script-src"] == hashes


def test_hostile_strings_stay_text():
    plain, hostile = Elements(page()), Elements(hostile_page())
    plain_tags, hostile_tags = ([tag for tag, _ in e.found if tag not in ("p", "bdi")] for e in (plain, hostile))
    assert hostile_tags == plain_tags
    text = hostile.data()["clues"][0]["text"]
    assert text.startswith(HOSTILE[:40]) and "{{world}}" in text
    assert "\u202e" not in text, "an override of the writing direction makes one text look like another"


def test_the_data_cannot_end_its_script_and_the_page_is_utf8():
    text = hostile_page()
    text.encode("utf-8")
    assert "\\ud800" not in text, "half a surrogate pair crashes readers of the page"
    json_texts = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, flags=re.DOTALL)
    assert len(json_texts) == 2
    for json_text in json_texts:
        assert json_text.isascii() and not re.search("[<>&\u2028\u2029]", json_text)


def test_long_texts_and_many_readings_are_cut_and_say_so():
    data = Elements(hostile_page()).data()
    assert len(data["clues"][0]["text"]) < 700 and data["clues"][0]["text"].endswith("more characters)")
    assert len(data["readings"]) == 500 and data["more_readings"] == 500
    assert len(hostile_page()) < 1_500_000


def embedded_photo(text: str) -> Image.Image:
    source = Elements(text).of("img")[0]["src"]
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))


def test_the_embedded_photo_is_a_small_jpeg_without_metadata():
    photo = np.zeros((1500, 3000, 3), dtype=np.uint8)
    picture = embedded_photo(page(photo=photo))
    assert picture.format == "JPEG" and picture.size == (1280, 640)
    assert not picture.getexif() and not {"exif", "comment", "xmp", "icc_profile"} & set(picture.info)
    assert Elements(page(photo=photo)).data()["photo"] == [3000, 1500], "boxes are in pixels of the original"


def test_covered_text_is_gone_from_the_embedded_photo():
    stripes = np.zeros((300, 400, 3), dtype=np.uint8)
    stripes[::4] = 255
    photo = np.asarray(embedded_photo(page(photo=stripes, covered=[box(40, 100, 300, 20)])).convert("L"), dtype=float)
    assert photo[100:120, 40:340].std() < 3.0 < photo[200:240, 40:340].std()


@pytest.mark.parametrize(
    "quad",
    [
        box(40, 100, 300, 20),
        ((40.0, 120.0), (340.0, 100.0), (40.0, 100.0), (340.0, 120.0)),  # corners crosswise
        ((50.0, 60.0), (330.0, 150.0), (324.0, 170.0), (44.0, 80.0)),  # slanted
    ],
)
def test_a_cover_leaves_no_pixel_of_its_box_nor_of_its_rim(quad):
    photo = np.full((300, 400, 3), 255, dtype=np.uint8)
    covered = cover(photo, [quad])
    corners = np.array(quad)
    mixes = np.random.default_rng(0).dirichlet(np.ones(4), 5000) @ corners
    middle = corners.mean(axis=0)
    for points in (mixes, corners, corners + np.sign(corners - middle) * 1.5):
        x, y = np.round(points).astype(int).T
        assert (covered[y, x] == 92).all()
    assert (photo == 255).all(), "the caller's photo is left alone"
    assert (covered == 255).all(axis=2).mean() > 0.8


def test_boxes_follow_the_scale_of_the_photo():
    grey = np.full((150, 200, 3), 255, dtype=np.uint8)
    text = page(photo=grey, photo_scale=0.5, covered=[box(100, 100, 100, 40)])
    assert Elements(text).data()["clues"][0]["box"] == [[10, 10], [55, 10], [55, 25], [10, 25]]
    assert np.asarray(embedded_photo(text).convert("L"))[60, 75] < 120


@pytest.mark.parametrize("lon", [179.5, -180.5, 539.5])
def test_a_cell_on_the_antimeridian_does_not_smear(lon):
    ring = cell_ring(square(-17.0, lon, 1.0))
    assert np.ptp(ring[:, 1]) == pytest.approx(1.0) and abs(ring[:, 1]).max() < 181


def test_a_cell_around_a_pole_fills_the_top_of_the_map():
    corners = np.array([[60.0, 10.0], [60.0, 100.0], [60.0, -170.0], [60.0, -80.0]])
    ring = cell_ring(corners)
    assert np.ptp(ring[:, 1]) == pytest.approx(360.0) and (ring[-2:, 0] == 90.0).all()
    south = cell_ring(corners * [-1, 1])
    assert (south[-2:, 0] == -90.0).all()


def test_a_cell_with_a_corner_at_the_pole_is_a_wedge():
    ring = cell_ring(np.array([[90.0, 0.0], [80.0, 0.0], [75.0, 45.0], [80.0, 90.0]]))
    assert ring[:, 1].min() == pytest.approx(0.0, abs=1e-6) and ring[:, 1].max() == pytest.approx(90.0, abs=1e-6)
    assert np.abs(np.diff(ring[:, 1])).max() <= 90.0 + 1e-6


def test_long_sides_of_cells_follow_great_circles():
    ring = cell_ring(np.array([[50.0, 0.0], [50.0, 60.0], [40.0, 60.0], [40.0, 0.0]]))
    assert ring[:, 0].max() > 53.0, "the great circle between two points of one latitude bends towards the pole"


@settings(deadline=None, max_examples=60)
@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0.1, 20_000))
def test_a_circle_lies_at_its_radius_everywhere_on_earth(lat, lon, radius_km):
    ring = circle_ring(lat, lon, radius_km)
    ring = ring[np.abs(ring[:, 0]) < 89.99]
    distance = haversine_km(lat, lon, ring[:, 0], ring[:, 1])
    np.testing.assert_allclose(distance, radius_km, rtol=1e-3, atol=0.05)


def test_a_narrow_answer_is_drawn_with_fine_cells_and_a_wide_one_with_coarse():
    narrow = np.full(15_000, 0.02 / 14_990)
    narrow[:10] = 0.098
    wide = np.full(15_000, 1 / 15_000)
    coarse = np.full(300, 1 / 300)
    name, cells, note = choose_level({"fine": narrow, "coarse": coarse})
    assert name == "fine" and 10 <= len(cells) <= 400 and set(range(10)) <= set(cells.tolist()) and "98.0 %" in note
    name, cells, note = choose_level({"fine": wide, "middle": np.full(3000, 1 / 3000), "coarse": coarse})
    assert name == "coarse" and len(cells) == 291 and "97.0 %" in note and "Finer cells are not drawn" in note
    assert choose_level({"fine": wide})[1].size == 2000, "with no coarser level the drawing is capped"
    assert "13 %" in choose_level({"fine": wide})[2], "and says how little of the probability that is"


def test_with_areas_the_densest_cells_are_drawn():
    p, area = np.array([0.5, 0.3, 0.2]), np.array([5e6, 10.0, 10.0])
    _, cells, note = choose_level({"fine": p}, {"fine": area}, mass=0.4)
    assert cells.tolist() == [1, 2] and "the 2 densest of 3" in note


def test_colours_say_how_dense_the_probability_is_not_how_large_a_cell():
    small, large = square(40, 0, 0.1), square(10, 20, 10.0)
    data = Elements(page(cells=[MapCell(large, 0.5), MapCell(small, 0.5)])).data()
    assert [cell["class"] for cell in data["cells"]] == [4, 0], "the same mass on ten thousand times the area"
    assert data["unit"] == "10 km × 10 km" and data["classes"][0] == "10 % or more"
    own = Elements(page(cells=[MapCell(large, 0.5, area_km2=90.0), MapCell(small, 0.5)])).data()
    assert [cell["class"] for cell in own["cells"]] == [0, 0], "the area outside its inner cells counts"


def test_areas_of_cells_are_those_on_the_sphere():
    octant = np.array([[0.0, 0.0], [0.0, 90.0], [90.0, 0.0]])
    assert cell_area_km2(octant) == pytest.approx(4 * np.pi * EARTH_RADIUS_KM**2 / 8)
    assert cell_area_km2(octant[::-1]) == pytest.approx(cell_area_km2(octant))
    assert cell_area_km2(square(0.0, 179.5, 1.0)) == pytest.approx(111.195**2, rel=1e-3)


@pytest.mark.parametrize(
    ("p", "area"),
    [
        ([0.6, 0.2, 1e-3], [10.0, 10.0, 10.0]),
        ([1.0], [1e8]),
        ([0.3, 0.3], [5.0, 5.0]),
        ([0.0], [1.0]),
        ([1e-9, 0.5], [1.0, 1e-4]),
        ([0.01] * 100, np.geomspace(0.1, 1e7, 100)),
        ([0.01] * 100, np.geomspace(1e3, 4e3, 100)),
    ],
)
def test_every_cell_has_a_class_that_the_legend_names(p, area):
    side, edges = density_scale(p, area)
    assert len(class_labels(edges)) == len(edges) <= 6 and edges[0] <= 1.0
    values = [x / a * side**2 for x, a in zip(p, area, strict=True)]
    classes = [class_of(x, edges) for x in values]
    pairs = itertools.combinations(zip(values, classes, strict=True), 2)
    assert all(b >= a if x >= y else b <= a for (x, a), (y, b) in pairs)


def test_equal_masses_on_cells_of_all_sizes_use_the_whole_scale():
    area = np.geomspace(0.1, 1e7, 300)
    side, edges = density_scale(np.full(300, 1 / 300), area)
    classes = np.array([class_of(x, edges) for x in side**2 / 300 / area])
    assert len(edges) == 6 and np.bincount(classes, minlength=6).max() < 150


def test_the_legend_reads_plainly():
    assert class_labels([0.1, 0.03, 0.0]) == ["10 % or more", "3 to 10 %", "less than 3 %"]
    assert class_labels([0.0]) == ["every drawn cell"]


def test_the_map_tells_what_is_nearly_sure_as_finely_as_the_words():
    assert (percent(0.988), percent(0.992), percent(0.8)) == ("98.8 %", "99.2 %", "80 %")


@given(st.floats(1e-12, 1.0, exclude_max=True))
def test_no_probability_is_rounded_to_certainty(p):
    assert percent(p) not in ("0 %", "0.0 %", "0.00 %", "100 %", "100.0 %")


@pytest.mark.parametrize(
    "changes",
    [
        {"point": (91.0, 0.0)},
        {"point": (0.0, float("nan"))},
        {"radius_km": 0.0},
        {"ledger": [MapLedgerRow(7, "ES", "ES", 0.1, 0.2, 0.8)]},
        {"photo": np.zeros((5, 5), dtype=np.uint8)},
        {"photo_scale": 0.0},
    ],
)
def test_an_impossible_answer_is_refused(changes):
    with pytest.raises(ValueError, match=r".+"):
        page(**changes)


def test_impossible_parts_are_refused():
    with pytest.raises(ValueError, match="swapped"):
        MapCell(np.array([[120.0, 1], [121, 1], [121, 2]]), 0.1)
    with pytest.raises(ValueError, match="three or more"):
        MapCell(np.zeros((2, 2)), 0.1)
    with pytest.raises(ValueError, match="probability"):
        MapCell(square(0, 0, 1), float("nan"))
    with pytest.raises(ValueError, match="area"):
        MapCell(square(0, 0, 1), 0.1, area_km2=0.0)
    with pytest.raises(ValueError, match="finite"):
        MapLedgerRow(0, "ES", "ES", 0.1, 0.2, float("inf"))


# ------------------------------------------------------------------------------------------------ assets


def decode_arc(text: str) -> np.ndarray:
    values, value, shift = [], 0, 0
    for six in map(ALPHABET.index, text):
        value |= (six & 31) << shift
        shift += 5
        if six < 32:
            values.append(-(value + 1) // 2 if value & 1 else value // 2)
            value = shift = 0
    return np.cumsum(np.array(values).reshape(-1, 2), axis=0)


@given(st.lists(st.tuples(st.integers(-72_000, 72_000), st.integers(-18_000, 18_000)), min_size=1, max_size=20))
def test_outlines_survive_their_coding(points):
    assert decode_arc(encode_arc(np.array(points))).tolist() == [list(p) for p in points]


def test_simplifying_stays_within_its_tolerance_and_keeps_islets():
    angle = np.linspace(0, 2 * np.pi, 400)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    circle[-1] = circle[0]
    simple = simplify_arc(circle, 0.01)
    middles = (simple[1:] + simple[:-1]) / 2
    assert len(simple) < 60 and np.abs(np.hypot(*middles.T) - 1).max() < 0.011
    assert 4 <= len(simplify_arc(circle * 1e-4, 0.01)) <= 5


def test_the_shipped_outlines_have_every_country_and_none_smears():
    world = json.loads((ASSETS / "world.json").read_text(encoding="utf-8"))
    arcs = [decode_arc(text) * world["step"] for text in world["arcs"]]
    drawn = {country[0] for country in world["countries"]} | set(world["spots"])
    assert {"FR", "NO", "SG", "MC", "LI", "XK", "GF", "RE", "TV", "GI", "TW", "EH", "PS", "VA"} <= drawn
    assert len(drawn - {""}) > 240
    # The one exception is the source's own line along the south pole, which the page does not draw.
    assert all(np.abs(np.diff(arc[:, 0])).max(initial=0) < 60 for arc in arcs if arc[:, 1].max() > -89)
    spain = next(country for country in world["countries"] if country[0] == "ES")
    mainland = np.concatenate([arcs[i] if i >= 0 else arcs[~i][::-1] for i in spain[5][0][0]])
    np.testing.assert_allclose([mainland.min(axis=0), mainland.max(axis=0)], [[-9.3, 36.0], [3.3, 43.8]], atol=0.1)


@pytest.mark.parametrize("name", ["leaflet.js", "leaflet.css", "world.json"])
def test_sources_names_each_shipped_file_with_its_hash(name):
    section = (ASSETS / "SOURCES.md").read_text(encoding="utf-8").split(f"## {name}\n")[1].split("\n## ")[0]
    assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() in section
    assert "Licence:" in section
    assert name == "world.json" or "Redistribution and use" in (ASSETS / name).read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------ in a browser

CLICKS = """
const seen = {}, on = () => [...document.querySelectorAll(".on")].map((e) => e.tagName.toLowerCase());
window.alert = () => { seen.alerted = true; };
const box = document.querySelector("#photo-frame polygon.box");
if (box) box.dispatchEvent(new MouseEvent("click", { bubbles: true }));
seen.afterBox = on();
seen.said = document.getElementById("chosen").textContent;
const rows = document.querySelectorAll("tbody tr");
if (rows.length > 1) rows[1].click();
seen.afterRow = on();
document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
seen.afterEscape = on();
document.querySelector("#likeliest button").click();
seen.popup = document.querySelector(".leaflet-popup-content").textContent;
const land = document.querySelector(".leaflet-land-pane canvas"), frame = land.getBoundingClientRect();
const spot = document.querySelector(".answer-point").getBoundingClientRect(), scale = land.width / frame.width;
const at = [spot.x + 8 - frame.x, spot.y + 8 - frame.y].map((x) => x * scale);
seen.onLand = land.getContext("2d").getImageData(at[0], at[1], 1, 1).data[3] === 255;
seen.scripts = document.scripts.length;
seen.images = document.images.length;
seen.wide = document.documentElement.scrollWidth - window.innerWidth;
seen.problem = document.documentElement.dataset.problem || null;
seen.state = document.documentElement.dataset.state;
document.documentElement.dataset.seen = JSON.stringify(seen);
"""


def in_chromium(text: str, folder: Path) -> dict:
    """What a narrow browser reports after a few clicks on the page; the clicking script is let through by its hash."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    hash_ = base64.b64encode(hashlib.sha256(CLICKS.encode()).digest()).decode()
    text = text.replace("script-src ", f"script-src 'sha256-{hash_}' ", 1)
    text = text.replace("</body>", f"<script>{CLICKS}</script></body>")
    file = folder / "page.html"
    file.write_text(text, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    more = ["--disable-component-update", "--disable-sync", f"--user-data-dir={folder / 'profile'}"]
    window = ["--window-size=500,844", "--force-prefers-reduced-motion", "--virtual-time-budget=2000"]
    command = [chromium, *flags.split(), *more, *window, "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    attributes = Elements(done.stdout).of("html")[0]
    return json.loads(attributes["data-seen"])


def test_a_browser_shows_where_a_clue_points_when_it_is_clicked(tmp_path):
    seen = in_chromium(page(), tmp_path)
    assert seen["state"] == "ready" and seen["problem"] is None
    assert seen["afterBox"] == ["polygon", "button", "section", "tr", "button"]
    assert "MADRID" in seen["said"] and "Spain" in seen["said"]
    assert seen["afterRow"] == ["section", "tr", "button"], "the second clue has no box"
    assert seen["afterEscape"] == []
    assert seen["onLand"], "Madrid lies on land: the outlines are drawn, and where they belong"
    assert seen["popup"].startswith("50 %") and "Toledo" in seen["popup"]
    assert seen["wide"] <= 0, "nothing may stick out to the right on a phone"


def test_a_browser_runs_no_hostile_string(tmp_path):
    seen = in_chromium(hostile_page(), tmp_path)
    assert seen["state"] == "ready" and seen["problem"] is None and "alerted" not in seen
    assert seen["scripts"] == 5 and seen["images"] == 1 and seen["wide"] <= 0
