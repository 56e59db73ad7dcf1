from __future__ import annotations

import hashlib
import importlib
import importlib.util
import io
import itertools
import socket
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from data.errors import OfflineError, RequestError, WeightsError, WhenceError
from data.images import load
from detectors.base import Box, Reading
from detectors.easy import EasyEngine
from detectors.ocr import Detection, PhotoReader, ReadingConfig, make_reader, merge
from detectors.rapid import RapidEngine


def box(left: float, top: float, right: float, bottom: float) -> Box:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def reading(text: str, where: Box, confidence: float = 0.95, scale: float = 1.0) -> Reading:
    return Reading("", text, where, confidence, scale=scale)


def sign(lines: Sequence[tuple[str, int, int, int]], size: tuple[int, int] = (640, 480)) -> NDArray[np.uint8]:
    """A picture with lines (text, x, y, height) in black on light grey."""
    image = Image.new("RGB", size, (215, 215, 210))
    draw = ImageDraw.Draw(image)
    for text, x, y, height in lines:
        draw.text((x, y), text, fill=(20, 20, 20), font=ImageFont.load_default(height))
    return np.asarray(image)


@pytest.fixture(scope="module")
def rapid() -> PhotoReader:
    return PhotoReader(RapidEngine(threads=2))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a connection was opened")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


class TestRapid:
    def test_the_bus_in_madrid_says_so(self, rapid: PhotoReader, no_network: None) -> None:
        # Importing ultralytics looks up hosts: only its file is wanted.
        package = importlib.util.find_spec("ultralytics")
        assert package is not None and package.origin is not None
        image = load(Path(package.origin).parent / "assets" / "bus.jpg")
        readings = rapid.read(image.pixels)
        texts = {r.text for r in readings}
        assert {"MADRID", "EMT", "cero", "emisiones"} <= texts
        assert len(texts) == len(readings)
        madrid = next(r for r in readings if r.text == "MADRID")
        x, y = np.mean(madrid.box, axis=0)
        assert 437 < x < 478 and 334 < y < 352  # in the photo's own pixels, though it was read enlarged
        assert (madrid.script, madrid.engine) == ("Latn", "rapidocr")
        assert madrid.scale > 1.0 and madrid.confidence > 0.9
        assert [r.id for r in readings] == [f"r{i}" for i in range(len(readings))]

    def test_small_and_large_lettering_is_read_in_reading_order_and_twice_alike(self, rapid: PhotoReader) -> None:
        pixels = sign([("STAZIONE", 40, 60, 120), ("Via Garibaldi", 60, 300, 16), ("Roma", 400, 302, 16)])
        first, second = rapid.read(pixels), rapid.read(pixels)
        assert [r.text for r in first] == ["STAZIONE", "Via Garibaldi", "Roma"]
        assert first == second

    @pytest.mark.parametrize("shape", [(16, 16), (16, 900), (900, 16), (200, 300)])
    def test_a_picture_without_text_has_no_readings(self, rapid: PhotoReader, shape: tuple[int, int]) -> None:
        assert rapid.read(np.full((*shape, 3), 127, np.uint8)) == []

    def test_nothing_is_connected_and_nothing_is_logged(
        self, no_network: None, capfd: pytest.CaptureFixture[str]
    ) -> None:
        PhotoReader(RapidEngine(threads=2)).read(np.zeros((64, 64, 3), np.uint8))
        assert capfd.readouterr() == ("", "")

    def test_importing_the_modules_imports_no_heavy_library(self) -> None:
        code = (
            "import sys, detectors.ocr, detectors.rapid, detectors.easy, detectors.privacy, data.images;"
            "print([m for m in ('cv2', 'rapidocr', 'onnxruntime', 'torch', 'easyocr', 'httpx') if m in sys.modules])"
        )
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    def test_missing_models_are_an_error_and_not_a_download(
        self, monkeypatch: pytest.MonkeyPatch, no_network: None, tmp_path: Path
    ) -> None:
        spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
        monkeypatch.setattr("detectors.rapid.find_spec", lambda name: spec)
        with pytest.raises(WeightsError, match=r"pip install .*rapidocr"):
            RapidEngine()


