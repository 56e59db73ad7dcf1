"""Train the shipped language model from word lists: ``python -m detectors.build_language --dictionaries DIR``.

Words come from wordfreq (with frequencies), simplemma, hunspell dictionaries and CLDR, and from
``assets/language.sign_words.tsv``. DIR holds the hunspell dictionaries as ``<language>.dic``; SOURCES.md has the
commands that fetch them. One word in fifty is held out, for the temperatures and the figures that are printed.
Needs the ``build`` extra. Deterministic on one machine; about ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.language_model import _LONGEST, MISREAD, NOISE, fold_word, hashed_ngrams
from detectors.language_words import Slips, WordList, noise_words, word_lists

__all__ = ["ScriptPlan", "main", "train"]

ASSET = Path(__file__).parent / "assets" / "language.safetensors"
SEED = 20240607


@dataclass(frozen=True)
class ScriptPlan:
    """How one script is trained."""

    script: str
    languages: tuple[str, ...]
    bits: int  # log2 of the number of buckets
    words_per_language: int  # sampled afresh for each epoch
    epochs: int


_LATIN = (
    "en", "es", "fr", "de", "it", "pt", "nl", "ca", "gl", "eu", "da", "sv", "nb", "fi", "is", "fo", "et", "lv", "lt",
    "pl", "cs", "sk", "sl", "sh", "sq", "hu", "ro", "tr", "az", "uz", "id", "ms", "fil", "vi", "sw", "af", "mt", "ga",
    "cy", "lb", "so", *MISREAD,
)  # fmt: skip
_CYRILLIC = ("ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "mn", "tg", "uz")

PLANS = (
    ScriptPlan("Latn", _LATIN, bits=16, words_per_language=25_000, epochs=4),
    ScriptPlan("Cyrl", _CYRILLIC, bits=15, words_per_language=30_000, epochs=3),
    ScriptPlan("Arab", ("ar", "fa", "ur", "ps", "ckb", "ug", "sd"), bits=14, words_per_language=30_000, epochs=3),
    ScriptPlan("Deva", ("hi", "mr", "ne"), bits=14, words_per_language=30_000, epochs=3),
)
NOISE_SHARE = 4  # the noise class is this many times as large as a language; its bias is corrected for that


def is_held_out(word: str) -> bool:
    """Whether ``word`` belongs to the fiftieth that is never trained on."""
    return zlib.crc32(word.encode()) % 50 == 0


def sample(
    lists: Sequence[WordList], plan: ScriptPlan, rng: np.random.Generator, *, held_out: bool, per_language: int
) -> tuple[list[str], NDArray[np.int64]]:
    """Words and their class indices, with OCR's slips; noise is the last class."""
    slips = Slips(rng, lists)
    words: list[str] = []
    labels: list[NDArray[np.int64]] = []
    for index, words_of_language in enumerate(lists):
        mask = np.array([is_held_out(w) for w in words_of_language.words]) & ~words_of_language.always
        p = words_of_language.p * (mask if held_out else ~mask)
        drawn = rng.choice(len(p), size=per_language, p=p / p.sum())
        words += [fold_word(slips.light(words_of_language.words[i])) for i in drawn]
        labels.append(np.full(per_language, index))
    noise = per_language * NOISE_SHARE
    words += [fold_word(w) for w in noise_words(lists, plan.script, noise, rng, slips)]
    labels.append(np.full(noise, len(lists)))
    return words, np.concatenate(labels)


def features(words: Sequence[str], buckets: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All features of ``words`` in one flat array, and the (N + 1,) offsets where each word's begin."""
    lengths = np.array([len(w) for w in words])
    parts: list[NDArray[np.int64] | None] = [None] * len(words)
    for length in np.unique(lengths):
        where = np.flatnonzero(lengths == length).tolist()
        text = "".join(f"\x02{words[i]}\x03" for i in where)
        codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).reshape(len(where), length + 2)
        for i, row in zip(where, hashed_ngrams(codes, buckets), strict=True):
            parts[i] = row
    rows = [p for p in parts if p is not None]
    return np.concatenate(rows), np.concatenate([[0], np.cumsum([len(r) for r in rows])])


def train(plan: ScriptPlan, lists: Sequence[WordList]) -> dict[str, NDArray[np.generic]]:
    """Weights, scale, bias and temperatures of one script's table."""
    import torch
    from torch import nn

    rng = np.random.default_rng([SEED, zlib.crc32(plan.script.encode())])
    torch.manual_seed(SEED)
    buckets, classes = 2**plan.bits, len(lists) + 1
    table = nn.EmbeddingBag(buckets, classes, mode="sum")
    nn.init.zeros_(table.weight)
    bias = nn.Parameter(torch.zeros(classes))
    optimiser = torch.optim.Adam([table.weight, bias], lr=0.05)
    batch = 4096
    steps_per_epoch = (plan.words_per_language * (len(lists) + NOISE_SHARE)) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.05, total_steps=plan.epochs * steps_per_epoch + 1)
    for epoch in range(plan.epochs):
        start = time.perf_counter()
        words, labels = sample(lists, plan, rng, held_out=False, per_language=plan.words_per_language)
        flat, offsets = features(words, buckets)
        counts = np.diff(offsets)
        order = rng.permutation(len(words))
        losses = []
        for step in range(steps_per_epoch):
            chosen = order[step * batch : (step + 1) * batch]
            n = counts[chosen]
            index = np.concatenate([flat[offsets[i] : offsets[i + 1]] for i in chosen])
            starts = torch.from_numpy(np.concatenate([[0], np.cumsum(n)[:-1]]))
            logits = table(torch.from_numpy(index), starts) / torch.from_numpy(n).float().sqrt()[:, None] + bias
            loss = nn.functional.cross_entropy(logits, torch.from_numpy(labels[chosen]))
            # Weights shrink towards 0 so that a bucket seen once says little.
            penalty = 2e-7 * (table.weight**2).sum()
            optimiser.zero_grad()
            (loss + penalty).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        seconds = time.perf_counter() - start
        print(f"{plan.script} epoch {epoch + 1}: loss {np.mean(losses[-100:]):.3f}, {seconds:.0f} s", flush=True)
    weight = table.weight.detach().numpy()
    scale = np.maximum(np.quantile(np.abs(weight), 0.9999, axis=0), 1e-6) / 127.0
    prior = _prior(lists)
    model = {
        "weights": np.clip(np.rint(weight / scale), -127, 127).astype(np.int8),
        "scale": scale.astype(np.float32),
        "bias": (bias.detach().numpy() - prior).astype(np.float32),
        "temperature": np.ones(_LONGEST, dtype=np.float32),
    }
    model["temperature"] = calibrate(model, plan, lists, rng)
    return model


