"""`whence explain`, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from fusion.cli import main
from tests.conftest import REPOSITORY
from tests.fusion.test_explain import NEUTRAL, SPAIN, TEXTS, Signs, photo


@pytest.fixture
def street(tmp_path: Path) -> Path:
    path = tmp_path / "street.png"
    Image.fromarray(photo(SPAIN, NEUTRAL)).save(path)
    return path


@pytest.fixture
def signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text reader that the command builds reads the drawn signs."""
    monkeypatch.setattr("fusion.locator.make_reader", lambda spec, **_: Signs(TEXTS))


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    prior = () if "--prior" in args else ("--prior", "density")  # the one that ships would look at each covering
    code = main(["explain", *args, *prior])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.usefixtures("signs")
def test_words_and_picture(street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "heat.png"
    code, words, said = run(capsys, str(street), "--regions", "none", "--heatmap", str(out))
    assert code == 0 and "what carries Spain" in words and "'MADRID' at 40,40 to 140,70" in words
    assert said == f"heat map: {out}\n"
    with Image.open(out) as picture:
        assert picture.format == "PNG" and min(picture.size) > 300


@pytest.mark.usefixtures("signs")
def test_json_of_a_country_and_of_a_cell(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for args, code in ((["--country", "mx"], "MX"), (["--country"], "ES"), (["--cell", "-33.9,151.2"], None)):
        done, out, said = run(capsys, str(street), "--regions", "none", "--json", *args)
        told = json.loads(out)
        assert (done, said) == (0, "") and told["file"] == str(street)
        assert told["target"]["kind"] == ("country" if code else "cell")
        assert code is None or told["target"]["code"] == code
        assert code is not None or "33." in told["target"]["name"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["missing.jpg"], "missing.jpg"),
        (["."], "is a folder: name one photo"),
        (["PHOTO", "--heatmap", "out.jpg"], "ends in .png"),
        (["PHOTO", "--heatmap", "no/such/out.png"], "make it first"),
        (["PHOTO", "--heatmap", "PHOTO"], "never overwritten"),
        (["PHOTO", "--country", "Narnia"], "ISO 3166"),
        (["PHOTO", "--cell", "zz"], "LAT,LON"),
        (["PHOTO", "--cell", "95,0"], "no point on the Earth"),
        (["PHOTO", "--prior", "telepathy"], "density"),
        (["PHOTO", "--what", "prior"], "looks at no pixel"),
        (["PHOTO"], "nothing in this photo carries the answer"),
    ],
)
def test_what_cannot_be_done_is_said_with_exit_code_2(
    args: list[str], says: str, street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    code, out, said = run(capsys, *[str(street) if arg == "PHOTO" else arg for arg in args], "--ocr", "none")
    assert (code, out) == (2, "") and says in said and "Traceback" not in said
    assert not list(empty.iterdir())


def test_a_target_is_either_a_country_or_a_cell(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["explain", str(street), "--country", "ES", "--cell"])
    assert stopped.value.code == 2 and "not allowed with" in capsys.readouterr().err


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys\nfrom fusion.cli import main\n"
        "try:\n    main(['explain', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'onnxruntime', 'PIL'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0 and "--heatmap" in done.stdout, done.stderr


@pytest.mark.usefixtures("signs")
def test_the_scene_is_told_by_what_was_asked_for_or_by_nothing(
    street: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("backbone.clip_network.first_at_hand", lambda: pytest.fail("a scene model is looked for"))
    for name in ("none", "head"):
        assert run(capsys, str(street), "--regions", "none", "--scenes", name)[0] == 0
