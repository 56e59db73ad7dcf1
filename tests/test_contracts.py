"""The rooms, the direction of the arrows, the public face, and what may not happen at import."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

ROOMS = ("data", "backbone", "detectors", "fusion")
MAY_IMPORT = {
    "data": {"data"},
    "backbone": {"data", "backbone"},
    "detectors": {"data", "detectors"},
    "fusion": {"data", "backbone", "detectors", "fusion"},
}
HEAVY = ("torch", "torchvision", "ultralytics", "easyocr", "open_clip", "onnxruntime", "rapidocr", "lightgbm", "cv2",
         "phonenumbers.geodata", "scipy", "pyarrow", "httpx", "httpcore", "usearch", "osmium", "rapidfuzz")  # fmt: skip


def imported_rooms(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module.split(".")[0])
    return names & {*ROOMS, "whence", "tests", "benchmarks"}


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    modules = sorted((REPOSITORY / room).rglob("*.py"))
    assert modules
    for path in modules:
        assert imported_rooms(path) <= MAY_IMPORT[room], f"{path.name} imports {imported_rooms(path)}"


def test_every_module_names_its_public_names() -> None:
    for room in ROOMS:
        for path in (REPOSITORY / room).rglob("*.py"):
            if path.name != "__init__.py":
                assert "__all__" in path.read_text(encoding="utf-8"), f"{path} has no __all__"


def test_the_public_face_is_what_it_says() -> None:
    import whence

    for name in whence.__all__:
        assert getattr(whence, name) is not None
    assert set(whence.__all__) == {
        *("Album", "Answer", "Failure", "Locator", "locate", "__version__"),
        *("WhenceError", "RequestError", "ImageError", "DatasetError", "WeightsError", "OfflineError", "LookupFailed"),
    }
    assert set(whence.__all__) <= set(dir(whence))
    with pytest.raises(AttributeError):
        whence.nothing  # noqa: B018


def test_import_is_light_and_opens_no_socket() -> None:
    code = (
        "import sys, json\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(event) if event.startswith('socket.') else None)\n"
        "import whence\n"
        "from fusion.cli import _parser\n"
        "_parser().format_help()\n"
        "print(json.dumps([sorted(sys.modules), opened]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    modules, opened = json.loads(done.stdout)
    assert not [name for name in HEAVY if name in modules]
    assert opened == []


def test_a_foreign_package_of_our_name_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "fusion").mkdir()
    (tmp_path / "fusion" / "__init__.py").write_text("")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.path.insert(1, {str(REPOSITORY)!r}); import whence"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "whence needs its own package 'fusion'" in done.stderr and str(tmp_path) in done.stderr


def test_a_foreign_package_installed_over_ours_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "whence.py").write_text((REPOSITORY / "whence.py").read_text(encoding="utf-8"), encoding="utf-8")
    for room in ROOMS:
        (tmp_path / room).mkdir()
        ours = (REPOSITORY / room / "__init__.py").read_text(encoding="utf-8")
        (tmp_path / room / "__init__.py").write_text("" if room == "detectors" else ours, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", "import whence"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "detectors is not whence's own any more" in done.stderr and "environment of its own" in done.stderr


def shipped_files(room: str) -> list[Path]:
    return [path for path in (REPOSITORY / room / "assets").rglob("*") if path.is_file()]


def test_every_asset_is_named_with_its_hash() -> None:
    import hashlib

    for room in ROOMS:
        assets = [path for path in shipped_files(room) if path.name != "SOURCES.md"]
        if not assets:
            continue
        sources = (REPOSITORY / room / "assets" / "SOURCES.md").read_text(encoding="utf-8")
        for path in assets:
            assert path.name in sources, f"{path} is not in SOURCES.md"
            by_hand = (
                "album.schema.json", "answer.schema.json", "map.html", "map.css", "map.js", "report.html", "report.css",
            )  # fmt: skip
            if path.name not in by_hand:
                assert hashlib.sha256(path.read_bytes()).hexdigest() in sources, f"{path}: sha256 differs"


def test_assets_stay_under_eighty_megabytes() -> None:
    total = sum(path.stat().st_size for room in ROOMS for path in shipped_files(room))
    assert total < 80e6
