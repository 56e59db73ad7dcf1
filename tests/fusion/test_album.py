"""Photos of one place located together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image
from referencing import Registry, Resource

from backbone.base import PriorCard, PriorOutput
from backbone.density import DensityPrior
from data.distribution import CellDistribution
from data.errors import ImageError, RequestError
from data.partition import Partition
from detectors.base import Clue, Evidence, Reading
from detectors.script import script_of
from fusion.album_clues import shared_clues
from fusion.answer import Answer, Failure
from fusion.context import NOTHING_KNOWN, Context
from fusion.locator import Locator
from fusion.pool import Fused, LogLinearPool
from tests.conftest import REPOSITORY
from tests.fusion.parts import FixedText

ASSETS = REPOSITORY / "fusion" / "assets"
BOX = ((10.0, 10.0), (60.0, 10.0), (60.0, 30.0), (10.0, 30.0))
MADRID = ["MADRID", "cero emisiones"]


def validate(album: object) -> None:
    schemas = {path.name: json.loads(path.read_text()) for path in ASSETS.glob("*.schema.json")}
    registry: Registry = Registry().with_resources(  # type: ignore[type-arg]
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    jsonschema.Draft202012Validator(schemas["album.schema.json"], registry=registry).validate(album)


def photo(shade: int) -> np.ndarray:
    return np.full((90, 120, 3), shade, np.uint8)


class TextOfShade:
    """Reads the lines that belong to the photo's shade of grey."""

    name = "fixed"

    def __init__(self, lines: dict[int, Sequence[str]]) -> None:
        self._lines = lines

    def read(self, pixels: np.ndarray) -> list[Reading]:
        return [
            Reading(f"r{k}", text, tuple((x, y + 22 * k) for x, y in BOX), 0.99, script_of(text), self.name)  # type: ignore[arg-type]
            for k, text in enumerate(self._lines.get(int(pixels[0, 0, 0]), ()))
        ]


class PriorOfShade:
    """A visual prior: each shade of grey has a distribution of its own, all others say what density says."""

    name = "shades"
    card = PriorCard("shades of grey", visual=True, trained_on="nothing", licence="CC0")

    def __init__(self, partition: Partition, likely: dict[int, str]) -> None:
        self.partition = partition
        self.base = DensityPrior(partition).distribution
        self._likely = likely

    def predict(self, images: Sequence[np.ndarray], *, device: str = "cpu") -> list[PriorOutput]:
        return [PriorOutput(self._said(int(image[0, 0, 0]))) for image in images]

    def _said(self, shade: int) -> CellDistribution:
        if shade not in self._likely:
            return CellDistribution(self.partition, self.base.p.copy())
        inside = self.partition.country_shares(self._likely[shade]) > 0.5
        logits = np.log(self.base.p.astype(np.float64)) + np.where(inside, 8.0, 0.0)
        return CellDistribution.from_logits(self.partition, logits)


def locator_of(lines: dict[int, Sequence[str]]) -> Locator:
    """The density prior and a reader of each shade's lines."""
    return Locator("density", ocr=TextOfShade(lines), regions="none")


