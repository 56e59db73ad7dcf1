"""Faults in files: what was shipped is damaged or another thing, folders cannot be written, and there is no home."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import backbone.frozen_features
import backbone.im2gps
import backbone.pixels
import backbone.scene_head
import data.benchmark_cards
import data.gazetteer
import data.partition
import detectors.brand_table
import detectors.institution_words
import detectors.language_model
import detectors.language_words
import detectors.line_net
import detectors.person_table
import detectors.plate_formats
import detectors.postal
import detectors.rapid
import detectors.regions
import detectors.street_lines
import detectors.territories
import detectors.word_rarity
import detectors.wording
import fusion.evaluation.published
import fusion.map
import fusion.ranker_model
import fusion.slips
from data.errors import DatasetError, WeightsError, WhenceError
from data.gazetteer import Gazetteer
from detectors.line_net import LineNet
from detectors.rapid import RapidEngine
from tests.backbone.models import small_model
from tests.conftest import REPOSITORY

RECOGNISER = "PP-OCRv6_rec_small.onnx"
RAPID = Path((find_spec("rapidocr") or SimpleNamespace(origin="")).origin or "").parent / "models"
# A user who is nobody: no entry in the list of users, no right to pass over permissions, no network.
NOBODY = ("unshare", "--user", "--map-user=12345", "--map-group=12345", "--net")


@dataclass(frozen=True)
class Shipped:
    """A file that whence opens: where it is, how it is opened, and what is raised when it is not as it should be."""

    path: Path
    pin: str
    error: type[WhenceError]
    point_at: Callable[[pytest.MonkeyPatch, Path], None]
    open: Callable[[], object]
    foreign: Callable[[Path], None]


def constant(module: Any, name: str) -> Callable[[pytest.MonkeyPatch, Path], None]:
    return lambda monkeypatch, path: monkeypatch.setattr(module, name, path)


def folder(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Take the map's parts from the folder of ``path``, which gets the ones that it lacks."""
    for other in (REPOSITORY / "fusion" / "assets").iterdir():
        if other.name != path.name:
            shutil.copy(other, path.parent)
    monkeypatch.setattr(fusion.map, "_ASSETS", path.parent)


def package(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let RapidOCR's package be two folders above ``path``."""
    for model in detectors.rapid.MODELS_SHA256:
        if model != path.name:
            shutil.copy(RAPID / model, path.parent)
    spec = SimpleNamespace(origin=str(path.parent.parent / "__init__.py"))
    monkeypatch.setattr(detectors.rapid, "find_spec", lambda name: spec)


def other_gazetteer(path: Path) -> None:
    base = sqlite3.connect(path)
    base.execute("UPDATE meta SET value = '1' WHERE key = 'population'")
    base.commit()
    base.close()


def other_model(path: Path) -> None:
    from safetensors.numpy import save_file

    path.unlink()
    save_file({"Latn.bias": np.zeros(3, np.float32)}, path, {"labels": json.dumps({"Latn": ["es", "en", "noise"]})})


def other_partition(path: Path) -> None:
    data.partition.save(replace(data.partition.load(path), name="another"), path)
    assert data.partition.load(path).name == "another"  # valid, with a hash of its own that fits


def other_brands(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"Walgreens", b"Wallgreen")))


def rewritten(old: str, new: str) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return rewrite


def swapped(path: Path) -> None:
    """Put RapidOCR's other model, a whole and valid one, in its place."""
    (other,) = (name for name in detectors.rapid.MODELS_SHA256 if name != path.name)
    shutil.copy(RAPID / other, path)


def uncached(function: Any) -> Callable[[], object]:
    return lambda: function.__wrapped__()


