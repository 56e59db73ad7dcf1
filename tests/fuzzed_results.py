"""Damaged and forged result files for :mod:`tests.fuzzing`."""

from __future__ import annotations

import functools
import json
import random
import tempfile
from pathlib import Path
from typing import Any

from data.errors import DatasetError, RequestError
from fusion.result_formats import FORMATS
from fusion.results import PhotoKey, ResultFile
from tests.fuzzed_images import mutated

__all__ = ["hostile_results", "results_are_held"]

_ENDINGS = sorted(FORMATS)
_ODD: list[Any] = [None, True, -1, 1e400, "", "=1+1", [], {}, "x" * 200_000, "\ud800", "a\nb", 2**70]


def _row(number: int) -> dict[str, Any]:
    return {
        "file": f"photos/{number}.jpg",
        "error": {"type": "ImageError", "message": "it is 'truncated', \"cut\""},
        "size": number,
        "modified": "2026-01-02T03:04:05.000000006Z",
        "settings": "s",
    }


@functools.cache
def _whole(ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"r{ending}")
        with ResultFile(path, "s") as file:
            for number in range(4):
                file.write(_row(number))
        return path.read_bytes()


def hostile_results(rng: random.Random) -> bytes:
    """The number of an ending, then a file for it: mutated, torn, forged row by row, or of another format."""
    number = rng.randrange(len(_ENDINGS))
    ending = _ENDINGS[number]
    kind = rng.randrange(4)
    if kind == 0 and ending == ".jsonl":
        rows = [_row(k) for k in range(3)]
        victim = rng.choice(rows)
        victim[rng.choice(list(victim))] = rng.choice(_ODD)
        content = "".join(json.dumps(row) + "\n" for row in rows).encode("utf-8", "surrogatepass")
    elif kind == 1:
        whole = _whole(ending)
        content = whole[: rng.randrange(len(whole) + 1)]
    elif kind == 2:
        content = _whole(rng.choice(_ENDINGS))
    else:
        content = mutated(_whole(ending), rng, most=6)
    return bytes([number]) + content


def results_are_held(content: bytes) -> None:
    """A file is refused and left as it is, or it is gone on with, and then holds the new row."""
    ending = _ENDINGS[content[0] % len(_ENDINGS)] if content else _ENDINGS[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"r{ending}")
        path.write_bytes(content[1:])
        new = _row(1000)
        try:
            with ResultFile(path, "s") as file:
                file.write(new)
        except (DatasetError, RequestError):
            assert path.read_bytes() == content[1:], "a file that was refused was changed"
            journal = path.with_name(f"{path.name}.journal.jsonl")
            if journal.exists():  # damage in a column that is read only when the table is made: the row is safe there
                assert json.loads(journal.read_bytes()) == new
                journal.unlink()
        else:
            with ResultFile(path, "s") as file:
                assert file.state(PhotoKey(new["file"], new["size"], new["modified"])) == "error"
        assert [p.name for p in Path(folder).iterdir()] == [path.name], "something was left beside it"
