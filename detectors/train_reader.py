"""Trains the script classifier and the line recogniser from nothing, and exports both to ONNX.

Lines are rendered into a pool on disk (:mod:`detectors.line_pool`) by a process of its own while the networks learn from
what is already there, each line several times and each time a little different. Training keeps a time budget, not a
number of steps: the rate of learning falls to nothing as the budget runs out. It resumes from its last checkpoint.
"""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data.errors import DatasetError, WeightsError
from detectors._opencv import opencv
from detectors.line_image import HEIGHT, MAX_WIDTH, as_float
from detectors.line_pool import CLASSIFIER_MIX, READER_MIX, SHARD, fill, load_shard, shards
from detectors.reader_alphabet import Alphabet, built
from detectors.reader_nets import STEP, LineNet, ScriptNet

__all__ = ["CLASSES", "alphabet_of_words", "main", "train"]

CLASSES = tuple(sorted(CLASSIFIER_MIX))
"""ISO 15924 codes in the order of the classifier's scores; ``"Zyyy"`` is a line without letters."""
_JOINED_TOKENS = 200  # clusters of each Indic script that are one token; rarer ones are spelt out
_COLUMNS = 5_000  # columns of lines in one batch, padding included
_EXCHANGE = 40  # steps after which processes that learn together exchange weights
_BLEND = 3  # shards whose lines are mixed before they are put in batches
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Item:
    """A line in memory: (32, width) uint8 and its label, a script's number or token numbers."""

    pixels: NDArray[np.uint8]
    label: list[int]


def alphabet_of_words() -> Alphabet:
    """The recogniser's alphabet: every letter that words of its scripts use, and frequent joined consonants."""
    # Lazy: the build extra.
    from detectors.render_words import words_of

    characters: dict[str, int] = {}
    common = " 0123456789.,:;!?-–()«»\"'/%+&№·•€₽@_।"
    clusters: list[str] = []
    from detectors.reader_alphabet import to_visual

    joined: list[Alphabet] = []
    for script in READER_MIX:
        words = words_of(script).words
        counted: dict[str, int] = {}
        for word in words:
            for letter in to_visual(word + word.upper() if script != "Latn" else word):
                counted[letter] = counted.get(letter, 0) + 1
        least = 3000 if script == "Latn" else 25
        characters |= {c: n for c, n in counted.items() if n >= least}
        if script in ("Beng", "Deva"):
            joined.append(built(words, (), joined=_JOINED_TOKENS))
    for extra in joined:
        clusters += extra.tokens
    latin = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    digits = "০১২৩৪৫৬৭৮৯०१२३४५६७८९"
    return Alphabet(tuple(sorted({*characters, *common, *latin, *digits}) + sorted(set(clusters))))


def train(
    out: Path,
    *,
    minutes: float,
    pool: Path,
    grounds: Sequence[Path] = (),
    what: Sequence[str] = ("script", "reader"),
    resume: bool = True,
    render: bool = True,
    helpers: int = 0,
    seed: int = 0,
) -> dict[str, Path]:
    """Train and export.

    Args:
        out: Folder of checkpoints and of the ONNX files ``script.onnx`` and ``reader.onnx``.
        minutes: Time for all of ``what`` together; the recogniser takes four fifths.
        pool: Folder of rendered lines, filled as needed and kept.
        grounds: Folders of photos that may be trained on, as grounds for the lettering.
        what: ``"script"``, ``"reader"`` or both.
        resume: Go on from the checkpoint in ``out``, if there is one.
        render: Fill the pool in a process of its own; else only what is there is learnt from.
        helpers: Processes that learn together with this one, exchanging weights.
        seed: Source of chance for the networks' first weights and the order of lines.

    Returns:
        The ONNX file of each.

    Raises:
        DatasetError: A font or word list is missing, or the pool stays empty.
    """
    files: dict[str, Path] = {}
    for name in what:
        share = 1.0 if len(what) == 1 else {"script": 0.2, "reader": 0.8}[name]
        if name == "reader":
            _kept_alphabet(out)
        workers = [_start("--fill", name, pool / name, seed, *grounds)] if render else []
        workers += [_start("--help-with", name, out, pool / name, minutes * share, seed, i + 1) for i in range(helpers)]
        try:
            files[name] = _train_one(name, out, pool / name, minutes * share, resume, seed)
        finally:
            for worker in workers:
                worker.terminate()
                worker.wait()
    return files