class Drawn:
    """An engine for pictures of coloured bars: it finds and reads every bar of at least ``legible`` pixels height."""

    name = "drawn"

    def __init__(self, *, legible: int = 12, visible: int = 4, largest: int = 60) -> None:
        self.legible, self.visible, self.largest = legible, visible, largest
        self.shown: list[tuple[int, int]] = []

    def detect(self, pixels: NDArray[np.uint8]) -> Detection:
        import cv2

        self.shown.append(pixels.shape[:2])
        mask = (pixels[:, :, 0] > 128).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
        heat = np.zeros(mask.shape, np.float32)
        boxes = []
        for i, (x, y, w, h, _) in enumerate(stats[1:count], start=1):
            if self.visible <= h <= self.largest:
                heat[labels == i] = 0.3
            if self.legible <= h <= self.largest:
                boxes.append([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
        return Detection(np.array(boxes, np.float32).reshape(-1, 4, 2), heat)

    def recognise(self, lines: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        # A bar's green is its name.
        return [(f"bar {int(np.median(line[:, :, 1]))}", 0.95) for line in lines]


def bars(size: tuple[int, int], *rectangles: tuple[int, int, int, int, int]) -> NDArray[np.uint8]:
    """A black picture (height, width) with bars (left, top, right, bottom, green)."""
    pixels = np.zeros((*size, 3), np.uint8)
    for left, top, right, bottom, green in rectangles:
        pixels[top:bottom, left:right] = (255, green, 0)
    return pixels


class TestStrategy:
    def test_small_text_is_found_where_the_first_look_saw_a_trace_of_it(self) -> None:
        pixels = bars((960, 1280), (100, 200, 180, 208, 40), (800, 700, 1000, 740, 90))
        config = ReadingConfig(first_pixels=960 * 1280, overview=0.0)
        readings = PhotoReader(Drawn(), config).read(pixels)
        assert [r.text for r in readings] == ["bar 40", "bar 90"]
        assert [r.scale for r in readings] == [2.0, 1.0]
        assert np.allclose(readings[0].box, box(100, 200, 180, 208), atol=1.5)
        only_once = replace(config, second_pixels=0)
        assert PhotoReader(Drawn(), only_once).read(pixels) == [replace(readings[1], id="r0")]

    def test_text_that_fills_the_photo_is_found_in_the_overview(self) -> None:
        pixels = bars((480, 640), (20, 40, 600, 140, 70))
        engine = Drawn(largest=120)
        assert [r.text for r in PhotoReader(engine).read(pixels)] == ["bar 70"]
        assert PhotoReader(engine, ReadingConfig(overview=0.0)).read(pixels) == []

    def test_text_seen_in_several_looks_is_given_once(self) -> None:
        pixels = bars((480, 640), (20, 40, 200, 70, 70), (20, 100, 60, 108, 30))
        assert [r.text for r in PhotoReader(Drawn(legible=5)).read(pixels)] == ["bar 70", "bar 30"]

    def test_an_empty_photo_costs_no_second_look(self) -> None:
        engine = Drawn()
        assert PhotoReader(engine).read(np.zeros((480, 640, 3), np.uint8)) == []
        assert len(engine.shown) == 2

    @pytest.mark.parametrize("size", [(16, 16), (16, 4000), (480, 640), (3000, 4000), (9000, 11000)])
    def test_what_is_looked_at_stays_within_the_budgets(self, size: tuple[int, int]) -> None:
        height, width = size
        # Faint bars all over, too low for the first look.
        corners = itertools.product(range(0, width, width // 4), range(0, height, max(height // 16, 1)))
        tiles = [(x, y, x + width // 8, y + max(height // 160, 1), 50) for x, y in corners]
        engine, config = Drawn(visible=1), ReadingConfig()
        PhotoReader(engine, config).read(bars(size, *tiles))
        pixels = [h * w for h, w in engine.shown]
        assert pixels[0] <= config.first_pixels * 1.01
        assert sum(pixels[2:]) <= config.second_pixels * 1.05
        assert pixels[0] <= size[0] * size[1] * config.first_scale**2

    def test_of_a_page_of_small_print_as_much_is_read_as_the_budget_allows(self) -> None:
        lines = [(100, y, 1100, y + 8, 50) for y in range(60, 900, 20)]
        pixels = bars((960, 1280), *lines)
        found = PhotoReader(Drawn(), ReadingConfig(overview=0.0)).read(pixels)
        assert len(found) > 10 and {r.scale for r in found} == {2.057}
        more = PhotoReader(Drawn(), ReadingConfig(overview=0.0, second_pixels=20_000_000)).read(pixels)
        assert len(more) == len(lines)

    def test_large_photos_keep_their_coordinates(self) -> None:
        pixels = bars((6000, 8000), (4000, 3000, 5600, 3200, 60))
        (found,) = PhotoReader(Drawn()).read(pixels)
        assert np.allclose(found.box, box(4000, 3000, 5600, 3200), atol=20)


class TestMerge:
    def test_of_two_versions_the_surer_one_is_kept(self) -> None:
        a, b = reading("MADRlD", box(10, 10, 90, 30), 0.7), reading("MADRID", box(11, 9, 91, 31), 0.99)
        assert merge([[a], [b]]) == [b]

    def test_a_line_wins_over_a_part_of_it_and_parts_win_over_a_garbled_line(self) -> None:
        line, part = reading("Calle de Alcalá", box(0, 0, 200, 20), 0.9), reading("Calle", box(0, 0, 60, 20), 0.99)
        assert merge([[line], [part]]) == [line]
        garbled = reading("Ca11e d A1ca1a", box(0, 0, 200, 20), 0.55)
        halves = [part, reading("de Alcalá", box(65, 0, 200, 20), 0.99)]
        assert merge([[garbled], halves]) == halves

    def test_neighbours_are_both_kept(self) -> None:
        rows = [reading("eins", box(0, 0, 50, 20)), reading("zwei", box(0, 18, 50, 38))]
        assert merge([[rows[0]], [rows[1]]]) == rows
        assert merge([rows, []]) == rows

    def test_the_same_words_need_less_overlap(self) -> None:
        a, b = reading("Apotheke", box(0, 0, 100, 20), 0.99), reading("Apotheke", box(0, 13, 100, 33), 0.9)
        assert merge([[a], [b]]) == [a]

    def test_slanted_lines_whose_upright_boxes_overlap_are_two(self) -> None:
        a: Box = ((0, 0), (100, 100), (93, 107), (-7, 7))
        b: Box = ((30, 0), (130, 100), (123, 107), (23, 7))
        assert len(merge([[reading("Gare", a)], [reading("Nord", b)]])) == 2

    def test_a_line_boxed_twice_in_one_look_is_given_once(self) -> None:
        a, b = reading("Hotel", box(0, 0, 100, 20), 0.9), reading("Hote", box(0, 0, 80, 20), 0.9)
        assert merge([[a, b]]) == [a]

    def test_nothing_merges_to_nothing(self) -> None:
        assert merge([]) == [] and merge([[], []]) == []


class TestMakeReader:
    def test_the_named_reader_is_made(self) -> None:
        assert make_reader("rapidocr", offline=True).name == "rapidocr"
        assert make_reader("none", offline=True).read(np.zeros((32, 32, 3), np.uint8)) == []

    @pytest.mark.parametrize("spec", ["", "tesseract", "easyocr", "easyocr:", "rapidocr:en", "none:x"])
    def test_an_unknown_name_is_refused_with_the_choices(self, spec: str) -> None:
        with pytest.raises(RequestError, match="easyocr:es,en"):
            make_reader(spec, offline=True)

    def test_opencv_that_does_not_import_is_explained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = importlib.import_module

        def broken(name: str, package: str | None = None) -> Any:
            if name == "cv2":
                raise ImportError("libGL.so.1: cannot open shared object file")
            return real(name, package)

        monkeypatch.setattr("data.opencv.importlib.import_module", broken)
        with pytest.raises(WhenceError, match=r"libGL.*--no-deps opencv-python-headless"):
            make_reader("rapidocr", offline=True)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """EasyOCR's two networks in their true architecture, with all weights zero: file name -> content."""
    import torch
    from easyocr.config import recognition_models
    from easyocr.craft import CRAFT
    from easyocr.model.vgg_model import Model

    latin = recognition_models["gen2"]["latin_g2"]
    with torch.device("meta"):  # shapes only: drawing 20 million random weights takes seconds
        networks = {
            "craft_mlt_25k.pth": CRAFT(),
            "latin_g2.pth": Model(1, 256, 256, len(latin["characters"]) + 1),
        }
    contents = {}
    for name, network in networks.items():
        out = io.BytesIO()
        zeros = {f"module.{key}": torch.zeros(v.shape, dtype=v.dtype) for key, v in network.state_dict().items()}
        torch.save(zeros, out)
        contents[name] = out.getvalue()
    return contents


def pin(monkeypatch: pytest.MonkeyPatch, models: dict[str, bytes]) -> None:
    """Make EasyOCR expect ``models``."""
    import easyocr.config

    for group in (easyocr.config.detection_models, *easyocr.config.recognition_models.values()):
        for model in group.values():
            if model["filename"] in models:
                monkeypatch.setitem(model, "md5sum", hashlib.md5(models[model["filename"]]).hexdigest())


def release(models: dict[str, bytes], asked: list[str]) -> httpx.MockTransport:
    """The download site: each model in a zip, behind a redirect as there."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.host == "github.com":
            return httpx.Response(302, headers={"Location": f"https://files.example{request.url.path}"})
        name = Path(request.url.path).stem + ".pth"
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(name, models[name])
        return httpx.Response(200, content=out.getvalue())

    return httpx.MockTransport(answer)


@pytest.fixture(scope="module")
def easy(models: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder, asked = tmp_path_factory.mktemp("easyocr"), list[str]()
    with pytest.MonkeyPatch.context() as monkeypatch:
        pin(monkeypatch, models)
        engine = EasyEngine(["es", "en"], folder=folder, transport=release(models, asked))
    return SimpleNamespace(engine=engine, folder=folder, asked=asked)


class TestEasy:
    def test_models_are_fetched_into_the_folder_and_opened(self, easy: SimpleNamespace) -> None:
        assert [url.rsplit("/", 1)[1] for url in easy.asked] == ["craft_mlt_25k.zip"] * 2 + ["latin_g2.zip"] * 2
        assert sorted(p.name for p in easy.folder.iterdir()) == ["craft_mlt_25k.pth", "latin_g2.pth"]
        assert str(easy.folder) not in sys.path

    def test_its_networks_run(self, easy: SimpleNamespace) -> None:
        pixels = sign([("HOTEL", 10, 20, 30)], (128, 64))
        detection = easy.engine.detect(pixels)
        assert detection.boxes.shape[1:] == (4, 2) and detection.heat is None
        read = easy.engine.recognise([pixels[10:50], pixels[:20, :50]])
        assert len(read) == 2 and all(isinstance(t, str) and 0.0 <= c <= 1.0 for t, c in read)

    def test_its_boxes_become_corners_and_its_lines_readings(
        self, easy: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slanted = [[0, 0], [40, 20], [36, 28], [-4, 8]]
        monkeypatch.setattr(easy.engine._reader, "detect", lambda pixels, **_: ([[[10, 60, 20, 40]]], [[slanted]]))
        monkeypatch.setattr(easy.engine._reader, "recognize", lambda gray, **_: [([], "Hola", np.float64(0.875))])
        boxes = easy.engine.detect(np.zeros((64, 64, 3), np.uint8)).boxes
        assert boxes.tolist() == [[[10, 20], [60, 20], [60, 40], [10, 40]], slanted]
        readings = PhotoReader(easy.engine, ReadingConfig(overview=0.0)).read(np.zeros((64, 64, 3), np.uint8))
        assert {(r.text, r.confidence, r.engine) for r in readings} == {("Hola", 0.875, "easyocr")}

    def test_offline_and_without_models_it_says_how_to_get_them(self, tmp_path: Path, no_network: None) -> None:
        with pytest.raises(OfflineError, match=r"craft_mlt_25k.*--offline.*download https://github.com/JaidedAI"):
            EasyEngine(["es"], offline=True, folder=tmp_path)

    def test_a_model_that_was_damaged_is_refused_offline_and_else_fetched_again(
        self, models: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        pin(monkeypatch, models)
        for name, content in models.items():
            (tmp_path / name).write_bytes(content)
        (tmp_path / "latin_g2.pth").write_bytes(models["latin_g2.pth"][:-1] + b"!")
        with pytest.raises(OfflineError, match=r"latin_g2.* is missing or damaged"):
            EasyEngine(["es", "en"], offline=True, folder=tmp_path)
        asked = list[str]()
        EasyEngine(["es", "en"], folder=tmp_path, transport=release(models, asked))
        assert {url.rsplit("/", 1)[1] for url in asked} == {"latin_g2.zip"}
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == models

    def test_the_environment_can_forbid_the_network(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_network: None
    ) -> None:
        monkeypatch.setenv("WHENCE_OFFLINE", "1")
        monkeypatch.setattr("detectors.easy.default_folder", lambda: tmp_path)
        with pytest.raises(OfflineError, match="the network is forbidden"):
            make_reader("easyocr:es,en", offline=False)

    def test_a_network_that_fails_is_one_clear_error(self, tmp_path: Path) -> None:
        def fail(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectTimeout("timed out")

        with pytest.raises(WeightsError, match="check the network"):
            EasyEngine(["es"], folder=tmp_path, transport=httpx.MockTransport(fail))

    def test_a_model_with_the_wrong_hash_is_refused_and_not_kept(
        self, models: dict[str, bytes], tmp_path: Path
    ) -> None:
        with pytest.raises(WeightsError, match="wrong hash"):
            EasyEngine(["es"], folder=tmp_path, transport=release(models, []))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("languages", [["xx"], ["es", "tlh"], [""], []])
    def test_an_unknown_language_is_refused(self, languages: list[str], tmp_path: Path) -> None:
        with pytest.raises(RequestError, match="knows no language"):
            EasyEngine(languages, offline=True, folder=tmp_path)

    def test_languages_that_do_not_go_together_are_refused(
        self, models: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        pin(monkeypatch, models)
        with pytest.raises(RequestError, match="together"):
            EasyEngine(["th", "ru"], folder=tmp_path, transport=release(models, []))
