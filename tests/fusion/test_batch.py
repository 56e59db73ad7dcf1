"""An archive through `whence locate --out`: every photo one row, whatever happens."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from backbone.base import PriorOutput
from backbone.density import DensityPrior
from data.errors import WhenceError
from data.partition import Partition
from fusion.answer import Answer, Failure
from fusion.batch import Tally, locate_into
from fusion.cli import main
from fusion.locator import Locator
from fusion.result_formats import FORMATS
from tests.conftest import REPOSITORY
from tests.fusion.parts import FixedText

SCHEMA = json.loads((REPOSITORY / "fusion" / "assets" / "answer.schema.json").read_text())
EVERY_FORMAT = pytest.mark.parametrize("ending", sorted(FORMATS))


def jpeg(seed: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3)).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def photos(folder: Path, count: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{n:04d}.jpg" for n in range(count)]
    for path in paths:
        path.write_bytes(jpeg())
    return paths


def files_in(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return [str(name) for name in pq.read_table(path)["file"].to_pylist()]
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return [row["file"] for row in csv.DictReader(file)]
    return [json.loads(line)["file"] for line in path.read_text(encoding="ascii").splitlines()]


@pytest.fixture(scope="module")
def quick() -> Locator:
    return Locator("density", ocr="none", workers=2)


@EVERY_FORMAT
def test_a_folder_becomes_rows_and_a_second_start_repeats_none(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = photos(tmp_path / "photos", 5)
    given[1].write_bytes(given[1].read_bytes()[:300])
    out = tmp_path / f"r{ending}"
    command = ["locate", str(tmp_path / "photos"), str(given[0]), "--ocr", "none", "--out", str(out)]
    assert main(command) == 2  # one of them failed
    printed = capsys.readouterr()
    assert not printed.out and "located 4, failed 1" in printed.err and "truncated" in printed.err
    assert files_in(out) == [str(path) for path in given]
    before = out.read_bytes()
    assert main(command) == 2  # and still does
    assert "there before: located 4, failed 1" in capsys.readouterr().err
    assert out.read_bytes() == before
    # A photo that was mended is done again; the others are not.
    given[1].write_bytes(jpeg(1))
    assert main(command) == 0
    assert "located 1, failed 0; there before: located 4" in capsys.readouterr().err
    assert sorted(files_in(out)) == [str(path) for path in given]


def test_rows_of_json_lines_follow_the_schema(tmp_path: Path) -> None:
    given = photos(tmp_path / "photos", 2)
    given[1].write_bytes(b"")
    out = tmp_path / "r.jsonl"
    assert main(["locate", str(tmp_path / "photos"), "--ocr", "none", "--top", "2", "--out", str(out)]) == 2
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    for row in rows:
        jsonschema.validate(row, SCHEMA)
    assert len(rows[0]["top"]) == 2 and rows[0]["size"] == given[0].stat().st_size and rows[1]["size"] == 0


def test_errors_are_tried_again_when_asked(tmp_path: Path, quick: Locator) -> None:
    missing = tmp_path / "later.jpg"
    out = tmp_path / "r.csv"
    given = [*photos(tmp_path / "photos", 1), missing]
    assert locate_into(out, given, quick, settings="s") == Tally(located=1, failed=1)
    assert locate_into(out, given, quick, settings="s") == Tally(done_before=1, failed_before=1)
    assert locate_into(out, given, quick, settings="s", retry_errors=True) == Tally(failed=1, done_before=1)
    missing.write_bytes(jpeg())
    assert locate_into(out, given, quick, settings="s") == Tally(located=1, done_before=1)
    assert sorted(files_in(out)) == sorted(map(str, given))


def test_a_thousand_files_with_thirty_seven_bad_ones_give_a_thousand_rows(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    good = photos(folder, 963)
    picture = jpeg()
    odd = os.fsencode(folder) + b"/caf\xe9 \x1b[31m\n.jpg"  # no UTF-8, a colour, a line end
    with open(odd, "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write(picture[: len(picture) // 2])
    png = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(png, "PNG")
    bad: list[bytes] = [picture[:n] for n in (1, 2, 10, 100, 400, 600, 700, 800)]
    bad += [b"", b"", png.getvalue(), png.getvalue()[:5000]]
    bad += [b"hello", b"<html></html>", b"%PDF-1.7", b"PK\x03\x04", b"\0" * 5000, b"\xff" * 5000, b"RIFF\0\0\0\0WEBP"]
    bad += [
        jpeg(size=(1, 1)),
        jpeg(size=(4000, 20)),
        b"GIF89a\xff\xff\xff\xff",
        b"II*\0\xff\xff\xff\xff",
        b"BM" + b"\xff" * 60,
    ]
    for n, content in enumerate(bad):
        (folder / f"bad {n:02d}.jpg").write_bytes(content)
    (folder / "dangling.jpg").symlink_to(folder / "nowhere")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "=1+1.jpg").write_bytes(b"=1+1")
    (folder / "東京 مقهى.jpg").write_bytes(b"no")
    unread = [folder / f"unreadable {n}.jpg" for n in range(37 - 6 - len(bad))]
    for path in unread:
        path.mkdir()  # a folder with a photo's name: root may read every file
        (path / "none.txt").touch()
    given = sorted([*folder.iterdir()])
    assert len(given) == 1000 and len(good) == 963
    out = tmp_path / "r.parquet"
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from fusion.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "status = Path('/proc/self/status')\n"
        "print(status.read_text().partition('VmHWM:')[2].split()[0] if status.exists() else 0)\n"
        "sys.exit(code)\n"
    )
    listed = [os.fspath(path) for path in given]
    done = subprocess.run(
        [sys.executable, "-c", code, "locate", *listed, "--ocr", "none", "--prior", "density", "--out", str(out),
         "--workers", "2"],
        cwd=REPOSITORY, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "located 963, failed 37" in done.stderr
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr
    rows = files_in(out)
    assert len(rows) == len(set(rows)) == 1000
    assert int(done.stdout.splitlines()[-1]) < 700_000  # KiB at the peak, where the system tells


RUN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started with it ignored
from fusion.batch import locate_into
from fusion.locator import Locator
from tests.fusion.parts import FixedText

class Slow(FixedText):
    def read(self, pixels):
        time.sleep(0.03)
        return super().read(pixels)

from pathlib import Path
photos = sorted(Path(sys.argv[1]).iterdir())
print(locate_into(sys.argv[2], photos, Locator("density", ocr=Slow(["MADRID"]), workers=2), settings="s"), flush=True)
"""


