"""Measures how OCR misreads lines and writes ``assets/slips.json``, which :mod:`fusion.slips` reads.

    python -m fusion.build_slips --keep /tmp/slips.jsonl

Lines of known text are rendered as signs look in photos (``detectors.render_text``: sizes of 9 to 64 pixels, blur,
noise, slant, shadow, JPEG), read by the engine that ships, and aligned with what they say. Needs the extra ``build``
and Debian's ``fonts-dejavu`` and ``fonts-liberation``: no other font is used, so that the table does not depend on what
else is installed. Four hundred lines take about a minute of a core; with ``--keep`` they are read once.

Not measured: lines that the text detector does not find at all, and scripts that those fonts lack.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.opencv import opencv
from detectors.ocr import ReadingConfig
from detectors.rapid import RapidEngine
from detectors.render_fonts import FONT_FOLDER, Face
from detectors.render_text import Grounds, render
from detectors.render_words import line_text
from detectors.script import script_of
from fusion.slips import (
    CLASSES,
    CONFIDENCE_EDGES,
    MOST,
    QUANTILES,
    SHORT,
    SLIPS_PATH,
    WRONG_EDGES,
    letter_class,
    unaccented,
)

__all__ = ["Line", "aligned", "read_lines", "table_of"]

LINES: Final[Mapping[str, int]] = MappingProxyType({"Latn": 1700, "Cyrl": 300, "Grek": 150, "Arab": 50, "Hebr": 25})
_OURS: Final = frozenset({"Cyrl", "Grek"})  # learnt by our own network, which must not know the words
_FAMILIES: Final = ("DejaVu", "Liberation")
_BATCH: Final = 25
_PHOTO: Final = 3  # lines that are read together
_LEAST_SEEN: Final = 3  # a letter seen less often is as its class
_MOST_READ: Final = 6  # different misreadings kept of one letter


@dataclass(frozen=True)
class Line:
    """A rendered line and what was read.

    Attributes:
        script: What it was rendered as.
        text: What it says.
        read: What was read; empty where nothing was.
        confidence: Of the reading.
        seen: Script that was seen where nothing was read, else empty.
    """

    script: str
    text: str
    read: str
    confidence: float
    seen: str


def faces(script: str, folder: Path = FONT_FOLDER) -> list[Face]:
    """The faces of the two families that hold the script's commonest letters."""
    # Lazy: extra ``build``.
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools").setLevel(logging.ERROR)
    needed = {"Latn": "Aaéß", "Cyrl": "Жыя", "Grek": "Ωάή", "Arab": "ابج", "Hebr": "אבש"}[script]
    found = []
    for path in sorted(folder.rglob("*.ttf"), key=lambda p: p.name):
        if not path.stem.startswith(_FAMILIES) or "MathTeX" in path.stem:
            continue
        with TTFont(path, fontNumber=0, lazy=True) as font:
            face = Face(path, path.stem.split("-")[0], frozenset(font.getBestCmap() or ()))
        if face.has(needed):
            found.append(face)
    if not found:
        sys.exit(f"no font for {script} under {folder}: install Debian's fonts-dejavu and fonts-liberation")
    return found