SHIPPED = {
    "data/gazetteer.sqlite": Shipped(
        data.gazetteer.GAZETTEER_PATH, data.gazetteer.GAZETTEER_SHA256, DatasetError,
        constant(data.gazetteer, "GAZETTEER_PATH"), Gazetteer.open, other_gazetteer,
    ),
    "data/partition.parquet": Shipped(
        data.partition.DEFAULT_PATH, data.partition.DEFAULT_SHA256, DatasetError,
        constant(data.partition, "DEFAULT_PATH"), uncached(data.partition.load_default), other_partition,
    ),
    **{
        f"data/benchmarks/{name}.json": Shipped(
            data.benchmark_cards.BENCHMARKS / f"{name}.json", pin, DatasetError,
            lambda monkeypatch, path: monkeypatch.setattr(data.benchmark_cards, "BENCHMARKS", path.parent),
            partial(data.benchmark_cards._card, name), rewritten('"pitfalls"', '"pitfall"'),
        )
        for name, pin in data.benchmark_cards.CARDS_SHA256.items()
    },
    "detectors/language.safetensors": Shipped(
        detectors.language_model.MODEL_PATH, detectors.language_model.MODEL_SHA256, WeightsError,
        constant(detectors.language_model, "MODEL_PATH"), uncached(detectors.language_model.load_model), other_model,
    ),
    "detectors/language.sign_words.tsv": Shipped(
        detectors.language_words.SIGN_WORDS, detectors.language_words.SIGN_WORDS_SHA256, DatasetError,
        constant(detectors.language_words, "SIGN_WORDS"), detectors.language_words.sign_words, rewritten("es", "xx"),
    ),
    "detectors/wording.tsv": Shipped(
        detectors.wording.WORDING, detectors.wording.WORDING_SHA256, DatasetError,
        constant(detectors.wording, "WORDING"), uncached(detectors.wording.load_phrases), rewritten("SG", "XX"),
    ),
    "detectors/person_names.txt.gz": Shipped(
        detectors.person_table.PERSON_NAMES, detectors.person_table.PERSON_NAMES_SHA256, DatasetError,
        constant(detectors.person_table, "PERSON_NAMES"), uncached(detectors.person_table.person_names), other_brands,
    ),
    "detectors/word_rarity.safetensors": Shipped(
        detectors.word_rarity.WORDS_PATH, detectors.word_rarity.WORDS_SHA256, DatasetError,
        constant(detectors.word_rarity, "WORDS_PATH"), uncached(detectors.word_rarity._table),
        lambda path: shutil.copy(detectors.language_model.MODEL_PATH, path),
    ),
    "backbone/scenes.safetensors": Shipped(
        backbone.scene_head.HEAD_PATH, backbone.scene_head.HEAD_SHA256, WeightsError,
        constant(backbone.scene_head, "HEAD_PATH"), uncached(backbone.scene_head._shipped),
        lambda path: shutil.copy(RAPID / RECOGNISER, path),
    ),
    "backbone/im2gps.safetensors": Shipped(
        backbone.im2gps.IM2GPS_PATH, backbone.im2gps.IM2GPS_SHA256, WeightsError,
        constant(backbone.im2gps, "IM2GPS_PATH"), uncached(backbone.im2gps.shipped_features),
        lambda path: shutil.copy(RAPID / RECOGNISER, path),
    ),
    "backbone/pixels.safetensors": Shipped(
        backbone.pixels.SHIPPED_PATH, backbone.pixels.SHIPPED_SHA256, WeightsError,
        constant(backbone.pixels, "SHIPPED_PATH"), backbone.pixels.PixelsPrior,
        lambda path: shutil.copy(RAPID / RECOGNISER, path),
    ),
    **{
        f"backbone/{path.name}": Shipped(
            path, pin, WeightsError,
            lambda monkeypatch, other, side=side, pin=pin: monkeypatch.setattr(
                backbone.frozen_features, "SHIPPED_TRUNKS", {other: (side, pin)}
            ),
            lambda: [
                backbone.frozen_features._session(file, pinned)
                for file, (_, pinned) in backbone.frozen_features.SHIPPED_TRUNKS.items()
            ],
            lambda path: shutil.copy(RAPID / RECOGNISER, path),
        )
        for path, (side, pin) in backbone.frozen_features.SHIPPED_TRUNKS.items()
    },
    "detectors/brands.tsv.gz": Shipped(
        detectors.brand_table.BRANDS_PATH, detectors.brand_table.BRANDS_SHA256, DatasetError,
        constant(detectors.brand_table, "BRANDS_PATH"), detectors.brand_table.BrandTable.open, other_brands,
    ),
    "detectors/postal_codes.json": Shipped(
        detectors.postal.POSTAL_CODES, detectors.postal.POSTAL_CODES_SHA256, DatasetError,
        constant(detectors.postal, "POSTAL_CODES"), uncached(detectors.postal.postal_countries),
        rewritten('"US"', '"XX"'),
    ),
    "detectors/street_words.tsv": Shipped(
        detectors.street_lines.STREET_WORDS, detectors.street_lines.STREET_WORDS_SHA256, DatasetError,
        constant(detectors.street_lines, "STREET_WORDS"), uncached(detectors.street_lines._kinds),
        rewritten("calle", "cella"),
    ),
    "detectors/institution_words.tsv": Shipped(
        detectors.institution_words.INSTITUTION_WORDS, detectors.institution_words.INSTITUTION_WORDS_SHA256,
        DatasetError, constant(detectors.institution_words, "INSTITUTION_WORDS"),
        uncached(detectors.institution_words._names), rewritten("police", "policy"),
    ),
    "detectors/reader.onnx": Shipped(
        *detectors.line_net.WEIGHTS, WeightsError,
        lambda monkeypatch, path: monkeypatch.setattr(
            detectors.line_net, "WEIGHTS", (path, detectors.line_net.WEIGHTS[1])
        ),
        lambda: LineNet(weights=detectors.line_net.WEIGHTS), lambda path: shutil.copy(RAPID / RECOGNISER, path),
    ),
    "detectors/plate_formats.tsv": Shipped(
        detectors.plate_formats.FORMATS_PATH, detectors.plate_formats.FORMATS_SHA256, DatasetError,
        constant(detectors.plate_formats, "FORMATS_PATH"), uncached(detectors.plate_formats.plate_formats),
        rewritten("GB", "XX"),
    ),
    "detectors/plate_codes.tsv": Shipped(
        detectors.plate_formats.CODES_PATH, detectors.plate_formats.CODES_SHA256, DatasetError,
        constant(detectors.plate_formats, "CODES_PATH"), uncached(detectors.plate_formats.plate_codes),
        rewritten("DE", "XX"),
    ),
    "detectors/regions.onnx": Shipped(
        detectors.regions.REGIONS_PATH, detectors.regions.REGIONS_SHA256, WeightsError,
        constant(detectors.regions, "REGIONS_PATH"), lambda: detectors.regions.RegionDetector(),
        lambda path: shutil.copy(RAPID / RECOGNISER, path),
    ),
    "detectors/territories.json": Shipped(
        detectors.territories.TABLE_PATH, detectors.territories.TABLE_SHA256, DatasetError,
        constant(detectors.territories, "TABLE_PATH"), uncached(detectors.territories.photo_shares),
        rewritten('"US"', '"XX"'),
    ),
    **{
        f"fusion/{name}": Shipped(
            REPOSITORY / "fusion" / "assets" / name, pin, DatasetError, folder, uncached(fusion.map._static_parts),
            rewritten(*change),
        )
        for (name, pin), change in zip(
            sorted(fusion.map.ASSETS_SHA256.items()),
            [("leaflet", "Leaflet"), ("function", "Function"), ("[", "[ ")],
            strict=True,
        )
    },
    "fusion/fusion.json": Shipped(
        fusion.ranker_model.SHIPPED_CARD, fusion.ranker_model.SHIPPED_SHA256, WeightsError,
        constant(fusion.ranker_model, "SHIPPED_CARD"), uncached(fusion.ranker_model.shipped_model),
        rewritten('"temperature"', '"temperatures"'),
    ),
    "fusion/fusion.txt": Shipped(
        fusion.ranker_model.SHIPPED_TREES, fusion.ranker_model.SHIPPED_TREES_SHA256, WeightsError,
        constant(fusion.ranker_model, "SHIPPED_TREES"), uncached(fusion.ranker_model.shipped_model),
        rewritten("num_leaves=", "num_leaves=1"),
    ),
    "fusion/slips.json": Shipped(
        fusion.slips.SLIPS_PATH, fusion.slips.SLIPS_SHA256, DatasetError, constant(fusion.slips, "SLIPS_PATH"),
        uncached(fusion.slips.load_slips), rewritten('"lost"', '"lots"'),
    ),
    "fusion/published_figures.csv": Shipped(
        fusion.evaluation.published.PUBLISHED_PATH, fusion.evaluation.published.PUBLISHED_SHA256, DatasetError,
        constant(fusion.evaluation.published, "PUBLISHED_PATH"), uncached(fusion.evaluation.published._shipped),
        rewritten("37.6", "36.7"),
    ),
    **{
        f"rapidocr/{name}": Shipped(RAPID / name, pin, WeightsError, package, RapidEngine, swapped)
        for name, pin in detectors.rapid.MODELS_SHA256.items()
    },
}  # fmt: skip

