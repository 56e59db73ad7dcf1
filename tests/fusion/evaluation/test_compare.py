"""Two runs, photo by photo; and photos by what they have in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backbone.priors import make_prior
from data.benchmark_cards import known_benchmarks
from data.errors import DatasetError, RequestError
from fusion.evaluation.compare import compare
from fusion.evaluation.groups import TEXT_GROUPS, groups_of, kinds_of
from fusion.evaluation.run import evaluate
from fusion.evaluation.runs import Run, open_run
from fusion.evaluation.summary import _taught
from fusion.evaluation.words import in_words
from tests.fusion.evaluation.small_sets import LABELS, quick_locator, small_set


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compared")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return evaluate(small_set(folder / "set"), folder / "one", ["density", "density:street"], locator=quick_locator())


def test_a_run_gains_nothing_over_itself(run: Run) -> None:
    told = compare(run, run)
    assert told.photos == 5 and told.only_ours == told.only_theirs == 0
    assert all(gain == (0.0, 0.0, 0.0) for gain in told.gain.values()) and "geoscore" in told.gain


def test_clues_gain_what_the_summary_says_over_the_prior_alone(run: Run) -> None:
    told = compare(run, run, other_prior="density:street", system="prior")
    rows = run.rows().to_pylist()
    bits = [a["prior_country_bits"] - b["prior_country_bits"] for a, b in zip(rows[:5], rows[5:], strict=True)]
    assert told.gain["country_bits"][0] == pytest.approx(np.mean(bits), abs=1e-6)
    assert told.ours["geoscore"].value - told.theirs["geoscore"].value == pytest.approx(told.gain["geoscore"][0])


def test_photos_are_paired_by_what_is_in_them_whatever_they_are_called(run: Run, folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    for new, (old, *_) in zip("vwxyz", LABELS, strict=True):
        (other / f"{new}.jpg").write_bytes((folder / "set" / str(old)).read_bytes())
    rows = [(f"{new}.jpg", *label[1:]) for new, label in zip("vwxyz", LABELS, strict=True)][:-1]
    (other / "labels.csv").write_text(
        "file,lat,lon,country,precision_km\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    )
    from data.labelled_sets import open_labelled

    fewer = evaluate(open_labelled(other), folder / "renamed", ["density"], locator=quick_locator())
    told = compare(run, fewer)
    assert (told.photos, told.only_ours, told.only_theirs) == (4, 1, 0)
    assert told.gain["geoscore"] == (0.0, 0.0, 0.0)


def test_runs_that_cannot_be_compared_are_refused(run: Run, folder: Path) -> None:
    moved = [(file, 10.0, 10.0, country, exact) for file, _, _, country, exact in LABELS]
    elsewhere = evaluate(small_set(folder / "moved", moved), folder / "two", ["density"], locator=quick_locator())
    with pytest.raises(RequestError, match=r"different labels for a.jpg and 4 more"):
        compare(run, elsewhere)
    for label in (
        ("b.jpg", 48.2, 16.37, "HU", ""),
        ("b.jpg", 48.2, 16.3702, "AT", ""),
        ("b.jpg", 48.2, 16.37, "AT", 9),
    ):
        other = [label if old[0] == "b.jpg" else old for old in LABELS]
        out = folder / "labelled otherwise" / str(label)
        with pytest.raises(RequestError, match=r"different labels for b.jpg: evaluate"):
            compare(run, evaluate(small_set(folder / "same", other), out, ["density"], locator=quick_locator()))
    white = small_set(folder / "white", [(f"{k}.jpg", 1.0, 1.0, "", "") for k in range(8)]).take(np.array([6, 7]))
    strange = evaluate(white, folder / "three", ["density"], locator=quick_locator())
    with pytest.raises(RequestError, match="share no photo"):
        compare(run, strange)
    with pytest.raises(RequestError, match="no prior planet"):
        compare(run, run, prior="planet")
    with pytest.raises(RequestError, match="unknown system"):
        compare(run, run, system="clues")


def test_groups_share_the_photos_among_them(run: Run) -> None:
    columns = run.photos("density")
    groups = groups_of(columns)
    assert {name: len(part) for name, part in groups["country"].items()} == {"AT": 2, "AU": 1, "ES": 1, "FR": 1}
    assert {name: part.file for name, part in groups["text"].items()} == {
        TEXT_GROUPS[2]: ["a.jpg", "c.jpg"], TEXT_GROUPS[0]: ["b.jpg", "d.jpg"], TEXT_GROUPS[1]: ["e.jpg"],
    }  # fmt: skip
    assert {name: part.file for name, part in groups["kind of clue"].items()} == {
        "language": ["a.jpg", "c.jpg"], "phone": ["c.jpg"],
    }  # fmt: skip
    assert groups["continent"]["Europe"].file == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert "scene" not in groups, "no scene was told"


def test_places_are_those_of_photos_within_25_km_and_rough_ones_stand_alone(run: Run) -> None:
    place = run.photos("density").place
    assert len(set(place.tolist())) == 5, "c.jpg lies by b.jpg but is known to 25 km only"


def test_a_kind_helps_where_the_true_country_gains(run: Run) -> None:
    kinds = kinds_of(run.photos("density"))
    assert list(kinds) == ["language", "phone"]
    assert kinds["language"]["photos"] == 2 and kinds["language"]["clues"] == 2
    assert kinds["language"]["helped"] == kinds["language"]["hurt"] == 50.0
    assert kinds["phone"]["helped"] == 100.0 and kinds["phone"]["country_bits"][0] > 0.0


def test_words_name_both_systems_and_what_clues_gain(run: Run) -> None:
    words = in_words(run.summary)
    assert "set: 5 photos, 5 places" in words
    assert words.count("prior alone") == words.count("with clues") == 2
    gain = run.summary["runs"][0]["gain"]["country_bits"][0]
    assert f"{'bits saved, country':<21} {gain:+10.2f}" in words
    assert "e+" not in words  # a GeoScore of thousands is written out
    assert "left out" not in words


def test_words_say_why_photos_were_left_out_and_how_many_for_each_reason(run: Run) -> None:
    reasons = {"x.jpg": "no label", "y.jpg": "no label", "z.jpg": "coordinates that are not on the Earth (lat '95')"}
    told = {**run.summary["dataset"], "left_out": reasons, "left_out_count": 3}
    words = in_words({**run.summary, "dataset": told})
    assert "(2 no label, as x.jpg; 1 coordinates that are not on the Earth, as z.jpg)" in words


def test_what_is_no_run_is_said_clearly(folder: Path, run: Run) -> None:
    with pytest.raises(DatasetError, match="no evaluation at"):
        open_run(folder / "nowhere")
    with pytest.raises(DatasetError, match="holds no evaluation"):
        open_run(folder / "set")
    broken = folder / "broken"
    broken.mkdir()
    for text, match in (("{", "damaged"), ('{"format": "x"}', "no summary"), ("[]", "no summary"),
                        ('{"format": "whence-evaluation", "version": 9}', "another version"),
                        ('{"format": "whence-evaluation", "version": 1}', "no answers.parquet")):  # fmt: skip
        (broken / "summary.json").write_text(text)
        with pytest.raises(DatasetError, match=match):
            open_run(broken)
    (broken / "answers.parquet").write_bytes((run.folder / "answers.parquet").read_bytes())
    start = '{"format": "whence-evaluation", "version": 1'
    for rest in (
        "",
        ', "dataset": {}, "runs": []',
        ', "dataset": {}, "runs": [{"prior": 7}]',
        ', "dataset": 1, "runs": {}',
    ):
        (broken / "summary.json").write_text(start + rest + "}")
        with pytest.raises(DatasetError, match="damaged: run the same"):
            open_run(broken)
    (broken / "summary.json").write_bytes((run.folder / "summary.json").read_bytes())
    (broken / "answers.parquet").write_bytes((run.folder / "summary.json").read_bytes())
    with pytest.raises(DatasetError, match="missing or damaged"):
        open_run(broken).rows()


def test_columns_of_the_set_that_are_called_like_groups_of_ours_replace_none(folder: Path) -> None:
    names = ("country", "text", "kind of clue", "scene")
    photos = replace(small_set(folder / "set"), groups={name: tuple("ababa") for name in names})
    groups = groups_of(evaluate(photos, folder / "named alike", ["density"], locator=quick_locator()).photos())
    assert set(groups["country"]) == {"AT", "AU", "ES", "FR"} and set(groups["text"]) == set(TEXT_GROUPS)
    assert set(groups["kind of clue"]) == {"language", "phone"}
    for name in names[:3]:
        assert {value: len(part) for value, part in groups[f"{name} (labels)"].items()} == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    ("name", "taught"),
    [
        ("photos", False), ("d", False), ("Mapillary", False), ("streets_dev", True), ("streets", False),
        ("osv5m", True), ("im2gps", False),
    ],
)  # fmt: skip
def test_a_set_is_marked_as_learnt_from_only_where_the_card_names_it(name: str, taught: bool, folder: Path) -> None:
    card = make_prior("pixels", offline=True).card
    photos = replace(small_set(folder / "set"), name=name, card=known_benchmarks().get(name))
    assert _taught(card, photos) is taught
    assert _taught(replace(card, visual=False), photos) is False


def test_each_prior_plays_against_people(folder: Path) -> None:
    photos = small_set(folder / "set")
    photos = replace(photos, human={"lat": photos.lat, "lon": photos.lon + 40.0})
    run = evaluate(photos, folder / "duel", ["density", "density:street"], locator=quick_locator())
    for prior, one in zip(run.priors, run.summary["runs"], strict=True):
        columns = run.photos(prior)
        ours, theirs = columns.systems["text"]["km"], columns.reals("human_km")
        assert one["human"]["won"] == int((ours < theirs).sum()) and one["human"]["rounds"] == 4
    assert in_words(run.summary).count("against people, 4 rounds") == 2


def test_a_true_cell_that_no_answer_came_for_is_in_no_region(folder: Path) -> None:
    photos = small_set(folder / "a broken one", broken=["b.jpg", "c.jpg"])
    run = evaluate(photos, folder / "fewer", ["density"], locator=quick_locator())
    recall = run.summary["runs"][0]["systems"]["text"]["recall_1e7"]
    held = run.photos().systems["text"]["area_km2"]
    assert recall["photos"] == 3, "a, b and e: c is known to 25 km, d not at all"
    assert recall["value"] == pytest.approx(100.0 * float((held <= 1e7).sum()) / 3)
