"""Languages of signs: which countries write what was read.

A line is judged by itself, since a sign, a bus and a T-shirt in one photo need not agree::

    P(line | country) = n P(line | noise) S(country) + (1 - n) sum_l P(line | l) P(l | signs of the country)

against the same sum over the world's photos, where ``n`` is larger the less the OCR engine trusted the line. ``S`` is 1
for scripts that engines see anywhere; for another one it is the country's share of signs in that script against the
world's: a brand or a name that no language knows still shows its letters. Lines of
one language make one clue: what a second line of it adds is less than what the first said, for one shop writes both.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.folding import fold, joined
from detectors.base import Clue, Evidence, Reading, bounding_box
from detectors.dishes import WORLD_WORDS
from detectors.language_model import MISREAD, NOISE, LanguageModel, load_model, word_spans
from detectors.place_words import BRAND_RATE, shop_rate
from detectors.privacy import MASK, mask
from detectors.script import script_of
from detectors.sentences import in_countries, quoted
from detectors.territories import language_name, photo_shares, region_languages, region_shares, sign_languages

__all__ = ["LanguageReader", "LineScores"]

_WORD_NOISE = 0.10  # of the words on a line of a language, this share is read as garbage, or is a name
_WORD_FOREIGN = 0.05  # ... and this share belongs to another language
_LINE_NOISE = 0.5  # of the lines that the engine is certain of, this share is names, brands, acronyms or garbage
_NEXT_LINE = 0.6  # what each further line of a language adds, against the one before it
_MOST_NATS = 10.0  # between the best and the worst country, for one language of one photo
_EVERYWHERE = frozenset({"Latn", "Hani", "Hira", "Kana"})
"""Scripts that engines see where there is no text: Latin in anything, Han and kana in grids and stripes."""
_SEEN_IN_NOTHING = (0.7, 0.3, 0.1)
"""Of lines in another script that no language explains, this share is no text: by the letters of the longest word.

