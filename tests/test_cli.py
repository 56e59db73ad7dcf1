"""The command `whence`, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from fusion.cli import main
from tests.conftest import REPOSITORY

SCHEMA = json.loads((REPOSITORY / "fusion" / "assets" / "answer.schema.json").read_text())


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((200, 300, 3), 120, np.uint8)).save(path)
    return path


def whence(*args: str, cwd: Path = REPOSITORY, **env: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from whence import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **env},
        capture_output=True,
        text=True,
    )


def test_the_demo_puts_spain_first_for_reasons_in_its_ledger(tmp_path: Path) -> None:
    done = whence("demo", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    answer = json.loads(line)
    jsonschema.validate(answer, SCHEMA)
    assert answer["country"] == "ES"
    texts = {reading["text"] for reading in answer["readings"]}
    assert "MADRID" in texts
    reasons = [
        answer["clues"][row["clue"]]
        for row in answer["ledger"]
        if row["country_after"] == "ES" and row["log_odds"] > 0.3
    ]
    assert any("MADRID" in reason["text"] for reason in reasons)
    page = (tmp_path / "whence-demo.html").read_text(encoding="utf-8")
    assert "MADRID" in page and "<script" in page


def test_help_and_version_are_at_hand(capsys: pytest.CaptureFixture[str]) -> None:
    for args in (["--help"], ["locate", "--help"], ["partition", "build", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as stopped:
            main(args)
        assert stopped.value.code == 0
    assert "whence" in capsys.readouterr().out


def test_one_photo_gives_words_and_a_map(grey: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "map.html"
    assert main(["locate", str(grey), "--ocr", "none", "--prior", "density", "--map", str(out)]) == 0
    printed = capsys.readouterr()
    assert "no visual model was used" in printed.out and str(out) in printed.err
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_json_is_one_object_a_line_and_nothing_else(grey: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(grey.read_bytes())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    done = whence("locate", str(folder), "--json", "--ocr", "none", "--top", "2")
    assert done.returncode == 2
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(row["file"]).name for row in rows] == ["a.png", "b.png", "broken.jpg"]
    for row in rows:
        jsonschema.validate(row, SCHEMA)
    assert len(rows[0]["top"]) == 2
    assert rows[2]["error"]["type"] == "ImageError"


def test_several_maps_do_not_overwrite_each_other(grey: Path, tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.png").write_bytes(grey.read_bytes())
    out = tmp_path / "maps.html"
    assert main(["locate", str(tmp_path / "x"), str(tmp_path / "y"), "--ocr", "none", "--map", str(out)]) == 0
    assert sorted(path.name for path in tmp_path.glob("maps-*.html")) == ["maps-0001-same.html", "maps-0002-same.html"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["missing.jpg"], "missing.jpg"),
        (["."], "no photo"),
        (["GREY", "--prior", "telepathy"], "density"),
        (["GREY", "--ocr", "telepathy"], "rapidocr"),
        (["GREY", "--ocr", "none", "--within", "Narnia"], "ISO 3166"),
        (["GREY", "--ocr", "none", "--within", "ES", "--not", "ES"], "no place on Earth"),
        (["GREY", "--ocr", "none", "--map", "no/such/folder/map.html"], "cannot write"),
        (["GREY", "--ocr", "none", "--map", "map.txt"], "ends in .html"),
        (["GREY", "--ocr", "none", "--map", "map"], "ends in .html"),
        (["GREY", "--ocr", "none", "--not", ""], "empty country"),
    ],
)
def test_what_cannot_be_done_is_said_with_exit_code_2(
    args: list[str], says: str, grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert main(["locate", *[str(grey) if arg == "GREY" else arg for arg in args]]) == 2
    printed = capsys.readouterr()
    assert says in printed.err and "Traceback" not in printed.err
    assert not list(empty.iterdir())


def test_within_and_not_reach_the_answer(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def country(*args: str) -> str:
        assert main(["locate", str(grey), "--json", "--ocr", "none", *args]) == 0
        return str(json.loads(capsys.readouterr().out)["country"])

    assert country() == "US"
    assert country("--not", "US") != "US"
    assert country("--within", "jp") == "JP"
    assert country("--within", "JP", "--within", "KR", "--not", "JP") == "KR"
    assert country("--within=-9.5,36.9,-6.9,42") == "PT"
    assert country("--within", "-9.5,36.9,-6.9,42") == "PT"


def test_output_goes_to_its_file_while_a_bar_runs_on_the_terminal(grey: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="needs a Unix terminal")
    (tmp_path / "b.png").write_bytes(grey.read_bytes())
    master, terminal = pty.openpty()
    out = tmp_path / "out.jsonl"
    code = "import sys; from whence import main; sys.exit(main())"
    with out.open("w") as stream:
        args = [sys.executable, "-c", code, "locate", str(grey), str(tmp_path / "b.png"), "--json", "--ocr", "none"]
        done = subprocess.run(args, cwd=REPOSITORY, stdout=stream, stderr=terminal)
    os.close(terminal)
    os.close(master)
    assert done.returncode == 0
    assert [json.loads(line)["country"] for line in out.read_text().splitlines()] == ["US", "US"]


def test_names_and_terminals_of_any_encoding_are_no_error(grey: Path, tmp_path: Path) -> None:
    path = tmp_path / "東京.png"
    path.write_bytes(grey.read_bytes())
    for extra in (["--json"], []):
        done = whence("locate", str(path), "--ocr", "none", *extra, PYTHONIOENCODING="ascii")
        assert done.returncode == 0, done.stderr


def test_an_empty_folder_among_photos_is_a_row(grey: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = whence("locate", str(tmp_path / "empty"), str(grey), "--json", "--ocr", "none")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 2 and rows[0]["error"]["type"] == "ImageError" and rows[1]["country"] == "US"


def test_the_shipped_partition_describes_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["partition", "info"]) == 0
    printed = capsys.readouterr().out
    assert "fine" in printed and "%" in printed


def test_a_partition_is_built_from_a_table_and_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    rows = ["LAT,LON"] + [f"{lat:.5f},{lon:.5f}" for lat, lon in rng.normal((45.0, 7.0), 5.0, (500, 2))]
    table = tmp_path / "photos.csv"
    table.write_text("\n".join(rows))
    out = tmp_path / "own.parquet"
    assert main(["partition", "build", str(table), "-o", str(out), "--t-max", "50", "--t-min", "5"]) == 0
    assert main(["partition", "info", str(out), "--points", str(table)]) == 0
    assert "own" in capsys.readouterr().out
    table.write_text("name\nx\n")
    assert main(["partition", "build", str(table), "-o", str(out)]) == 2
    assert main(["partition", "info", str(table)]) == 2


def test_blur_writes_another_file_and_says_what_it_filled(grey: Path, tmp_path: Path) -> None:
    done = whence("blur", str(grey), str(tmp_path / "out.jpg"), "--ocr", "none")
    assert done.returncode == 0, done.stderr
    assert "nothing found to fill; look at it" in done.stderr and done.stdout == ""
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.size == (300, 200)


def test_blur_takes_one_photo_and_says_so(grey: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blur", str(grey.parent), str(tmp_path / "out.jpg"), "--ocr", "none"]) == 2
    said = capsys.readouterr().err
    assert "is a folder: name one photo" in said and "find_images" not in said


def test_blur_refuses_to_write_over_the_photo(grey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = grey.read_bytes()
    assert main(["blur", str(grey), str(grey), "--ocr", "none"]) == 2
    assert "itself" in capsys.readouterr().err
    assert grey.read_bytes() == before
