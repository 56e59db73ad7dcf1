"""Chains, operators and transit networks in what was read: where they trade, and how much that says.

For a name N that firms i bear, each with ``n_i`` outlets in an area that holds the share ``s_i`` of the world's photos,
these rates per photo with text decide:

- ``a_i = SHOW_RATE (n_i / s_i) ** SHOW_EXPONENT``: how often a photo in the area shows N because of firm i. Where
  outlets stand close, more photos have one: the same number says more of a small country than of a large one.
- ``A = sum_i s_i a_i``: how often any photo in the world does.
- ``f A`` with ``f = ABROAD``: how often N is read anywhere else because of the same firms: goods that they
  export, bags and coaches of travellers, advertisements, outlets that the index does not know of, firms of the same
  name that nobody listed.
- ``d``: how often N is read anywhere for another reason: as a word, a surname or a place (from the table, whose build
  weighs words by how much of the world's signs are in their language), or as noise of the OCR.

Then ``P(N | c) = sum over the i that trade in c of a_i, + f A + d``, the background is its mean over the world's
photos, ``A (1 + f) + d``, and the evidence is the logarithm of their ratio; elsewhere it is that of ``(f A + d) / (A
(1 + f) + d)``. A worldwide firm (``s = 1``) adds the same everywhere: it is no evidence and hides that of its
namesakes. A city's network trades in a small s, and points there. A misread name is one slip away: its ``a``, ``A``
and the table's part of ``d`` are then times ``EDIT_RATE``, the chance of that very misreading, which leaves more to
noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data.folding import is_han_or_kana
from detectors.base import Clue, Evidence, PointEvidence, Reading, bounding_box
from detectors.brand_table import LEAST_FUZZY, Brand, BrandTable, load_default
from detectors.lines import Token, crossing, merged, neighbours, tokens_of
from detectors.places import EDIT_RATE, PART_FACTOR
from detectors.privacy import masked
from detectors.sentences import a_business, in_countries, quoted
from detectors.territories import photo_shares

__all__ = ["BrandReader"]

SHOW_RATE, SHOW_EXPONENT = 5e-7, 0.6
"""A name is on ``SHOW_RATE (n / s) ** SHOW_EXPONENT`` of the photos with text of its area. Fitted, as the rates below,
to 640 such photos of the dev sets and travel_train: ten times the outlets are read four times as often."""
ABROAD = 0.1
"""A firm's name is read away from its area this often, relative to how often any photo shows it."""
RARE_RATE = 3e-7
"""How often a photo shows one given name that is no word, for no reason of place."""
ACRONYM_RATE, UNSURE_RATE = 0.1, 4.0
"""Strings per photo that spell an acronym or OCR noise, if the engine is certain, and more per unit of its doubt."""
MIN_INFORMATION = 0.02
"""A clue that tells less than this many nats about the world's photos is not emitted: a name that is a word as well."""
LONGEST_WINDOW = 6
"""Most words in one name."""
MOST_TOKENS = 400
"""Words of one photo that are looked at; a photo of a page says nothing of brands after that."""
MOST_PARTS = 4000
"""Parts of runs without spaces that are looked up in one photo."""
FUZZY_LOOKUPS = 60
"""Most fuzzy look-ups in one photo, surest readings first."""
LONGEST_KEY = 60
_UNSPACED_LEAST = 3  # letters of the shortest name that is looked for inside a run without spaces
_UNSPACED_LENGTHS = range(12, _UNSPACED_LEAST - 1, -1)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A name that was found, and what to think of it."""

    brand: Brand
    spans: tuple[Token, ...]
    slip: bool
    rivals: tuple[Brand, ...]
    noise: float
    part: bool


@dataclass(frozen=True, slots=True)
class _Rates:
    """``P(N | place)`` per photo with text."""

    countries: dict[str, float]
    regions: dict[str, float]
    points: dict[tuple[float, float, float, str], float]
    elsewhere: float
    background: float
    information: float
    """Kullback-Leibler divergence in nats of the world's photos after this clue from those before."""

    @property
    def best(self) -> float:
        return max([self.elsewhere, *self.countries.values(), *self.regions.values(), *self.points.values()])


