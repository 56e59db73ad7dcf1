"""Which words are common words of a living language, for the gazetteer's build.

``wordfreq``'s words that the hunspell dictionary of that language accepts *in lower case*: dictionaries write proper
names with a capital, so "nice" is an English word and "madrid" is none of Spanish. German capitalises every noun:
there a capitalised entry counts as a word unless a city, or a place where German is spoken, bears that name.
Languages without a dictionary or without capitals count their words unless a city bears that name.
"""

from __future__ import annotations

import math
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from data.folding import fold

__all__ = ["Language", "language_tables", "phrase", "word_tables"]

WORD_ZIPF = 2.5
"""Words rarer than this (occurrences in 10^9, log10) are not kept as common words."""
CITY_DISCOUNT, CITY_RIVALS = 1.5, 2
"""A dictionary word that is also a city's name, and that is less frequent in its language than in the second of those
where it is no word, counts as 1.5 rarer than it is: "milano" is a kite in Spanish, and the city before all."""
PROPER_MAJORITY = 2
"""A city's name is no word at all where this many times more dictionaries know it as a name only: "paris" is
accepted in lower case by a few of them, by a rule."""
LOCAL_MENTION = 1.5
"""A name is used elsewhere this much less (log10) than in the language that uses it most, if no other tells."""
NOUN_CAPITALISERS = frozenset({"de"})
NAMES_IN_LOWER_CASE = frozenset({"pt"})
"""Languages whose dictionary lists "lisboa" too: there, cities' names are no words."""
UNCHECKED = frozenset({"id", "ms", "fil", "fi", "is", "ar", "hi", "bn", "ta", "ur", "mk", "ja", "zh"})
"""Languages of wordfreq without a dictionary here: their words count unless a city bears that name."""
DICTIONARY_OF = {"sh": "hr"}


def _accepted(words: list[str], dictionary: Path) -> set[str]:
    """Which of ``words`` the hunspell dictionary in the folder ``dictionary`` accepts exactly as written."""
    done = subprocess.run(
        ["hunspell", "-i", "utf-8", "-l", "-d", str(dictionary / "index")],
        input="\n".join(words) + "\n", capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    return set(words) - set(done.stdout.split("\n"))


@dataclass
class Language:
    """What one language says about words: folded word -> zipf, for the names' words, and for its common words."""

    zipf: dict[str, float]
    common: dict[str, float]
    nouns: dict[str, float]
    proper: set[str]
    has_dictionary: bool


def _language(language: str, dictionaries: Path, needed: set[str], cities: set[str]) -> Language:
    import wordfreq

    folder = dictionaries / f"dictionary-{DICTIONARY_OF.get(language, language)}"
    zipf = {w: math.log10(f) + 9 for w, f in wordfreq.get_frequency_dict(language).items() if f > 1e-8}
    likely = [w for w, z in zipf.items() if z >= WORD_ZIPF and not w.isdigit()]
    # Capitals tell names from words; a script without them needs the list of cities.
    cased = [w for w in likely if w != w.upper()]
    common = {w for w in likely if w == w.upper() and fold(w) not in cities}
    titled: set[str] = set()
    proper: set[str] = set()
    if folder.is_dir():
        accepted = _accepted(cased, folder)
        # "paris" is French for bets, by a rule of the dictionary; "Paris" has its own entry, and is what is counted.
        entries = _entries(folder)
        accepted -= {w for w in accepted if w not in entries and w.capitalize() in entries}
        common |= {w for w in accepted if fold(w) not in cities} if language in NAMES_IN_LOWER_CASE else accepted
        titles = {w: w.capitalize() for w in cased if w not in accepted}
        if language not in NOUN_CAPITALISERS:
            titles = {w: title for w, title in titles.items() if fold(w) in cities}
        capitalised = _accepted(list(titles.values()), folder)
        titled = {w for w, title in titles.items() if title in capitalised}
        proper = {fold(w) for w in titled} & cities
    elif language in UNCHECKED:
        common |= {w for w in cased if fold(w) not in cities}
    return Language(
        _folded({w: z for w, z in zipf.items() if w in needed or not w.isascii()}, needed),
        _folded({w: zipf[w] for w in common}),
        _folded({w: zipf[w] for w in titled}),
        proper,
        folder.is_dir(),
    )


def _entries(dictionary: Path) -> set[str]:
    """Head words of a hunspell dictionary, without their flags."""
    lines = (dictionary / "index.dic").read_text(encoding="utf-8").splitlines()[1:]
    return {line.split("/")[0].split("\t")[0].strip() for line in lines}


def _folded(zipf: dict[str, float], keep: set[str] | None = None) -> dict[str, float]:
    out: dict[str, float] = {}
    for word, z in zipf.items():
        key = fold(word)
        if key and (keep is None or key in keep):
            out[key] = max(z, out.get(key, 0.0))
    return out


def language_tables(
    dictionaries: Path, needed: set[str], cities: set[str], german_names: set[str]
) -> dict[str, Language]:
    """What each language of wordfreq says about words.

    Args:
        dictionaries: Folder with npm's ``dictionary-xx`` packages.
        needed: Folded words that names are made of: only these are looked up "as anything".
        cities: Folded names of large places.
        german_names: Folded main names of the places where German is spoken.
    """
    import wordfreq

    languages = {
        code: _language(code, dictionaries, needed, cities) for code in sorted(wordfreq.available_languages("best"))
    }
    for code in NOUN_CAPITALISERS:
        language = languages[code]
        language.common.update({w: z for w, z in language.nouns.items() if w not in german_names and w not in cities})
    return languages


def word_tables(languages: dict[str, Language], cities: set[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Folded word -> highest zipf frequency as a common word, and as anything at all away from its place.

    The latter is the third highest of the languages, or ``LOCAL_MENTION`` below the highest: a city is named most in
    its own language, and that is no use of its name elsewhere.
    """
    common: dict[str, float] = {}
    heard: dict[str, list[float]] = defaultdict(list)
    for language in languages.values():
        for word, z in language.zipf.items():
            heard[word].append(z)
    for code, language in languages.items():
        others = [other for c, other in languages.items() if c != code and other.has_dictionary]
        for word, z in language.common.items():
            if word in cities:
                named = sum(word in other.proper for other in others)
                if named >= PROPER_MAJORITY * (1 + sum(word in other.common for other in others)):
                    continue
                rivals = sorted(other.zipf.get(word, 0.0) for other in others if word not in other.common)
                if len(rivals) >= CITY_RIVALS and z < rivals[-CITY_RIVALS]:
                    z -= CITY_DISCOUNT
            common[word] = max(z, common.get(word, 0.0))
    third = {word: sorted(z)[-3] if len(z) >= 3 else 0.0 for word, z in heard.items()}
    return common, {word: max(third[word], max(z) - LOCAL_MENTION, 0.0) for word, z in heard.items()}


def phrase(folded: str, table: dict[str, float], step: float) -> float:
    """Zipf frequency of a phrase: its rarest word's, less ``step`` for each further word; 0 if a word is missing."""
    values = [table.get(word, 0.0) for word in folded.split(" ")]
    return max(0.0, min(values) - step * (len(values) - 1)) if min(values) > 0 else 0.0