def run(folder: Path, out: Path, live: Path, stop: signal.Signals | None = None) -> tuple[int, str, str]:
    """Exit code and output of a run; ``stop`` is sent when it has written four rows to ``live``."""
    already = live.read_bytes().count(b"\n") if live.exists() else 0
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), str(out)], cwd=REPOSITORY, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        while stop is not None and process.poll() is None:
            if live.exists() and live.read_bytes().count(b"\n") >= already + 4 + (out.suffix == ".csv" and not already):
                process.send_signal(stop)
                break
            time.sleep(0.005)
        words, errors = process.communicate()
        return process.returncode, words, errors


@EVERY_FORMAT
def test_a_kill_and_ctrl_c_lose_no_finished_row_and_repeat_none(ending: str, tmp_path: Path) -> None:
    folder, out = tmp_path / "photos", tmp_path / f"r{ending}"
    given = [str(path) for path in photos(folder, 150)]
    live = out.with_name(f"{out.name}.journal.jsonl") if ending == ".parquet" else out
    assert run(folder, out, live, signal.SIGKILL)[0] == -signal.SIGKILL
    whole = live.read_bytes().rpartition(b"\n")[0]  # but for a row that was being written
    code, _, errors = run(folder, out, live, signal.SIGINT)
    assert code != 0 and "KeyboardInterrupt" in errors
    there = files_in(out)  # also as Parquet: Ctrl-C finishes the table
    assert 8 <= len(there) < 150 and there == given[: len(there)]
    assert ending == ".parquet" or out.read_bytes().startswith(whole)
    assert {path.name for path in tmp_path.iterdir()} == {"photos", out.name}
    assert f"located {150 - len(there)}, failed 0; there before: located {len(there)}" in run(folder, out, live)[1]
    assert files_in(out) == given


