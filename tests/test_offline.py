"""The network: nothing opens a connection unasked, nothing at all when it is forbidden, and nobody is told what runs.

The children run with a home folder of their own and a bare environment: libraries keep still by themselves where they
see a test or a build server in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.offline import ALWAYS, WHEN_OFFLINE, quiet_libraries
from fusion.cli import main
from fusion.demo import sample_photo
from tests.conftest import REPOSITORY

STRACE = ("strace", "-f", "-qq", "--seccomp-bpf")  # the filter stops the child at the traced calls only
TRACED = "connect,sendto,sendmsg,sendmmsg,openat,open,creat,mkdir,mkdirat"
WRITES = re.compile(
    r'\b(?:open|openat|creat|mkdir|mkdirat)\([^"]*"(?P<path>[^"]*)", (?:.*O_(?:WRONLY|RDWR|CREAT)|0\d+\))'
)
NAMESPACES = (("unshare", "--user", "--map-root-user", "--net"), ("unshare", "--net"))

# Where neither a namespace nor strace is to be had: every address looked up and every packet is an error. This sees
# what Python opens, not what a library opens by itself.
BAN = """
import os, sys
def forbid(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"):
        if not (event == "socket.connect" and isinstance(args[1], (str, bytes))):
            # At once and from any thread: what an exception tells, a library may swallow.
            os.write(2, f"a connection was opened: {event} {args[1:]}".encode())
            os._exit(3)
sys.addaudithook(forbid)
"""

PIPELINE = """
import contextlib, io, json, os, sys
from whence import locate, main
photo, answers = sys.argv[1], {}
def command(*words):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = main([*words, "--json"])
    return json.loads(out.getvalue())["country"] if code == 0 else code
answers["plain"] = command("locate", photo)
answers["demo"] = command("demo")
answers["--offline"] = command("locate", photo, "--offline")
answers["offline=True"] = locate(photo, offline=True).country
os.environ["WHENCE_OFFLINE"] = "1"
answers["WHENCE_OFFLINE"] = locate(photo).country
print(json.dumps(answers))
"""
EVERYWAY = dict.fromkeys(("plain", "demo", "--offline", "offline=True", "WHENCE_OFFLINE"), "ES")

HEAVY = """
import json, sys
import huggingface_hub.constants  # imported by somebody before whence is asked
from data.offline import quiet_libraries
quiet_libraries(offline=True)
import numpy as np
from ultralytics import YOLO
from ultralytics.utils import AUTOINSTALL, ONLINE
from ultralytics.utils.events import events
boxes = YOLO("tiny.yaml").predict(np.zeros((64, 64, 3), np.uint8), imgsz=64, verbose=False, save=False)[0].boxes
from open_clip import CLIP
tower = {"layers": 1, "width": 64, "head_width": 32, "patch_size": 16, "image_size": 32}
CLIP(32, tower, {"context_length": 8, "vocab_size": 100, "width": 32, "heads": 2, "layers": 1})
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import LocalEntryNotFoundError
try:
    hf_hub_download("timm/resnet18.a1_in1k", "config.json")
    asked = "came"
except LocalEntryNotFoundError:
    asked = "refused"
from detectors.easy import EasyEngine
from data.errors import OfflineError
try:
    EasyEngine(["ru"], offline=True)
    model = "came"
except OfflineError:
    model = "refused"
from detectors.domains import hosts_in
print(json.dumps({
    "boxes": boxes is not None, "online": ONLINE, "installs": AUTOINSTALL, "reports": events.enabled, "asked": asked,
    "model": model, "host": hosts_in("www.foo.co.uk")[0].suffix,
}))
"""
TINY = """
nc: 2
backbone: [[-1, 1, Conv, [8, 3, 2]], [-1, 1, Conv, [16, 3, 2]], [-1, 1, Conv, [16, 3, 2]]]
head: [[[2], 1, Detect, [nc]]]
"""


def works(command: Sequence[str]) -> bool:
    """Whether this machine has the tool and allows it."""
    return (
        shutil.which(command[0]) is not None and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    )


def child(
    code: str, *args: str, home: Path, under: Sequence[str] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in ``home`` with a bare environment, ``under`` another command."""
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "HOME": str(home)}
    command = [*under, sys.executable, "-c", code, *args]
    return subprocess.run(command, cwd=home, env=bare | (env or {}), capture_output=True, text=True)


