"""Result files: whole rows, whatever happens to the process that writes them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from data.errors import DatasetError, RequestError, WhenceError
from fusion.result_formats import COLUMNS, FORMATS
from fusion.results import PhotoKey, ResultFile
from tests.conftest import REPOSITORY

EVERY_FORMAT = pytest.mark.parametrize("ending", sorted(FORMATS))


def row(file: str, *, size: int = 7, error: str | None = None, text: str = "MADRID", **more: Any) -> dict[str, Any]:
    content: dict[str, Any] = (
        {"error": {"type": "ImageError", "message": error}}
        if error
        else {
            "lat": -33.5,
            "lon": 151.25,
            "radius_km": 12.5,
            "country": "AU",
            "country_probability": 0.75,
            "countries": {"AU": 0.75, "NZ": 0.25},
            "place": "Sydney, AU",
            "prior": "density",
            "top": [{"lat": -33.5, "p": 0.5}],
            "readings": [{"text": text, "confidence": 0.9}, {"text": "50%"}],
            "clues": [],
            "ledger": [],
            "lookups": [],
            "attributions": ["© OpenStreetMap contributors"],
        }
    )
    return {"file": file, **content, "size": size, "modified": "2026-01-02T03:04:05.000000006Z", "settings": "s"} | more


def key_of(row: dict[str, Any]) -> PhotoKey:
    return PhotoKey(row["file"], row["size"], row["modified"])


def written(path: Path, rows: list[dict[str, Any]], settings: str = "s") -> Path:
    with ResultFile(path, settings) as file:
        for each in rows:
            file.write(each)
    return path


def table(path: Path) -> list[dict[str, Any]]:
    """What a stranger reads in the file, by column."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


@EVERY_FORMAT
def test_rows_come_back_as_they_were_written(ending: str, tmp_path: Path) -> None:
    rows = [row("a.jpg"), row("b ü 東.jpg", error="it is truncated"), row("c.jpg", text='He said "é, è"')]
    path = written(tmp_path / f"r{ending}", rows)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]
    found = table(path)
    assert [each["file"] for each in found] == [each["file"] for each in rows]
    if ending == ".jsonl":
        assert found == rows
        return
    assert list(found[0]) == list(COLUMNS)
    assert (found[0]["country"], found[0]["text"]) == ("AU", "MADRID | 50%")
    assert [str(each["clue_count"] or 0) for each in found] == ["0", "0", "0"]
    assert float(found[0]["lat"]) == -33.5 and json.loads(found[0]["countries"]) == {"AU": 0.75, "NZ": 0.25}
    assert (found[1]["error"], found[1]["message"]) == ("ImageError", "it is truncated")
    assert not found[1]["lat"] and not found[0]["error"]
    assert json.loads(found[2]["readings"])[0]["text"] == 'He said "é, è"'


@EVERY_FORMAT
def test_a_second_start_knows_what_is_done(ending: str, tmp_path: Path) -> None:
    first, failed, new = row("a.jpg"), row("b.jpg", error="no"), row("c.jpg")
    path = written(tmp_path / f"r{ending}", [first, failed])
    with ResultFile(path, "s") as file:
        assert file.state(key_of(first)) == "done"
        assert file.state(key_of(failed)) == "error"
        assert file.state(key_of(new)) is None
        assert file.state(PhotoKey("a.jpg", 8, first["modified"])) is None  # it grew
        assert file.state(PhotoKey("a.jpg", 7, "2027-01-01T00:00:00.000000000Z")) is None  # it was changed
        file.write(new)
        assert file.state(key_of(new)) == "done"
    assert [each["file"] for each in table(path)] == ["a.jpg", "b.jpg", "c.jpg"]


@EVERY_FORMAT
def test_of_two_rows_with_one_path_the_later_one_stays(ending: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"r{ending}", [row("a.jpg", error="no"), row("b.jpg")])
    written(path, [row("a.jpg", size=8)])
    found = table(path)
    assert [(each["file"], int(each["size"])) for each in found] == [("b.jpg", 7), ("a.jpg", 8)]
    assert not found[1].get("error")
    assert len(list(tmp_path.iterdir())) == 1


