"""Trains the script classifier and the line recogniser, two heads on one trunk, and exports all three as one ONNX file.

Lines are rendered into a pool on disk (:mod:`detectors.line_pool`) and seen by the trunk
(:mod:`detectors.reader_trunk`) once, in a process of its own, while the heads learn from what is already there.
Training keeps a time budget, not a number of steps: the rate of learning falls to nothing as the budget runs out. It
resumes from its last checkpoint.
"""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data.errors import DatasetError
from detectors.line_pool import CLASSIFIER_MIX, READER_MIX, fill, shards
from detectors.reader_alphabet import Alphabet, built, to_visual
from detectors.reader_nets import ReaderHead, ScriptHead
from detectors.reader_trunk import CHANNELS, ROWS, TrunkRunner, load_seen, look

__all__ = ["CLASSES", "alphabet_of_words", "main", "train"]

CLASSES = tuple(sorted(CLASSIFIER_MIX))
"""ISO 15924 codes in the order of the classifier's scores; ``"Zyyy"`` is a line without letters."""
_JOINED_TOKENS = 200  # clusters of each Indic script that are one token; rarer ones are spelt out
_COLUMNS = 2_000  # columns of lines in one batch, padding included
_EXCHANGE = 60  # steps after which processes that learn together exchange weights
_BLEND = 2  # shards whose lines are mixed before they are put in batches
_MIXES = {"script": CLASSIFIER_MIX, "reader": READER_MIX}
_SHARE = {"script": 0.2, "reader": 0.8}  # of the time
_log = logging.getLogger(__name__)
_Encoder = Callable[[str, str], list[int] | None]


@dataclass(frozen=True, slots=True)
class _Item:
    """A line in memory: what the trunk saw, (384, 3, columns), and its label, a script's number or token numbers."""

    seen: NDArray[np.float32]
    label: list[int]