def test_options_that_do_not_go_together_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [photo] = photos(tmp_path / "photos", 1)
    out = tmp_path / "r.csv"
    assert main(["locate", str(photo), "--ocr", "none", "--out", str(out)]) == 0
    for extra, says in (
        (["--out", str(out), "--within", "ES"], "within=ES"),
        (["--out", str(out), "--top", "2"], "top=2"),
        (["--out", "/proc/r.csv"], "cannot write"),
        (["--out", str(tmp_path / "r.xlsx")], ".parquet"),
        (["--retry-errors"], "--out"),
    ):
        assert main(["locate", str(photo), "--ocr", "none", *extra]) == 2
        assert says in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["locate", ""])
    for bad in ("0", "-1", "many"):
        with pytest.raises(SystemExit):
            main(["locate", str(photo), "--workers", bad])
    with pytest.raises(WhenceError, match="at least 1"):
        Locator("density", ocr="none", workers=0)


def test_out_goes_with_json_and_maps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "photos", 2)
    extra = ["--json", "--map", str(tmp_path / "m.html"), "--out", str(tmp_path / "r.csv")]
    assert main(["locate", str(tmp_path / "photos"), "--ocr", "none", *extra]) == 0
    assert [json.loads(line)["country"] for line in capsys.readouterr().out.splitlines()] == ["US", "US"]
    assert len(list(tmp_path.glob("m-*.html"))) == 2


def test_many_workers_give_the_answers_of_one(tmp_path: Path) -> None:
    font = ImageFont.load_default(40)
    folder = tmp_path / "photos"
    folder.mkdir()
    for n, word in enumerate(["MADRID", "Apotheke", "farmacia", "915 551 234", "boulangerie", "TOKYO"]):
        picture = Image.new("RGB", (420 + 20 * n, 160), "white")
        ImageDraw.Draw(picture).text((30, 50), word, "black", font)
        picture.save(folder / f"{n}.png")
    given = sorted(folder.iterdir())

    def answers(locator: Locator) -> list[str]:
        return [result.to_json() for result in locator.locate_many(given * 2)]

    alone = Locator()
    one_by_one = [alone.locate(path).to_json() for path in given] * 2
    assert answers(alone) == one_by_one
    assert answers(Locator(workers=4)) == one_by_one
    assert "MADRID" in one_by_one[0] and "551 234" not in one_by_one[3]


def test_one_photo_that_a_prior_stumbles_over_is_one_row(partition: Partition, tmp_path: Path) -> None:
    class Picky(DensityPrior):
        def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
            if any(image.shape[0] == 50 for image in images):
                raise RuntimeError("shape mismatch")
            return super().predict(images, device=device)

    pixels = [np.zeros((50 if n == 2 else 48, 64, 3), np.uint8) for n in range(6)]
    results = list(Locator(Picky(partition), ocr="none").locate_many(pixels))
    assert [type(result) for result in results] == [Answer, Answer, Failure, Answer, Answer, Answer]
    assert "shape mismatch" in str(results[2].error)  # type: ignore[union-attr]


def test_a_photo_that_does_not_fit_into_memory_is_a_row() -> None:
    class Hungry(FixedText):
        def read(self, pixels: NDArray[np.uint8]) -> list:  # type: ignore[type-arg]
            raise MemoryError

    [result] = Locator("density", ocr=Hungry([])).locate_many([np.zeros((48, 64, 3), np.uint8)])
    assert isinstance(result, Failure) and "make it smaller" in str(result.error)


def test_a_prior_never_sees_more_pixels_than_it_needs(partition: Partition) -> None:
    seen: list[tuple[int, ...]] = []

    class Curious(DensityPrior):
        def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
            seen.extend(image.shape for image in images)
            return super().predict(images, device=device)

    locator = Locator(Curious(partition), ocr=FixedText(["MADRID", "915 551 234"]))
    large = np.full((3000, 6000, 3), 200, np.uint8)
    answer = locator.locate(large)
    assert seen == [(1024, 2048, 3)]
    assert answer.thumbnail_scale == pytest.approx(1280 / 6000)
    picture = np.asarray(Image.open(io.BytesIO(answer.thumbnail or b"")))
    assert picture.shape == (640, 1280, 3)
    (left, top), _, (right, bottom), _ = answer.covered[0]  # the phone number is painted over where it stands
    x, y = (left + right) / 2 * answer.thumbnail_scale, (top + bottom) / 2 * answer.thumbnail_scale
    assert not np.allclose(picture[int(y), int(x)], 200, atol=8)
