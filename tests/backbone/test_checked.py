"""Checks of weights: kept, read again, and refused where they speak of other weights."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from backbone.checked import Check, checks_folder, kept_checks, read_check, write_check
from data.errors import WeightsError

SHA, OTHER = "a" * 64, "b" * 64
CHECK = Check("clip:ViT-B-32/openai", SHA, 1.5, {"held_out_gain": 12.0}, "streets, 245 photos", "0.5.0", OTHER)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "weights"))


def test_a_check_that_is_kept_is_read_again() -> None:
    path = write_check(CHECK)
    assert path.parent == checks_folder()
    assert read_check(CHECK.name, SHA) == CHECK
    assert read_check(CHECK.name, SHA, partition_hash=OTHER) == CHECK
    assert kept_checks() == [CHECK]


def test_two_names_never_share_a_file() -> None:
    other = dataclasses.replace(CHECK, name="clip:ViT-B-32_openai", temperature=2.0)
    write_check(CHECK)
    write_check(other)
    assert read_check(CHECK.name, SHA) == CHECK
    assert read_check(other.name, SHA) == other


def test_without_a_check_there_is_none_and_no_word_about_it(caplog: pytest.LogCaptureFixture) -> None:
    assert read_check("geoclip", SHA) is None
    assert kept_checks() == []
    assert not caplog.records


@pytest.mark.parametrize(("sha256", "cells", "said"), [(OTHER, "", "other weights"), (SHA, SHA, "other cells")])
def test_a_check_of_other_weights_or_cells_is_not_used_and_says_so(
    sha256: str, cells: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_check(CHECK)
    with caplog.at_level(logging.WARNING):
        assert read_check(CHECK.name, sha256, partition_hash=cells) is None
    assert said in caplog.text and "whence weights check clip:ViT-B-32/openai" in caplog.text


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"format": "whence-check", "version": 2}'])
def test_a_damaged_check_is_not_used_and_says_so(content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    write_check(CHECK).write_bytes(content)
    assert read_check(CHECK.name, SHA) is None
    assert kept_checks() == []
    assert "damaged" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": 0.0}, {"temperature": float("nan")}, {"sha256": "A"}, {"figures": {"x": float("inf")}},
     {"photos": "x" * 301}, {"name": 3}],
)  # fmt: skip
def test_a_check_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(WeightsError):
        dataclasses.replace(CHECK, **wrong)  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="WHENCE_WEIGHTS"):
        write_check(CHECK)