@EVERY_FORMAT
def test_a_row_that_a_kill_cut_short_is_dropped_and_no_other(ending: str, tmp_path: Path) -> None:
    rows = [row("a.jpg"), row("b.jpg", text="x" * 50)]
    whole = tmp_path / f"whole{ending}"
    written(whole, rows)
    # What lies there while a run goes on: Parquet's rows are in its journal.
    live = tmp_path / (f"r{ending}.journal.jsonl" if ending == ".parquet" else f"r{ending}")
    content = written(tmp_path / "live.jsonl", rows).read_bytes() if ending == ".parquet" else whole.read_bytes()
    start_of_last = content.rindex(b"\n", 0, -1) + 1
    step = 29 if ending == ".parquet" else 1  # its journal is JSON Lines
    for cut in [*range(0, start_of_last, 37), *range(start_of_last, len(content), step)]:
        (tmp_path / f"r{ending}").unlink(missing_ok=True)
        live.write_bytes(content[:cut])
        with ResultFile(tmp_path / f"r{ending}", "s") as file:
            for each in rows:
                if file.state(key_of(each)) is None:
                    file.write(each)
        assert table(tmp_path / f"r{ending}") == table(whole), f"cut at {cut}"


@EVERY_FORMAT
def test_what_is_no_result_file_is_refused_and_left_alone(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"r{ending}"
    pq.write_table(pq.read_table(written(tmp_path / "other.parquet", [row("a.jpg")])).select(["lat"]), tmp_path / "p")
    foreign = b'{"file": "my manifest", "photos": 3}'  # begins like a row of ours, and has no line end
    for content in (b'{"name": "mine", "version": 2}', foreign, b"a,b\n1,2", b"PAR1 no", (tmp_path / "p").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match="move it away"), ResultFile(path, "s"):
            pass
        assert path.read_bytes() == content
    assert {p.name for p in tmp_path.iterdir()} == {path.name, "other.parquet", "p"}


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_damaged_row_inside_is_named(ending: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"r{ending}", [row("a.jpg"), row("b.jpg"), row("c.jpg")])
    lines = path.read_bytes().splitlines(keepends=True)
    at = len(lines) - 2
    for bad in (b"\xff\xfe\n", b"1,2\n", b'{"file": 3}\n', b'"\n', b"\0\0\0\n", lines[at][:40] + b"\n"):
        path.write_bytes(b"".join([*lines[:at], bad, lines[-1]]))
        before = path.read_bytes()
        with pytest.raises(DatasetError, match=f"line {at + 1} of"), ResultFile(path, "s"):
            pass
        assert path.read_bytes() == before


def test_a_last_row_without_its_line_end_is_a_row(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", [row("a.jpg"), row("b.jpg")])
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))  # as some editors leave it
    with ResultFile(path, "s") as file:
        file.write(row("c.jpg"))
    assert [each["file"] for each in table(path)] == ["a.jpg", "b.jpg", "c.jpg"]


@EVERY_FORMAT
def test_a_link_stays_a_link_and_a_private_file_private(ending: str, tmp_path: Path) -> None:
    real, link = tmp_path / f"real{ending}", tmp_path / f"link{ending}"
    written(real, [row("a.jpg")])
    real.chmod(0o600)
    link.symlink_to(real)
    written(link, [row("a.jpg", size=8)])
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o600
    assert [int(each["size"]) for each in table(real)] == [8]


@EVERY_FORMAT
def test_settings_are_one_line(ending: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"r{ending}", [row("a.jpg", settings="run\\t1")], settings="run\t1")
    with ResultFile(path, "run\t1") as file:
        assert file.state(key_of(row("a.jpg"))) == "done"


def test_rows_of_other_settings_do_not_share_a_file(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", [row("a.jpg")])
    with pytest.raises(RequestError, match="write to another file"), ResultFile(path, "other"):
        pass
    with ResultFile(path, "s") as file:
        assert file.state(key_of(row("a.jpg"))) == "done"


def test_no_cell_of_a_spreadsheet_is_a_formula(tmp_path: Path) -> None:
    evil = "=HYPERLINK(\"http://evil\")|' /C calc'!A0"
    names = [evil, "+1.jpg", "-1.jpg", "@x.jpg", "'q.jpg", "''=1", "＝1.jpg", "\t=1.jpg", "plain.jpg"]
    rows = [row(PhotoKey.of(name).file, text=evil, place="=Paris, FR", error=None) for name in names]
    rows += [row("e.jpg", error="-2+3+cmd|' /C calc'!A0")]
    path = written(tmp_path / "r.csv", rows)
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for line in list(csv.reader(file))[1:] for cell in line]
    for cell in cells:
        is_number = cell.replace("-", "", 1).replace(".", "", 1).isdigit()
        assert is_number or not cell.startswith(tuple("=+-@\t\r＝＋－＠")), cell
    with ResultFile(path, "s") as file:  # and the keys are found again
        assert all(file.state(key_of(each)) for each in rows)


