from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import WeightsError
from detectors import language_model
from detectors.base import Clue, Reading
from detectors.language import LanguageReader, _nats_told
from detectors.language_model import fold_word, hashed_ngrams, load_model, word_spans, words_of
from detectors.territories import photo_shares

BOX = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))
READER = LanguageReader()
# What RapidOCR read on a Madrid bus, with its own confidences.
BUS = (
    ("M15OL/SEUILLA", 0.88), ("MADRID", 1.0), ("EMT", 1.0), ("Un minihás oo° cléetrieo sres plan", 0.74),
    ("pundvete", 0.68), ("eléctricamEMTe", 1.0), ("MEDS", 0.6), ("10", 0.93), ("cero", 0.99), ("emisiones", 1.0),
)  # fmt: skip


def clues(*lines: str | tuple[str, float]) -> list[Clue]:
    pairs = [(x, 0.95) if isinstance(x, str) else x for x in lines]
    return READER.clues([Reading(f"r{i}", text, BOX, confidence) for i, (text, confidence) in enumerate(pairs)])


def countries(*lines: str | tuple[str, float]) -> dict[str, float]:
    """Posterior of the countries from language alone, over the world's photos."""
    shares = photo_shares()
    total = {c: math.log(p) for c, p in shares.items()}
    for clue in clues(*lines):
        for c in total:
            total[c] += clue.evidence.countries.get(c, clue.evidence.elsewhere)
    top = max(total.values())
    weights = {c: math.exp(v - top) for c, v in total.items()}
    return {c: w / sum(weights.values()) for c, w in weights.items()}


KEYS = ("Й Ц У К Е Н Г Ш Щ З Х Ъ", "Ф Ы В А П Р О Л Д Ж Э", "Я Ч С М И Т Ь Б Ю")


@pytest.mark.parametrize("lines", [("Я",), ("н",), tuple("ЙЦУКЕН"), KEYS, tuple("QWERTYUIOP"), ("ω",), ("ก",), ("ব",)])
def test_lone_letters_of_a_script_make_no_country_certain(lines: tuple[str, ...]) -> None:
    shares = photo_shares()
    assert max(p - shares[c] for c, p in countries(*lines).items()) < 0.3


def test_the_more_letters_a_word_has_the_more_its_script_says() -> None:
    one, two, word = (countries(text)["RU"] for text in ("Ф", "ФЫ", "ФЫВ"))
    assert one < two - 0.1 and two < word - 0.05


@pytest.mark.parametrize(("text", "country"), [("БАР", "RU"), ("КАФЕ", "RU"), ("ΦΑΡ", "GR"), ("약", "KR")])
def test_short_words_keep_their_weight(text: str, country: str) -> None:
    assert countries(text)[country] > 0.45


def test_a_lone_letter_beside_a_word_takes_nothing_from_it() -> None:
    assert countries("Я", "КАФЕ")["RU"] >= countries("КАФЕ")["RU"]


def language_of(text: str) -> str:
    scores = READER.line_scores(text)
    assert scores is not None
    posterior = scores.posterior()
    return max(posterior, key=lambda k: posterior[k])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Apotheke", "de"), ("Straße", "de"), ("boulangerie", "fr"), ("Pharmacie de la Gare", "fr"),
        ("panadería", "es"), ("carnicería", "es"), ("ulica Długa", "pl"), ("apteka", "pl"), ("farmácia", "pt"),
        ("padaria São João", "pt"), ("gyógyszertár", "hu"), ("eczane", "tr"), ("caddesi", "tr"), ("lékárna", "cs"),
        ("lekáreň", "sk"), ("apteek", "et"), ("vaistinė", "lt"), ("aptieka", "lv"), ("apteekki", "fi"),
        ("nhà thuốc", "vi"), ("ljekarna", "sh"), ("farmacie și", "ro"), ("parrucchiere", "it"), ("slagerij", "nl"),
        ("Straßenbahn nicht betreten", "de"), ("restaurant open daily", "en"), ("warung makan", "id"), ("küçəsi", "az"),
        ("аптека и магазин продукты", "ru"), ("вулиця Шевченка", "uk"), ("ξενοδοχείο", "el"), ("ภัตตาคาร", "th"),
        ("약국", "ko"), ("やきとり", "ja"), ("বাংলা নগর", "bn"), ("مطعم السلام", "ar"), ("فروشگاه", "fa"),
        ("விடுதி", "ta"), ("აფთიაქი", "ka"), ("בית מרקחת", "he"), ("中华人民共和国", "zh"), ("國際電話", "zh_Hant"),
    ],
)  # fmt: skip
def test_street_words_are_known(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["EMT", "M15OL", "pundvete", "MEDS", "xkqzt", "BX7Q4", "HSBC", "oo°", "sres"])
def test_garbage_brands_and_acronyms_say_little(text: str) -> None:
    for clue in clues(text):
        assert _nats_told(clue.evidence) < 0.25


