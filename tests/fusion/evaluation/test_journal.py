"""Rows on disk while an evaluation runs: full disks, kills, and other processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.errors import DatasetError, RequestError
from fusion.evaluation.journal import JOURNAL, TABLE, Journal
from tests.conftest import REPOSITORY


def _row(number: int) -> dict[str, Any]:
    return {"prior": "p", "file": f"{number}.jpg", "settings": "s", "error": None, "answer": "x" * 3000}


# In a process of its own: the limit holds for whatever it writes to, also what the tests print to.
FILLS_THE_DISK = """
import resource, signal, sys
from pathlib import Path
from fusion.evaluation.journal import Journal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))  # no file may grow beyond that: as if it were full
try:
    with Journal(Path(sys.argv[1]), "f") as journal:
        for number in range(10):
            row = {"prior": "p", "file": f"{number}.jpg", "settings": "s", "error": None, "answer": "x" * 3000}
            journal.append(row)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_costs_the_row_that_did_not_fit_and_says_what_to_do(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="no limits on this system")
    done = subprocess.run(
        [sys.executable, "-c", FILLS_THE_DISK, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("WhenceError cannot write") and "run the same command again" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL], "the lock is given back"
    with Journal(tmp_path, "f") as journal:
        assert [journal.state("p", f"{number}.jpg", "s") for number in range(5)] == ["done"] * 3 + [None] * 2
        assert journal.row("p", "2.jpg") == _row(2)


@pytest.mark.parametrize("cut", range(0, 7000, 313))
def test_a_kill_at_any_byte_costs_half_a_row_at_most(tmp_path: Path, cut: int) -> None:
    with Journal(tmp_path, "f") as journal:
        for number in range(2):
            journal.append(_row(number))
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole[:cut])
    lines = whole[:cut].count(b"\n")
    with Journal(tmp_path, "f") as journal:
        there = [journal.state("p", f"{number}.jpg", "s") == "done" for number in range(2)]
        assert sum(there) == max(lines - 1, 0)
        for number in range(2):
            if not there[number]:
                journal.append(_row(number))
    assert (tmp_path / JOURNAL).read_bytes() == whole


def test_two_processes_do_not_write_one_folder(tmp_path: Path) -> None:
    with Journal(tmp_path, "f"), pytest.raises(RequestError, match="another process"), Journal(tmp_path, "f"):
        pass
    with Journal(tmp_path, "f"):
        pass
    assert not (tmp_path / ".lock").exists()


def test_a_kill_between_table_and_journal_costs_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path, "f") as journal:
        journal.append(_row(0))
        kept = (tmp_path / JOURNAL).read_bytes()
        journal.finish([("p", "0.jpg")], [])
    (tmp_path / JOURNAL).write_bytes(kept)
    with Journal(tmp_path, "f") as journal:
        assert journal.state("p", "0.jpg", "s") == "done"
    assert (tmp_path / TABLE).exists()


def test_a_folder_that_is_refused_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / TABLE).write_bytes(b"mine")
    with pytest.raises(DatasetError), Journal(tmp_path, "f"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [TABLE]
