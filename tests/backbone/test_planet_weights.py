"""A model's files: what was written is read back, and whatever was damaged, forged or half written is refused."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from backbone.planet_config import PlanetConfig
from backbone.planet_weights import (
    CARD_FILE,
    PARTITION_FILE,
    TENSORS_FILE,
    WeightsCard,
    check_tensors,
    read_card,
    read_partition_of,
    read_tensors,
    write_card,
    write_weights,
)
from data.errors import WeightsError
from data.partition import Partition, load, load_default
from tests.backbone.models import Died, dies_at, small_model, tensors
from tests.fuzzed_partitions import small_partition


@pytest.fixture(scope="module")
def own_partition(tmp_path_factory: pytest.TempPathFactory) -> Partition:
    path = tmp_path_factory.mktemp("partition") / "own.parquet"
    path.write_bytes(small_partition())
    return load(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, own_partition: Partition) -> Path:
    """A model with a partition of its own; copy it before it is damaged."""
    folder = tmp_path_factory.mktemp("models") / "sound"
    small_model(folder, partition=own_partition)
    return folder


@pytest.fixture
def model(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "model"))


def opened(folder: Path) -> tuple[WeightsCard, dict[str, torch.Tensor], Partition]:
    card = read_card(folder)
    return card, read_tensors(folder, card), read_partition_of(folder, card)


def refusal(folder: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        opened(folder)
    said = str(caught.value)
    assert said.isprintable() and len(said) < 1500 and ": " in said
    return said


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and torch.equal(a[k], b[k]) for k in a)


def test_what_was_written_is_read_back(tmp_path: Path, own_partition: Partition) -> None:
    for name, partition in (("shipped", load_default()), ("own", own_partition)):
        card = small_model(tmp_path / name, name=name, partition=partition)
        read, values, cells = opened(tmp_path / name)
        assert read == card and read.config == PlanetConfig("tiny").to_dict()
        assert same(values, tensors()) and list(values) == sorted(values) and cells == partition
        assert read.data["licence"] == read.licence == "CC BY-SA 4.0"
        check_tensors(tmp_path / name, card)
    assert sorted(path.name for path in (tmp_path / "shipped").iterdir()) == [CARD_FILE, TENSORS_FILE]
    assert (tmp_path / "own" / PARTITION_FILE).is_file()


def test_the_same_tensors_make_the_same_file(tmp_path: Path) -> None:
    assert small_model(tmp_path / "a").sha256 == small_model(tmp_path / "b").sha256
    assert small_model(tmp_path / "c", seed=1).sha256 != small_model(tmp_path / "b").sha256


def test_tensors_that_are_read_may_be_trained_on(tmp_path: Path) -> None:
    card = small_model(tmp_path)
    read_tensors(tmp_path, card)["trunk.weight"].add_(1.0)  # no view of bytes that may not be written
    assert same(read_tensors(tmp_path, card), tensors())


def test_a_model_on_the_shipped_partition_leaves_no_older_partition_beside_it(model: Path) -> None:
    small_model(model, seed=1)
    assert not (model / PARTITION_FILE).exists()
    assert opened(model)[2] == load_default()


def test_the_card_alone_may_be_written_again(model: Path) -> None:
    from dataclasses import replace

    card = replace(read_card(model), metrics={"streets_dev_geoscore": 3})
    write_card(model, card)
    assert opened(model)[0] == card and isinstance(read_card(model).metrics["streets_dev_geoscore"], float)


# What cannot be written


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"temperature": 10**400}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"metrics": {"geoscore": float("nan")}}, "geoscore"),
        ({"metrics": {3: 1.0}}, "keys should be texts"),
        ({"config": {"size": (299, 299)}}, "tuple"),
        ({"config": {"tau": float("inf")}}, "finite"),
        ({"config": {"seed": 2**70}}, "64 bits"),
        ({"data": {"note": "\ud800"}}, "surrogate"),
        ({"data": {"note": "x" * 2_000_000}}, "say less"),
        ({"licence": " "}, "licence"),
        ({"name": "../up"}, "cannot be the name"),
    ],
)
def test_a_card_that_would_not_be_read_is_not_written(fields: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=says):
        small_model(tmp_path / "model", **fields)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "state_dict"),
        ({"a": torch.tensor([1.0, float("nan")])}, "not finite"),
        ({"a": torch.zeros(2, 2).to_sparse()}, "safetensors"),
        ({"a": [1.0]}, "safetensors"),
    ],
)
def test_tensors_that_no_model_should_have_are_not_written(values: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=says):
        write_weights(
            tmp_path / "model", values, name="x", partition=load_default(), config={}, temperature=1.0, data={},
            metrics={}, licence="none",
        )  # fmt: skip
    assert not (tmp_path / "model").exists()


def test_a_coarser_level_is_no_partition_of_a_model(tmp_path: Path, own_partition: Partition) -> None:
    with pytest.raises(WeightsError, match="level of another"):
        small_model(tmp_path, partition=own_partition.at("coarse"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file" / "model", tmp_path / "file", tmp_path / "a\0b"):
        with pytest.raises(WeightsError, match="cannot write the model"):
            small_model(folder)


# Damage


@pytest.mark.parametrize("file", [CARD_FILE, TENSORS_FILE, PARTITION_FILE])
def test_one_flipped_bit_anywhere_is_found_or_harmless(file: str, model: Path, own_partition: Partition) -> None:
    before = opened(model)
    content = (model / file).read_bytes()
    found = 0
    for at in range(0, len(content), max(1, len(content) // 60)):
        (model / file).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        try:
            card, values, partition = opened(model)
        except WeightsError as error:
            assert str(error).isprintable()
            found += 1
        else:
            # The card is text for people too: a changed letter of its data is no damage that a machine could see.
            assert file != TENSORS_FILE
            assert same(values, before[1]) and partition == own_partition
            assert file == PARTITION_FILE or card.sha256 == before[0].sha256
    assert found > 20


@pytest.mark.parametrize("file", [CARD_FILE, TENSORS_FILE, PARTITION_FILE])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_cut_short_is_refused(file: str, share: float, model: Path) -> None:
    size = (model / file).stat().st_size
    os.truncate(model / file, int(size * share))
    assert file.split(".")[0] in refusal(model)


@pytest.mark.parametrize("file", [CARD_FILE, TENSORS_FILE])
def test_a_missing_file_is_named(file: str, model: Path) -> None:
    (model / file).unlink()
    assert f"{file} is missing" in refusal(model)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "there is no whole model in" in refusal(tmp_path / "nowhere")
    assert "cannot be read" in refusal(tmp_path / "a\0b")


def test_without_its_own_partition_the_model_says_which_it_needs(model: Path) -> None:
    (model / PARTITION_FILE).unlink()
    said = refusal(model)
    assert "small" in said and "the shipped one" in said and PARTITION_FILE in said


def test_a_link_to_nowhere_is_not_taken_for_the_shipped_partition(tmp_path: Path) -> None:
    small_model(tmp_path)
    (tmp_path / PARTITION_FILE).symlink_to(tmp_path / "gone")
    assert PARTITION_FILE in refusal(tmp_path)


def test_another_partition_than_the_card_names_is_refused(tmp_path: Path, sound: Path) -> None:
    small_model(tmp_path)
    shutil.copy(sound / PARTITION_FILE, tmp_path)
    assert "is another" in refusal(tmp_path)


@pytest.mark.parametrize("file", [CARD_FILE, TENSORS_FILE, PARTITION_FILE])
def test_a_pipe_or_a_folder_in_a_files_place_is_refused_at_once(file: str, model: Path) -> None:
    (model / file).unlink()
    os.mkfifo(model / file)
    assert file in refusal(model)
    (model / file).unlink()
    (model / file).mkdir()
    assert file in refusal(model)


def test_absurd_sizes_are_refused_before_they_are_read(model: Path) -> None:
    for file, size in ((PARTITION_FILE, 2**40), (TENSORS_FILE, 2**40), (CARD_FILE, 2**40)):
        os.truncate(model / file, size)  # a file with a hole: it takes no room
        assert file in refusal(model)


# Cards changed by hand


def changed(**fields: Any) -> Callable[[dict[str, Any]], bytes]:
    return lambda card: json.dumps(card | fields).encode()


def written(field: str, text: str) -> Callable[[dict[str, Any]], bytes]:
    """With ``text``, which may be no JSON, as the field's value."""
    return lambda card: json.dumps(card | {field: "HERE"}).replace('"HERE"', text).encode()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (changed(format="whence-partition"), "whence-planet"),
        (changed(version=2), "version 2, this whence reads 1"),
        (changed(version=True), "version True"),
        (changed(version="\x1b[2J" * 1000), "version"),
        (changed(name="../../etc"), "cannot be the name"),
        (changed(name="a\x1b[31mb"), r"a\x1b[31mb"),
        (changed(name=""), "cannot be the name"),
        (changed(name="a\n"), "cannot be the name"),
        (changed(name="x" * 65), "cannot be the name"),
        (changed(name=["x"]), "cannot be the name"),
        (changed(sha256="0" * 63), "sha256"),
        (changed(sha256="G" * 64), "sha256"),
        (changed(sha256="0" * 64), "is damaged or not the file"),
        (changed(size_bytes=0), "size_bytes"),
        (changed(size_bytes=2**50), "size_bytes"),
        (changed(size_bytes=10.0), "size_bytes"),
        (changed(size_bytes=10), "expected 10"),
        (changed(partition_hash="0" * 64), "is another"),
        (changed(partition_hash=None), "partition_hash"),
        (changed(partition_name="x" * 1000), "partition_name"),
        (changed(temperature=0), "temperature"),
        (changed(temperature=-1.0), "temperature"),
        (changed(temperature="1.0"), "temperature"),
        (changed(temperature=None), "temperature"),
        (changed(config=[]), "config"),
        (changed(data=None), "data"),
        (changed(metrics={"a": "high"}), "metric 'a'"),
        (changed(metrics={"a": None}), "metric 'a'"),
        (changed(licence=""), "licence"),
        (changed(licence=5), "licence"),
        (changed(extra=1), "'extra'"),
        (changed(data={"x": "\ud800"}), "surrogate"),
        (lambda card: json.dumps({k: v for k, v in card.items() if k != "licence"}).encode(), "lacks licence"),
        (lambda card: json.dumps(card)[:-1].encode() + b', "temperature": 9.0}', "twice"),
        (written("temperature", "NaN"), "NaN"),
        (written("temperature", "1e999"), "temperature"),
        (written("config", '{"a": 1e999}'), "finite"),
        (written("config", '{"a": ' + "7" * 9000 + "}"), "digits"),
        (written("config", '{"a": ' + "[" * 22 + "]" * 22 + "}"), "nested"),
        (lambda card: b'{"config": ' + b"[" * 200_000, "recursion"),
        (lambda card: json.dumps(card).encode("utf-16"), "utf-8"),
        (lambda card: b"[]", "format"),
        (lambda card: b"", "Expecting value"),
        (lambda card: json.dumps(card).encode() + b" " * 1_000_000, "at most"),
    ],
)
def test_a_card_changed_by_hand_is_refused_with_the_reason(
    change: Callable[[dict[str, Any]], bytes], says: str, model: Path
) -> None:
    path = model / CARD_FILE
    content = change(json.loads(path.read_text()))
    if content == path.read_bytes():
        pytest.fail("nothing was changed")
    path.write_bytes(content)
    said = refusal(model)
    assert says in said and len(said) < 600