Of the lines in Cyrillic, Greek, Bengali and Devanagari that were read in 174 dev photos, our reader saw 3 of 4 single
letters where the script is not written, none of 9 of two letters, and 3 of 83 longer ones; of two so few were seen that
they are taken between.
"""
# Of the letters that RapidOCR reads in photos of places without them 1 in 2,000 is beyond ASCII; of those in the noise
# that the model was trained on about 1 in 15. So noise is less likely by this much, for the first and for further ones.
_SHORTEST_RARE = 3  # letters: a lone mark over a letter is a slip as often as not
_BEYOND_ASCII, _NEXT_BEYOND_ASCII, _MOST_BEYOND_ASCII = 3.0, 1.0, 5.0
_LEAST_NATS = 0.3  # what the best country must gain against the background
_LEAST_REGIONAL = 0.3  # what a region must differ from the rest of its country to be named
_LEAST_TOLD = 0.08  # ... and what the countries' distribution must move, Kullback-Leibler, in nats
_SHOWN_WORDS = 5
_NAMED_COUNTRIES = 4
_NAMES = {
    "~Cyrl": "Cyrillic that was read as Latin letters",
    "~Grek": "Greek that was read as Latin letters",
}


@dataclass(frozen=True)
class LineScores:
    """What one line says.

    Attributes:
        languages: ``log P(line | language)`` up to a constant of the line, by CLDR code, noise not among them.
        noise: The same for noise.
        words: The words that were judged, as read, each with its own likelihoods (languages and noise, summing to 1).
        script: ISO 15924 code of most of their letters.
    """

    languages: dict[str, float]
    noise: float
    words: tuple[tuple[str, dict[str, float]], ...]
    script: str

    def posterior(self) -> dict[str, float]:
        """Languages and ``"noise"``, each equally likely beforehand; sums to 1."""
        every = self.languages | {NOISE: self.noise}
        top = max(every.values())
        weights = {k: math.exp(v - top) for k, v in every.items()}
        total = sum(weights.values())
        return {k: v / total for k, v in weights.items()}


@dataclass(frozen=True)
class _Line:
    reading: Reading
    scores: LineScores
    likelihood: NDArray[np.float64]  # (L,) P(line | language), largest of languages and noise = 1
    log_lr: NDArray[np.float64]  # (C + 1 + R,) by country, then one of which nothing is known, then by region


class LanguageReader:
    """Finds the languages of a photo's lines.

    >>> box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    >>> clue, = LanguageReader().clues([Reading("r0", "cero emisiones", box, 0.99)])
    >>> clue.points_to[0], clue.evidence.countries["ES"] > 1.0
    ('ES', True)
    """

    kind = "language"

    def __init__(self, model: LanguageModel | None = None) -> None:
        """Args: model: word likelihoods; the shipped ones, loaded when first needed, where None."""
        self._model = model
        self._tables: tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float64], NDArray[np.float64]] | None = None
        self._script_shares: dict[tuple[str, float], NDArray[np.float64]] = {}

    def line_scores(self, text: str) -> LineScores | None:
        """Likelihood of one line of text under each language, or None where it has no word to judge.

        >>> scores = LanguageReader().line_scores("Boulangerie Pâtisserie")
        >>> max(scores.posterior(), key=scores.posterior().get)
        'fr'
        """
        if self._model is None:
            self._model = load_model()
        judged = []
        lone = False
        for shown, folded in word_spans(text):
            if _is_lone(folded):
                if lone:
                    continue  # letter after letter is a keyboard or a grid: one of them says what all do
                lone = True
            if joined(fold(folded)) in WORLD_WORDS or shop_rate(folded) >= BRAND_RATE:
                continue  # words that travelled: Pizza, Döner, Paris
            found = self._model.word_scores(folded)
            if found is not None:
                likelihood = found.log_likelihood
                if script_of(folded) == "Latn":
                    likelihood = np.append(likelihood[:-1], likelihood[-1] - _rarity(folded))
                p = np.exp(likelihood - likelihood.max())
                judged.append((shown, dict(zip(found.labels, (p / p.sum()).tolist(), strict=True))))
        if not judged:
            return None
        totals = dict.fromkeys(sorted({label for _, p in judged for label in p if label != NOISE}), 0.0)
        noise = 0.0
        for _, p in judged:
            # No word rules a language out: it may be garbage, a name, or quoted from another language.
            foreign = (1.0 - p[NOISE]) / (len(p) - 1)
            loss = _WORD_NOISE * p[NOISE] + _WORD_FOREIGN * foreign
            for label in totals:
                totals[label] += math.log((1 - _WORD_NOISE - _WORD_FOREIGN) * p.get(label, 0.0) + loss)
            noise += math.log(p[NOISE])
        return LineScores(totals, noise, tuple(judged), script_of(" ".join(word for word, _ in judged)))

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each language that tells something, the most telling first."""
        lines = []
        seen = set()
        for reading in readings:
            text = " ".join(reading.text.casefold().split())
            if text not in seen and (line := self._line(reading)) is not None:
                alone = line.scores.script if all(_is_lone(word) for word, _ in line.scores.words) else text
                if alone not in seen:
                    lines.append(line)
                seen |= {text, alone}
        if not lines:
            return []
        languages, _, _, world = self._place_tables()
        groups: dict[int, list[_Line]] = {}
        for line, language in zip(lines, _languages_of_lines(lines, world), strict=True):
            groups.setdefault(language, []).append(line)
        clues = [self._clue(languages[index], group) for index, group in groups.items()]
        found = [clue for clue in clues if clue is not None and _nats_told(clue.evidence) >= _LEAST_TOLD]
        return sorted(found, key=lambda clue: -_nats_told(clue.evidence))

    def _place_tables(self) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
        """Languages (L,), countries (C,), P(language | country or region) (C + 1 + R, L), P(language | world) (L,)."""
        if self._tables is None:
            if self._model is None:
                self._model = load_model()
            signs, shares = sign_languages(), photo_shares()
            spoken = sorted(self._model.languages)
            languages = (*spoken, *MISREAD)
            countries = tuple(signs)
            rows = [*signs.values(), *region_languages().values()]
            table = np.array([[row.get(k, 0.0) for k in spoken] for row in rows])
            # An engine without a script reads its text as something; half of it as nothing that could be known again.
            misread = [[0.5 * sum(row.get(k, 0.0) for k in MISREAD[label]) for label in MISREAD] for row in rows]
            table = np.hstack([table, np.array(misread)])
            weight = np.array([shares[c] for c in countries])
            count = len(countries)
            world = weight @ table[:count]
            # Somewhere that no entry names has only the foreign text that every place has.
            nowhere = table[:count].min(axis=0)
            self._tables = languages, countries, np.vstack([table[:count], nowhere, table[count:]]), world
        return self._tables

    def _noise_shares(self, scores: LineScores) -> NDArray[np.float64]:
        """(C + 1 + R,) how often text of no known language in its script is read in each place, against the world."""
        script, longest = scores.script, max(_letters(word) for word, _ in scores.words)
        nothing = _SEEN_IN_NOTHING[min(max(longest, 1), len(_SEEN_IN_NOTHING)) - 1]
        if (script, nothing) not in self._script_shares:
            languages, _, by_country, world = self._place_tables()
            assert self._model is not None  # the tables are made from it
            written = np.isin(languages, sorted(self._model.languages_of(script)))
            if script in _EVERYWHERE or not written.any():
                self._script_shares[script, nothing] = np.ones(len(by_country))
            else:
                share = by_country[:, written].sum(axis=1) / world[written].sum()
                self._script_shares[script, nothing] = nothing + (1.0 - nothing) * share
        return self._script_shares[script, nothing]

    def _line(self, reading: Reading) -> _Line | None:
        scores = self.line_scores(reading.text)
        if scores is None:
            return None
        languages, _, by_country, world = self._place_tables()
        logs = np.array([scores.languages.get(k, -math.inf) for k in languages])
        top = max(float(logs.max()), scores.noise)
        likelihood = np.exp(logs - top)
        share = _LINE_NOISE + (1 - _LINE_NOISE) * (1 - reading.confidence)
        noise = share * math.exp(scores.noise - top)
        anywhere = noise + (1 - share) * float(likelihood @ world)
        if anywhere < 1e-200:  # only a language that is on no country's signs could be meant
            return None
        seen = noise * self._noise_shares(scores) + (1 - share) * (by_country @ likelihood)
        log_lr = np.log(np.maximum(seen / anywhere, 1e-30))
        return _Line(reading, scores, likelihood, log_lr)

    def _clue(self, language: str, group: list[_Line]) -> Clue | None:
        _, countries, _, _ = self._place_tables()
        shares = photo_shares()
        ranked = sorted(group, key=lambda line: -float(np.ptp(line.log_lr)))
        log_lr = sum((line.log_lr * _NEXT_LINE**i for i, line in enumerate(ranked)), np.zeros(len(group[0].log_lr)))
        log_lr = log_lr * min(1.0, _MOST_NATS / max(float(np.ptp(log_lr)), 1e-9))
        if float(log_lr.max()) < _LEAST_NATS:
            return None
        count = len(countries)
        elsewhere = float(log_lr[count])
        entries = {c: float(v) for c, v in zip(countries, log_lr[:count], strict=True) if abs(v - elsewhere) > 0.01}
        told = dict(zip(region_languages(), map(float, log_lr[count + 1 :]), strict=True))
        # A country whose regions differ is told by them and by its rest.
        rest = {p[:2]: told.get(p[:2], entries.get(p[:2], elsewhere)) for p in told}
        regional = {p[:2] for p, v in told.items() if v - rest[p[:2]] > _LEAST_REGIONAL and v > _LEAST_NATS}
        regional |= {
            c
            for c, v in rest.items()
            if v > _LEAST_NATS and any(told[p] < v - _LEAST_REGIONAL for p in told if p[:2] == c)
        }
        least = max(_LEAST_NATS, 0.5 * max(entries.values()))
        gaining = sorted((c for c in entries if entries[c] >= least), key=lambda c: -shares[c] * math.exp(entries[c]))
        named = tuple(gaining[:_NAMED_COUNTRIES])
        words = _telling_words(language, ranked)
        what = _NAMES.get(language) or language_name(language)
        text = mask(", ".join(words))
        return Clue(
            kind=self.kind,
            text=text,
            meaning=f"{quoted(text)} is {what}: {in_countries(named, more=len(gaining) > len(named))}",
            evidence=Evidence(
                elsewhere=elsewhere,
                countries=entries | {c: v for c, v in rest.items() if c in regional},
                regions={p: v for p, v in told.items() if "." in p and p[:2] in regional},
                sources=tuple(source for line in ranked for source in _word_sources(line)),
            ),
            box=bounding_box([line.reading.box for line in ranked]),
            points_to=named,
        )


