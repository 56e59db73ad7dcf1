"""The models at hand: listed, found, added whole or not at all, and checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from backbone import weights_store
from backbone.planet_weights import CARD_FILE, PARTITION_FILE, TENSORS_FILE, read_card, read_tensors
from backbone.weights_store import add, find, installed, user_folder, verify
from data.errors import WeightsError
from data.partition import load
from tests.backbone.models import Died, dies_at, small_model, tensors
from tests.conftest import REPOSITORY
from tests.fuzzed_partitions import small_partition


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, not made yet; nothing is shipped."""
    monkeypatch.setenv("WHENCE_WEIGHTS", str(tmp_path / "store"))
    monkeypatch.setattr(weights_store, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "store"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    small_model(tmp_path / "model")
    return tmp_path / "model"


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def seed_of(folder: Path) -> int:
    """Which of the small models is there, whole."""
    assert verify(folder) == []
    return int(read_tensors(folder, read_card(folder))["steps"]) - 7


def test_a_model_that_was_added_is_listed_and_found(model: Path, store: Path) -> None:
    assert installed() == []
    folder = add(model)
    assert folder == store / "small" == find("small")
    [entry] = installed()
    assert (entry.name, entry.folder, entry.shipped, entry.fault) == ("small", folder, False, "")
    assert entry.card == read_card(model) and verify("small") == [] == verify(folder)
    assert visible(folder) == [CARD_FILE, TENSORS_FILE]


def test_the_path_of_its_card_names_a_model_too(model: Path) -> None:
    assert add(model / CARD_FILE).name == "small"
    assert verify(str(model / CARD_FILE)) == []


def test_a_partition_of_its_own_comes_along(tmp_path: Path) -> None:
    (tmp_path / "own.parquet").write_bytes(small_partition())
    small_model(tmp_path / "model", partition=load(tmp_path / "own.parquet"))
    assert verify(add(tmp_path / "model")) == []
    assert (find("small") / PARTITION_FILE).is_file() and not installed()[0].fault
    (find("small") / PARTITION_FILE).unlink()
    assert "the shipped one" in installed()[0].fault


def test_the_copy_is_a_copy_also_of_what_is_reached_by_links(model: Path, tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (model / TENSORS_FILE).rename(tmp_path / "blobs" / "1")
    (model / TENSORS_FILE).symlink_to(tmp_path / "blobs" / "1")
    (tmp_path / "link").symlink_to(model)
    folder = add(tmp_path / "link")
    shutil.rmtree(model)
    shutil.rmtree(tmp_path / "blobs")
    assert verify(folder) == []
    assert not any(path.is_symlink() for path in [folder, *folder.iterdir()])


def test_another_name_is_the_copys_everywhere(model: Path) -> None:
    folder = add(model, name="mine-2.0")
    assert folder.name == "mine-2.0" == read_card(folder).name and read_card(model).name == "small"


def test_a_second_of_the_same_name_needs_another_or_leave_to_replace(model: Path, tmp_path: Path) -> None:
    add(model)
    small_model(tmp_path / "second", seed=1)
    with pytest.raises(WeightsError, match=r"already.*--name.*--replace"):
        add(tmp_path / "second")
    assert seed_of(find("small")) == 0
    add(tmp_path / "second", replace=True)
    assert seed_of(find("small")) == 1
    add(find("small"), replace=True)  # by itself
    assert seed_of(find("small")) == 1 and visible(user_folder()) == ["small"]


def test_a_link_or_a_file_in_the_place_is_replaced_and_what_it_led_to_stays(
    model: Path, store: Path, tmp_path: Path
) -> None:
    small_model(tmp_path / "elsewhere", seed=1)
    store.mkdir()
    (store / "small").symlink_to(tmp_path / "elsewhere")
    assert seed_of(find("small")) == 1
    add(model, replace=True)
    assert seed_of(store / "small") == 0 and seed_of(tmp_path / "elsewhere") == 1
    (store / "other").symlink_to(tmp_path / "gone")
    with pytest.raises(WeightsError, match="already"):
        add(model, name="other")


@pytest.mark.parametrize(
    "name", ["../x", "..", ".", "", "x" * 65, "a/b", "A", "é", ".hidden", "-x", "a\n", "a\0b", "a\x1b[2J", "C:\\x"]
)
def test_a_name_that_is_a_path_or_steers_a_terminal_is_refused(name: str, model: Path, store: Path) -> None:
    for asked in (lambda: add(model, name=name), lambda: find(name)):
        with pytest.raises(WeightsError, match="cannot be the name of a model") as caught:
            asked()
        assert str(caught.value).isprintable() and len(str(caught.value)) < 300
    assert not store.exists()


def test_a_card_that_was_forged_to_leave_the_folder_is_refused(model: Path, tmp_path: Path) -> None:
    card = json.loads((model / CARD_FILE).read_text()) | {"name": "../../escaped"}
    (model / CARD_FILE).write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="cannot be the name"):
        add(model)
    assert visible(tmp_path) == ["model"]


def test_what_is_not_sound_is_not_added(model: Path, store: Path, tmp_path: Path) -> None:
    content = bytearray((model / TENSORS_FILE).read_bytes())
    content[-1] ^= 1
    (model / TENSORS_FILE).write_bytes(content)
    for source, says in ((model, "damaged"), (tmp_path / "gone", "no whole model"), ("", "empty path")):
        with pytest.raises(WeightsError, match=says):
            add(source)
    assert not store.exists()


def test_an_unknown_name_is_said_with_those_at_hand(model: Path, store: Path) -> None:
    with pytest.raises(WeightsError, match=r"no model is called big .*no folder.*at hand: none.*whence weights add"):
        find("big")
    add(model)
    with pytest.raises(WeightsError, match="at hand: small"):
        verify("big")


def test_a_broken_model_is_listed_with_its_fault_and_hides_no_other(model: Path, store: Path) -> None:
    for name in ("a", "b", "c", "d"):
        add(model, name=name)
    os.truncate(store / "a" / TENSORS_FILE, 10)
    (store / "b" / CARD_FILE).write_text("{}")
    (store / "Not a Name").mkdir()
    (store / "empty").mkdir()
    (store / "note.txt").write_text("no model")
    (store / ".hidden").mkdir()
    listed = {entry.name: entry.fault for entry in installed()}
    assert list(listed) == ["Not a Name", "a", "b", "c", "d", "empty"]
    assert "expected" in listed["a"] and "no sound card" in listed["b"] and "cannot be the name" in listed["Not a Name"]
    assert "missing" in listed["empty"] and listed["c"] == listed["d"] == ""
    assert find("b") == store / "b" and "no sound card" in verify("b")[0]


def test_shipped_models_come_first_and_keep_their_name(model: Path, store: Path, tmp_path: Path) -> None:
    small_model(tmp_path / "shipped" / "z-shipped", name="z-shipped", seed=3)
    (tmp_path / "shipped" / "other-assets").mkdir()
    add(model)
    assert [(entry.name, entry.shipped) for entry in installed()] == [("z-shipped", True), ("small", False)]
    with pytest.raises(WeightsError, match="ships a model called z-shipped: give another name"):
        add(model, name="z-shipped", replace=True)
    shutil.copytree(model, store / "z-shipped")  # by hand, or before that was shipped
    assert find("z-shipped") == tmp_path / "shipped" / "z-shipped"
    assert "of the same name" in installed()[2].fault


def test_a_card_that_describes_no_network_is_a_fault(tmp_path: Path, store: Path) -> None:
    small_model(tmp_path / "made", config={"trunk": "tiny", "sizes": [1, 2]})
    assert "describe a network by" in verify(tmp_path / "made")[0]
    with pytest.raises(WeightsError, match="describe a network by"):
        add(tmp_path / "made")
    shutil.copytree(tmp_path / "made", store / "by-hand")
    assert "describe a network by" in installed()[0].fault


def test_verify_finds_values_that_are_not_finite_and_an_empty_model(tmp_path: Path) -> None:
    import hashlib

    from safetensors.torch import save

    small_model(tmp_path)
    card = json.loads((tmp_path / CARD_FILE).read_text())
    e4m3 = torch.tensor([1.0]).to(torch.float8_e4m3fn)
    nan = torch.tensor([0.0, float("nan")])
    for values, says in (
        ({"a": torch.tensor([1e300], dtype=torch.float64), "b": e4m3, "c": torch.tensor([True])}, ""),
        ({"a\x1b": nan.to(torch.bfloat16), "b": nan.to(torch.float8_e4m3fn)}, r"'a\x1b' and 1 more are not finite"),
        ({}, "holds no tensor"),
    ):
        content = save(values)
        (tmp_path / TENSORS_FILE).write_bytes(content)
        card |= {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        (tmp_path / CARD_FILE).write_text(json.dumps(card))
        findings = verify(tmp_path)
        assert len(findings) == bool(says) and all(says in finding for finding in findings), findings


def test_verify_tells_all_that_is_wrong(tmp_path: Path) -> None:
    small_model(tmp_path)
    card = json.loads((tmp_path / CARD_FILE).read_text()) | {"sha256": "0" * 64, "partition_hash": "0" * 64}
    (tmp_path / CARD_FILE).write_text(json.dumps(card))
    tensors_fault, partition_fault = verify(tmp_path)
    assert "damaged" in tensors_fault and "is another" in partition_fault


# Where the user's folder is


def test_the_users_folder_is_the_variables_or_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert user_folder() == tmp_path / "store"
    monkeypatch.setenv("WHENCE_WEIGHTS", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert user_folder().parts[-2:] == ("whence", "weights")
    assert not sys.platform.startswith("linux") or user_folder() == tmp_path / "data" / "whence" / "weights"
    monkeypatch.setenv("WHENCE_WEIGHTS", "here")
    monkeypatch.chdir(tmp_path)
    assert user_folder() == tmp_path / "here"


def test_a_folder_that_cannot_be_looked_into_is_listed_with_its_fault(store: Path, model: Path) -> None:
    store.write_text("a file")
    [entry] = installed()
    assert entry.card is None and "cannot be read" in entry.fault and "WHENCE_WEIGHTS" in entry.fault
    with pytest.raises(WeightsError, match="cannot add the model small"):
        add(model)


def test_without_a_home_there_are_the_shipped_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import platformdirs

    monkeypatch.delenv("WHENCE_WEIGHTS")
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_, **__: Path("~/.local/share/whence"))
    small_model(tmp_path / "shipped" / "one", name="one")
    assert [entry.name for entry in installed()] == ["one"] and find("one")
    with pytest.raises(WeightsError, match="set WHENCE_WEIGHTS"):
        add(tmp_path / "shipped" / "one", name="two")
    with pytest.raises(WeightsError, match="no model is called two"):
        find("two")


# Several at once, and processes that are killed


def test_of_many_that_add_one_name_at_once_one_comes_first(model: Path, store: Path) -> None:
    def added(_: int) -> str:
        try:
            return str(add(model))
        except WeightsError as error:
            return "already" if "already" in str(error) else str(error)

    with ThreadPoolExecutor(8) as pool:
        said = sorted(pool.map(added, range(16)))
    assert said == sorted([str(store / "small"), *["already"] * 15])
    assert seed_of(store / "small") == 0 and visible(store) == ["small"]


def test_many_that_replace_at_once_leave_one_whole_model(tmp_path: Path, store: Path) -> None:
    for seed in range(4):
        small_model(tmp_path / f"{seed}", seed=seed)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: add(tmp_path / f"{k % 4}", replace=True), range(16)))
    assert seed_of(store / "small") in range(4) and visible(store) == ["small"]