def test_the_madrid_bus_is_in_a_spanish_speaking_country_and_spain_leads() -> None:
    posterior = countries(*BUS)
    ranked = sorted(posterior, key=lambda c: -posterior[c])
    assert ranked[0] == "ES"
    spanish = {"ES", "MX", "AR", "CO", "CL", "PE", "EC", "VE", "CR", "UY", "CU", "GT", "BO", "PY", "DO", "PA", "HN",
               "NI", "SV", "GQ", "PR"}  # fmt: skip
    assert sum(posterior[c] for c in spanish) > 0.75


def test_lines_of_one_language_are_one_clue_with_its_words_and_sources() -> None:
    (clue,) = clues("cero", "emisiones", "EMT")
    assert clue.meaning == f"'{clue.text}' is Spanish: Spain, Mexico, Argentina, Chile and others"
    assert {"cero", "emisiones"} <= set(clue.text.split(", "))
    assert {"r0", "r1"} <= {source.partition(":")[0] for source in clue.evidence.sources}


@pytest.mark.parametrize("text", ["ANTEKA", "MAFA3NH", "KHHOTEATP", "PECTOPAH"])
def test_cyrillic_that_was_read_as_latin_points_where_cyrillic_is_written(text: str) -> None:
    (clue,) = clues(text)
    assert "is Cyrillic that was read as Latin letters: Russia, " in clue.meaning
    assert clue.evidence.countries["RU"] > 1.0 > 0.0 > clue.evidence.countries["US"]


def test_several_misread_lines_put_russia_first() -> None:
    posterior = countries("ANTEKA", "KHHOTEATP", "PECTOPAH")
    assert max(posterior, key=lambda c: posterior[c]) == "RU"


def test_two_languages_are_two_clues() -> None:
    found = clues("Bäckerei und Konditorei", "ラーメン専門店")
    assert {c.meaning.partition(" is ")[2].partition(":")[0] for c in found} == {"German", "Japanese"}


def test_more_lines_of_a_language_add_up_but_stay_bounded() -> None:
    words = ["Bäckerei", "Straßenbahn", "Öffnungszeiten", "Fleischerei", "Zeitungen", "Getränkemarkt"]
    alone = [clues(word)[0].evidence.countries["DE"] for word in words]
    together = clues(*words)[0].evidence
    assert max(alone) < together.countries["DE"] < 2.5 * max(alone)
    assert together.countries["DE"] - together.elsewhere <= 10.0 + 1e-9


def test_a_repeated_line_counts_once() -> None:
    once, twice = clues("Apotheke"), clues("Apotheke", "APOTHEKE")
    assert once[0].evidence.countries["DE"] == pytest.approx(twice[0].evidence.countries["DE"])


def test_a_doubtful_line_says_less() -> None:
    sure, unsure = clues(("boulangerie", 1.0)), clues(("boulangerie", 0.5))
    assert sure[0].evidence.countries["FR"] > unsure[0].evidence.countries["FR"]


def test_english_rules_out_no_country() -> None:
    (clue,) = clues("coffee shop open")
    values = [*clue.evidence.countries.values(), clue.evidence.elsewhere]
    assert clue.evidence.countries["GB"] > 0.3
    assert min(values) > -3.0


def test_numbers_and_nothing_say_nothing() -> None:
    assert clues("10", "28013", "", "•••", "-") == []


def test_private_text_is_masked() -> None:
    for clue in clues("Bäckerei Öffnungszeiten info@baeckerei-mueller.de B-AB 1234"):
        assert "@" not in clue.text and "1234" not in clue.text