class BrandReader:
    """Reads names of chains, operators and transit networks, exactly or one OCR slip away.

    >>> box = ((0, 0), (90, 0), (90, 20), (0, 20))
    >>> clue, = BrandReader().clues([Reading("r1", "BIEDRONKA", box, 0.99), Reading("r2", "McDonald's", box, 0.99)])
    >>> clue.text, clue.points_to, clue.evidence.sources
    ('BIEDRONKA', ('PL', 'SK'), ('r1:0-9',))
    """

    kind = "brand"

    def __init__(self, table: BrandTable | None = None) -> None:
        """Args: table: the names; the shipped ones, opened when first needed, where None."""
        self._table = table

    def clues(self, readings: Sequence[Reading]) -> list[Clue]:
        """One clue for each firm named in ``readings``, strongest first; a firm named twice is one clue.

        Raises:
            DatasetError: The shipped table is missing or damaged.
        """
        if not readings:
            return []
        if self._table is None:
            self._table = load_default()
        readings = masked(readings)  # the letters of a plate are no brand
        firms: dict[int, list[tuple[_Hit, _Rates]]] = {}
        for hit in self._hits(readings, self._table):
            rates = _rates(hit)
            if rates.information >= MIN_INFORMATION:
                firms.setdefault(hit.brand.identity, []).append((hit, rates))
        found = sorted((_clue(hits, readings) for hits in firms.values()), key=lambda pair: -pair[0])
        return [clue for _, clue in found]

    def _hits(self, readings: Sequence[Reading], table: BrandTable) -> Iterator[_Hit]:
        lines = _lines(readings)
        used: set[Token] = set()
        phrases: list[tuple[Token, ...]] = [gram for line in lines for gram in _windows(line)]
        phrases += [
            gram for upper, lower in neighbours(readings).stacked for gram in crossing(lines[upper], lines[lower])
        ]
        phrases.sort(key=lambda gram: -len(gram))
        for gram in phrases:
            brand = table.lookup("".join(t.word for t in gram).replace(" ", "")) if used.isdisjoint(gram) else None
            if brand is not None:
                used.update(gram)
                yield _exact(brand, gram, readings, part=not _fills_its_lines(gram, lines))
        runs = (t for line in lines for t in line if t not in used and _is_unspaced(t))
        yield from _inside(runs, readings, table)
        whole = [tuple(line) for line in lines if 1 < len(line) <= LONGEST_WINDOW and used.isdisjoint(line)]
        singles: list[tuple[Token, ...]] = [(t,) for line in lines for t in line if t not in used]
        misread = sorted(whole + singles, key=lambda gram: -readings[gram[0].reading].confidence)
        budget = FUZZY_LOOKUPS
        for gram in misread:
            key = "".join(t.word for t in gram).replace(" ", "")
            if not (budget and LEAST_FUZZY - 1 <= len(key) <= LONGEST_KEY and used.isdisjoint(gram)):
                continue
            budget -= 1
            near = [] if sum(map(str.isalpha, key)) < LEAST_FUZZY - 1 or table.is_word(key) else table.misread(key)
            if near:
                used.update(gram)
                best = max(near, key=lambda b: sum(c.outlets for c in b.claims))
                noise = _noise_rate(key, _confidence(gram, readings)) + RARE_RATE
                yield _Hit(best, gram, True, tuple(near), noise, not _fills_its_lines(gram, lines))


def _lines(readings: Sequence[Reading]) -> list[list[Token]]:
    """Words of each reading, surest readings first as far as ``MOST_TOKENS`` goes."""
    lines: list[list[Token]] = [[] for _ in readings]
    left = MOST_TOKENS
    for i in sorted(range(len(readings)), key=lambda i: -readings[i].confidence):
        lines[i] = tokens_of(i, readings[i])[:left] if left else []
        left -= len(lines[i])
    return lines


def _windows(line: list[Token]) -> Iterator[tuple[Token, ...]]:
    for count in range(1, min(LONGEST_WINDOW, len(line)) + 1):
        for at in range(len(line) - count + 1):
            yield tuple(line[at : at + count])


def _exact(brand: Brand, spans: tuple[Token, ...], readings: Sequence[Reading], *, part: bool) -> _Hit:
    noise = _noise_rate(brand.key, _confidence(spans, readings)) + RARE_RATE
    return _Hit(brand, spans, False, (brand,), noise, part)


def _is_unspaced(token: Token) -> bool:
    # The folded run and the text have the same length or are skipped, for the parts' places would be unknown.
    return (
        len(token.word) > _UNSPACED_LEAST
        and len(token.word) == token.end - token.start
        and is_han_or_kana(token.word[0])
    )


def _inside(runs: Iterable[Token], readings: Sequence[Reading], table: BrandTable) -> Iterator[_Hit]:
    """Names inside runs of Han or kana, the longest first."""
    left = MOST_PARTS
    for run in runs:
        taken = 0
        for at in range(len(run.word) - _UNSPACED_LEAST + 1):
            for length in _UNSPACED_LENGTHS if at >= taken and left > 0 else ():
                if at + length > len(run.word):
                    continue
                left -= 1
                brand = table.lookup(run.word[at : at + length])
                if brand is not None:
                    span = Token(brand.key, run.reading, run.start + at, run.start + at + length)
                    yield _exact(brand, (span,), readings, part=True)
                    taken = at + length
                    break


def _fills_its_lines(gram: tuple[Token, ...], lines: list[list[Token]]) -> bool:
    return len(gram) == sum(len(lines[i]) for i in {t.reading for t in gram})


def _confidence(gram: Sequence[Token], readings: Sequence[Reading]) -> float:
    return min(readings[t.reading].confidence for t in gram)


def _noise_rate(key: str, confidence: float) -> float:
    """How often acronyms and OCR noise spell ``key``: a tenth as often for each further letter."""
    letters = sum(
        2.5 if is_han_or_kana(c) and c >= "㐀" else 2.0 if "가" <= c <= "힣" else 1.0 for c in key if c.isalnum()
    )
    return (ACRONYM_RATE + UNSURE_RATE * (1.0 - confidence)) * math.pow(10.0, -letters)