def test_two_processes_may_add_at_once(tmp_path: Path, store: Path) -> None:
    code = (
        "import sys\n"
        "from backbone.weights_store import add\n"
        "for _ in range(5): add(sys.argv[1], replace=True)\n"
        "add(sys.argv[1], name=sys.argv[2])\n"
    )
    for seed in range(2):
        small_model(tmp_path / f"{seed}", seed=seed)
    command = [sys.executable, "-c", code]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    both = [
        subprocess.Popen([*command, str(tmp_path / f"{k}"), f"own-{k}"], env=env, stderr=subprocess.PIPE, text=True)
        for k in range(2)
    ]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert visible(store) == ["own-0", "own-1", "small"]
    assert [seed_of(find(f"own-{k}")) for k in range(2)] == [0, 1] and seed_of(find("small")) in (0, 1)


def test_an_add_that_waits_too_long_for_another_says_so(
    model: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    monkeypatch.setattr(weights_store, "_PATIENCE_S", 0.05)
    store.mkdir()
    with FileLock(store / ".lock"), ThreadPoolExecutor(1) as pool, pytest.raises(WeightsError, match="wait for it"):
        pool.submit(add, model).result()


@pytest.mark.parametrize("replace", [False, True])
def test_a_process_killed_at_any_step_leaves_whole_models_only(
    replace: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_model(tmp_path / "old", seed=1)
    small_model(tmp_path / "new", seed=2)
    seen = set()
    for step in range(100):
        store = tmp_path / f"store-{step}"
        monkeypatch.setenv("WHENCE_WEIGHTS", str(store))
        if replace:
            add(tmp_path / "old")
        try:
            with dies_at(step):
                add(tmp_path / "new", name="small", replace=replace)
        except Died:
            pass
        else:
            seen.add("done")
            break
        listed = installed()
        assert all(not entry.fault and verify(entry.folder) == [] for entry in listed)
        assert [entry.name for entry in listed] in ([], ["small"])
        seen.add(f"{seed_of(find('small'))}" if listed else "none")
        # Whatever it left, the next one tidies up, and brings back what was taken away.
        add(tmp_path / "new", name="next")
        assert visible(store) == (["next", "small"] if replace or listed else ["next"])
    else:
        pytest.fail("it never came to an end")
    assert seen == ({"none", "1", "2", "done"} if replace else {"none", "done"})


def test_a_copy_that_fails_leaves_nothing(model: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WeightsError, match=r"No space left on device.*make room"):
            add(model)
    assert visible(store) == [] and installed() == []
    assert tensors().keys() == read_tensors(add(model), read_card(model)).keys()


def test_a_source_that_changes_while_it_is_copied_is_not_added(
    model: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfileobj

    def changed(read: object, written: object) -> None:
        copy(read, written)  # type: ignore[arg-type]
        written.seek(-1, os.SEEK_CUR)  # type: ignore[attr-defined]
        written.write(b"\x55")  # type: ignore[attr-defined]

    monkeypatch.setattr(shutil, "copyfileobj", changed)
    with pytest.raises(WeightsError, match="damaged"):
        add(model)
    assert visible(store) == []
