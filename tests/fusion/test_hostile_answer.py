"""Strings of strangers in an answer: shown in a terminal, in JSON and in a page, obeyed by none."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backbone.density import DensityPrior
from data.errors import ImageError
from data.partition import Partition
from data.printable import printable
from detectors.base import Clue, Evidence, Reading
from fusion.answer import Answer, Failure
from fusion.describe import describe, line, summary
from fusion.locator import Locator
from tests.fusion.parts import FixedText
from tests.fusion.test_map import Elements

HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m\r\b\n\u2028\u202egpj\u2066\x7f\ud800 \udcff'\"&"
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"><!-- {{world}} ${1}"
)
NAME = "a<img src=x onerror=document.title=1>&'\"\x1b[2J\u202e\u2028\nphoto\udcff.png"


class HostileReader:
    """A reader from elsewhere that passes on what it read."""

    kind = "hostile"

    def clues(self, readings: list[Reading]) -> list[Clue]:
        points = Evidence(0.0, countries={"ES": 4.0}, sources=("r0",))
        return [Clue(self.kind, HOSTILE, "it means " + HOSTILE, points, readings[0].box, (HOSTILE,))]


@pytest.fixture(scope="module")
def answer(partition: Partition, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    path = tmp_path_factory.mktemp("hostile") / NAME
    with path.open("wb") as file:
        Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(file, "PNG")
    locator = Locator(DensityPrior(partition), ocr=FixedText([HOSTILE]), clue_readers=[HostileReader()])
    return locator.locate(path)


def test_the_words_for_a_terminal_hold_no_control_direction_or_half_pair(answer: Answer) -> None:
    for text in (str(answer), describe(answer)):
        text.encode("utf-8")
        assert all(printable(row) == row for row in text.split("\n"))
    assert "\\x1b[2J" in str(answer) and "\\udcff" in str(answer)
    # File, headline, level, countries, prior, scene, "because", the clue and its effect, "step by step", the one step.
    assert len(str(answer).splitlines()) == 11, "no line of its own for a hostile string"
    assert all(printable(row) == row for row in summary(answer))
    fields = line(answer).split("\t")
    assert len(fields) == 5 and all(printable(field) == field for field in fields)


def test_a_failure_is_one_safe_line(answer: Answer) -> None:
    failure = Failure(f"/tmp/{NAME}", ImageError(f"{NAME} is no photo"))
    assert printable(str(failure)) == str(failure)
    record = json.loads(failure.to_json())
    record["file"].encode("utf-8")
    assert failure.to_json().isascii() and "\n" not in failure.to_json()


def test_the_json_is_one_ascii_line_without_half_pairs(answer: Answer) -> None:
    text = answer.to_json()
    assert text.isascii() and len(text.splitlines()) == 1
    record = json.loads(text)
    json.dumps(record, ensure_ascii=False).encode("utf-8")
    assert record["file"].endswith("photo\\udcff.png")
    assert "</script>" in record["clues"][0]["text"], "what is harmless in JSON is passed on as it is"


def dumped(page: str, folder: Path) -> str:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8", errors="strict")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --dump-dom"
    command = [chromium, *flags.split(), "--virtual-time-budget=3000", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run([*command, file.as_uri()], capture_output=True, text=True, timeout=90, check=True)
    return done.stdout


def test_a_browser_runs_nothing_of_it_in_the_map(answer: Answer, tmp_path: Path) -> None:
    page = answer.save_map(tmp_path / "map.html").read_text(encoding="utf-8")
    dom = dumped(page, tmp_path)
    assert 'data-state="ready"' in dom and "data-problem" not in dom.split(">", 2)[1]
    assert "<title>owned" not in dom and "<title>whence: a" in dom
    elements = Elements(dom)
    assert len(elements.of("script")) == 4 and len(elements.of("img")) == 1, "those of every page, and no other"


def test_a_browser_runs_nothing_of_it_in_a_notebook(answer: Answer, tmp_path: Path) -> None:
    frame = answer._repr_html_()
    dom = dumped(f"<!doctype html><meta charset=utf-8><title>notebook</title><body>{frame}</body>", tmp_path)
    assert "<title>notebook</title>" in dom
    found = Elements(dom).found
    assert [tag for tag, _ in found] == ["html", "head", "meta", "title", "body", "iframe"]
    frame_attributes = found[-1][1]
    assert frame_attributes["sandbox"] == "allow-scripts"
    assert frame_attributes["srcdoc"] == answer.to_html(), "the page is one attribute, whatever is in it"