Break = Callable[[Path, Shipped], None]


def flipped(seed: int) -> Break:
    def flip(path: Path, shipped: Shipped) -> None:
        random = np.random.default_rng([seed, path.stat().st_size])
        with path.open("r+b") as stream:
            stream.seek(at := int(random.integers(path.stat().st_size)))
            byte = stream.read(1)[0]
            stream.seek(at)
            stream.write(bytes([byte ^ (1 << int(random.integers(8)))]))

    return flip


def truncated(path: Path, shipped: Shipped) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3)


def emptied(path: Path, shipped: Shipped) -> None:
    os.truncate(path, 0)


def missing(path: Path, shipped: Shipped) -> None:
    path.unlink()


def replaced_by_a_folder(path: Path, shipped: Shipped) -> None:
    path.unlink()
    path.mkdir()


def replaced_by_a_pipe(path: Path, shipped: Shipped) -> None:
    path.unlink()
    os.mkfifo(path)


def replaced_by_another(path: Path, shipped: Shipped) -> None:
    shipped.foreign(path)


BREAKS: list[Break] = [
    *map(flipped, range(3)), truncated, emptied, missing, replaced_by_a_folder, replaced_by_a_pipe, replaced_by_another,
]  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_file_that_is_not_as_it_was_is_one_clear_error(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = SHIPPED[name]
    path = tmp_path / "models" / shipped.path.name
    path.parent.mkdir()
    shutil.copy(shipped.path, path)
    shipped.point_at(monkeypatch, path)
    shipped.open()  # as it was shipped it opens
    for damage in BREAKS:
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        shutil.copy(shipped.path, path)
        damage(path, shipped)
        with pytest.raises(shipped.error, match=rf"{re.escape(path.name)}.*reinstall"):
            shipped.open()


def test_every_shipped_file_is_pinned_and_its_pin_stands_in_the_list_of_sources() -> None:
    # our own source, as the code is
    own = {"album.schema.json", "answer.schema.json", "map.css", "map.html", "map.js", "report.css", "report.html"}
    own |= {"wording.source.tsv"}  # what a table is built from
    for room in ("backbone", "data", "detectors", "fusion"):
        assets = REPOSITORY / room / "assets"
        pinned = {
            shipped.path.relative_to(assets).as_posix(): shipped.pin
            for name, shipped in SHIPPED.items()
            if name.startswith(room + "/")
        }
        inside = {path.relative_to(assets).as_posix() for path in assets.rglob("*") if path.is_file()}
        assert inside - own - {"SOURCES.md"} == set(pinned)
        sources = (assets / "SOURCES.md").read_text(encoding="utf-8")
        for name, pin in pinned.items():
            assert hashlib.sha256((assets / name).read_bytes()).hexdigest() == pin
            # The file's own row of a table, or its own section.
            (said,) = re.findall(
                rf"(?:^\| `{name}` .*?|^## {name}\n(?:(?!^## ).)*?)\b([0-9a-f]{{64}})\b", sources, re.S | re.M
            )
            assert said == pin


def allowed(command: Sequence[str]) -> bool:
    return (
        shutil.which(command[0]) is not None and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    )


def as_nobody(
    code: str, *args: str, cwd: Path, tree: Path = REPOSITORY, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run ``code`` as a user without a name, a home and rights, with the package in ``tree``."""
    if not allowed(NOBODY):
        pytest.skip("this machine allows no user namespace with a user of its own (util-linux 2.38 has it)")
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*NOBODY, sys.executable, "-c", code, *args], cwd=cwd, env=bare | env, capture_output=True, text=True
    )


MAIN = "import sys; from whence import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder into which nobody may write."""
    path = tmp_path / "locked"
    path.mkdir()
    path.chmod(0o555)
    yield path
    path.chmod(0o755)


@pytest.fixture(scope="module")
def read_only_tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the installed package, its files and folders without the right to write."""
    tree = tmp_path_factory.mktemp("installed")
    for room in ("data", "backbone", "detectors", "fusion"):
        shutil.copytree(REPOSITORY / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "whence.py", tree)
    for path in [tree, *tree.rglob("*")]:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555)
    yield tree
    for path in [tree, *tree.rglob("*")]:
        path.chmod(0o755)


def test_a_read_only_installation_serves_a_user_without_name_and_home(read_only_tree: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    before = sorted(read_only_tree.rglob("*"))
    done = as_nobody(MAIN, "demo", "--json", cwd=work, tree=read_only_tree)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["country"] == "ES"
    assert [path.name for path in work.iterdir()] == ["whence-demo.html"]
    assert sorted(read_only_tree.rglob("*")) == before


def test_the_demo_says_where_it_cannot_write_its_map(locked: Path) -> None:
    done = as_nobody(MAIN, "demo", cwd=locked)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert re.fullmatch(r"whence: .*whence-demo\.html.*\n", done.stderr)
    assert list(locked.iterdir()) == []


def test_weights_say_where_they_cannot_be_added_and_those_that_cannot_be_read_hide_nothing(
    locked: Path, tmp_path: Path
) -> None:
    small_model(tmp_path / "model")
    done = as_nobody(MAIN, "weights", "add", str(tmp_path / "model"), cwd=tmp_path, WHENCE_WEIGHTS=str(locked))
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(r"whence: cannot add the model small to .*/locked \(Permission denied\): .*\n", done.stderr)
    assert list(locked.iterdir()) == []
    locked.chmod(0)
    done = as_nobody(MAIN, "weights", "list", cwd=tmp_path, WHENCE_WEIGHTS=str(locked / "deeper"))
    assert done.returncode == 0 and "Permission denied" in done.stdout and done.stderr == ""


UNREADABLE = """
import sys
from pathlib import Path
from data.assets import check_asset, read_asset
from data.errors import WeightsError, WhenceError
for path in map(Path, sys.argv[1:]):
    for opened in (check_asset, read_asset):
        try:
            opened(path, "0" * 64, error=WeightsError)
        except WeightsError as error:
            print(error)
from data.gazetteer import Gazetteer
from data.partition import load
for opened in (Gazetteer.open, load):
    for path in sys.argv[1:]:
        try:
            opened(path)
        except WhenceError as error:
            print(type(error).__name__, error)
"""


def test_a_file_or_folder_that_may_not_be_read_is_one_clear_error(tmp_path: Path) -> None:
    (secret := tmp_path / "secret").write_bytes(b"x")
    (inside := tmp_path / "closed").mkdir()
    (inside / "file").write_bytes(b"x")
    secret.chmod(0)
    inside.chmod(0)
    try:
        done = as_nobody(UNREADABLE, str(secret), str(inside / "file"), cwd=tmp_path)
    finally:
        inside.chmod(0o755)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 8 and all("ermission denied" in line for line in lines)
    assert [line.split()[0] for line in lines[4:]] == ["DatasetError"] * 4


EASY = "from detectors.easy import EasyEngine; EasyEngine(['es'], offline=True)"


def test_without_a_home_or_with_a_locked_cache_easyocr_says_what_it_needs(locked: Path, tmp_path: Path) -> None:
    done = as_nobody(EASY, cwd=tmp_path)
    assert "WeightsError: this user has no home folder" in done.stderr and "XDG_CACHE_HOME" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locked"]  # no folder called "~"
    done = as_nobody(EASY, cwd=tmp_path, XDG_CACHE_HOME=str(locked))
    assert re.search(r"WeightsError: EasyOCR's models in .*/locked/whence/easyocr cannot be", done.stderr)
    assert list(locked.iterdir()) == []


class Release:
    """A download site on this machine, for a model of nonsense: an archive of 0.5 MB that unpacks to 30 MB.

    Args:
        cut: End every answer half way.
        visitors: Answer none before so many have asked.
    """

    def __init__(self, *, cut: bool = False, visitors: int = 1) -> None:
        self.content = np.random.default_rng(1).bytes(500_000) + bytes(30_000_000)
        everybody = threading.Barrier(visitors)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("craft_mlt_25k.pth", self.content)
        body = packed.getvalue()

        class Site(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                everybody.wait(timeout=60)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if cut else body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}/craft_mlt_25k.zip"
        self.md5 = hashlib.md5(self.content).hexdigest()

    def __enter__(self) -> Release:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


# Only the part that fetches, with EasyOCR's list of models: the rest of EasyOCR takes seconds to import.
FETCH = """
import importlib.util, sys, types
from pathlib import Path
package = types.ModuleType("easyocr")
package.__path__ = importlib.util.find_spec("easyocr").submodule_search_locations
sys.modules["easyocr"] = package
import easyocr.config
import detectors.easy
folder, url, md5, room = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
model = next(m for m in easyocr.config.detection_models.values() if m["filename"] == "craft_mlt_25k.pth")
model.update(url=url, md5sum=md5)
import httpx
if room:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
print("ready", flush=True)
sys.stdin.readline()
detectors.easy._fetch(folder / "craft_mlt_25k.pth", False, None)
"""


def fetching(folder: Path, site: Release, *, md5: str = "", room: int = 0) -> subprocess.Popen[str]:
    """A process about to fetch the model; it starts when it is sent a line."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1",
        "HOME": str(folder.parent),
    }
    command = [sys.executable, "-c", FETCH, str(folder), site.url, md5 or site.md5, str(room)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_two_processes_that_fetch_a_model_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "models"
    with Release(visitors=2) as site:
        both = [fetching(folder, site) for _ in range(2)]
        for process in both:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for process in both:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate() for process in both]
        assert [process.returncode for process in both] == [0, 0], said
    assert [path.name for path in folder.iterdir()] == ["craft_mlt_25k.pth"]
    assert (folder / "craft_mlt_25k.pth").read_bytes() == site.content


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"cut": True}, "cannot fetch .*craft_mlt_25k"),
        ({"md5": "0" * 32}, "craft_mlt_25k.* has the wrong hash"),
        # A limit on the size of files stands for a full disk: the write stops in the middle.
        ({"room": 100_000}, "cannot fetch .*craft_mlt_25k.*File too large"),
        ({"room": 1_000_000}, "cannot keep .*craft_mlt_25k.*File too large.*make room"),
    ],
)
def test_a_fetch_that_fails_leaves_nothing_and_says_why(fault: dict[str, Any], says: str, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "craft_mlt_25k.pth").write_bytes(b"an older one")
    with Release(cut=fault.pop("cut", False)) as site:
        process = fetching(folder, site, **fault)
        _, said = process.communicate("go\n")
    assert process.returncode == 1
    assert re.search(rf"WeightsError: .*{says}", said), said
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"craft_mlt_25k.pth": b"an older one"}
