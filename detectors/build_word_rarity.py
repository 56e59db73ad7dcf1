"""Write the table of how frequent words are (``detectors.word_rarity``): ``python -m detectors.build_word_rarity``.

Words and frequencies are wordfreq's (Robyn Speer; Apache 2.0, data CC BY-SA 4.0), of all its languages: surnames, given
names and firms are among them. Of a word that several languages have, the highest frequency counts. Words of streets
and shops (``language.sign_words.tsv``), which running text has seldom, count as ``ON_SIGNS_ZIPF`` at least.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np

from data.folding import fold
from data.writing import write_whole
from detectors.language_words import sign_words
from detectors.word_rarity import LEAST_ZIPF, STEPS, WORDS_PATH

__all__ = ["main"]

ON_SIGNS_ZIPF = 4.0


def main() -> None:
    """Write the table and print its sha256."""
    import hashlib

    content = _packed(_frequencies())
    write_whole(WORDS_PATH, content)
    print(WORDS_PATH, len(content), hashlib.sha256(content).hexdigest())


def _frequencies() -> dict[str, float]:
    """Folded word to its highest Zipf frequency, log10 of occurrences in 10^9 words."""
    import wordfreq

    zipf: dict[str, float] = {}
    for language in sorted(wordfreq.available_languages("best")):
        for word, frequency in wordfreq.get_frequency_dict(language, "best").items():
            value = math.log10(frequency) + 9.0
            key = fold(word)
            if value >= LEAST_ZIPF and key and " " not in key and not key.isdigit():
                zipf[key] = max(value, zipf.get(key, 0.0))
    for words in sign_words().values():
        for key in {part for word in words for part in fold(word).split()}:
            if len(key) >= 3 and not key.isdigit():
                zipf[key] = max(ON_SIGNS_ZIPF, zipf.get(key, 0.0))
    return zipf


def _packed(zipf: dict[str, float]) -> bytes:
    from safetensors.numpy import save

    hashed: dict[int, float] = {}
    for word, value in zipf.items():
        number = zlib.crc32(word.encode())
        hashed[number] = max(value, hashed.get(number, 0.0))
    numbers = np.array(sorted(hashed), np.uint32)
    values = np.array([round(hashed[int(n)] * STEPS) for n in numbers], np.uint8)
    return bytes(save({"hash": numbers, "zipf": values}, {"source": Path(__file__).name}))


if __name__ == "__main__":
    main()
