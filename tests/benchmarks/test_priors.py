from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backbone.base import PriorCard, PriorOutput
from backbone.density import DensityPrior
from benchmarks.labels import Label
from benchmarks.prior_costs import beside_the_package, measured_apart
from benchmarks.prior_costs import main as costs
from benchmarks.prior_scores import PriorScores, labelled, scored
from benchmarks.priors import main
from data.distribution import CellDistribution
from data.errors import ImageError
from data.geodesy import geoscore, haversine_km
from data.partition import load_default
from tests.backbone.geoclips import small_clip, small_world
from tests.small_photos import photo, write_table

AT = ((48.2, 16.4, "AT"), (40.4, -3.7, "ES"), (-33.9, 151.2, "AU"), (35.7, 139.7, "JP"), (1.3, 36.8, "KE"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for name in ("first", "second"):
        for number in range(len(AT)):
            path = root / name / "images" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(photo(number))
        rows = [(f"{number}.jpg", *at) for number, at in enumerate(AT)]
        write_table(root / name / "labels.csv", rows, "file,lat,lon,country")
    return root


class Knowing:
    """Names the cell of each photo, by its shade; ``asked`` counts the photos."""

    def __init__(self) -> None:
        self.name, self.partition, self.asked = "knowing", load_default(), 0
        self.card = PriorCard("shades", True, "nothing", "CC0", sha256="a" * 64)

    def predict(self, images: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> list[PriorOutput]:
        self.asked += len(images)
        return [self._output(round((float(image.mean()) - 40.0) / 10.0)) for image in images]

    def _output(self, number: int) -> PriorOutput:
        p = np.full(len(self.partition), 0.5 / len(self.partition))
        p[self.partition.cells_of(*AT[number][:2])] += 0.5
        return PriorOutput(CellDistribution(self.partition, (p / p.sum()).astype(np.float32)))


def figures(scores: PriorScores) -> dict[str, float]:
    return {name: float(of(np.ones((1, len(scores.km))))[0]) for name, of in scores.figures().items()}


def test_a_prior_that_knows_scores_as_one_that_knows(data: Path) -> None:
    labels = labelled(data / "first")
    knowing = figures(scored(Knowing(), labels))
    assert knowing["country"] == 100.0 and knowing["within_200_km"] == 100.0
    assert knowing["bits"] == pytest.approx(np.log2(0.5), abs=0.01)
    density = figures(scored(DensityPrior(load_default()), labels))
    assert density["country"] < 50.0 and density["geoscore"] < knowing["geoscore"]


def test_scores_are_those_of_the_distributions(data: Path) -> None:
    labels = labelled(data / "first")
    found = scored(Knowing(), labels)
    for k, label in enumerate(labels):
        said = Knowing()._output(int(label.path.stem)).distribution
        point = said.point()
        km = float(haversine_km(*point, label.lat, label.lon))
        assert found.km[k] == pytest.approx(km)
        assert found.mass[k] == pytest.approx(said.mass_within(*point, km))
        assert found.bits[k] == pytest.approx(np.log2(said.p[load_default().cells_of(label.lat, label.lon)[0]]))
    assert figures(found)["geoscore"] == pytest.approx(geoscore(found.km).mean())


def test_kept_scores_are_taken_until_prior_or_photos_change(data: Path, tmp_path: Path) -> None:
    prior, labels = Knowing(), labelled(data / "first")
    first = scored(prior, labels, keep=tmp_path)
    again = scored(prior, labels, keep=tmp_path)
    assert prior.asked == 5 and np.array_equal(first.km, again.km) and np.array_equal(first.country, again.country)
    scored(prior, labels[:3], keep=tmp_path)
    assert prior.asked == 8
    prior.card = PriorCard("shades", True, "nothing", "CC0", sha256="b" * 64)
    scored(prior, labels, keep=tmp_path)
    assert prior.asked == 13


def test_a_photo_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        scored(Knowing(), [Label(tmp_path / "broken.jpg", 1.0, 2.0, "KE")])


def test_one_command_gives_accuracy_and_cost_of_every_prior(data: Path, tmp_path: Path) -> None:
    table, text = tmp_path / "priors.csv", tmp_path / "priors.txt"
    words = f"{data} --sets first second --only density:street --also planet:gone --quick --timed 1 --no-geoclip"
    with redirect_stdout(StringIO()) as out:
        assert main([*words.split(), "--csv", str(table), "--text", str(text), "--keep", str(tmp_path / "kept")]) == 0
    said = out.getvalue()
    assert text.read_text("utf-8") == said
    assert "planet:gone left out: no model is called gone" in said and "numpy" in said.splitlines()[-1]
    assert "first: 5 photos of 5 places" in said and "second: 5 photos" in said
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["prior"] for row in rows} == {"density", "density:street"}
    assert {row["set"] for row in rows} == {"first", "second"}
    scores = scored(DensityPrior(load_default(), "density:street"), labelled(data / "first"))
    [row] = [r for r in rows if (r["set"], r["prior"], r["figure"]) == ("first", "density:street", "geoscore")]
    base = scored(DensityPrior(load_default()), labelled(data / "first"))
    assert float(row["value"]) == pytest.approx(geoscore(scores.km).mean(), abs=1e-3)
    assert float(row["gain"]) == pytest.approx((geoscore(scores.km) - geoscore(base.km)).mean(), abs=1e-3)
    assert float(row["low"]) <= float(row["gain"]) <= float(row["high"])
    costs_of = [line.split() for line in said.splitlines() if line.startswith("density") and len(line.split()) == 6]
    assert len(costs_of) == 2 and all(float(line[-1].replace(",", "")) > 50 for line in costs_of)


def test_a_process_that_fails_says_why(data: Path) -> None:
    with pytest.raises(RuntimeError, match="no model is called gone"):
        measured_apart("planet:gone", str(data / "first" / "images" / "0.jpg"))


def test_costs_are_of_the_named_prior(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [str(data / "first" / "images" / f"{k}.jpg") for k in range(3)]
    assert costs(["density", *pictures]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(found) == {"first_s", "wall_s", "cpu_s", "ratio", "peak_mib"} and min(found.values()) >= 0.0


def test_our_geoclip_saves_what_the_package_does_again_at_every_call(data: Path, tmp_path: Path) -> None:
    geoclip = pytest.importorskip("geoclip")
    from backbone.geoclip_network import _silenced, from_package
    from backbone.geoclip_prior import GeoClipPrior

    with _silenced():
        package = geoclip.GeoCLIP(from_pretrained=True, clip_path=str(small_clip(tmp_path))).eval()
    package.gps_gallery = package.gps_gallery[::100].clone()  # all of it takes half a minute at every call
    world = small_world(package.gps_gallery.numpy())
    ours = GeoClipPrior(network=from_package(package, "small"), partition=world, folder=tmp_path, temperature=1.0)
    found = beside_the_package(package, ours, [data / "first" / "images" / f"{k}.jpg" for k in range(3)])
    # With a CLIP this small the gallery is nearly all that the package's answer costs.
    assert found["gallery_cpu_s"] > 0.4 * found["package_cpu_s"]
    assert found["times_faster"] > 1.5
    assert found["ours_first_cpu_s"] > found["ours_cpu_s"]