def test_diacritics_count_even_in_one_word() -> None:
    for word, language in (("łódź", "pl"), ("őr", "hu"), ("ağaç", "tr"), ("niño", "es"), ("não", "pt"), ("țară", "ro")):
        assert language_of(word) == language


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("Fleca i pastisseria del barri", "ES.56"), ("Ysgol gynradd", "GB.WLS"), ("কলকাতা নগর", "IN.28"),
        ("Boulangerie du coin", "CA.10"), ("Okindegia eta gozotegia", "ES.59"), ("மருந்தகம்", "IN.25"),
    ],
)  # fmt: skip
def test_a_regional_language_points_to_its_region(text: str, region: str) -> None:
    evidence = clues(text)[0].evidence
    assert evidence.regions[region] > evidence.countries[region[:2]] + 1.0


def test_the_national_language_points_away_from_a_region_of_another() -> None:
    evidence = clues("coffee shop open daily")[0].evidence
    assert evidence.regions["CA.10"] < evidence.countries["CA"] - 0.5


@pytest.mark.parametrize(
    ("text", "country"), [("Сільпо", "UA"), ("البيك", "SA"), ("ΣΚΛΑΒΕΝΙΤΗΣ", "GR"), ("Θεπλα", "GR")]
)
def test_a_name_that_no_language_knows_still_shows_its_script(text: str, country: str) -> None:
    (clue,) = clues(text)
    assert clue.evidence.countries[country] > 1.0 > 0.0 > clue.evidence.countries.get("US", clue.evidence.elsewhere)


def test_letters_beyond_ascii_are_rarely_noise() -> None:
    for word in ("Żabka", "Łąg", "Ørmo"):
        scores = READER.line_scores(word)
        assert scores is not None and scores.posterior()["noise"] < 0.02


@pytest.mark.parametrize("text", ["Döner Kebab", "Café", "Crêpes", "Pizza Taxi", "Sushi Bar"])
def test_dishes_of_the_whole_world_belong_to_no_language(text: str) -> None:
    assert clues(text) == []


def test_words_are_folded() -> None:
    assert words_of("STRAßE İzmir 10 M15OL a à") == ["straße", "izmir", "m00ol", "à"]
    assert word_spans("विद्यालय l'eau") == [("विद्यालय", "विद्यालय"), ("l'eau", "l'eau")]


def test_hashes_do_not_change() -> None:
    """The shipped weights belong to these buckets."""
    codes = np.array([[ord(c) for c in "\x02rue\x03"]], dtype=np.uint32)
    buckets = hashed_ngrams(codes, 2**16)[0]
    assert len(buckets) == 3 + 4 + 3 + 2 + 1
    assert buckets.tolist() == hashed_ngrams(codes, 2**16)[0].tolist()
    assert [int(b) for b in buckets[:3]] == [22417, 58839, 32782]


def test_the_model_is_small_and_names_living_languages_only() -> None:
    path = Path(language_model.__file__).parent / "assets" / "language.safetensors"
    assert path.stat().st_size <= 4_000_000
    languages = load_model().languages
    assert {"es", "en", "zh", "ko", "th", "ru", "eu", "et"} <= languages
    assert not {"la", "eo", "noise"} & languages


def test_a_missing_model_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "MODEL_PATH", tmp_path / "assets" / "language.safetensors")
    load_model.cache_clear()
    try:
        with pytest.raises(WeightsError, match="reinstall"):
            load_model()
    finally:
        monkeypatch.undo()
        load_model.cache_clear()


def test_a_damaged_model_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "language.safetensors").write_bytes(b"\x00" * 100)
    monkeypatch.setattr(language_model, "MODEL_PATH", tmp_path / "assets" / "language.safetensors")
    load_model.cache_clear()
    try:
        with pytest.raises(WeightsError, match="damaged"):
            load_model()
    finally:
        monkeypatch.undo()
        load_model.cache_clear()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30), st.floats(0, 1))
def test_any_text_is_survived(text: str, confidence: float) -> None:
    for clue in clues((text, confidence)):
        assert math.isfinite(clue.evidence.elsewhere)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold_word(fold_word(text)) == fold_word(text)


def test_its_sources_are_the_words_that_were_judged() -> None:
    (clue,) = LanguageReader().clues([Reading("r4", "Stazione di Lecce 12", BOX, 0.99)])
    assert clue.evidence.sources == ("r4:0-8", "r4:9-11", "r4:12-17")


def test_a_word_inside_a_skipped_one_is_not_taken_for_it() -> None:
    (clue,) = LanguageReader().clues([Reading("r4", "Paris is schön", BOX, 0.99)])
    assert "r4:3-5" not in clue.evidence.sources and "r4:9-14" in clue.evidence.sources