def _rates(hit: _Hit) -> _Rates:
    """``P(N | place)`` of a hit's name; see the module's docstring for the equation."""
    factor = EDIT_RATE if hit.slip else 1.0
    countries: dict[str, float] = {}
    regions: dict[str, float] = {}
    points: dict[tuple[float, float, float, str], float] = {}
    everywhere = total = 0.0
    for claim in (claim for brand in hit.rivals for claim in brand.claims):
        area = claim.area
        here = factor * SHOW_RATE * (claim.outlets / area.share) ** SHOW_EXPONENT
        total += here * area.share
        everywhere += here if area.world else 0.0
        sign = -1.0 if area.world else 1.0
        for code in area.countries:
            countries[code] = countries.get(code, 0.0) + sign * here
        for code in area.regions:
            regions[code] = regions.get(code, 0.0) + here
        for point in area.points:
            points[point] = points.get(point, 0.0) + here
    other = min(sum(factor * brand.other for brand in hit.rivals) + hit.noise, 1.0)
    elsewhere = everywhere + ABROAD * total + other * (PART_FACTOR if hit.part else 1.0)
    background = elsewhere - everywhere + total
    base = {c: elsewhere + rate for c, rate in countries.items()}
    region_rates = {r: rate + base.get(r[:2], elsewhere) for r, rate in regions.items()}
    point_rates = {p: rate + base.get(p[3], elsewhere) for p, rate in points.items()}
    shares = photo_shares()
    told = [(shares.get(c, 0.0), rate) for c, rate in base.items()]
    for area in {c.area for brand in hit.rivals for c in brand.claims if c.area.regions or c.area.points}:
        best = max([region_rates[r] for r in area.regions] + [point_rates[p] for p in area.points])
        told.append((max(area.share - sum(shares.get(c, 0.0) for c in area.countries), 0.0), best))
    told.append((max(1.0 - sum(share for share, _ in told), 0.0), elsewhere))
    information = sum(share * rate / background * math.log(rate / background) for share, rate in told)
    return _Rates(base, region_rates, point_rates, elsewhere, background, information)


def _clue(hits: list[tuple[_Hit, _Rates]], readings: Sequence[Reading]) -> tuple[float, Clue]:
    """The clue of one firm, and how much it gains at its best place, in nats."""
    # The same firm twice is the same evidence: the reading that says most counts.
    hit, rates = max(hits, key=lambda pair: pair[1].best / pair[1].background)

    def gain(rate: float) -> float:
        return math.log(rate / rates.background)

    spans = [t for h, _ in hits for t in h.spans]
    # The whole line is masked before the name is cut out of it: a part alone no longer looks like what it is of.
    text = " ".join(readings[t.reading].text[t.start : t.end] for t in merged(hit.spans))
    evidence = Evidence(
        elsewhere=gain(rates.elsewhere),
        countries={c: gain(rate) for c, rate in rates.countries.items()},
        regions={r: gain(rate) for r, rate in rates.regions.items()},
        points=tuple(PointEvidence(lat, lon, sigma, gain(rate)) for (lat, lon, sigma, _), rate in rates.points.items()),
        sources=tuple(dict.fromkeys(f"{readings[t.reading].id}:{t.start}-{t.end}" for t in merged(spans))),
    )
    by_country = dict(rates.countries)
    for code, rate in [(r[:2], v) for r, v in rates.regions.items()] + [(p[3], v) for p, v in rates.points.items()]:
        by_country[code] = max(by_country.get(code, 0.0), rate)
    shares = photo_shares()
    pointed = (c for c, rate in by_country.items() if rate > max(rates.elsewhere, rates.background))
    order = tuple(sorted(pointed, key=lambda c: (-by_country[c], -shares.get(c, 0.0), c)))
    return gain(rates.best), Clue(
        kind=BrandReader.kind,
        text=text,
        meaning=_meaning(text, hit, rates, order),
        evidence=evidence,
        box=bounding_box([readings[t.reading].box for t in spans])
        if len(hits) == 1
        else readings[hit.spans[0].reading].box,
        points_to=order[:5],
    )


def _meaning(text: str, hit: _Hit, rates: _Rates, order: Sequence[str]) -> str:
    what = a_business(hit.brand.kind)
    if hit.slip:
        said = f"{quoted(text)} may be {hit.brand.name}, misread, {what}"
    elif text.casefold() == hit.brand.name.casefold():
        said = f"{quoted(text)} is {what}"
    else:
        said = f"{quoted(text)} is {hit.brand.name}, {what}"
    if len(order) == 1:
        return f"{said} of {in_countries(order)}"
    if order:
        more = f" and {len(order) - 4} more" if len(order) > 4 else ""
        return f"{said} in {in_countries(order[:4])}{more}"
    shares = photo_shares()
    without = sorted((c for c, r in rates.countries.items() if r < rates.elsewhere), key=lambda c: -shares.get(c, 0.0))
    return f"{said}, found everywhere but in {in_countries(without[:4])}"
