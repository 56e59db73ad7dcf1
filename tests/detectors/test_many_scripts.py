"""The shipped network, on a few lines rendered in fonts and words that they never learnt from (``lines/``)."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from data.errors import WeightsError
from detectors.base import Reading
from detectors.line_image import HEIGHT, MAX_WIDTH, prepared
from detectors.line_net import WEIGHTS, LineNet
from detectors.line_reader import READER_SCRIPTS, LineReader, one_script
from detectors.many_scripts import ManyScripts, Recognised
from detectors.ocr import Detection, PhotoReader, ReadingConfig, merge
from detectors.rapid import RapidEngine
from detectors.script import script_of

FOLDER = Path(__file__).parent / "lines"


def fixtures() -> list[tuple[str, str, str]]:
    """File, script and text of each rendered line."""
    with (FOLDER / "lines.tsv").open(encoding="utf-8") as file:
        return [(name, script, text) for name, script, text in csv.reader(file, delimiter="\t")]


def line(name: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(FOLDER / name).convert("RGB"))


LINES = fixtures()
READABLE = [item for item in LINES if item[1] in READER_SCRIPTS and item[1] != "Deva"]


@pytest.fixture(scope="module")
def net() -> LineNet:
    return LineNet(threads=1)


@pytest.fixture(scope="module")
def reader(net: LineNet) -> LineReader:
    return LineReader(net.tokens)


@pytest.fixture(scope="module")
def many() -> ManyScripts:
    return ManyScripts(threads=1)


class TestScript:
    @pytest.mark.parametrize(("name", "script", "text"), LINES, ids=[n for n, _, _ in LINES])
    def test_an_unseen_lettering_has_its_script(self, net: LineNet, name: str, script: str, text: str) -> None:
        p = net(line(name)).scripts
        assert net.classes[int(p.argmax())] == script
        assert p.max() > 0.5 and p.sum() == pytest.approx(1.0, abs=1e-5)

    def test_it_knows_every_script_that_the_issue_names(self, net: LineNet) -> None:
        named = "Latn Cyrl Grek Hani Kana Hang Arab Hebr Deva Beng Taml Telu Knda Mlym Gujr Guru Sinh Thai Laoo Khmr"
        assert set(net.classes) == {*named.split(), "Mymr", "Geor", "Armn", "Ethi", "Zyyy"}
        assert set(READER_SCRIPTS) < set(net.classes)


class TestReader:
    @pytest.mark.parametrize(("name", "script", "text"), READABLE, ids=[n for n, _, _ in READABLE])
    def test_an_unseen_word_in_an_unseen_lettering_is_read(
        self, net: LineNet, reader: LineReader, name: str, script: str, text: str
    ) -> None:
        read, confidence = reader(net(line(name)).tokens, script)
        assert read.casefold() == text.casefold()
        assert 0.5 < confidence <= 1.0

    def test_devanagari_is_read_more_than_half_right(self, net: LineNet, reader: LineReader) -> None:
        # The weakest of the four: none of the few lines here is read without a slip.
        ((name, _, text),) = [item for item in LINES if item[1] == "Deva"]
        read, _ = reader(net(line(name)).tokens, "Deva")
        assert SequenceMatcher(None, read, text).ratio() > 0.6

    def test_a_line_without_letters_reads_as_nothing_or_is_unsure(self, net: LineNet, reader: LineReader) -> None:
        text, confidence = reader(net(np.full((20, 90, 3), 127, np.uint8)).tokens, "Cyrl")
        assert text == "" or confidence < 0.5

    @pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 2), (1200, 3000), (9, 4000)])
    def test_tiny_and_huge_lines_are_read_without_a_crash(
        self, net: LineNet, reader: LineReader, shape: tuple[int, int]
    ) -> None:
        scores = net(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8))
        for script in READER_SCRIPTS:
            text, confidence = reader(scores.tokens, script)
            assert isinstance(text, str) and 0.0 <= confidence <= 1.0

    @pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0, 3), (5, 5), (5, 5, 4)])
    def test_what_is_no_line_image_is_refused(self, net: LineNet, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="line image"):
            net(np.zeros(shape, np.uint8))

    def test_only_letters_of_the_script_and_latin_ones_are_written(self, net: LineNet, reader: LineReader) -> None:
        for name, _, _ in READABLE:
            scores = net(line(name)).tokens
            for script in READER_SCRIPTS:
                text, _ = reader(scores, script)
                assert {script_of(c) for c in text if c.isalpha()} <= {script, "Latn"}


class TestPreparedLine:
    def test_colours_of_equal_brightness_stay_apart(self) -> None:
        pixels = np.empty((32, 64, 3), np.uint8)
        pixels[:, :32], pixels[:, 32:] = (180, 60, 60), (0, 150, 60)  # 96 and 95 of 255 in brightness
        grey = prepared(pixels)
        assert abs(float(grey[:, :28].mean()) - float(grey[:, 36:].mean())) > 80

    def test_brighter_stays_brighter(self) -> None:
        pixels = np.full((20, 40, 3), 30, np.uint8)
        pixels[5:15, 10:20] = 220
        grey = prepared(pixels)
        assert grey[16, 24] > grey[2, 2]

    def test_size_and_contrast_are_the_same_whatever_comes(self) -> None:
        rng = np.random.default_rng(0)
        for height, width in ((8, 40), (64, 320), (7, 3), (2, 4000)):
            grey = prepared(rng.integers(100, 140, (height, width, 3), np.uint8))
            assert grey.shape[0] == HEIGHT and grey.shape[1] <= MAX_WIDTH and grey.shape[1] % 4 == 0
            assert grey.mean() == pytest.approx(128, abs=3)


class TestOneScript:
    @pytest.mark.parametrize(
        ("text", "script", "expected"),
        [
            ("PЕСTOPAH", "Cyrl", "РЕСТОРАН"),  # no letter of it is telling
            ("КАFE COFFEE", "Cyrl", "KAFE COFFEE"),
            ("TABEPNA", "Grek", "ΤΑΒΕΡΝΑ"),
            ("42 CM", "Cyrl", "42 СМ"),
            ("ABC", "Beng", "ABC"),
        ],
    )
    def test_a_word_is_written_in_one_script(self, text: str, script: str, expected: str) -> None:
        assert one_script(text, script) == expected


class TestJoined:
    def test_a_batch_gives_what_its_lines_give_one_by_one(self, many: ManyScripts) -> None:
        some = [line(name) for name, _, _ in LINES[:6]]
        read = [("ANTEKA", 0.7)] * len(some)
        assert many.mended(some, read) == [many.mended([one], read[:1])[0] for one in some]

    def test_look_alike_latin_gives_way_to_what_stands_there(self, many: ManyScripts) -> None:
        for name, _, text in READABLE:
            (got,) = many.mended([line(name)], [("ANTEKA", 0.7)])
            assert got.text.casefold() == text.casefold() and got.script == ""

    def test_lines_of_one_photo_vouch_for_each_others_script(self, many: ManyScripts) -> None:
        from detectors.line_net import LineScores

        k = {script: many._net.classes.index(script) for script in ("Cyrl", "Grek")}
        doubtful, sure = (np.full(len(many._net.classes), 0.001, np.float32) for _ in range(2))
        doubtful[k["Grek"]], doubtful[k["Cyrl"]], sure[k["Cyrl"]] = 0.55, 0.43, 0.976
        nothing = np.zeros((1, 1), np.float32)
        alone = many._together([LineScores(doubtful, nothing)])
        together = many._together([LineScores(p, nothing) for p in (doubtful, sure, sure)])
        assert alone[0].argmax() == k["Grek"] and alone[0].max() == pytest.approx(0.55, abs=0.01)
        assert together[0].argmax() == k["Cyrl"] and together[0].max() > 0.75

    def test_a_latin_line_keeps_the_engines_reading(self, many: ManyScripts) -> None:
        (name,) = [n for n, script, _ in LINES if script == "Latn"][:1]
        assert many.mended([line(name)], [("As read", 0.6)]) == [Recognised("As read", 0.6)]

    def test_a_sure_reading_in_han_is_not_judged(self, many: ManyScripts) -> None:
        name = READABLE[0][0]
        assert many.mended([line(name)], [("東京", 0.9)]) == [Recognised("東京", 0.9)]

    @pytest.mark.parametrize("script", ["Geor", "Telu", "Taml", "Sinh", "Hebr"])
    def test_a_script_that_nobody_reads_is_reported_as_such(self, many: ManyScripts, script: str) -> None:
        ((name, _, _),) = [item for item in LINES if item[1] == script]
        (got,) = many.mended([line(name)], [("luUS1s", 0.6)])
        assert got.text == "" and got.script == script and got.confidence > 0.9

    def test_no_line_is_no_reading(self, many: ManyScripts) -> None:
        assert many.mended([], []) == []

    def test_a_photo_of_cyrillic_signs_is_read_only_with_our_networks(self) -> None:
        name, _, text = next(item for item in READABLE if item[1] == "Cyrl")
        sign = Image.fromarray(line(name)).resize((320, 320 * line(name).shape[0] // line(name).shape[1]))
        photo = Image.new("RGB", (640, 480), sign.getpixel((2, 2)))
        photo.paste(sign, (150, 200))
        pixels = np.asarray(photo)
        ours = PhotoReader(RapidEngine(threads=1)).read(pixels)
        assert [r.script for r in ours if r.text.casefold() == text.casefold()] == ["Cyrl"]
        alone = PhotoReader(RapidEngine(threads=1, many_scripts=False)).read(pixels)
        assert not any(r.script == "Cyrl" and r.text.casefold() == text.casefold() for r in alone)


class Seen:
    """An engine that sees a Thai line wherever it is asked, and cannot read it."""

    name = "seen"

    def detect(self, pixels: NDArray[np.uint8]) -> Detection:
        height, width = pixels.shape[:2]
        box = np.array([[0, 0], [width, 0], [width, height / 4], [0, height / 4]], np.float32)
        return Detection(box[None], None)

    def recognise(self, lines: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float, str]]:
        return [("", 0.95, "Thai") for _ in lines]


class TestUnreadLines:
    def test_a_line_of_which_only_the_script_is_known_is_one_reading(self) -> None:
        config = ReadingConfig(second_pixels=0)
        (reading,) = PhotoReader(Seen(), config).read(np.zeros((120, 200, 3), np.uint8))
        assert (reading.text, reading.script, reading.confidence) == ("", "Thai", 0.95)

    def test_it_competes_with_other_looks_by_its_length(self) -> None:
        box = ((0.0, 0.0), (100.0, 0.0), (100.0, 10.0), (0.0, 10.0))
        thai = Reading("", "", box, 0.95, "Thai")
        short, long = Reading("", "lul", box, 0.9, "Latn"), Reading("", "Chatuchak Market", box, 0.9, "Latn")
        assert merge([[thai], [short]]) == [thai]
        assert merge([[thai], [long]]) == [long]


class TestWeights:
    @pytest.mark.parametrize("content", [b"", b"not a network", None])
    def test_a_file_that_is_no_network_is_an_error_that_says_what_to_do(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path / "net.onnx"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(WeightsError, match="whence train reader"):
            LineNet(weights=(path, hashlib.sha256(content or b"").hexdigest()))

    def test_a_changed_file_is_not_opened(self, tmp_path: Path) -> None:
        content = bytearray(WEIGHTS[0].read_bytes())
        content[len(content) // 2] ^= 1
        path = tmp_path / "net.onnx"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="damaged or not the file"):
            LineNet(weights=(path, WEIGHTS[1]))

    def test_the_network_is_under_twenty_megabytes(self) -> None:
        assert WEIGHTS[0].stat().st_size < 20e6