def _start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "detectors.train_reader", *map(str, arguments)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def _train_one(name: str, out: Path, pool: Path, minutes: float, resume: bool, seed: int, helper: int = 0) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)  # the same first weights in every process
    net: nn.Module
    encode: Callable[[str, str], list[int] | None]
    if name == "script":
        net, loss = ScriptNet(len(CLASSES)), _script_loss
        meta = {"classes": list(CLASSES)}
        encode = _script_label
    else:
        alphabet = _kept_alphabet(out)
        net, loss = LineNet(len(alphabet)), _reader_loss
        meta = {"tokens": list(alphabet.tokens)}
        encode = _text_label(alphabet)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    checkpoint = out / f"{name}.pt"
    _learn(net, loss, _batches(pool, encode, seed + helper), minutes, checkpoint, resume, helper)
    if helper:
        return checkpoint
    return export(net, out / f"{name}.onnx", meta, name)


def _kept_alphabet(out: Path) -> Alphabet:
    """The alphabet of a training that is resumed, or a new one."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "alphabet.json"
    if path.exists():
        return Alphabet(json.loads(path.read_text(encoding="utf-8")))
    alphabet = alphabet_of_words()
    path.write_text(json.dumps(alphabet.tokens, ensure_ascii=False), encoding="utf-8")
    return alphabet


def _script_label(text: str, script: str) -> list[int] | None:
    return [CLASSES.index(script)]


def _text_label(alphabet: Alphabet) -> Callable[[str, str], list[int] | None]:
    return lambda text, script: alphabet.encoded(text) or None


def _batches(
    pool: Path, encode: Callable[[str, str], list[int] | None], seed: int
) -> Iterator[tuple[Tensor, list[list[int]]]]:
    """Lines of like width together, without end; shards that were used least come first."""
    opencv().setNumThreads(1)
    rng = np.random.default_rng(seed)
    used: dict[Path, int] = {}
    waited = 0.0
    while True:
        there = shards(pool)
        if len(there) < _BLEND:
            if waited > 1800:
                raise DatasetError(f"no rendered lines appeared in {pool} for half an hour: run without render=False")
            time.sleep(2)
            waited += 2
            continue
        order = sorted(there, key=lambda p: (used.get(p, 0), rng.random()))[:_BLEND]
        items: list[_Item] = []
        for path in order:
            used[path] = used.get(path, 0) + 1
            lines = load_shard(path)
            for i in range(len(lines)):
                label = encode(lines.texts[i], lines.scripts[i])
                if label is None:
                    continue
                pixels = _varied(lines.line(i), rng)
                # A line whose steps are fewer than its tokens cannot be learnt.
                if 2 * len(label) < pixels.shape[1] // STEP + 8 and len(label) <= pixels.shape[1] // STEP:
                    items.append(_Item(pixels, label))
        yield from _packed(items, rng)


def _varied(line: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """``line`` a little wider or narrower, shifted, blurred, noisy, inverted, or with other contrast."""
    cv2 = opencv()
    width = min(max(round(line.shape[1] * rng.uniform(0.85, 1.15) / STEP) * STEP, 4 * STEP), MAX_WIDTH)
    shift = rng.uniform(-1.5, 1.5)
    scale = rng.uniform(0.92, 1.08)
    matrix = np.array([[width / line.shape[1], rng.uniform(-0.1, 0.1), rng.uniform(-1, 1)], [0, scale, shift]])
    out = cv2.warpAffine(line, matrix, (width, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.3:
        out = 255 - out
    if rng.random() < 0.2:
        out = cv2.blur(out, (int(rng.integers(1, 4)), int(rng.integers(1, 3))))
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(2, 16), out.shape)
        out = np.clip(out * rng.uniform(0.7, 1.2) + noise, 0, 255).astype(np.uint8)
    varied: NDArray[np.uint8] = out
    return varied


def _packed(items: list[_Item], rng: np.random.Generator) -> Iterator[tuple[Tensor, list[list[int]]]]:
    items = sorted(items, key=lambda item: item.pixels.shape[1] * rng.uniform(0.9, 1.1))
    groups: list[list[_Item]] = [[]]
    widest = 0
    for item in items:
        widest = max(widest, item.pixels.shape[1])
        if groups[-1] and widest * (len(groups[-1]) + 1) > _COLUMNS:
            groups.append([])
            widest = item.pixels.shape[1]
        groups[-1].append(item)
    for i in rng.permutation(len(groups)):
        group = groups[i]
        width = max(item.pixels.shape[1] for item in group)
        batch = np.zeros((len(group), 1, HEIGHT, width), np.float32)
        for row, item in enumerate(group):
            batch[row, 0, :, : item.pixels.shape[1]] = as_float(item.pixels)
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
    minutes: float,
    checkpoint: Path,
    resume: bool,
    helper: int = 0,
) -> None:
    """AdamW for ``minutes`` in all, those before a resumed checkpoint included; a ``helper`` keeps no checkpoint."""
    # bfloat16 takes half the time where the processor has it, and loses nothing that was measured.
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    spent, seen = 0.0, 0
    if resume and checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(kept["net"])
        optimiser.load_state_dict(kept["optimiser"])
        spent, seen = float(kept["seconds"]), int(kept["lines"])
    shared = _Shared(checkpoint, helper)
    net.train()
    last, saved, average = time.monotonic(), time.monotonic(), math.nan
    step = 0
    while spent < minutes * 60:
        lines, labels = next(batches)
        done = spent / (minutes * 60)
        rate = 2e-3 * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16):
            scores = net(lines.contiguous(memory_format=torch.channels_last))
        loss = loss_of(scores.float(), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        seen += len(labels)
        value = float(loss.detach())
        average = value if math.isnan(average) else 0.98 * average + 0.02 * value
        now = time.monotonic()
        spent += now - last
        last = now
        if step % 50 == 0:
            _log.info("%s %.1f min, %d lines, rate %.1e, loss %.3f", checkpoint.stem, spent / 60, seen, rate, average)
        if step % _EXCHANGE == 0:
            shared.exchange(net)
        if helper:
            continue
        if now - saved > 180 or spent >= minutes * 60:
            _save(checkpoint, net, optimiser, spent, seen)
            saved = now
    net.eval()


class _Shared:
    """Weights that processes which learn the same network exchange: each goes on from the mean of its own and another's.

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