def _prior(lists: Sequence[WordList]) -> NDArray[np.float64]:
    """(C,) how much likelier a class makes a word in training than on signs, in nats."""
    # What a short list has of a language it has too often.
    return np.array([*(-np.log(words.coverage) for words in lists), np.log(NOISE_SHARE)])


def _held_out_logits(
    model: dict[str, NDArray[np.generic]], plan: ScriptPlan, lists: Sequence[WordList], rng: np.random.Generator
) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64]]:
    words, labels = sample(lists, plan, rng, held_out=True, per_language=1500)
    flat, offsets = features(words, 2**plan.bits)
    weights = model["weights"].astype(np.float32) * model["scale"].astype(np.float32)
    sums = np.stack([weights[flat[a:b]].sum(0) / np.sqrt(b - a) for a, b in itertools.pairwise(offsets)])
    return words, labels, (sums + model["bias"]).astype(np.float64)


def calibrate(
    model: dict[str, NDArray[np.generic]], plan: ScriptPlan, lists: Sequence[WordList], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Temperatures by length that fit held-out words best; prints how well the words are told apart."""
    words, labels, logits = _held_out_logits(model, plan, lists, rng)
    prior = _prior(lists)
    lengths = np.minimum([len(w) for w in words], _LONGEST)
    temperature = np.ones(_LONGEST, dtype=np.float32)
    grid = np.geomspace(0.5, 6.0, 60)

    def loss(at: NDArray[np.bool_], t: float) -> float:
        z = logits[at] / t + prior
        z -= z.max(1, keepdims=True)
        return float((np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels[at]]).mean())

    for length in range(1, _LONGEST + 1):
        at = np.abs(lengths - length) <= (0 if length < 12 else 3)
        if at.sum() >= 200:
            temperature[length - 1] = grid[int(np.argmin([loss(at, t) for t in grid]))]
        elif length > 1:
            temperature[length - 1] = temperature[length - 2]
    z = logits / temperature[lengths - 1][:, None]
    language = labels < len(lists)
    right = z[:, :-1].argmax(1) == labels
    top3 = (np.argsort(-z[:, :-1], axis=1)[:, :3] == labels[:, None]).any(1)
    called_noise = z.argmax(1) == len(lists)
    print(f"{plan.script}: held-out words, {len(lists)} languages, chance {1 / len(lists):.1%}")
    for low, high in ((2, 3), (4, 5), (6, 7), (8, 9), (10, 12), (13, _LONGEST)):
        at = language & (lengths >= low) & (lengths <= high)
        noise = ~language & (lengths >= low) & (lengths <= high)
        print(
            f"  {low:2}-{high:2} letters: top-1 {right[at].mean():.1%} top-3 {top3[at].mean():.1%} "
            f"taken for noise {called_noise[at].mean():.1%}; noise known as noise "
            f"{called_noise[noise].mean() if noise.any() else float('nan'):.1%}; T {temperature[low - 1]:.2f}"
        )
    by_language = {w.language: float(right[labels == i].mean()) for i, w in enumerate(lists)}
    print("  top-1 by language:", " ".join(f"{k} {v:.0%}" for k, v in sorted(by_language.items(), key=lambda x: -x[1])))
    return temperature


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: train all scripts and write ``assets/language.safetensors``."""
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser(prog="python -m detectors.build_language", description=__doc__)
    parser.add_argument("--dictionaries", type=Path, required=True, help="folder of <language>.dic hunspell files")
    parser.add_argument("--out", type=Path, default=ASSET)
    parser.add_argument("--scripts", nargs="*", default=[p.script for p in PLANS], help="train these only (a trial)")
    options = parser.parse_args(argv)
    tensors: dict[str, NDArray[np.generic]] = {}
    labels: dict[str, list[str]] = {}
    for plan in PLANS:
        if plan.script not in options.scripts:
            continue
        lists = word_lists(plan.script, plan.languages, options.dictionaries)
        for name, tensor in train(plan, lists).items():
            tensors[f"{plan.script}.{name}"] = np.ascontiguousarray(tensor)
        labels[plan.script] = [*plan.languages, NOISE]
    save_file(tensors, options.out, metadata={"labels": json.dumps(labels), "seed": str(SEED)})
    options.out.chmod(0o644)  # safetensors writes for the owner only; a package is read by others too
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
