"""Notebooks, executed once each for all tests that ask what came of them."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.conftest import REPOSITORY
from tests.fonts import NO_FONTS

NOTEBOOKS = REPOSITORY / "notebooks"
SECONDS = 900  # for one cell, on a machine that does much else


@dataclass(frozen=True)
class Executed:
    """What came of a notebook.

    Attributes:
        results: What its last cell printed last: one line of JSON.
        plots: Its pictures, (H, W, 3) uint8 RGB each.
        printed: All that its cells wrote to stdout.
        complained: All that they wrote to stderr.
        folder: Where it was run.
    """

    results: dict[str, Any]
    plots: list[np.ndarray]
    printed: str
    complained: str
    folder: Path


def execute(notebook: Path, folder: Path, environment: Mapping[str, str] | None = None) -> Executed:
    """Run ``notebook`` with this interpreter in the empty ``folder / "run"``, in small form, without a network.

    Raises:
        AssertionError: A cell failed; the message is its traceback.
    """
    (folder / "run").mkdir(parents=True)
    own = {
        "PYTHONPATH": str(REPOSITORY),
        "WHENCE_OFFLINE": "1",
        "WHENCE_NOTEBOOK_SMALL": "1",
        **{f"WHENCE_{what}": str(folder / what.lower()) for what in ("WEIGHTS", "GALLERIES", "PLACES")},
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
    }
    dropped = ("MPLBACKEND", "WHENCE_NOTEBOOK_PHOTOS", "PYTHONWARNINGS")
    of_parent = {name: value for name, value in os.environ.items() if name not in dropped}
    command = [sys.executable, "-m", "tests.notebooks.execute", notebook, folder / "out.ipynb", folder / "run", SECONDS]
    done = subprocess.run(
        list(map(str, command)), cwd=REPOSITORY, env={**of_parent, **own, **(environment or {})}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{notebook.name} failed:\n{done.stderr[-6000:]}"
    cells = json.loads((folder / "out.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    pictures = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    plots = [np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")) for png in pictures]

    def written(name: str) -> str:
        return "".join("".join(output["text"]) for output in outputs if output.get("name") == name)

    last = written("stdout").strip().splitlines()[-1:] or ["{}"]
    results = json.loads(last[0]) if last[0].startswith("{") else {}
    return Executed(results, plots, written("stdout"), written("stderr"), folder / "run")


def private_photo(number: int) -> bytes:
    """A JPEG of one shade with an e-mail address on it."""
    photo = Image.new("RGB", (320, 200), (150 + 10 * number,) * 3)
    ImageDraw.Draw(photo).text((20, 80), "erika@example.org", (0, 0, 0), font=ImageFont.load_default(28))
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=92)
    return stream.getvalue()


def covered(plot: np.ndarray) -> tuple[int, int]:
    """How many pixels have the grey that covers private text, and how many are black where that stands."""
    grey = (np.abs(plot.astype(int) - 92) <= 4).all(axis=2)
    rows, columns = np.flatnonzero(grey.sum(axis=1) > 80), np.flatnonzero(grey.sum(axis=0) > 15)  # no title's rows
    ink = (plot[np.ix_(rows, columns)] < 50).all(axis=2)
    return int(grey.sum()), int(ink.sum())


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Executed]:
    """``executed(name)``: what came of ``notebooks/NAME.ipynb``, which is run when first asked for."""
    absent = [name for name in ("nbclient", "ipykernel", "matplotlib") if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(f"{', '.join(absent)} not installed: pip install 'whence[notebooks]'")
    done: dict[str, Executed | AssertionError] = {}

    def of(name: str) -> Executed:
        if NO_FONTS and name in ("clues", "human_or_machine", "street_level_accuracy"):
            pytest.skip(NO_FONTS)
        if name not in done:
            try:
                done[name] = execute(NOTEBOOKS / f"{name}.ipynb", tmp_path_factory.mktemp(name))
            except AssertionError as error:
                done[name] = error
        found = done[name]
        if isinstance(found, AssertionError):
            raise found
        return found

    return of