class TestAnswer:
    def test_an_album_of_one_photo_is_that_photo(self) -> None:
        locator = locator_of({1: [*MADRID, "MADRID", "Tel. +34 91 555 12 34"]})
        alone, album = locator.locate(photo(1)), locator.locate_album([photo(1)])
        assert np.array_equal(album.distribution.p, alone.distribution.p) and album.prior is alone.prior
        assert [row.log_odds for row in album.ledger] == [row.log_odds for row in alone.ledger]
        assert (album.lat, album.lon, album.radius_km) == (alone.lat, alone.lon, alone.radius_km)

    def test_the_same_sign_in_five_photos_counts_once(self) -> None:
        locator = locator_of({1: [*MADRID, "Tel. +34 91 555 12 34"]})
        alone, album = locator.locate(photo(1)), locator.locate_album([photo(1)] * 5)
        assert np.array_equal(album.distribution.p, alone.distribution.p)
        assert len(album.clues) == len(alone.clues) and set(album.seen_in) == {(0, 1, 2, 3, 4)}

    def test_without_a_clue_the_combined_prior_is_returned_unchanged(self) -> None:
        album = Locator("density", ocr="none").locate_album([photo(1), photo(2), photo(3)])
        assert not album.clues and album.distribution is album.prior
        density = DensityPrior(album.prior.partition).distribution
        assert np.array_equal(album.distribution.p, density.p)

    def test_photos_that_say_nothing_to_a_visual_prior_leave_density_as_it_is(self, partition: Partition) -> None:
        album = Locator(PriorOfShade(partition, {}), ocr="none").locate_album([photo(1), photo(2)])
        assert np.array_equal(album.distribution.p, DensityPrior(partition).distribution.p)

    def test_photos_that_agree_make_the_album_surer_and_it_says_how(self, partition: Partition) -> None:
        locator = Locator(PriorOfShade(partition, {1: "PT", 2: "PT"}), ocr="none")
        album = locator.locate_album([photo(1), photo(2)])
        alone = locator.locate(photo(1))
        assert album.country == alone.country == "PT" and album.countries["PT"] > alone.countries["PT"] + 0.01
        assert "product of 2 photos" in album.how and "no LSTM weights" in album.how and album.how in str(album)

    def test_clues_of_different_photos_add_up(self) -> None:
        lines: dict[int, Sequence[str]] = {1: ["Farmacia"], 2: ["Calle Mayor"]}
        single = [locator_of(lines).locate(photo(s)).countries["ES"] for s in (1, 2)]
        album = locator_of(lines).locate_album([photo(1), photo(2)])
        assert album.countries["ES"] > max(single)
        assert set(album.photo_of) == {0, 1}

    def test_what_is_known_holds_for_the_album(self) -> None:
        album = locator_of({1: MADRID}).locate_album([photo(1)] * 2, within="MX")
        assert album.countries == {"MX": pytest.approx(1.0)}

    def test_a_photo_from_elsewhere_is_told_and_one_that_says_nothing_is_not(self, partition: Partition) -> None:
        prior = PriorOfShade(partition, {1: "PT", 2: "PT", 3: "JP"})
        album = Locator(prior, ocr="none").locate_album([photo(s) for s in (1, 2, 1, 3, 9, 2)])
        assert album.disagreeing == (3,)
        assert "photo 4 does not seem to be from the same place" in str(album)
        agreeing = Locator(prior, ocr="none").locate_album([photo(s) for s in (1, 2, 9)])
        assert agreeing.disagreeing == ()

    def test_of_two_photos_that_contradict_each_other_both_are_told(self) -> None:
        lines = {1: ["Calle Mayor 12", "28013 Madrid"], 2: ["Rua Augusta 250", "Lisboa", "www.lojas.pt"]}
        album = locator_of(lines).locate_album([photo(1), photo(2)])
        assert album.disagreeing == (0, 1)
        assert str(album).count("does not seem to be from the same place") == 2
        assert locator_of({1: lines[1], 2: ["Farmacia"]}).locate_album([photo(1), photo(2)]).disagreeing == ()


class TestBadPhotos:
    def test_a_bad_photo_is_a_failure_and_the_rest_goes_on(self) -> None:
        locator = locator_of({1: MADRID})
        album = locator.locate_album([b"no image", photo(1)])
        assert isinstance(album.photos[0], Failure) and isinstance(album.photos[1], Answer)
        assert album.country == "ES" and album.photo_of[0] == 1 and list(album.failures) == [0]
        assert "photo 1 is left out" in str(album)
        validate(json.loads(album.to_json()))

    def test_no_readable_photo_and_no_photo_at_all_are_errors(self) -> None:
        locator = Locator("density", ocr="none")
        with pytest.raises(ImageError, match="none of the album's 2 photos"):
            locator.locate_album([b"no image", b""])
        with pytest.raises(RequestError, match="at least one"):
            locator.locate_album([])
        with pytest.raises(RequestError, match="XX"):
            locator.locate_album([photo(1)], within="XX")

    @pytest.mark.parametrize(
        "single",
        ["folder", Path("folder"), b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), photo(1),
         Image.fromarray(photo(1))],
        ids=lambda single: type(single).__name__,
    )  # fmt: skip
    def test_one_photo_that_is_no_list_is_refused(self, single: object) -> None:
        with pytest.raises(RequestError, match="give a list of them"):
            Locator("density", ocr="none").locate_album(single)  # type: ignore[arg-type]