def test_a_card_in_a_folder_of_a_hostile_name_is_refused_in_words_safe_to_show(sound: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(sound, tmp_path / "a\x1b[31m\u202eb"))
    (model / CARD_FILE).write_bytes(b"{}")
    assert r"a\x1b[31m\u202eb" in refusal(model)
    shutil.copy(sound / CARD_FILE, model)
    content = (model / TENSORS_FILE).read_bytes()
    (model / TENSORS_FILE).write_bytes(bytes(len(content)))
    assert r"a\x1b[31m\u202eb" in refusal(model)


# Tensors that were made to confuse, with a card that pins them


def packed(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype: str = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, Any]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x95 a pickle is never opened",
        b"PK\x03\x04" + bytes(60),
        struct.pack("<Q", 2**63) + b"{}",
        packed(b"[" * 100_000),
        packed(b"\xff\xfe"),
        packed(tensor(shape=[3]), bytes(8)),
        packed(tensor(shape=[2**62, 2**62]), bytes(8)),
        packed(tensor(offsets=[0, 2**40]), bytes(8)),
        packed(tensor(offsets=[8, 0]), bytes(8)),
        packed(tensor(dtype="object"), bytes(8)),
        packed(tensor(dtype="F8_E8M0", shape=[8]) | {"b": {"dtype": "F4", "shape": [16], "data_offsets": [8, 16]}},
               bytes(16)),
        packed(tensor(), bytes(100)),
    ],
    ids=range(12),
)  # fmt: skip
def test_tensors_that_are_no_safetensors_are_refused_though_their_hash_fits(content: bytes, model: Path) -> None:
    import hashlib

    (model / TENSORS_FILE).write_bytes(content)
    card = json.loads((model / CARD_FILE).read_text())
    card |= {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    (model / CARD_FILE).write_text(json.dumps(card))
    assert "no sound safetensors file" in refusal(model)


# A process that is killed


def test_a_process_killed_at_any_step_leaves_the_old_model_the_new_one_or_none(
    tmp_path: Path, own_partition: Partition
) -> None:
    seen = []
    for partitions in ((own_partition, load_default()), (load_default(), own_partition), (own_partition,) * 2):
        for step in range(100):
            folder = tmp_path / f"{len(seen)}"
            small_model(folder, seed=1, partition=partitions[0])
            old = opened(folder)
            try:
                with dies_at(step):
                    small_model(folder, seed=2, partition=partitions[1])
            except Died:
                pass
            else:
                seen.append("done")
                break
            try:
                card, values, partition = opened(folder)
            except WeightsError:
                assert not (folder / CARD_FILE).exists()  # what has a card is whole
                seen.append("none")
                small_model(folder, seed=2, partition=partitions[1])  # and the next try goes well
                assert same(opened(folder)[1], tensors(2))
                continue
            which = 0 if card == old[0] else 1
            assert same(values, tensors(1 + which)) and partition == partitions[which]
            seen.append("old" if which == 0 else "new")
    assert {"old", "new", "none", "done"} == set(seen) and seen.count("done") == 3


def test_a_full_disk_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_model(tmp_path, seed=1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WeightsError, match=r"No space left on device.*make room"):
            small_model(tmp_path, seed=2)
    assert same(opened(tmp_path)[1], tensors(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [CARD_FILE, TENSORS_FILE]