def alphabet_of_words() -> Alphabet:
    """The recogniser's alphabet: every letter that words of its scripts use, and frequent joined consonants."""
    # Lazy: the build extra.
    from detectors.render_words import words_of

    tokens = {*" 0123456789.,:;!?-–()«»\"'/%+&№·•€₽@_।", *"০১২৩৪৫৬৭৮৯०१२३४५६७८९"}
    tokens |= {*"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}
    joined: set[str] = set()
    for script in READER_MIX:
        words = words_of(script).words
        counted: dict[str, int] = {}
        for word in words:
            for letter in to_visual(word if script == "Latn" else word + word.upper()):
                counted[letter] = counted.get(letter, 0) + 1
        tokens |= {c for c, n in counted.items() if n >= (3000 if script == "Latn" else 25)}
        if script in ("Beng", "Deva"):
            joined |= set(built(words, (), joined=_JOINED_TOKENS).tokens)
    return Alphabet((*sorted(tokens), *sorted(joined)))


def train(
    out: Path,
    *,
    minutes: float,
    pool: Path,
    grounds: Sequence[Path] = (),
    what: Sequence[str] = ("script", "reader"),
    resume: bool = True,
    render: bool = True,
    lines: int = 60_000,
    helpers: int = 0,
    seed: int = 0,
) -> Path | None:
    """Train and export.

    Args:
        out: Folder of checkpoints and of the file ``reader.onnx``.
        minutes: Time for all of ``what`` together; the recogniser takes four fifths.
        pool: Folder of rendered lines and of what the trunk saw, filled as needed and kept; 0.1 MB a line.
        grounds: Folders of photos that may be trained on, as grounds for the lettering.
        what: ``"script"``, ``"reader"`` or both.
        resume: Go on from the checkpoints in ``out``, where there are any.
        render: Fill the pool in a process of its own; else only what is there is learnt from.
        lines: Most lines of each of ``what`` in the pool.
        helpers: Processes that learn together with this one, exchanging weights.
        seed: Source of chance for the heads' first weights and the order of lines.

    Returns:
        The ONNX file; None while one of the two heads has not been trained yet.

    Raises:
        DatasetError: A font or word list is missing, or the pool stays empty.
        WeightsError: The trunk cannot be had.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in what:
        share = _SHARE[name] if len(what) == 2 else 1.0
        if name == "reader":
            _alphabet(out)  # made once, before any process wants it
        seen = pool / f"{name}_seen"
        if not render and not (seen.is_dir() and shards(seen)):
            raise DatasetError(f"there are no lines in {seen} to learn from: train with render=True")
        workers = [_start("--fill", name, pool, lines, seed, *grounds)] if render else []
        workers += [_start("--help-with", name, out, seen, minutes * share, seed, i + 1) for i in range(helpers)]
        try:
            _train_one(name, out, seen, minutes * share, resume, seed)
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait()
    if not all((out / f"{name}.pt").exists() for name in _MIXES):
        return None
    from detectors.export_reader import export  # the build extra

    alphabet = _alphabet(out)
    script, reader = _kept(ScriptHead(len(CLASSES)), out), _kept(ReaderHead(len(alphabet)), out)
    return export(script, reader, alphabet, out, CLASSES)


def _start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "detectors.train_reader", *map(str, arguments)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def _fill(name: str, pool: Path, lines: int, seed: int, grounds: Sequence[Path]) -> None:
    """Render shard after shard and show each to the trunk."""
    from detectors.render_text import Grounds

    on, runner = Grounds(grounds), TrunkRunner()
    seen = pool / f"{name}_seen"
    seen.mkdir(parents=True, exist_ok=True)
    for count in range(1, max(lines // 1000, 1) + 1):
        fill(pool / name, _MIXES[name], count, on, seed=seed)
        for shard in shards(pool / name):
            if not (seen / shard.name).exists():
                look(shard, seen / shard.name, runner)


def _train_one(name: str, out: Path, seen: Path, minutes: float, resume: bool, seed: int, number: int = 0) -> None:
    torch.manual_seed(seed)  # the same first weights in every process that learns this
    progress = _Progress()
    if name == "script":
        net: nn.Module = ScriptHead(len(CLASSES))
        batches = _batches(seen, lambda text, script: [CLASSES.index(script)], seed + number)
        _learn(net, _script_loss, batches, progress, minutes, out / "script.pt", resume, number)
    else:
        alphabet = _alphabet(out)
        net = ReaderHead(len(alphabet))
        batches = _batches(seen, lambda text, script: alphabet.encoded(text) or None, seed + number)
        _learn(net, _reader_loss, batches, progress, minutes, out / "reader.pt", resume, number)


def _alphabet(out: Path) -> Alphabet:
    """The alphabet of a training that is resumed, or a new one."""
    path = out / "alphabet.json"
    if path.exists():
        return Alphabet(json.loads(path.read_text(encoding="utf-8")))
    alphabet = alphabet_of_words()
    path.write_text(json.dumps(alphabet.tokens, ensure_ascii=False), encoding="utf-8")
    return alphabet


@dataclass(slots=True)
class _Progress:
    """How far a training has come."""

    seconds: float = 0.0
    lines: int = 0


def _batches(seen: Path, encode: _Encoder, seed: int) -> Iterator[tuple[Tensor, list[list[int]]]]:
    """Lines of like width together, without end; shards that were used least come first."""
    rng = np.random.default_rng(seed)
    used: dict[Path, int] = {}
    waited = 0.0
    while True:
        there = shards(seen) if seen.is_dir() else []
        if not there:
            if waited > 1800:
                raise DatasetError(f"nothing appeared in {seen} for half an hour: train with render=True")
            time.sleep(2)
            waited += 2
            continue
        items: list[_Item] = []
        for path in sorted(there, key=lambda p: (used.get(p, 0), rng.random()))[:_BLEND]:
            used[path] = used.get(path, 0) + 1
            shard = load_seen(path)
            for i in range(len(shard)):
                label = encode(shard.texts[i], shard.scripts[i])
                # CTC needs a column for each token, and one between two that are alike.
                if label is not None and len(label) + _doubles(label) <= shard.starts[i + 1] - shard.starts[i]:
                    items.append(_Item(shard.line(i), label))
        yield from _packed(items, rng)


def _doubles(label: list[int]) -> int:
    return sum(a == b for a, b in pairwise(label))


def _packed(items: list[_Item], rng: np.random.Generator) -> Iterator[tuple[Tensor, list[list[int]]]]:
    items = sorted(items, key=lambda item: item.seen.shape[2] * rng.uniform(0.9, 1.1))
    groups: list[list[_Item]] = [[]]
    widest = 0
    for item in items:
        widest = max(widest, item.seen.shape[2])
        if groups[-1] and widest * (len(groups[-1]) + 1) > _COLUMNS:
            groups.append([])
            widest = item.seen.shape[2]
        groups[-1].append(item)
    for i in rng.permutation(len(groups)):
        group = groups[i]
        width = max(item.seen.shape[2] for item in group)
        batch = np.zeros((len(group), CHANNELS, ROWS, width), np.float32)
        for row, item in enumerate(group):
            batch[row, :, :, : item.seen.shape[2]] = item.seen
        yield torch.from_numpy(batch), [item.label for item in group]


def _script_loss(scores: Tensor, labels: list[list[int]]) -> Tensor:
    return nn.functional.cross_entropy(scores, torch.tensor([label[0] for label in labels]), label_smoothing=0.02)


def _reader_loss(scores: Tensor, labels: list[list[int]]) -> Tensor:
    logs = scores.log_softmax(-1).transpose(0, 1)  # (steps, n, tokens + 1)
    targets = torch.tensor([number for label in labels for number in label])
    lengths = torch.tensor([len(label) for label in labels])
    steps = torch.full((len(labels),), logs.shape[0])
    return nn.functional.ctc_loss(logs, targets, steps, lengths, zero_infinity=True)


def _learn(
    net: nn.Module,
    loss_of: Callable[[Tensor, list[list[int]]], Tensor],
    batches: Iterator[tuple[Tensor, list[list[int]]]],
    progress: _Progress,
    minutes: float,
    checkpoint: Path,
    resume: bool,
    number: int,
) -> None:
    """AdamW for ``minutes`` in all, those before a resumed checkpoint included; only process 0 keeps checkpoints."""
    shared = _Shared(checkpoint, number)
    net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    if resume and checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(kept["net"])
        optimiser.load_state_dict(kept["optimiser"])
        progress.seconds, progress.lines = float(kept["seconds"]), int(kept["lines"])
    net.train()
    last, saved, average, step = time.monotonic(), time.monotonic(), math.nan, 0
    while progress.seconds < minutes * 60:
        seen, labels = next(batches)
        done = progress.seconds / (minutes * 60)
        rate = 2e-3 * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6
        for group in optimiser.param_groups:
            group["lr"] = rate
        # bfloat16 takes about half the time where the processor has it.
        with torch.autocast("cpu", torch.bfloat16):
            scores = net(seen.contiguous(memory_format=torch.channels_last))
        loss = loss_of(scores.float(), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        progress.lines += len(labels)
        value = float(loss.detach())
        average = value if math.isnan(average) else 0.98 * average + 0.02 * value
        now = time.monotonic()
        progress.seconds += now - last
        last = now
        if step % 50 == 0:
            place = f"{checkpoint.stem} {progress.seconds / 60:.1f} min, {progress.lines} lines"
            _log.info("%s, rate %.1e, loss %.3f", place, rate, average)
        if step % _EXCHANGE == 0:
            shared.exchange(net)
        if number == 0 and (now - saved > 180 or progress.seconds >= minutes * 60):
            _save(checkpoint, net, optimiser, progress)
            saved = now


class _Shared:
    """Weights that processes which learn the same head exchange: each goes on from the mean of its own and another's.

    Two processes of one thread learn faster than one of two threads where other programs use the cores as well.
    """

    def __init__(self, checkpoint: Path, number: int) -> None:
        self._own = checkpoint.with_suffix(f".{number}.share")
        self._others = checkpoint.stem + ".*.share"
        self._taken: dict[Path, int] = {}
        self._own.unlink(missing_ok=True)

    def exchange(self, net: nn.Module) -> None:
        """Take in what others have written since the last time, then write."""
        state = net.state_dict()
        for path in sorted(self._own.parent.glob(self._others)):
            written = path.stat().st_mtime_ns
            if path == self._own or self._taken.get(path) == written or time.time() - written / 1e9 > 600:
                continue
            self._taken[path] = written
            other = torch.load(path, weights_only=True)
            with torch.no_grad():
                for key, value in state.items():
                    if value.is_floating_point():
                        value.lerp_(other[key], 0.5)
        partial = self._own.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self._own)


def _save(checkpoint: Path, net: nn.Module, optimiser: torch.optim.Optimizer, progress: _Progress) -> None:
    partial = checkpoint.with_suffix(".part")
    kept = {"net": net.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save(kept | {"seconds": progress.seconds, "lines": progress.lines}, partial)
    partial.replace(checkpoint)


def _kept(net: nn.Module, out: Path) -> nn.Module:
    """``net`` with the weights of its checkpoint in ``out``."""
    name = "script" if isinstance(net, ScriptHead) else "reader"
    net.load_state_dict(torch.load(out / f"{name}.pt", weights_only=True)["net"])
    return net.eval()


def main(arguments: Sequence[str] | None = None) -> None:
    """``python -m detectors.train_reader OUT --pool DIR --minutes M --grounds DIR ...``."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--fill"]:
        _, name, pool, lines, seed, *folders = given
        _fill(name, Path(pool), int(lines), int(seed), [Path(f) for f in folders])
        return
    if given[:1] == ["--help-with"]:
        _, name, out, seen_there, minutes, seed, number = given
        _train_one(name, Path(out), Path(seen_there), float(minutes), True, int(seed), int(number))
        return
    import argparse

    parser = argparse.ArgumentParser(description="Train the script classifier and the line recogniser.")
    parser.add_argument("out", type=Path, help="folder of checkpoints and of reader.onnx")
    parser.add_argument("--pool", type=Path, required=True, help="folder of rendered lines")
    parser.add_argument("--minutes", type=float, default=100.0, help="time for both")
    parser.add_argument("--grounds", type=Path, nargs="*", default=[], help="folders of photos to write on")
    parser.add_argument("--what", nargs="+", choices=("script", "reader"), default=["script", "reader"])
    parser.add_argument("--lines", type=int, default=60_000, help="most lines of each in the pool")
    parser.add_argument("--no-render", action="store_true", help="learn only from what the pool has")
    parser.add_argument("--helpers", type=int, default=0, help="processes that learn together with this one")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(given)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(
        args.out,
        minutes=args.minutes,
        pool=args.pool,
        grounds=args.grounds,
        what=args.what,
        render=not args.no_render,
        lines=args.lines,
        helpers=args.helpers,
        seed=args.seed,
    )


if __name__ == "__main__":
    main()