class TestScene:
    def test_an_album_has_the_mean_scene_of_its_photos_and_the_ranker_gets_it(self, partition: Partition) -> None:
        class Told(LogLinearPool):
            def fuse(self, prior: CellDistribution, clues: Sequence[Clue], context: Context = NOTHING_KNOWN) -> Fused:
                asked.append(context.scene)
                return super().fuse(prior, clues, context)

        class WithScenes(PriorOfShade):
            def predict(self, images: Sequence[np.ndarray], *, device: str = "cpu") -> list[PriorOutput]:
                said = super().predict(images, device=device)
                return [
                    replace(one, scene=scenes.get(int(image[0, 0, 0]))) for one, image in zip(said, images, strict=True)
                ]

        asked: list[Mapping[str, float] | None] = []
        indoor, urban = ({"indoor": p, "natural": 0.1, "urban": 0.9 - p} for p in (0.8, 0.2))
        scenes = {1: indoor, 2: urban}
        locator = Locator(WithScenes(partition, {1: "PT"}), ocr="none", scenes="none", ranker=Told())
        album = locator.locate_album([photo(1), photo(2), photo(3), b"no image"])
        assert album.answer.scene == pytest.approx({"indoor": 0.5, "natural": 0.1, "urban": 0.4})
        assert asked[-1] == album.answer.scene
        validate(album.to_dict())
        assert locator.locate_album([photo(1), b"no image"]).answer.scene == indoor
        assert locator.locate_album([photo(3), photo(3)]).answer.scene is None


class TestOutput:
    def test_its_json_fits_the_schema_and_numbers_photos_from_one(self) -> None:
        album = locator_of({1: MADRID, 2: ["Farmacia"]}).locate_album([photo(1), photo(2)])
        said = json.loads(album.to_json(top=2))
        validate(said)
        assert said["answer"]["country"] == "ES" and len(said["photos"]) == 2 and len(said["answer"]["top"]) == 2
        assert len(said["photo_of_clue"]) == len(said["clue_seen_in"]) == len(said["answer"]["clues"])
        assert set(said["photo_of_clue"]) == {1, 2}
        for wrong in ({"how": 1}, {"more": 1}, {"photo_of_clue": [0]}):
            with pytest.raises(jsonschema.ValidationError):
                validate(said | wrong)

    def test_words_and_ledger_name_the_photos(self) -> None:
        said = str(locator_of({1: MADRID, 2: MADRID}).locate_album([photo(9), photo(1), photo(2)]))
        assert said.startswith("album of 3 photos\n") and "photos 2, 3: " in said and "because:" in said

    def test_the_page_shows_the_photos_on_one_sheet_and_each_clue_in_its_photo(self, tmp_path: Path) -> None:
        locator = locator_of({40: ["Farmacia"], 200: MADRID})
        album = locator.locate_album([photo(40), photo(90), photo(200)])
        path = album.save_map(tmp_path / "album.html")
        page = path.read_text(encoding="utf-8")
        data = json.loads(page.split('id="data">')[1].split("</script>")[0])
        width, height = data["photo"]
        assert width == 1280 and "together:" in page and "album of 3 photos" in page
        for clue, of in zip(data["clues"], album.photo_of, strict=True):
            x, y = clue["box"][0]
            assert f"photo {of + 1}: " in clue["meaning"] or "photos" in clue["meaning"]
            column, row = of % 2, of // 2  # three photos stand in two columns
            assert column * 640 <= x < (column + 1) * 640 and row * height / 2 <= y < (row + 1) * height / 2
        assert "iframe" in album._repr_html_()

    def test_the_page_says_how_many_photos_are_not_on_its_sheet_with_or_without_a_clue(self) -> None:
        album = locator_of({1: MADRID}).locate_album([photo(1)])
        [answer], [one] = album.photos, album.clues[:1]
        assert isinstance(answer, Answer)
        many = replace(
            album, photos=[answer] * 26, photo_of=range(26), seen_in=[(k,) for k in range(26)],
            answer=replace(album.answer, clues=[one] * 26, ledger=list(album.ledger[:1]) * 26),
        )  # fmt: skip
        assert "2 photos are not on the sheet, which holds 24" in many.to_html()
        assert "not on the sheet" not in album.to_html()

    def test_private_text_is_masked_everywhere(self, tmp_path: Path) -> None:
        lines = {1: ["Tel. +34 91 555 12 34", "hola@ejemplo.es", "MADRID"], 2: ["Tel. +34 91 555 12 34"]}
        album = locator_of(lines).locate_album([photo(1), photo(2)])
        for shown in (album.to_json(), str(album), album.to_html()):
            assert "555 12" not in shown and "hola@ejemplo" not in shown


def reading(name: str, text: str) -> Reading:
    return Reading(name, text, BOX, 0.9)


def clue(kind: str, text: str, favoured: dict[str, float], *sources: str, elsewhere: float = 0.0) -> Clue:
    return Clue(kind, text, f"{text} means something", Evidence(elsewhere, favoured, sources=sources), BOX)


