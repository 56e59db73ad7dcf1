"""A report as a reader, a stranger who made the set, and a browser meet it."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from selenium.webdriver import Chrome

from data.benchmark_cards import known_benchmarks
from data.errors import DatasetError, RequestError
from data.labelled_sets import open_labelled
from detectors.base import Reading
from fusion.evaluation.journal import TABLE
from fusion.evaluation.report import report_page, write_report
from fusion.evaluation.report_map import MOST, chosen
from fusion.evaluation.report_photos import best_and_worst
from fusion.evaluation.run import evaluate
from fusion.evaluation.runs import SUMMARY, Run, open_run
from fusion.evaluation.shown import picture_of
from fusion.locator import Locator
from tests.fusion.chromium import started
from tests.fusion.evaluation.small_sets import BOX, LABELS, quick_locator, small_set
from tests.small_photos import photo, write_table

HOSTILE = "</script></style><img src=x onerror=alert(1)>\u202egpj.exe\x1b[2J"
VOID = {"meta", "img", "br", "link", "input", "hr"}
Changed = Callable[..., Run]


class Page(HTMLParser):
    """The elements of a page, its visible text, and whether each that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def count(self, tag: str, kind: str = "") -> int:
        return (
            sum(name == tag and kind in (given.get("class") or "").split(" ") for name, given in self.tags)
            if kind
            else (sum(name == tag for name, _ in self.tags))
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Five photos and two priors; b.jpg is no photo, d.jpg has no point."""
    photos = small_set(tmp_path_factory.mktemp("photos"), broken=["b.jpg"])
    out = tmp_path_factory.mktemp("run") / "run"
    return evaluate(photos, out, ["density", "density:street"], locator=quick_locator())


@pytest.fixture
def changed(made: Run, tmp_path: Path) -> Changed:
    """A copy of the run with another summary or other rows."""

    def make(
        summary: Callable[[dict[str, Any]], None] = lambda _: None,
        rows: Callable[[list[dict[str, Any]]], Sequence[dict[str, Any]]] = lambda rows: rows,
        folder: str = "copy",
    ) -> Run:
        target = shutil.copytree(made.folder, tmp_path / folder)
        told = json.loads(json.dumps(made.summary))
        summary(told)
        (target / SUMMARY).write_text(json.dumps(told))
        table = pq.read_table(target / TABLE)
        pq.write_table(pa.Table.from_pylist(list(rows(table.to_pylist())), schema=table.schema), target / TABLE)
        return open_run(target)

    return make


def test_the_page_tells_the_figures_of_the_summary(made: Run) -> None:
    page = Page(report_page(made)).text()
    for run in made.summary["runs"]:
        for system in ("prior", "text"):
            one = run["systems"][system]["geoscore"]
            assert f"{one['value']:,.0f} [{one['low']:,.0f}, {one['high']:,.0f}]" in page
        value, low, high = run["gain"]["country_bits"]
        assert f"+{value:.2f} [" in page and low <= value <= high
        assert run["trained_on"][:60] in page
    assert "5 photos of 5 places" in page and "1 of them failed, counted as misses" in page
    for value in (
        made.summary["dataset"]["fingerprint"],
        made.summary["made"]["machine"],
        made.summary["made"]["whence"],
    ):
        assert value in page
    assert "6371.0088 km" in page and "count as misses" in page and "2,000 draws" in page


def test_a_page_has_a_part_for_everything_there_is_and_none_for_what_is_not(made: Run) -> None:
    page = Page(report_page(made))
    ids = [given["id"] for tag, given in page.tags if tag == "h2" and "id" in given]
    assert ids == ["set", "figures", "curves", "map", "clues", "groups", "photos", "failed", "protocol"]
    links = [given["href"] for tag, given in page.tags if tag == "a"]
    assert links == [f"#{key}" for key in ids]


def test_it_is_written_where_it_is_asked_for(made: Run, tmp_path: Path) -> None:
    path = write_report(made, tmp_path / "page.html")
    assert path == tmp_path / "page.html" and path.read_text(encoding="utf-8") == report_page(made)
    assert [child.name for child in tmp_path.iterdir()] == ["page.html"]


def test_the_same_run_makes_the_same_page(made: Run) -> None:
    assert report_page(made) == report_page(open_run(made.folder))


def test_it_may_load_and_run_nothing(made: Run) -> None:
    text = report_page(made)
    page = Page(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "embed", "form", "base"})
    [policy] = [given["content"] for tag, given in page.tags if given.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-") and "unsafe" not in policy
    for _, given in page.tags:
        assert not any(key.startswith("on") or key == "style" for key in given), given
        for key in ("src", "href"):
            assert (given.get(key) or "#").startswith(("#", "data:image/jpeg;base64,"))


def test_nothing_of_a_set_becomes_markup(changed: Changed) -> None:
    def summary(told: dict[str, Any]) -> None:
        dataset = told["dataset"]
        dataset |= {"name": HOSTILE, "notes": [HOSTILE], "left_out": {HOSTILE: HOSTILE}, "left_out_count": 1}
        for run in told["runs"]:
            run |= dict.fromkeys(("summary", "trained_on", "licence", "settings"), HOSTILE)
            run["groups"][HOSTILE] = {HOSTILE: run["groups"]["country"]["AT"]}
            run["kinds"][HOSTILE] = next(iter(run["kinds"].values()))
            run["prior"] += HOSTILE
            run["trained_on_this_set"] = True
        told["made"] |= {"machine": HOSTILE, "libraries": {HOSTILE: HOSTILE}}

    def rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in rows:
            row |= {"file": row["file"] + HOSTILE, "prior": row["prior"] + HOSTILE}
            row |= {"true_city": HOSTILE, "true_country": HOSTILE}
            if row["error"]:
                row["message"] = HOSTILE
                continue
            row["text_country"] = HOSTILE
            told = json.loads(row["answer"])
            told["place"], told["attributions"] = HOSTILE, [HOSTILE]
            for clue in told["clues"]:
                clue |= dict.fromkeys(("kind", "text", "meaning"), HOSTILE)
            for line in told["ledger"]:
                line |= {"country_before": HOSTILE, "country_after": HOSTILE}
            row["answer"] = json.dumps(told)
        return rows

    text = report_page(changed(summary, rows))
    page = Page(text)
    assert (
        text.count("gpj.exe") > 40 and page.text().count(r"</script></style><img src=x onerror=alert(1)>\u202egpj") > 40
    )
    assert "\u202e" not in text and "\x1b" not in text
    assert page.count("script") == 0 and page.count("style") == 1 and "<img src=x" not in text


def test_a_slot_of_the_template_in_a_name_is_but_a_name(changed: Changed) -> None:
    def name(told: dict[str, Any]) -> None:
        told["dataset"]["name"] = "{{sections}}"

    assert "Evaluation of {{sections}}" in Page(report_page(changed(name))).text().replace("  ", " ")


class _Plate:
    """Reads a telephone number and a licence plate."""

    name = "plate"

    def read(self, pixels: NDArray[np.uint8]) -> list[Reading]:
        return [Reading("r0", "Tel. +43 1 5134567", BOX, 0.99, "Latn"), Reading("r1", "W 74621 K", BOX, 0.99, "Latn")]


def test_private_text_stays_masked(tmp_path: Path) -> None:
    photos = small_set(tmp_path / "photos", LABELS[:2])
    locator = Locator("density", ocr=_Plate(), regions="none", scenes="none", places="none", offline=True)
    run = evaluate(photos, tmp_path / "run", ["density"], locator=locator)
    text = html.unescape(report_page(run))
    assert "phone" in text and "•••" in text, "the clue is told"
    assert not re.search(r"5134567|513 4567|74621", text)


def test_a_prior_that_learnt_from_the_set_is_warned_of(changed: Changed) -> None:
    def taught(told: dict[str, Any]) -> None:
        told["runs"][1]["trained_on_this_set"] = True

    page = Page(report_page(changed(taught)))
    assert "The card of density:street says that it learnt from this set" in page.text()
    assert page.count("p", "warning") == 2  # the other: few places


def test_what_was_left_out_and_pitfalls_are_told(changed: Changed) -> None:
    card = known_benchmarks()["im2gps"]

    def known(told: dict[str, Any]) -> None:
        of_card = {key: getattr(card, key) for key in card.__dataclass_fields__ if key != "ids"}
        as_json = json.loads(json.dumps(of_card, default=lambda one: {"text": one.text, "source": one.source}))
        told["dataset"] |= {"name": "im2gps", "card": as_json, "left_out": {"x.jpg": "no photo"}, "left_out_count": 3}

    page = Page(report_page(changed(known))).text()
    assert "x.jpg : no photo" in page and "and 2 more" in page
    assert card.pitfalls[0].text in page and card.licence.text in page
    assert "PlaNet (2016)" in page and page.count("published, not measured here") > 3 and "measured here" in page


def test_a_set_that_is_no_benchmark_has_no_published_figures(changed: Changed) -> None:
    def named(told: dict[str, Any]) -> None:
        told["dataset"]["name"] = "im2gps"

    assert "PlaNet" not in report_page(changed(named))


def test_the_best_come_first_and_the_worst_too_and_none_twice() -> None:
    rows = [
        {"file": f"{k}.jpg", "error": None, "text_km": float(k), "text_country_bits": None} for k in (3, 1, 4, 0, 2)
    ]
    assert best_and_worst(rows) == ([3, 1, 4], [2, 0])
    assert best_and_worst(rows, 1) == ([3], [2])
    rows[3]["error"], rows[1]["text_km"] = "ImageError", None
    assert best_and_worst(rows, 9) == ([4, 0], [2])
    assert best_and_worst(rows[:1]) == ([0], [])
    assert best_and_worst([]) == ([], [])


def test_each_card_tells_truth_guess_and_ledger(made: Run) -> None:
    text = report_page(made)
    page = Page(text)
    row = next(row for row in made.rows().to_pylist() if row["file"] == "a.jpg")
    told = json.loads(row["answer"])
    start = page.text().index("a.jpg true place")
    of_a = page.text()[start : start + 900]
    assert "Madrid, ES 40.417 N 3.704 W" in of_a and "Spain" in of_a and ", right" in of_a
    assert told["clues"][0]["meaning"] in of_a and "makes Spain likelier" in of_a and "by the prior alone" in of_a
    # four of the five photos were read, by two priors
    assert page.count("figure", "photo") == page.count("img") == 8


def test_a_missing_or_damaged_thumbnail_is_said(changed: Changed, monkeypatch: pytest.MonkeyPatch) -> None:
    def installs_a_package(*_: object, **__: object) -> None:  # ultralytics' opener, where it was imported before
        raise AssertionError("Pillow's own opener is to be used")

    monkeypatch.setattr("PIL.Image.open", installs_a_package)
    run = changed()
    picture_of(run.folder, "a.jpg").unlink()
    picture_of(run.folder, "c.jpg").write_bytes(b"<script>alert(1)</script>")
    page = Page(report_page(run))
    assert page.text().count("no thumbnail was kept") == 2 and page.text().count("its thumbnail is damaged") == 2
    assert page.count("img") == 4


def test_the_photos_that_failed_are_listed(made: Run) -> None:
    page = Page(report_page(made)).text()
    row = next(row for row in made.rows().to_pylist() if row["error"])
    assert row["file"] == "b.jpg" and " ".join(row["message"].split()) in page


def test_a_run_can_be_compared_photo_by_photo(made: Run, changed: Changed, tmp_path: Path) -> None:
    def nearer(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in rows:
            if row["file"] == "a.jpg":
                row["text_km"] = 3000.0
        return [row for row in rows if row["file"] != "e.jpg"]

    page = Page(report_page(made, changed(rows=nearer))).text()
    assert "density: 4 photos that both have, 1 only in this run" in page
    assert "With clues, 1 of 3 photos are nearer than in the other run, 0 are the opposite, 2 the same." in page
    assert str(tmp_path) not in page, "a page is passed on, and tells nothing of this machine's folders"
    assert re.search(r"gained most\s+a\.jpg\s+[\d,.]+ k?m\s+3,000 km", page)
    assert "Against another run" not in report_page(made)


def test_runs_without_a_common_photo_cannot_be_compared(made: Run, changed: Changed) -> None:
    def other(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | {"sha256": f"{k:064}"} for k, row in enumerate(rows)]

    with pytest.raises(RequestError, match="share no photo"):
        report_page(made, changed(rows=other))


def test_people_are_compared_with_every_prior(changed: Changed) -> None:
    def guessed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | {"human_km": 40.0 if row["true_lat"] is not None else None} for row in rows]

    page = Page(report_page(changed(rows=guessed))).text()
    assert "Against people" in page
    # a failure loses its round
    assert page.count("4 rounds") == 2 and len(re.findall(r"\d won, \d lost", page)) == 2


def _country_only(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = ("true_lat", "true_lon", "true_city", "true_region", "prior_km", "text_km")
    return [row | dict.fromkeys(keys) for row in rows]


def _nothing_known(told: dict[str, Any]) -> None:
    for run in told["runs"]:
        for system in ("prior", "text"):
            for figure in run["systems"][system].values():
                figure |= {"value": None, "low": None, "high": None}
        run["gain"], run["kinds"], run["groups"], run["with_clue"] = {}, {}, {}, 0
        run["calibration"] = {"prior": {"country": [], "radius": []}, "text": {"country": [], "radius": []}}
        run["abstention"] = {"prior": {"country": []}, "text": {"country": []}}
        run["recall"] = {system: [[1e3, None]] for system in ("prior", "text")}


def test_a_set_with_countries_alone_has_no_map_and_its_best_by_country(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for k, file in enumerate(("x.jpg", "y.jpg", "z.jpg")):
        (folder / file).write_bytes(photo(k))
    write_table(folder / "labels.csv", [("x.jpg", "ES"), ("y.jpg", "FR"), ("z.jpg", "AT")], "file,country")
    run = evaluate(open_labelled(folder), tmp_path / "run", ["density"], locator=quick_locator())
    page = Page(report_page(run))
    assert not any(given.get("id") == "map" for _, given in page.tags)
    text = page.text()
    assert "probability of the true country" in text and "off by" not in text and "country right" in text
    assert "within 25 km, %" not in text and "x.jpg" in text


def test_a_run_in_which_every_photo_failed_says_so(tmp_path: Path) -> None:
    files = [label[0] for label in LABELS]
    run = evaluate(small_set(tmp_path / "p", broken=files), tmp_path / "run", ["density"], locator=quick_locator())
    page = Page(report_page(run))
    assert "5 of them failed, counted as misses" in page.text() and page.count("figure", "photo") == 0
    assert page.count("figure", "plot") == 2, "distances and regions: none is met"


def test_a_run_of_one_photo_without_a_clue_is_told_by_the_prior(tmp_path: Path) -> None:
    photos = small_set(tmp_path / "p", [("o.jpg", 0, 0, "", ""), LABELS[4]]).take([1])
    locator = Locator("density", ocr="none", regions="none", scenes="none", places="none", offline=True)
    run = evaluate(photos, tmp_path / "run", ["density"], locator=locator)
    page = Page(report_page(run))
    text = page.text()
    assert "no photo has a clue" in text and "1 photo of 1 place" in text and "clues gain" not in text
    assert "the 1 best" in text and "worst" not in text.split("Best and worst photos")[-1]


def test_what_is_not_known_is_a_dash_or_left_out(changed: Changed) -> None:
    run = changed(_nothing_known, lambda rows: _country_only([row | {"true_country": None} for row in rows]))
    page = Page(report_page(run)).text()
    assert "nothing is known" in page and "nan" not in page.lower().split() and "None" not in page


@pytest.mark.parametrize("damage", ["runs", "protocol", "systems"])
def test_a_damaged_summary_is_said_to_be_one(changed: Changed, damage: str) -> None:
    def without(told: dict[str, Any]) -> None:
        (told if damage in told else told["runs"][0]).pop(damage)

    with pytest.raises(DatasetError, match="damaged"):
        report_page(changed(without))


def test_damaged_rows_are_said_to_be_ones(changed: Changed) -> None:
    def damaged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | {"answer": "{no JSON"} for row in rows]

    with pytest.raises(DatasetError, match="damaged"):
        report_page(changed(rows=damaged))


def _many(made: Run, count: int) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """``count`` photos, all over the world, of the rows of c.jpg."""
    rng = np.random.default_rng(0)

    def make(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = []
        for one in (row for row in rows if row["file"] == "c.jpg"):
            lat, lon = rng.uniform(-60.0, 80.0, (2, count)), rng.uniform(-180.0, 180.0, (2, count))
            for k in range(count):
                place = {"true_lat": lat[0, k], "true_lon": lon[0, k], "text_lat": lat[1, k], "text_lon": lon[1, k]}
                km = {"text_km": float(10.0 ** rng.uniform(-1, 4.3)), "prior_km": float(10.0 ** rng.uniform(-1, 4.3))}
                found.append(one | place | km | {"file": f"photo {k}.jpg"})
        return found

    return make


def test_three_thousand_photos_make_a_small_page_with_half_of_them_on_the_map(made: Run, changed: Changed) -> None:
    text = report_page(changed(rows=_many(made, 3000)))
    assert len(text) < 5_000_000
    assert "1,500 of 3,000 photos (those whose names have the smallest sha256)" in text
    page = Page(text)
    marks = [given["d"] for tag, given in page.tags if tag == "path" and "truth" in (given.get("class") or "")]
    assert sum(d.count("M") for d in marks if d) - 2 * 3 == 2 * MOST  # two priors, three marks in each key


def test_photos_on_the_map_do_not_depend_on_their_order() -> None:
    files = [f"{k}.jpg" for k in range(100)]
    some = {files[k] for k in chosen(files, 10)}
    assert len(some) == 10 and {files[::-1][k] for k in chosen(files[::-1], 10)} == some
    assert chosen(files) == list(range(100))


def test_tables_have_heads_and_drawings_have_words(made: Run) -> None:
    page = Page(report_page(made))
    assert ("html", {"lang": "en"}) in page.tags
    heads = [given for tag, given in page.tags if tag == "th"]
    assert heads and all(given.get("scope") in ("row", "col", "rowgroup", "colgroup") for given in heads)
    assert page.count("table") == page.count("caption") == page.count("thead")
    drawings = [given for tag, given in page.tags if tag == "svg"]
    assert all(given.get("role") == "img" or given.get("aria-hidden") == "true" for given in drawings)
    spoken = sum(given.get("role") == "img" for given in drawings)
    assert page.count("desc") == spoken > 20
    assert all(given.get("alt") for tag, given in page.tags if tag == "img")
    boxes = [given for tag, given in page.tags if tag == "div" and (given.get("class") or "").split(" ")[0] == "box"]
    assert all(given.get("tabindex") == "0" and given.get("aria-label") for given in boxes)


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    yield from started(tmp_path_factory.mktemp("profile"))


@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_shows_it_whole_without_a_complaint_or_a_request(
    made: Run, chrome: Chrome, tmp_path: Path, width: int, changed: Changed
) -> None:
    def long_names(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | {"file": row["file"] + "x" * 200} for row in rows]

    page = write_report(made, tmp_path / "page.html", changed(rows=long_names))
    chrome.get("about:blank")
    chrome.execute_cdp_cmd("Network.enable", {})
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    for log in ("browser", "performance"):
        chrome.get_log(log)
    chrome.get(page.as_uri())
    chrome.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert chrome.execute_script("return [innerWidth, document.documentElement.scrollWidth <= innerWidth]") == [
        width,
        True,
    ]
    outside = """
      return [...document.querySelectorAll("body *")].filter((node) => {
        const frame = node.getBoundingClientRect();
        return !node.closest(".box, svg") && frame.width > 0 && (frame.right > innerWidth + 0.5 || frame.left < -0.5);
      }).map((node) => node.outerHTML.slice(0, 90));
    """
    assert chrome.execute_script(outside) == []
    # The style sheet is let in, pictures are drawn, letters of plots are no smaller than eleven pixels.
    assert chrome.execute_script("return getComputedStyle(document.querySelector('.plots')).display") == "grid"
    assert chrome.execute_script("return [...document.images].every((one) => one.complete && one.naturalWidth > 0)")
    letters = """
      return Math.min(...[...document.querySelectorAll(".plot text")].map((one) =>
        parseFloat(getComputedStyle(one).fontSize) * one.ownerSVGElement.getScreenCTM().a));
    """
    assert chrome.execute_script(letters) > 10.5
    assert chrome.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert page.as_uri() in asked and all(url == page.as_uri() or url.startswith("data:") for url in asked)
