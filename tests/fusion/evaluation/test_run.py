"""An evaluation from photos to a folder: rows, going on, determinism, what is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.errors import DatasetError, RequestError, WhenceError
from data.geodesy import haversine_km
from fusion.answer import Answer
from fusion.evaluation import shown
from fusion.evaluation.journal import JOURNAL, TABLE
from fusion.evaluation.rows import COLUMNS
from fusion.evaluation.run import Counted, evaluate
from fusion.evaluation.runs import open_run
from fusion.second_pass import Lookups
from tests.fusion.evaluation.small_sets import LABELS, Grey, quick_locator, small_set


@pytest.fixture(scope="module")
def set_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def run(set_folder: Path, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    out = tmp_path_factory.mktemp("runs") / "one"
    return evaluate(small_set(set_folder), out, ["density", "density:street"], locator=quick_locator())


def test_a_row_says_what_was_answered_and_what_that_is_worth(run) -> None:  # type: ignore[no-untyped-def]
    rows = run.rows().to_pylist()
    assert [(row["prior"], row["file"]) for row in rows] == [
        (prior, label[0]) for prior in ("density", "density:street") for label in LABELS
    ]
    first = rows[0]
    assert list(first) == list(COLUMNS)
    assert first["true_city"] == "Madrid, ES" and first["true_region"] == "ES.29"
    km = float(haversine_km(first["text_lat"], first["text_lon"], 40.4168, -3.7038))
    assert first["text_km"] == pytest.approx(km, rel=1e-3)
    assert first["text_country"] == "ES" and first["text_country_right"] == 1.0
    assert first["text_country_bits"] > first["prior_country_bits"] + 1.0
    assert first["clues"] == 1 and first["readings"] == 1
    told = json.loads(first["answer"])
    assert told["file"] == "a.jpg" and told["ledger"]
    assert first["error"] is None and len(first["sha256"]) == 64


def test_without_a_clue_both_systems_say_the_same(run) -> None:  # type: ignore[no-untyped-def]
    row = run.rows().to_pylist()[1]
    assert row["clues"] == 0
    for name in row:
        if name.startswith("prior_"):
            assert row[name] == row[f"text_{name.removeprefix('prior_')}"]


def test_what_is_not_known_is_left_empty(run) -> None:  # type: ignore[no-untyped-def]
    rough, nowhere = run.rows().to_pylist()[2:4]
    assert rough["text_cell_bits"] is None and rough["true_city"] is None
    assert rough["true_region"] is not None and rough["text_km"] is not None
    assert nowhere["text_km"] is None and nowhere["true_region"] is None
    assert nowhere["text_country_bits"] is not None


def test_kinds_of_clues_are_told_apart(run) -> None:  # type: ignore[no-untyped-def]
    # Of c.jpg the phone says Austria, which is right, and the language Germany, which is not.
    kinds = json.loads(run.rows().to_pylist()[2]["kinds"])
    assert set(kinds) == {"language", "phone"}
    assert kinds["phone"]["country_bits"] > 0.0 > kinds["language"]["country_bits"]
    assert kinds["phone"]["alone_country_bits"] > 1.0
    only = json.loads(run.rows().to_pylist()[0]["kinds"])["language"]
    row = run.rows().to_pylist()[0]
    gained = row["text_country_bits"] - row["prior_country_bits"]
    assert only["country_bits"] == only["alone_country_bits"] == pytest.approx(gained, abs=1e-6)


def test_the_summary_says_how_it_was_made(run) -> None:  # type: ignore[no-untyped-def]
    summary = run.summary
    assert summary["dataset"]["photos"] == 5 and summary["dataset"]["with_point"] == 4
    assert summary["protocol"]["earth_radius_km"] == 6371.0088
    assert [one["prior"] for one in summary["runs"]] == ["density", "density:street"]
    figures = summary["runs"][0]["systems"]["text"]
    # Four photos have a point; of c.jpg, known to 25 km, the band of 1 km says nothing.
    km = np.array([row["text_km"] for row in run.rows().to_pylist()[:5] if row["text_km"] is not None])
    assert figures["within_2500"]["value"] == pytest.approx(100.0 * (km <= 2500.0).mean())
    right = [row["text_country"] == row["true_country"] for row in run.rows().to_pylist()[:5]]
    assert 0 < sum(right) < 5 and figures["country"]["value"] == pytest.approx(100.0 * sum(right) / 5)
    assert set(summary["runs"][0]["groups"]["text"]) == {"no text", "with a clue", "text without a clue"}
    assert summary["runs"][0]["kinds"]["language"]["photos"] == 2
    assert summary["made"]["machine"]


def test_numbers_in_the_summary_are_json(run) -> None:  # type: ignore[no-untyped-def]
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads((run.folder / "summary.json").read_text(), parse_constant=refuse)


def test_any_number_of_workers_writes_the_same_bytes(run, set_folder: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    again = evaluate(
        small_set(set_folder), tmp_path / "two", ["density", "density:street"], locator=quick_locator(workers=3)
    )
    assert (again.folder / TABLE).read_bytes() == (run.folder / TABLE).read_bytes()


def test_each_photo_is_read_once_for_all_priors(set_folder: Path, tmp_path: Path) -> None:
    reader = Grey()
    evaluate(small_set(set_folder), tmp_path / "x", ["density", "density:street", "density:people"],
             locator=quick_locator(reader=reader))  # fmt: skip
    assert reader.looks == len(LABELS)


def test_a_run_goes_on_where_it_was_stopped(set_folder: Path, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    class StopError(Exception): ...

    done = 0

    def stop() -> None:
        nonlocal done
        done += 1
        if done == 3:
            raise StopError

    photos, out = small_set(set_folder), tmp_path / "run"
    priors = ["density", "density:street"]
    with pytest.raises(StopError):
        evaluate(photos, out, priors, locator=quick_locator(), on_row=stop)
    assert not (out / TABLE).exists()
    with pytest.raises(DatasetError, match="not finished"):
        open_run(out)
    with (out / JOURNAL).open("ab") as journal:  # as a kill in the middle of a row leaves it
        journal.write(b'{"file": "e.jpg", "pri')
    counted = Counted()
    evaluate(photos, out, priors, locator=quick_locator(), counted=counted)
    assert (counted.before, counted.located) == (3, 7)
    assert (out / TABLE).read_bytes() == (run.folder / TABLE).read_bytes()
    assert not (out / JOURNAL).exists()


def test_a_finished_run_is_not_done_again_and_takes_another_prior(set_folder: Path, tmp_path: Path) -> None:
    photos, out, reader = small_set(set_folder), tmp_path / "run", Grey()
    evaluate(photos, out, ["density"], locator=quick_locator())
    before = (out / TABLE).read_bytes()
    counted = Counted()
    evaluate(photos, out, ["density"], locator=quick_locator(reader=reader), counted=counted)
    assert (counted.before, counted.located, reader.looks) == (5, 0, 0)
    assert (out / TABLE).read_bytes() == before
    both = evaluate(photos, out, ["density", "density:street"], locator=quick_locator(reader=reader))
    assert both.priors == ["density", "density:street"] and reader.looks == 5


def test_a_folder_is_of_one_set_and_one_way_of_making(set_folder: Path, tmp_path: Path) -> None:
    photos, out = small_set(set_folder), tmp_path / "run"
    evaluate(photos.take(np.array([0, 1])), out, ["density"], locator=quick_locator())
    with pytest.raises(RequestError, match="another set"):
        evaluate(photos, out, ["density"], locator=quick_locator())
    assert open_run(out).summary["dataset"]["photos"] == 2, "what was finished is still whole"
    other = quick_locator()
    other.utility = "mode"
    with pytest.raises(RequestError, match="made with"):
        evaluate(photos.take(np.array([0, 1])), out, ["density"], locator=other)


def test_a_photo_that_fails_is_a_miss_and_is_tried_again_on_request(tmp_path: Path) -> None:
    photos = small_set(tmp_path / "photos", broken=["b.jpg"])
    counted = Counted()
    run = evaluate(photos, tmp_path / "run", ["density"], locator=quick_locator(), counted=counted)
    assert (counted.located, counted.failed) == (4, 1)
    row = run.rows().to_pylist()[1]
    assert row["error"] == "ImageError" and row["text_km"] is None and str(tmp_path) not in row["message"]
    one = run.summary["runs"][0]
    assert one["failed"] == 1
    columns = run.photos("density")
    assert math.isinf(columns.systems["text"]["km"][1]) and columns.systems["text"]["right"][1] == 0.0
    assert one["systems"]["text"]["within_2500"]["value"] <= 75.0

    small_set(tmp_path / "photos")  # whole now
    counted = Counted()
    evaluate(photos, tmp_path / "run", ["density"], locator=quick_locator(), counted=counted)
    assert (counted.before, counted.located) == (5, 0)
    counted = Counted()
    again = evaluate(photos, tmp_path / "run", ["density"], locator=quick_locator(), retry_errors=True, counted=counted)
    assert (counted.before, counted.located) == (4, 1) and again.summary["runs"][0]["failed"] == 0


def test_two_priors_of_one_name_and_no_photos_are_refused(set_folder: Path, tmp_path: Path) -> None:
    photos = small_set(set_folder)
    with pytest.raises(RequestError, match="twice"):
        evaluate(photos, tmp_path / "x", ["density", "density"], locator=quick_locator())
    with pytest.raises(RequestError, match="no photos"):
        evaluate(photos.take(np.zeros(0, np.int64)), tmp_path / "x", ["density"], locator=quick_locator())


def test_a_folder_that_is_something_else_is_left_alone(set_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / TABLE).write_bytes(b"my own table")
    with pytest.raises(DatasetError, match="no Parquet file"):
        evaluate(small_set(set_folder), out, ["density"], locator=quick_locator())
    assert (out / TABLE).read_bytes() == b"my own table" and not (out / JOURNAL).exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(WhenceError, match="cannot write"):
        evaluate(small_set(set_folder), tmp_path / "file" / "run", ["density"], locator=quick_locator())


def test_thumbnails_are_kept_of_the_best_and_the_worst_only(
    set_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "MOST", 1)
    run = evaluate(small_set(set_folder), tmp_path / "run", ["density"], locator=quick_locator())
    rows = [row for row in run.rows().to_pylist() if row["text_km"] is not None]
    ranked = sorted(rows, key=lambda row: (row["text_km"], row["file"]))
    unplaced = [row for row in run.rows().to_pylist() if row["text_km"] is None]
    kept = {path.name for path in (run.folder / "photos").glob("*")}
    assert shown.picture_of(run.folder, ranked[-1]["file"]).name in kept
    assert len(kept) == 2
    assert not kept & {shown.picture_of(run.folder, row["file"]).name for row in ranked[1:-1]}
    assert len(unplaced) == 1


def test_photos_of_the_user_that_lie_where_thumbnails_are_kept_stay(tmp_path: Path) -> None:
    photos = small_set(tmp_path / "mine" / "photos")
    (tmp_path / "mine" / "labels.csv").write_bytes((tmp_path / "mine" / "photos" / "labels.csv").read_bytes())
    evaluate(photos, tmp_path / "mine", ["density"], locator=quick_locator())
    assert all((tmp_path / "mine" / "photos" / label[0]).exists() for label in LABELS)


def test_answers_of_a_prior_that_is_not_named_again_are_not_lost(set_folder: Path, tmp_path: Path) -> None:
    photos, out = small_set(set_folder), tmp_path / "run"
    evaluate(photos, out, ["density"], locator=quick_locator())
    before = (out / TABLE).read_bytes()
    with pytest.raises(RequestError, match="has answers of density, which would be lost: name that prior as well"):
        evaluate(photos, out, ["density:street"], locator=quick_locator())
    assert (out / TABLE).read_bytes() == before and open_run(out).priors == ["density"]


def test_a_prior_has_one_name_however_it_is_asked_for(set_folder: Path, tmp_path: Path) -> None:
    locator = quick_locator()
    out = tmp_path / "run"
    assert evaluate(small_set(set_folder), out, [locator.prior, "density:street"], locator=locator).priors == [
        "density", "density:street",
    ]  # fmt: skip
    counted = Counted()
    evaluate(small_set(set_folder), out, ["density", "density:street"], locator=locator, counted=counted)
    assert counted.before == 10
    with pytest.raises(RequestError, match="named twice"):
        evaluate(small_set(set_folder), tmp_path / "two", [locator.prior, "density"], locator=locator)


@pytest.mark.parametrize("name", ["secret\x1b[2J\there", "secret\udce9"])
def test_messages_name_photos_and_not_where_they_lie(name: str, tmp_path: Path) -> None:
    photos = small_set(tmp_path / name, broken=["b.jpg"])
    run = evaluate(photos, tmp_path / "run", ["density"], locator=quick_locator())
    message = run.rows().to_pylist()[1]["message"]
    assert message.startswith("b.jpg is not an image") and "secret" not in message


def test_guesses_and_groups_that_labels_get_later_are_taken_without_locating_anew(tmp_path: Path) -> None:
    photos, out, reader = small_set(tmp_path / "photos"), tmp_path / "run", Grey()
    assert evaluate(photos, out, ["density"], locator=quick_locator()).summary["runs"][0]["human"] is None
    known = {"lat": photos.lat + 1.0, "lon": photos.lon}
    later = replace(photos, human=known, groups={"game": ("1", "1", "2", "2", "2")})
    run = evaluate(later, out, ["density"], locator=quick_locator(reader=reader))
    assert reader.looks == 0 and run.summary["runs"][0]["human"]["rounds"] == 4
    assert run.rows(["group_game"]).column(0).to_pylist() == ["1", "1", "2", "2", "2"]
    assert set(run.summary["runs"][0]["groups"]["game"]) == {"1", "2"}


def test_no_old_summary_stands_beside_new_rows(
    set_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = small_set(set_folder), tmp_path / "run"
    evaluate(photos, out, ["density"], locator=quick_locator())

    def stop(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("fusion.evaluation.run.summarised", stop)
        with pytest.raises(KeyboardInterrupt):
            evaluate(photos, out, ["density", "density:street"], locator=quick_locator())
    with pytest.raises(DatasetError, match="holds no evaluation"):
        open_run(out)
    counted = Counted()
    evaluate(photos, out, ["density", "density:street"], locator=quick_locator(), counted=counted)
    assert counted.before == 10


def test_a_locator_that_reveals_private_text_is_refused(set_folder: Path, tmp_path: Path) -> None:
    locator = quick_locator()
    locator.reveal = True
    with pytest.raises(RequestError, match="masked"):
        evaluate(small_set(set_folder), tmp_path / "run", ["density"], locator=locator)
    assert not (tmp_path / "run").exists()


class Down:
    """A second pass whose only service does not answer about photos with something to read."""

    services = ()

    def run(self, first: Answer, again: object) -> Lookups:
        return Lookups((), [{"failed": "no answer", "found": 0}] if first.readings else [])


def test_answers_that_came_without_a_look_up_are_counted(set_folder: Path, tmp_path: Path) -> None:
    locator, counted = quick_locator(), Counted()
    locator.second_pass = Down()  # type: ignore[assignment]
    evaluate(small_set(set_folder), tmp_path / "run", ["density"], locator=locator, counted=counted)
    assert (counted.located, counted.unasked) == (5, 3)