class TestSharedClues:
    def test_one_text_with_slips_of_the_reader_is_one_clue_of_the_stronger_reading(self) -> None:
        first = clue("brand", "SUPERMERCADO ORTEGA", {"ES": 1.5}, "r0")
        slip = clue("brand", "SUPERMERCAD0 0RTEGA", {"ES": 2.0, "CO": 0.4}, "r0")
        slip = replace(slip, text="SUPERMERCADO ORTECA")
        [one] = shared_clues([([first], [reading("r0", first.text)]), ([slip], [reading("r0", slip.text)])])
        assert one.clue.text == "SUPERMERCADO ORTECA" and one.photo == 1 and one.seen_in == (0, 1)

    def test_different_texts_of_places_stay_two_clues(self) -> None:
        toledo, avila = clue("place", "Toledo", {"ES": 1.0, "US": 0.5}, "r0"), clue("place", "Ávila", {"ES": 1.2}, "r0")
        assert len(shared_clues([([toledo], [reading("r0", "Toledo")]), ([avila], [reading("r0", "Ávila")])])) == 2

    def test_numbers_are_never_slips(self) -> None:
        a, b = clue("road", "Carretera N-340", {"ES": 1.0}, "r0"), clue("road", "Carretera N-344", {"ES": 1.1}, "r0")
        assert len(shared_clues([([a], [reading("r0", a.text)]), ([b], [reading("r0", b.text)])])) == 2

    def test_five_texts_in_one_language_are_one_fact_and_another_language_is_another(self) -> None:
        texts = ["pan de molde", "se vende piso", "abierto hasta tarde", "prohibido el paso", "salida de garaje"]
        spanish = [
            clue("language", text, {"ES": 1 + k / 10, "MX": 0.9, "AR": 0.8}, "r0") for k, text in enumerate(texts)
        ]
        catalan = clue("language", "forn de pa", {"ES": 2.0, "AD": 2.2}, "r0")
        photos = [([c], [reading("r0", c.text)]) for c in (*spanish, catalan)]
        kept = shared_clues(photos)
        assert [(one.clue.text, one.seen_in) for one in kept] == [
            ("salida de garaje", (0, 1, 2, 3, 4)), ("forn de pa", (5,))
        ]  # fmt: skip
        assert len(shared_clues([([replace(c, kind="place") for c in cs], rs) for cs, rs in photos])) == 6

    def test_evidence_that_says_the_very_same_counts_once(self) -> None:
        one, other = (clue("phone", f"+34 •• {k}", {"ES": 3.0}, "r0") for k in (1, 2))
        assert len(shared_clues([([one], [reading("r0", "a")]), ([other], [reading("r0", "b")])])) == 1

    def test_numbers_of_two_towns_that_look_alike_once_masked_stay_two(self) -> None:
        two = [clue("phone", "•• ••• •• ••", {country: 2.0}, "r0") for country in ("ES", "PT")]
        kept = shared_clues([([c], [reading("r0", "Tel. •• ••• •• ••")]) for c in two])
        assert [(one.photo, one.seen_in) for one in kept] == [(0, (0,)), (1, (1,))]
        assert [one.clue.evidence.sources for one in kept] == [("0/r0",), ("1/r0",)]
        album = locator_of({1: ["Tel. +34 91 555 12 34"], 2: ["Tel. +34 93 555 12 34"]}).locate_album(
            [photo(1), photo(2)]
        )
        assert [c.kind for c in album.clues].count("phone") == 2

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
    def test_habits_that_contradict_each_other_stay_two_with_one_between_them(self, order: tuple[int, ...]) -> None:
        told: list[dict[str, float]] = [{"ES": 1.1}, {"ES": 0.6, "MX": 0.6}, {"MX": 1.0}]
        clues = [clue("wording", ("hola", "Vende piso", "colonia")[k], told[k], "r0") for k in order]
        kept = shared_clues([([c], [reading("r0", c.text)]) for c in clues])
        assert {one.clue.text: len(one.seen_in) for one in kept} == {"hola": 2, "colonia": 1}

    def test_what_one_photo_shows_twice_the_album_counts_twice(self) -> None:
        twice = [clue("phone", "+34 ••", {"ES": 3.0}, f"r{k}") for k in (0, 1)]
        readings = [reading(f"r{k}", "tel") for k in (0, 1)]
        kept = shared_clues([(twice[:1], readings[:1]), (twice, readings), (twice[:1], readings[:1])])
        assert [(one.photo, one.seen_in) for one in kept] == [(1, (0, 1, 2))] * 2

    def test_sources_are_of_the_album_so_that_one_line_is_still_shared_between_kinds(self) -> None:
        """The line's place is clearer in one photo and its language in the other: they still share their characters."""
        place = [clue("place", "MADRID", {"ES": v}, "r0:0-6") for v in (3.0, 1.0)]
        language = [clue("language", "centro MADRID", {"ES": v}, "r0:0-6", "r1:0-6") for v in (0.5, 1.5)]
        lines = [[reading("r0", "MADRID"), reading("r1", "centro")], [reading("r0", "MADRID"), reading("r1", "centro")]]
        kept = shared_clues([([place[k], language[k]], lines[k]) for k in (0, 1)])
        assert [(one.photo, one.clue.evidence.sources) for one in kept] == [
            (0, ("0/r0:0-6",)), (1, ("0/r0:0-6", "0/r1:0-6"))
        ]  # fmt: skip

    def test_two_readings_of_one_photo_are_two_though_they_say_the_same(self) -> None:
        clues = [clue("place", "Toledo", {"ES": 1.0}, "r0"), clue("language", "Toledo", {"ES": 0.5}, "r1")]
        kept = shared_clues([(clues, [reading("r0", "Toledo"), reading("r1", "Toledo")])])
        assert [one.clue.evidence.sources for one in kept] == [("0/r0",), ("0/r1",)]

    def test_readings_of_two_photos_with_one_id_are_not_one(self) -> None:
        a, b = clue("place", "Toledo", {"ES": 1.0}, "r0"), clue("language", "Zürich West", {"CH": 1.0}, "r0", "p1")
        kept = shared_clues([([a], [reading("r0", "Toledo")]), ([b], [reading("r0", "Zürich West")])])
        assert [one.clue.evidence.sources for one in kept] == [("0/r0",), ("1/r0", "1/p1")]

    def test_the_order_of_the_photos_does_not_matter(self) -> None:
        rng = np.random.default_rng(0)
        photos = [
            ([clue("language", f"word {k}", {"ES": 1 + rng.random(), "MX": 1.0}, "r0")], [reading("r0", f"word {k}")])
            for k in range(6)
        ]
        [one], [other] = shared_clues(photos), shared_clues(photos[::-1])
        assert one.clue.text == other.clue.text

    def test_an_album_of_many_photos_takes_a_moment(self) -> None:
        import time

        rng = np.random.default_rng(0)
        photos = []
        for _ in range(200):
            texts = ["".join(rng.choice(list("abcdefgh"), 12)) for _ in range(10)]
            clues = [clue("place", t, {"ES": float(rng.random())}, f"r{k}") for k, t in enumerate(texts[:5])]
            photos.append((clues, [reading(f"r{k}", t) for k, t in enumerate(texts)]))
        start = time.process_time()
        shared_clues(photos)
        assert time.process_time() - start < 10.0


