"""Every notebook: committed without outputs, runs from end to end, shows something in its plots, leaves nothing."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.notebooks.clear import cleared, text_of
from tests.notebooks.conftest import NOTEBOOKS, Executed, execute

NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
ABSOLUTE = re.compile(r"""(?<![\w.:/<)])/(?:home|root|work|tmp|usr|var|mnt|data|Users)/|[A-Z]:\\\\""")


def written(name: str) -> str:
    return (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")


def notebook_of(*cells: str) -> str:
    rows = [{"cell_type": "code", "source": cell} for cell in cells]
    return text_of(cleared({"cells": rows}))


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_committed_without_outputs(name: str) -> None:
    notebook = json.loads(written(name))
    assert written(name) == text_of(cleared(notebook)), f"run python -m tests.notebooks.clear notebooks/{name}.ipynb"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_names_no_folder_of_somebodys_machine(name: str) -> None:
    assert not ABSOLUTE.search(written(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_begins_with_its_title_and_the_readme_tells_of_it(name: str) -> None:
    first = json.loads(written(name))["cells"][0]
    assert first["cell_type"] == "markdown" and first["source"][0].startswith("# ")
    assert f"]({name}.ipynb)" in (NOTEBOOKS / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_from_end_to_end_without_a_complaint(name: str, executed: Callable[[str], Executed]) -> None:
    came = executed(name)
    assert came.results, "the last cell prints its results as one line of JSON"
    assert not re.search(r"Warning|Error|Traceback", came.complained), came.complained


@pytest.mark.parametrize("name", NAMES)
def test_the_plots_of_a_notebook_show_something(name: str, executed: Callable[[str], Executed]) -> None:
    plots = executed(name).plots
    assert plots
    for plot in plots:
        height, width, _ = plot.shape
        assert width >= 200 and height >= 100
        assert plot.std() > 5.0 and len({tuple(colour) for colour in plot.reshape(-1, 3)[::7].tolist()}) > 20


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_tidies_up_after_itself(name: str, executed: Callable[[str], Executed]) -> None:
    assert list(executed(name).folder.iterdir()) == []


# ------------------------------------------------------------------------------------------------ the tests' own tools


def test_a_notebook_is_run_by_this_interpreter_in_its_folder(
    tmp_path: Path, executed: Callable[[str], Executed]
) -> None:
    path = tmp_path / "a.ipynb"
    lines = ["import json, os, sys", "print(json.dumps({'python': sys.executable, 'cwd': os.getcwd()}))"]
    path.write_text(notebook_of(*lines), encoding="utf-8")
    came = execute(path, tmp_path / "a")
    assert came.results == {"python": sys.executable, "cwd": str(came.folder.resolve())}


def test_a_notebook_that_fails_fails_its_test(tmp_path: Path, executed: Callable[[str], Executed]) -> None:
    path = tmp_path / "b.ipynb"
    path.write_text(notebook_of("print('well')", "1 / 0"), encoding="utf-8")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        execute(path, tmp_path / "b")


@pytest.mark.parametrize(
    "line", ["open('/home/me/photos.csv')", "PHOTOS = '/work/photos'", "root = 'C:\\\\photos'", "(/tmp/x)"]
)
def test_a_folder_of_somebodys_machine_is_seen(line: str) -> None:
    assert ABSOLUTE.search(notebook_of(line))


@pytest.mark.parametrize("line", ["](https://example.org/data/x)", "../data/x", "WORK / 'data'", "km/h, 1/data"])
def test_what_is_no_such_folder_is_none(line: str) -> None:
    assert not ABSOLUTE.search(notebook_of(line))


def test_clearing_takes_outputs_and_keeps_the_text() -> None:
    shown = {"cell_type": "code", "id": "x", "source": ["a = 1\n", "a"], "execution_count": 3, "metadata": {"m": 1}}
    shown["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    told = {"cell_type": "markdown", "id": "y", "source": "# Title\n", "metadata": {}}
    clean = cleared({"cells": [shown, told], "metadata": {"kernelspec": {"name": "mine"}}})
    first, second = clean["cells"]
    assert (first["source"], first["outputs"], first["execution_count"], first["metadata"]) == (
        ["a = 1\n", "a"],
        [],
        None,
        {},
    )
    assert second == {"cell_type": "markdown", "id": "y", "metadata": {}, "source": ["# Title"]}
    assert cleared(clean) == clean and clean["metadata"]["kernelspec"]["name"] == "python3"
