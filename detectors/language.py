"""Languages of signs: which countries write what was read.

A line is judged by itself, since a sign, a bus and a T-shirt in one photo need not agree::

    P(line | country) = n P(line | noise) + (1 - n) sum_l P(line | l) P(l | signs of the country)

against the same sum over the world's photos, where ``n`` is larger the less the OCR engine trusted the line. Lines of
one language make one clue: what a second line of it adds is less than what the first said, for one shop writes both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.gazetteer import country_name
from detectors.base import Clue, Evidence, Reading, bounding_box
from detectors.language_model import MISREAD, NOISE, LanguageModel, load_model, word_spans
from detectors.privacy import MASK, mask
from detectors.territories import language_name, photo_shares, sign_languages

__all__ = ["LanguageReader", "LineScores"]

_WORD_NOISE = 0.10  # of the words on a line of a language, this share is read as garbage, or is a name
_WORD_FOREIGN = 0.05  # ... and this share belongs to another language
_LINE_NOISE = 0.5  # of the lines that the engine is certain of, this share is names, brands, acronyms or garbage
_NEXT_LINE = 0.6  # what each further line of a language adds, against the one before it
_MOST_NATS = 6.0  # between the best and the worst country, for one language of one photo
_LEAST_NATS = 0.3  # what the best country must gain against the background
_LEAST_TOLD = 0.08  # ... and what the countries' distribution must move, Kullback-Leibler, in nats
_SHOWN_WORDS = 5
_NAMED_COUNTRIES = 4
_NAMES = {
    "~Cyrl": "Cyrillic letters that were read as Latin ones",
    "~Grek": "Greek letters that were read as Latin ones",
}


@dataclass(frozen=True)
class LineScores:
    """What one line says.

    Attributes:
        languages: ``log P(line | language)`` up to a constant of the line, by CLDR code, noise not among them.
        noise: The same for noise.
        words: The words that were judged, as read, each with its own likelihoods (languages and noise, summing to 1).
    """

    languages: dict[str, float]
    noise: float
    words: tuple[tuple[str, dict[str, float]], ...]

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
    log_lr: NDArray[np.float64]  # (C + 1,) by country; the last is a country of which nothing is known


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

    def line_scores(self, text: str) -> LineScores | None:
        """Likelihood of one line of text under each language, or None where it has no word to judge.

        >>> scores = LanguageReader().line_scores("Boulangerie Pâtisserie")
        >>> max(scores.posterior(), key=scores.posterior().get)
        'fr'
        """
        if self._model is None:
            self._model = load_model()
        judged = []
        for shown, folded in word_spans(text):
            found = self._model.word_scores(folded)
            if found is not None:
                p = np.exp(found.log_likelihood - found.log_likelihood.max())
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
        return LineScores(totals, noise, tuple(judged))

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each language that tells something, the most telling first."""
        lines = []
        seen = set()
        for reading in readings:
            text = " ".join(reading.text.casefold().split())
            if text not in seen and (line := self._line(reading)) is not None:
                lines.append(line)
                seen.add(text)
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
        """Languages (L,), countries (C,), P(language | country) (C + 1, L), P(language | world) (L,)."""
        if self._tables is None:
            if self._model is None:
                self._model = load_model()
            signs, shares = sign_languages(), photo_shares()
            spoken = sorted(self._model.languages)
            languages = (*spoken, *MISREAD)
            countries = tuple(signs)
            table = np.array([[signs[c].get(k, 0.0) for k in spoken] for c in countries])
            # An engine without a script reads its text as something; half of it as nothing that could be known again.
            misread = [
                [0.5 * sum(signs[c].get(k, 0.0) for k in MISREAD[label]) for label in MISREAD] for c in countries
            ]
            table = np.hstack([table, np.array(misread)])
            weight = np.array([shares[c] for c in countries])
            world = weight @ table
            # Somewhere that no entry names has only the foreign text that every place has.
            self._tables = languages, countries, np.vstack([table, table.min(axis=0)]), world
        return self._tables

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
        log_lr = np.log(np.maximum((noise + (1 - share) * (by_country @ likelihood)) / anywhere, 1e-30))
        return _Line(reading, scores, likelihood, log_lr)

    def _clue(self, language: str, group: list[_Line]) -> Clue | None:
        _, countries, _, _ = self._place_tables()
        shares = photo_shares()
        ranked = sorted(group, key=lambda line: -float(np.ptp(line.log_lr)))
        log_lr = sum((line.log_lr * _NEXT_LINE**i for i, line in enumerate(ranked)), np.zeros(len(countries) + 1))
        log_lr = log_lr * min(1.0, _MOST_NATS / max(float(np.ptp(log_lr)), 1e-9))
        if float(log_lr.max()) < _LEAST_NATS:
            return None
        elsewhere = float(log_lr[-1])
        entries = {c: float(v) for c, v in zip(countries, log_lr[:-1], strict=True) if abs(v - elsewhere) > 0.01}
        least = max(_LEAST_NATS, 0.5 * max(entries.values()))
        gaining = sorted((c for c in entries if entries[c] >= least), key=lambda c: -shares[c] * math.exp(entries[c]))
        named = tuple(gaining[:_NAMED_COUNTRIES])
        words = _telling_words(language, ranked)
        what = _NAMES.get(language) or language_name(language)
        more = ", ..." if len(gaining) > len(named) else ""
        return Clue(
            kind=self.kind,
            text=mask(", ".join(words)),
            meaning=f"{what}, as on signs in {', '.join(map(country_name, named))}{more}",
            evidence=Evidence(
                elsewhere=elsewhere,
                countries=entries,
                sources=tuple(source for line in ranked for source in _word_sources(line)),
            ),
            box=bounding_box([line.reading.box for line in ranked]),
            points_to=named,
        )


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
    log_lr = np.array([evidence.countries.get(c, evidence.elsewhere) for c in photo_shares()])
    moved = shares * np.exp(log_lr)
    total = float(moved.sum())
    return float((moved / total * (log_lr - math.log(total))).sum())


def _word_sources(line: _Line) -> list[str]:
    """The words judged, as parts of their reading: a town's name on the line leaves the others to the language."""
    sources, at = [], 0
    for word, _ in line.scores.words:
        start = line.reading.text.find(word, at)
        if start < 0:  # normalising changed its letters
            return [line.reading.id]
        at = start + len(word)
        sources.append(f"{line.reading.id}:{start}-{at}")
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