class TestCommand:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        out = tmp_path / "album"
        out.mkdir()
        for k in range(3):
            Image.fromarray(photo(80 * k + 20)).save(out / f"{k}.png")
        return out

    def test_a_folder_is_one_album(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        from fusion.cli import main

        out = folder.parent / "album.html"
        assert main(["locate", "--album", str(folder), "--ocr", "none", "--prior", "density", "--map", str(out)]) == 0
        said = capsys.readouterr()
        assert said.out.startswith("album of 3 photos in album\n") and "no clue" in said.out
        assert out.exists() and str(out) in said.err

    def test_a_bad_photo_is_exit_code_two_and_json_is_one_line(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from fusion.cli import main

        (folder / "zz.jpg").write_bytes(b"no image")
        assert main(["locate", "--album", str(folder), "--ocr", "none", "--prior", "density", "--json"]) == 2
        [line] = capsys.readouterr().out.splitlines()
        validate(json.loads(line))
        assert json.loads(line)["photos"][3]["error"]["type"] == "ImageError"

    def test_one_answer_is_no_table(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        from fusion.cli import main

        assert main(["locate", "--album", str(folder), "--out", str(folder / "x.csv")]) == 2
        assert "--json" in capsys.readouterr().err


def test_the_ranker_is_told_which_readings_of_which_photo_the_clues_came_of() -> None:
    class Told(LogLinearPool):
        def fuse(self, prior: CellDistribution, clues: Sequence[Clue], context: Context = NOTHING_KNOWN) -> Fused:
            named = {source.partition(":")[0] for clue in clues for source in clue.evidence.sources}
            assert named <= {reading.id for reading in context.readings}
            asked.append(len(named))
            return super().fuse(prior, clues, context)

    asked: list[int] = []
    locator = Locator("density", ocr=FixedText(["MADRID", "cero emisiones"]), scenes="none", ranker=Told())
    album = locator.locate_album([photo(1), photo(2)])
    assert len(asked) >= 3 and asked[-1] >= 2
    assert len({reading.id for reading in album.answer.readings}) == len(album.answer.readings) == 2