def _letters(word: str) -> int:
    """Letters of ``word``; a Hangul syllable has two or three."""
    return sum(c.isalpha() for c in unicodedata.normalize("NFD", word))


def _is_lone(word: str) -> bool:
    """Whether ``word`` is one letter of a script that engines see in nothing, as an ornament or a key of a keyboard."""
    return _letters(word) == 1 and script_of(word) not in _EVERYWHERE


def _rarity(word: str) -> float:
    """How much less likely, in nats, ``word`` is as noise for its letters beyond ASCII."""
    if len(word) < _SHORTEST_RARE:
        return 0.0
    count = sum(c.isalpha() and ord(c) > 127 for c in word)
    return min(_BEYOND_ASCII + _NEXT_BEYOND_ASCII * (count - 1), _MOST_BEYOND_ASCII) if count else 0.0


def _languages_of_lines(lines: Sequence[_Line], world: NDArray[np.float64]) -> list[int]:
    """Which language each line belongs to, given that a photo's lines tend to share theirs.

    The photo's own shares of languages start as the world's and are fitted to the lines (three rounds of expectation
    maximisation); they decide only how lines are grouped, never how much a line says.
    """
    likelihood = np.array([line.likelihood for line in lines])  # (n, L)
    shares = world / world.sum()
    for _ in range(3):
        weights = likelihood * shares
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
        shares = world + weights.sum(axis=0)
        shares /= shares.sum()
    return [int(i) for i in (likelihood * shares).argmax(axis=1)]