def traced(
    code: str, *args: str, home: Path, log: Path
) -> tuple[subprocess.CompletedProcess[str], list[str], list[str]]:
    """Run ``code`` under strace: what it did, its calls that name an internet address, and what it wrote or made."""
    under = [*STRACE, "-e", f"trace={TRACED}", "-o", str(log)]
    done = child(code, *args, home=home, under=under, env={"PYTHONDONTWRITEBYTECODE": "1"})
    lines = log.read_text(errors="replace").splitlines()
    written = {match["path"] for line in lines if (match := WRITES.search(line)) and " = -1 " not in line}
    return done, [line for line in lines if re.search(r"AF_INET6?\b", line)], sorted(written - {os.devnull})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_without_a_network_every_way_of_locating_answers_and_leaves_nothing_behind(home: Path, sign: str) -> None:
    namespace = next((command for command in NAMESPACES if works(command)), None)
    # The ban in a namespace too: what fails there a library may swallow.
    done = child(BAN + PIPELINE, sign, home=home, under=namespace or ())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == EVERYWAY
    # onnxruntime's telemetry would keep a number for the machine in the cache folder.
    assert [path.name for path in home.iterdir()] == ["whence-demo.html"]


@pytest.fixture(scope="module")
def sign(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The part of the sample photo that says Madrid: quick to read."""
    path = tmp_path_factory.mktemp("sign") / "sign.png"
    with Image.open(sample_photo()) as photo:
        photo.crop((400, 300, 520, 380)).save(path)
    return str(path)


@pytest.fixture
def strace() -> None:
    if not works([*STRACE, "-o", os.devnull]):
        pytest.skip("strace is not on this machine, or may not be used")


@pytest.mark.usefixtures("strace")
def test_no_way_of_locating_opens_a_connection_or_writes_what_it_was_not_asked_for(
    home: Path, sign: str, tmp_path: Path
) -> None:
    done, calls, written = traced(PIPELINE, sign, home=home, log=tmp_path / "log")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == EVERYWAY
    assert calls == []
    assert [re.sub(r"\d+", "N", path) for path in written] == [".whence-demo.html.N.partial"]  # the demo's map


@pytest.mark.usefixtures("strace")
def test_the_trace_shows_a_connection_that_is_tried_and_a_file_that_is_written(home: Path, tmp_path: Path) -> None:
    code = "import os, socket; os.mkdir('a'); open('b', 'w'); socket.socket().connect_ex(('127.0.0.1', 9))"
    done, calls, written = traced(code, home=home, log=tmp_path / "log")
    assert done.returncode == 0 and len(calls) == 1 and written == ["a", "b"]


def test_the_ban_stops_a_connection_that_is_tried(home: Path) -> None:
    for attempt in ("socket.create_connection(('192.0.2.1', 80), 1)", "socket.getaddrinfo('localhost', 80)"):
        done = child(f"{BAN}\nimport socket; {attempt}", home=home)
        assert done.returncode == 3 and "a connection was opened" in done.stderr


def test_the_heavy_libraries_run_without_a_word_to_anybody(home: Path, tmp_path: Path) -> None:
    (home / "tiny.yaml").write_text(TINY)
    if works([*STRACE, "-o", os.devnull]):
        done, calls, _ = traced(HEAVY, home=home, log=tmp_path / "log")
    else:
        done, calls = child(BAN + HEAVY, home=home), []
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "boxes": True, "online": False, "installs": False, "reports": False, "asked": "refused", "model": "refused",
        "host": "co.uk",
    }  # fmt: skip
    assert calls == []


class TestQuietLibraries:
    def test_telemetry_is_off_always_and_downloads_when_offline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "environ", {})
        quiet_libraries(offline=False)
        assert os.environ == ALWAYS
        quiet_libraries(offline=True)
        assert os.environ == {**ALWAYS, **WHEN_OFFLINE}

    def test_the_environment_can_forbid_downloads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "environ", {"WHENCE_OFFLINE": "1"})
        quiet_libraries(offline=False)
        assert os.environ["HF_HUB_OFFLINE"] == "1"

    def test_a_stricter_choice_stays_and_a_laxer_one_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "environ", {"HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "0"})
        quiet_libraries(offline=False)
        assert os.environ["HF_HUB_OFFLINE"] == "1" and os.environ["ORT_DISABLE_TELEMETRY"] == "1"

    def test_it_imports_nothing(self, home: Path) -> None:
        code = (
            "import sys; from data.offline import quiet_libraries; before = set(sys.modules);"
            "quiet_libraries(offline=True); print(sorted(set(sys.modules) - before))"
        )
        assert child(code, home=home).stdout.strip() == "[]"


def test_a_reader_whose_models_are_missing_says_offline_that_it_needs_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "grey.png"
    Image.fromarray(np.full((64, 64, 3), 120, np.uint8)).save(photo)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["locate", str(photo), "--ocr", "easyocr:ru", "--offline"]) == 2
    said = capsys.readouterr().err
    assert re.search(r"craft_mlt_25k.pth is missing.*the network is forbidden: run once without --offline", said)
