"""Compile the shipped table of regional wording: ``python -m detectors.build_wording``.

Reads ``assets/wording.source.tsv`` (by hand) and adds to each phrase how common its words are in other languages than
those of its places, against these: an Irish "na" is Polish too. Frequencies come from wordfreq, folded as readings
are. Needs the ``build`` extra. Deterministic; about a minute.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.folding import fold, joined, tokens
from detectors.language_model import load_model
from detectors.script import script_of
from detectors.territories import region_languages, sign_languages

__all__ = ["main"]

ASSETS = Path(__file__).parent / "assets"
_HOME_SHARE = 0.1  # a language of at least this share of a place's signs is one of its own
_UNLISTED = 1e-6  # what a word that no list of its own language holds counts as
_LEAST, _MOST = 0.002, 100.0  # ratios below are dropped, above are no more telling
_HOMONYM, _MENTION = 5.0, 0.03  # a name this much commoner in another language is another word there
_SHORTEST_NAME = 4
# Names of countries that are also names of people, towns, goods or other countries.
_NO_NAMES = frozenset(
    [
        "chad",
        "jordan",
        "georgia",
        "turkey",
        "jersey",
        "guinea",
        "mali",
        "niger",
        "cuba",
        "china",
        "india",
        "man",
        "guam",
        "norfolk",
    ]
)
_SHORTEST = {"Latn": 3, "Cyrl": 3, "Grek": 3, "Arab": 3}  # letters of what is written in any way; elsewhere 2


def _frequencies() -> dict[str, dict[str, float]]:
    """Language to folded word to frequency."""
    import wordfreq  # the build extra

    out: dict[str, dict[str, float]] = {}
    for code in sorted(wordfreq.available_languages("small")):
        table: dict[str, float] = {}
        for word, frequency in wordfreq.get_frequency_dict(code, "small").items():
            key = fold(word)
            table[key] = table.get(key, 0.0) + frequency
        out[code] = table
    return out


def _home_languages(places: Sequence[str], script: str) -> set[str]:
    """Languages of ``places`` that are written in ``script``."""
    signs, written = sign_languages(), load_model().languages_of(script)
    own: set[str] = set()
    for place in places:
        shares = region_languages().get(place, signs.get(place[:2], {}))
        own |= {code for code, share in shares.items() if share >= _HOME_SHARE and code != "en"}
        if shares.get("en", 0.0) > 0.35:
            own.add("en")
    return {code for code in own if code in written or not written}


def _foreign(words: Sequence[str], home: set[str], tables: dict[str, dict[str, float]]) -> dict[str, float]:
    """Language to how often it has ``words`` against the languages of home: the product over the words."""
    own = [max([tables[c].get(w, 0.0) for c in home if c in tables] + [_UNLISTED]) for w in words]
    out = {}
    for code, table in tables.items():
        if code in home:
            continue
        ratio = 1.0
        for word, at_home in zip(words, own, strict=True):
            ratio *= min(table.get(word, 0.0) / at_home, _MOST)
        if ratio >= _LEAST:
            out[code] = min(ratio, _MOST)
    return out


def _country_names() -> Iterator[tuple[str, list[str]]]:
    """Country and its names in English and in its own languages (CLDR)."""
    from babel import Locale, UnknownLocaleError

    english = Locale.parse("en").territories
    for country, signs in sign_languages().items():
        names = [english[country]] if country in english else []
        for code, share in signs.items():
            if share >= _HOME_SHARE and code != "en":
                try:
                    names.append(Locale.parse(code).territories.get(country, ""))
                except (UnknownLocaleError, ValueError):
                    continue
        kept = [n for n in dict.fromkeys(names) if len(joined(fold(n))) >= _SHORTEST_NAME and fold(n) not in _NO_NAMES]
        if kept:
            yield country, [n.lower() for n in kept if "|" not in n]


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: write ``assets/wording.tsv``."""
    parser = argparse.ArgumentParser(prog="python -m detectors.build_wording", description=__doc__)
    parser.add_argument("--source", type=Path, default=ASSETS / "wording.source.tsv")
    parser.add_argument("--out", type=Path, default=ASSETS / "wording.tsv")
    options = parser.parse_args(argv)
    tables = _frequencies()
    rows, dropped = [], []
    by_hand = options.source.read_text(encoding="utf-8").splitlines()
    listed = {joined(fold(phrase)) for line in by_hand for phrase in line.rpartition("\t")[2].split("|")}
    names = (
        "name\t" + country + "\t" + "|".join(n for n in names if joined(fold(n)) not in listed)
        for country, names in _country_names()
    )
    for line in [*by_hand, *names]:
        if line.startswith("#") or not line.strip():
            continue
        kind, places, phrases = line.split("\t")
        codes = [code for code, _, weight in (x.partition(":") for x in places.split()) if float(weight or 1) >= 0.5]
        if kind == "pattern":
            rows.append(f"{kind}\t{places}\t{phrases}\t\t")
            continue
        for phrase in dict.fromkeys(phrases.split("|")):
            bare = phrase.strip("^$")
            words = [word for word, _, _ in tokens(bare)]
            key = joined(fold(bare))
            exact = any(c.isupper() or c in "()" for c in bare) or phrase != bare
            script = script_of(bare)
            home = _home_languages(codes, script)
            if not any(c.isalpha() for c in bare) or (not exact and len(key) < _SHORTEST.get(script, 2)):
                dropped.append(phrase)
                continue
            if kind == "legal":  # an abbreviation is no word of a language, unless it reads as one
                words = [key]
            foreign = {} if kind == "legal" and exact else _foreign(words, home, tables)
            if kind in ("body", "name"):  # a name that other languages mention as often is the same name
                foreign = {code: r * (_MENTION if r <= _HOMONYM else 1.0) for code, r in foreign.items()}
            text = " ".join(f"{code}:{ratio:.3g}" for code, ratio in sorted(foreign.items()))
            own = " ".join(sorted(home))
            rows.append(f"{kind}\t{places}\t{phrase}\t{own}\t{text}")
    head = "# Made by `python -m detectors.build_wording`: kind, places, phrase, own languages, ratios of others.\n"
    options.out.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{options.out}: {len(rows)} phrases; too short: {' '.join(dropped)}")


if __name__ == "__main__":
    main()