def read_lines(seed: int) -> Iterator[Line]:
    """Render and read :data:`LINES`; a batch of a script depends on the seed and its number only."""
    opencv().setNumThreads(1)
    engine, grounds = RapidEngine(threads=1), Grounds()
    fonts_of = {script: faces(script) for script in LINES}
    for batch in range(-(-max(LINES.values()) // _BATCH)):
        for number, (script, count) in enumerate(LINES.items()):
            fonts = fonts_of[script]
            rng = np.random.default_rng([seed, number, batch])
            images: list[NDArray[np.uint8]] = []
            texts: list[str] = []
            while len(images) < min(_BATCH, count - batch * _BATCH):
                text = unicodedata.normalize("NFC", line_text(script, rng, for_measuring=script in _OURS)).strip()
                face = fonts[int(rng.integers(len(fonts)))]
                image = render(text, face, rng, grounds) if text and face.has(text) else None
                if image is not None:
                    images.append(image)
                    texts.append(text)
            # Lines of one photo vouch for each other's script: a photo has few.
            found = [one for at in range(0, len(images), _PHOTO) for one in engine.recognise(images[at : at + _PHOTO])]
            for text, (read, confidence, *seen) in zip(texts, found, strict=True):
                read = unicodedata.normalize("NFC", read).strip()
                yield Line(script, text, read, float(confidence), "" if read else "".join(map(str, seen)))


def aligned(text: str, read: str) -> list[tuple[str, str]]:
    """Pairs (true, read) of single letters, one of them empty where a letter was lost or added.

    Of the cheapest alignments the one that pairs letters of the same base or case first.

    >>> aligned("Café 9", "Cate9")
    [('C', 'C'), ('a', 'a'), ('f', 't'), ('é', 'e'), (' ', ''), ('9', '9')]
    """
    rows, columns = len(text) + 1, len(read) + 1
    cost = np.zeros((rows, columns)).tolist()
    for i in range(rows):
        for j in range(columns):
            if not i or not j:
                cost[i][j] = float(i + j)
                continue
            cost[i][j] = min(
                cost[i - 1][j - 1] + _change(text[i - 1], read[j - 1]), cost[i - 1][j] + 1.0, cost[i][j - 1] + 1.0
            )
    i, j = rows - 1, columns - 1
    pairs: list[tuple[str, str]] = []
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + _change(text[i - 1], read[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((text[i], read[j]))
        elif i and cost[i][j] == cost[i - 1][j] + 1.0:
            i -= 1
            pairs.append((text[i], ""))
        else:
            j -= 1
            pairs.append(("", read[j]))
    return pairs[::-1]


def _change(a: str, b: str) -> float:
    if a == b:
        return 0.0
    if " " in (a, b):
        return 1.75
    return 0.75 if _base(a) == _base(b) else 1.0


def _base(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter)[0].casefold()


def table_of(lines: Sequence[Line], least: float) -> dict[str, Any]:
    """The table of :mod:`fusion.slips`, of lines whose readings below the confidence ``least`` are dropped."""
    scripts: dict[str, Any] = {}
    read: dict[str, list[tuple[Line, int, list[tuple[str, str]]]]] = defaultdict(list)
    for script in dict.fromkeys(line.script for line in lines):
        own = [line for line in lines if line.script == script]
        kept = [line for line in own if line.read and line.confidence >= least]
        lost = len(own) - len(kept)
        for line in kept:
            level = int(np.searchsorted(CONFIDENCE_EDGES, line.confidence, side="right"))
            read[script].append((line, level, aligned(line.text, line.read)))
        scripts[script] = {
            "lines": len(own),
            "lost": [_round(rate) for rate in _lost(own, kept)],
            "wrong": _round(wrong_share([pair for _, _, pairs in read[script] for pair in pairs])),
            "seen": _round(sum(bool(line.seen) for line in own if line not in kept) / max(lost, 1)),
            "levels": _levels([(level, pairs) for _, level, pairs in read[script]]),
        }
    everything = [item for items in read.values() for item in items]
    letters, classes = _letters(everything, scripts)
    for script, items in read.items():
        _fit(scripts[script]["levels"], items, letters, classes)
    accents = [(a, b) for _, _, pairs in everything for a, b in pairs if a and a != b and letter_class(a) == "accented"]
    return {
        "scripts": scripts,
        "letters": letters,
        "classes": classes,
        "base": _round(sum(bool(b) and unaccented(a) == b for a, b in accents) / max(len(accents), 1)),
        "added": _top(Counter(b for _, _, pairs in everything for a, b in pairs if not a), 40),
        "confidence": _confidence([(line.confidence, wrong_share(pairs)) for line, _, pairs in everything]),
    }


def _lost(lines: Sequence[Line], kept: Sequence[Line]) -> list[float]:
    """Share of lost lines by length; five lines at the script's own rate are put beside each."""
    rate = 1.0 - len(kept) / len(lines)
    everything, read = (
        np.bincount(np.searchsorted(SHORT, [len(line.text) for line in some], side="left"), minlength=len(SHORT) + 1)
        for some in (lines, kept)
    )
    return ((everything - read + 5.0 * rate) / (everything + 5.0)).tolist()  # type: ignore[no-any-return]


def wrong_share(pairs: Sequence[tuple[str, str]]) -> float:
    """Slips for each letter of the text."""
    return sum(a != b for a, b in pairs) / max(sum(bool(a) for a, _ in pairs), 1)


def _levels(lines: Sequence[tuple[int, Sequence[tuple[str, str]]]]) -> list[list[float]]:
    """For each level of confidence: share of the lines, wrong letters, lost spaces, added letters."""
    levels = []
    overall = Counter(_kind(a, b) for _, pairs in lines for a, b in pairs)
    for level in range(len(CONFIDENCE_EDGES) + 1):
        own = [pairs for at, pairs in lines if at == level]
        count = Counter(_kind(a, b) for pairs in own for a, b in pairs)
        # Spaces are few: half a dozen of the script's own are put beside each level's.
        spaces = 6.0 * overall["lost space"] / max(overall["space"] + overall["lost space"], 1)
        letters = count["letter"] + count["wrong"]
        levels.append(
            [
                _round(len(own) / len(lines)),
                _round(count["wrong"] / max(letters, 1)),
                _round((count["lost space"] + spaces) / (count["space"] + count["lost space"] + 6.0)),
                _round(count["added"] / max(letters + count["space"] + count["lost space"], 1)),
            ]
        )
    return levels


def _kind(a: str, b: str) -> str:
    if not a:
        return "added"
    if a == " ":
        return "space" if a == b else "lost space"
    return "letter" if a == b else "wrong"


def _letters(
    lines: Sequence[tuple[Line, int, Sequence[tuple[str, str]]]], scripts: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """How much likelier than others in the same lines a letter, and each class, goes wrong; and what is read."""
    expected: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    misread: dict[str, Counter[str]] = defaultdict(Counter)
    for line, level, pairs in lines:
        rate = scripts[line.script]["levels"][level][1]
        for a, b in pairs:
            # A Latin word in an Arabic line says nothing of how hard Latin letters are.
            if a and a != " " and script_of(a) in (line.script, "Zyyy"):
                expected[a] += rate
                seen[a] += 1
                if a != b:
                    misread[a][b] += 1
    classes: dict[str, Any] = {}
    for name in CLASSES:
        own = [a for a in seen if letter_class(a) == name]
        wrong = sum(misread[a].total() for a in own)
        odds = (wrong + 1.0) / (sum(expected[a] for a in own) + 1.0)
        total = sum((misread[a] for a in own), Counter[str]())
        classes[name] = [_round(odds), _top(total, 25)]
    letters: dict[str, Any] = {}
    for a in sorted(seen):
        if seen[a] >= _LEAST_SEEN:
            odds = (misread[a].total() + 2.0 * classes[letter_class(a)][0]) / (expected[a] + 2.0)
            letters[a] = [seen[a], _round(odds), _top(misread[a], _MOST_READ)]
    return letters, classes


def _fit(
    levels: list[list[float]],
    lines: Sequence[tuple[Line, int, Sequence[tuple[str, str]]]],
    letters: Mapping[str, Any],
    classes: Mapping[str, Any],
) -> None:
    """Scale a script's rates of wrong letters, in place, until its own letters go wrong as often as they did."""
    letters_of = [(level, a, a != b) for _, level, pairs in lines for a, b in pairs if a.strip()]
    odds = np.array([letters[a][1] if a in letters else classes[letter_class(a)][0] for _, a, _ in letters_of])
    at = np.array([level for level, _, _ in letters_of])
    wrong = sum(slip for _, _, slip in letters_of)
    rates = np.array([rate for _, rate, *_ in levels])
    for _ in range(20):  # no letter goes wrong more surely than MOST, so once is not enough
        expected = np.minimum(rates[at] * odds, MOST).sum()
        rates = np.minimum(rates * (wrong / max(float(expected), 1e-9)), MOST)
    for level, rate in zip(levels, rates.tolist(), strict=True):
        level[1] = _round(rate)


def _top(count: Counter[str], most: int) -> dict[str, int]:
    return dict(sorted(count.items(), key=lambda item: (-item[1], item[0]))[:most])


def _confidence(lines: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Quantiles of the confidence by the share of letters that went wrong."""
    confidence, share = np.array(lines).T
    group = np.searchsorted(WRONG_EDGES, share, side="left")
    own = [confidence[group == k] for k in range(len(WRONG_EDGES) + 1)]
    return [[_round(float(q)) for q in np.quantile(some if some.size else confidence, QUANTILES)] for some in own]


def _round(value: float) -> float:
    return round(value, 5)


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="file that what was read is kept in, and taken from")
    args = parser.parse_args(argv)
    if args.keep and args.keep.exists():
        lines = [Line(*json.loads(row)) for row in args.keep.read_text(encoding="utf-8").splitlines()]
    else:
        lines = []
        for line in read_lines(args.seed):
            lines.append(line)
            if len(lines) % 200 == 0:
                print(f"{len(lines)} lines", file=sys.stderr, flush=True)
        if args.keep:
            rows = [json.dumps([x.script, x.text, x.read, x.confidence, x.seen], ensure_ascii=False) for x in lines]
            args.keep.write_text("\n".join(rows) + "\n", encoding="utf-8")
    table = table_of(lines, ReadingConfig().min_confidence)
    content = json.dumps(table, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
    SLIPS_PATH.write_text(content, encoding="utf-8")
    print(f"{SLIPS_PATH}: {len(content.encode())} bytes, sha256 {hashlib.sha256(content.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