def _save(checkpoint: Path, net: nn.Module, optimiser: torch.optim.Optimizer, spent: float, seen: int) -> None:
    partial = checkpoint.with_suffix(".part")
    kept = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "seconds": spent, "lines": seen}
    torch.save(kept, partial)
    partial.replace(checkpoint)


def export(net: nn.Module, path: Path, meta: Mapping[str, Any], name: str) -> Path:
    """Write ``net`` as ONNX with ``meta`` inside, weights as float16, computed in float32.

    Raises:
        WeightsError: The ``onnx`` package of the build extra is missing.
    """
    try:
        import onnx
    except ImportError as error:
        raise WeightsError("exporting needs the onnx package: pip install 'whence[build]'") from error
    from detectors.onnx_half import halved

    net = net.eval().float()
    wide = path.with_suffix(".wide.onnx")
    out = {0: "n", 1: "steps"} if name == "reader" else {0: "n"}
    torch.onnx.export(
        net,
        (torch.zeros(1, 1, HEIGHT, 64),),
        str(wide),
        input_names=["lines"],
        output_names=["scores"],
        dynamic_axes={"lines": {0: "n", 3: "width"}, "scores": out},
        dynamo=False,
        opset_version=17,
    )
    model = halved(onnx.load(wide))
    for key, value in meta.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value, ensure_ascii=False)
    onnx.save(model, path)
    wide.unlink()
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """``python -m detectors.train_reader OUT --pool DIR --minutes M --grounds DIR ...``."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--fill"]:
        from detectors.render_text import Grounds

        _, name, pool, seed, *folders = given
        mix = CLASSIFIER_MIX if name == "script" else READER_MIX
        fill(Path(pool), mix, 10**6 // SHARD, Grounds([Path(f) for f in folders]), seed=int(seed))
        return
    if given[:1] == ["--help-with"]:
        _, name, out, pool, minutes, seed, number = given
        _train_one(name, Path(out), Path(pool), float(minutes), True, int(seed), int(number))
        return
    import argparse

    parser = argparse.ArgumentParser(description="Train the script classifier and the line recogniser.")
    parser.add_argument("out", type=Path, help="folder of checkpoints and ONNX files")
    parser.add_argument("--pool", type=Path, required=True, help="folder of rendered lines")
    parser.add_argument("--minutes", type=float, default=100.0, help="time for both")
    parser.add_argument("--grounds", type=Path, nargs="*", default=[], help="folders of photos to write on")
    parser.add_argument("--what", nargs="+", choices=("script", "reader"), default=["script", "reader"])
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
        helpers=args.helpers,
        seed=args.seed,
    )


if __name__ == "__main__":
    main()