@EVERY_FORMAT
def test_odd_names_are_escaped_and_found_again(ending: str, tmp_path: Path) -> None:
    names = [
        "new\nline.jpg",
        "\x1b[2Jclear.jpg",
        os.fsdecode(b"caf\xe9.jpg"),
        "rtl\u202egpj.exe",
        "nul\0.jpg",
        "a,\"b';.jpg",
    ]
    keys = [PhotoKey.of(name) for name in names]
    assert len({key.file for key in keys}) == len(names)
    rows = [row(key.file, size=key.size, modified=key.modified) for key in keys]
    path = written(tmp_path / f"r{ending}", rows)
    assert [each["file"] for each in table(path)] == [key.file for key in keys]
    with ResultFile(path, "s") as file:
        assert all(file.state(key) == "done" for key in keys)


@EVERY_FORMAT
def test_a_photo_full_of_text_fits(ending: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"r{ending}", [row("a.jpg", text="long " * 100_000)])
    written(path, [row("b.jpg")])
    with ResultFile(path, "s") as file:
        assert file.state(key_of(row("a.jpg"))) == file.state(key_of(row("b.jpg"))) == "done"


@EVERY_FORMAT
def test_a_full_disk_keeps_the_rows_that_were_written(ending: str, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="needs the limits of Unix")
    assert resource
    path = tmp_path / f"r{ending}"
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from tests.fusion.test_results import row, ResultFile, WhenceError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"  # no file may grow beyond that: as if it were full
        "try:\n"
        "    with ResultFile(Path(sys.argv[1]), 's') as file:\n"
        "        for n in range(1000): file.write(row(f'{n}.jpg'))\n"
        "except WhenceError as error: print(n, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=REPOSITORY, capture_output=True, text=True)
    number, _, message = done.stdout.partition(" ")
    assert "cannot write" in message and "rows that were written are kept" in message, done.stderr
    assert 3 < int(number) < 100
    live = tmp_path / f"{path.name}.journal.jsonl" if ending == ".parquet" else path
    assert live.read_bytes().endswith(b"\n")  # nothing of the row that did not fit is left
    with ResultFile(path, "s") as file:
        for n in range(20):
            known = file.state(key_of(row(f"{n}.jpg")))
            assert known == ("done" if n < int(number) else None)
            if known is None:
                file.write(row(f"{n}.jpg"))
    assert sorted(int(each["file"][:-4]) for each in table(path)) == list(range(max(20, int(number))))
    assert len(list(tmp_path.iterdir())) == 1


def test_only_one_process_writes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    code = (
        "import sys\nfrom pathlib import Path\nfrom fusion.results import ResultFile\n"
        "with ResultFile(Path(sys.argv[1]), 's'): pass\n"
    )
    with ResultFile(path, "s") as file:
        done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=REPOSITORY, capture_output=True, text=True)
        assert "RequestError" in done.stderr and "another process" in done.stderr
        file.write(row("a.jpg"))
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0 and len(table(path)) == 1


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, says in (
        ("r.xlsx", ".csv, .jsonl, .parquet"),
        ("no/r.csv", "there is no folder"),
        ("folder.csv", "cannot write"),
    ):
        with pytest.raises(WhenceError, match=says), ResultFile(tmp_path / name, "s"):
            pass
    assert [p.name for p in tmp_path.iterdir()] == ["folder.csv"]


def test_nothing_done_leaves_no_empty_lines_or_journal(tmp_path: Path) -> None:
    for ending in FORMATS:
        with ResultFile(tmp_path / f"r{ending}", "s"):
            pass
    assert {p.name for p in tmp_path.iterdir()} <= {"r.csv"}
    assert (tmp_path / "r.csv").read_text().strip() == ",".join(COLUMNS)


def test_the_readme_names_every_column_as_the_code_does() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    bar = "\\|"
    table = "".join(f"| {name} | {meaning.replace('|', bar)} |\n" for name, meaning in COLUMNS.items())
    assert table in readme
