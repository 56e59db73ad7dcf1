"""`whence evaluate` and `whence report`, as a user types them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fusion.cli import main
from tests.fusion.evaluation.small_sets import small_set

QUICK = ["--prior", "density", "--ocr", "none", "--scenes", "none", "--fusion", "pool", "--offline", "--workers", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typed")
    small_set(folder / "set")
    return folder


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Iterator[object]:
    def said(*args: str | Path) -> tuple[int, str, str]:
        code = main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return code, out, err

    yield said


def test_a_folder_is_evaluated_and_reported(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    code, out, err = say("evaluate", folder / "set", "--out", folder / "run", *QUICK, "--prior", "density:street")
    assert code == 0, err
    assert "set: 5 photos" in out and "density:street:" in out and "whence report" in err
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert [run["prior"] for run in summary["runs"]] == ["density", "density:street"]
    code, out, err = say("report", folder / "run")
    assert code == 0, err
    page = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "a.jpg" in page and "density:street" in page


def test_the_summary_comes_as_json_and_beside_another_run(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    arguments = ["evaluate", folder / "set", "--out", folder / "limited", *QUICK, "--limit", "2"]
    code, out, _ = say(*arguments, "--json")
    assert code == 0 and json.loads(out)["dataset"]["photos"] == 2
    code, out, _ = say(*arguments, "--against", folder / "limited")
    assert code == 0 and "2 photos that both have" in out


def test_all_photos_may_come_from_one_place(folder: Path, say) -> None:  # type: ignore[no-untyped-def]
    photos = folder / "one place"
    photos.mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(folder / "set" / name, photos)
    code, _, err = say("evaluate", photos, "--at", "-33.9,151.2,AU,25", "--out", folder / "sydney", *QUICK)
    assert code == 0, err
    code, out, _ = say("evaluate", photos, "--at", "-33.9,151.2,AU,25", "--out", folder / "sydney", *QUICK, "--json")
    summary = json.loads(out)
    assert summary["runs"][0]["systems"]["prior"]["within_25"]["photos"] == 2
    assert summary["runs"][0]["systems"]["prior"]["within_1"]["value"] is None


@pytest.mark.parametrize("where", [".", "run", "runs/first"])
def test_a_run_inside_its_set_is_gone_on_with_and_its_thumbnails_are_no_photos(where: str, tmp_path: Path, say) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "set"
    small_set(folder)
    for _ in range(2):
        code, out, err = say("evaluate", folder, "--out", folder / where, *QUICK)
        assert code == 0 and "left out" not in out, err
    assert "5 of 5 answers were there before" in err and list((folder / where / "photos").glob("*.jpg"))


@pytest.mark.parametrize("where", [".", "run"])
def test_so_is_a_run_inside_a_folder_without_labels(where: str, tmp_path: Path, say) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "set"
    small_set(folder)
    (folder / "labels.csv").unlink()
    for _ in range(2):
        code, out, err = say("evaluate", folder, "--at", "40,-3,ES,25", "--out", folder / where, *QUICK)
        assert code == 0 and "5 photos" in out, err
    assert "5 of 5 answers were there before" in err and list((folder / where / "photos").glob("*.jpg"))


def test_a_photo_that_fails_makes_the_exit_code_2_and_the_rest_is_measured(tmp_path: Path, say) -> None:  # type: ignore[no-untyped-def]
    small_set(tmp_path / "set", broken=["b.jpg"])
    arguments = ["evaluate", tmp_path / "set", "--out", tmp_path / "run", *QUICK, "--prior", "density:street"]
    code, out, err = say(*arguments)
    assert code == 2 and "1 failed (count as misses)" in out
    assert err.count("failed: b.jpg is not an image") == 1  # once, though it fails with each prior
    assert "were there before" not in err and "--retry-errors" in err
    code, _, err = say(*arguments)
    assert code == 2 and "10 of 10 answers were there before" in err


def test_a_few_of_many_failures_are_told(tmp_path: Path, say) -> None:  # type: ignore[no-untyped-def]
    small_set(
        tmp_path / "set", [(f"{k}.jpg", 1.0, 2.0 + k, "", "") for k in range(8)], broken=[f"{k}.jpg" for k in range(7)]
    )
    _, _, err = say("evaluate", tmp_path / "set", "--out", tmp_path / "run", *QUICK)
    assert err.count("is not an image") == 5 and "failed: 2 more" in err


def test_the_list_says_which_benchmarks_are_here(tmp_path: Path, say, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "yfcc4k").mkdir()
    monkeypatch.setenv("WHENCE_BENCHMARKS", str(tmp_path))
    code, out, _ = say("evaluate", "--list")
    assert code == 0 and f"yfcc4k: YFCC4k; in {tmp_path / 'yfcc4k'}\n" in out
    assert "im2gps: IM2GPS test set; not on this machine\n" in out
    assert all(line.count("://") <= 1 or "linked from" in line for line in out.splitlines())  # a link a line


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "name a data set"),
        (["nowhere", "--out", "x"], "no photos at nowhere"),
        (["im2gps3k", "--out", "x"], "WHENCE_BENCHMARKS"),
        (["drawn:3:4:5", "--out", "x"], "drawn:NUMBER:SEED"),
        (["drawn:many", "--out", "x"], "drawn:NUMBER:SEED"),
        (["drawn:2", "--at", "1,2", "--out", "x"], "leave --photos, --labels and --at out"),
        (["SET", "--out", "x", "--gallery", "g", "--prior", "density", "--prior", "pixels"], "with one --prior"),
        (["SET"], "--out DIR"),
        (["SET", "--out", "x", "--prior", "planet:nothing"], "nothing"),
        (["SET", "--out", "x", "--against", "nowhere"], "no evaluation at nowhere"),
        (["SET", "--out", "SET/a.jpg", *QUICK], "cannot write"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(
    args: list[str], words: str, folder: Path, say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WHENCE_BENCHMARKS", raising=False)
    code, _, err = say("evaluate", *(arg.replace("SET", str(folder / "set")) for arg in args))
    assert code == 2 and err.startswith("whence: ") and words in err
    assert err.count("\n") == 1, "one clear line"


def test_a_report_of_nothing_says_so(tmp_path: Path, say) -> None:  # type: ignore[no-untyped-def]
    code, _, err = say("report", tmp_path / "nothing")
    assert code == 2 and "no evaluation at" in err
    code, _, err = say("report", tmp_path)
    assert code == 2 and "holds no evaluation" in err


def test_known_benchmarks_are_listed_with_where_their_photos_are(say) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = say("evaluate", "--list")
    assert code == 0
    for name in ("im2gps:", "im2gps3k:", "yfcc4k:", "osv5m:", "mp16-val:", "drawn:"):
        assert name in out


@pytest.mark.parametrize(
    ("asked", "drawn"), [("drawn", (24, 0)), ("drawn:5", (5, 0)), ("drawn:5:7", (5, 7)), ("drawn:05", (5, 0))]
)
def test_drawn_photos_have_a_folder_for_each_number_and_seed(
    asked: str, drawn: tuple[int, int], folder: Path, tmp_path: Path, say, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    def draw(into: Path, count: int, seed: int) -> Path:
        assert (count, seed) == drawn and into == tmp_path / "run" / f"drawn-{count}-{seed}"
        return Path(shutil.copytree(folder / "set", into, dirs_exist_ok=True))

    monkeypatch.setattr("fusion.evaluation.drawn_set.drawn_set", draw)
    code, out, err = say("evaluate", asked, "--out", tmp_path / "run", *QUICK)
    assert code == 0 and f"drawn-{drawn[0]}-{drawn[1]}: 5 photos" in out, err