def _nats_told(evidence: Evidence) -> float:
    """How far the evidence alone moves the countries from their shares of the world's photos (Kullback-Leibler)."""
    shares = np.array(list(photo_shares().values()))
    ratio = {c: math.exp(evidence.countries.get(c, evidence.elsewhere)) for c in photo_shares()}
    weights = region_shares()
    for country in {region[:2] for region in evidence.regions}:
        inside = {region: weights[region] for region in evidence.regions if region[:2] == country}
        ratio[country] *= 1.0 - sum(inside.values())
        ratio[country] += sum(share * math.exp(evidence.regions[region]) for region, share in inside.items())
    log_lr = np.log(list(ratio.values()))
    moved = shares * np.exp(log_lr)
    total = float(moved.sum())
    return float((moved / total * (log_lr - math.log(total))).sum())


def _word_sources(line: _Line) -> list[str]:
    """The words judged, as parts of their reading: a town's name on the line leaves the others to the language."""
    sources, at = [], 0
    text = line.reading.text
    for word, _ in line.scores.words:
        found = re.compile(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])").search(text, at)
        if found is None:  # normalising changed its letters
            return [line.reading.id]
        at = found.end()
        sources.append(f"{line.reading.id}:{found.start()}-{at}")
    return sources


def _telling_words(language: str, lines: Sequence[_Line]) -> list[str]:
    """The words that spoke most for ``language``, each once, in the order of the lines."""
    words: dict[str, float] = {}
    for line in lines:
        whole = mask(line.reading.text)  # an address is known as one only whole
        for word, p in line.scores.words:
            shown = word if word in whole else MASK * len(word)
            words[shown] = max(words.get(shown, 0.0), p.get(language, 0.0))
    best = sorted(words, key=lambda w: -words[w])[:_SHOWN_WORDS]
    telling = [w for w in words if w in best and words[w] >= 0.05]
    return telling or best[:1]
