"""A real training run of a few steps, from pictures drawn here: its parts fit, it resumes, and its ONNX file agrees."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import DatasetError, OfflineError, RequestError
from detectors.paste_regions import paste_plates
from detectors.region_data import DataConfig, Sources
from detectors.regions import RegionConfig, RegionDetector
from detectors.tiles import suppressed
from detectors.train_regions import Stage, train

pytest.importorskip("onnx", reason="the build extra")
pytestmark = pytest.mark.filterwarnings("ignore")  # torch's exporter and ultralytics warn of their own ways

_DATA = DataConfig(side=64, facades=1, cars=2, composites=0, kept=2)
_STAGES = (Stage(64, 1, 1e-3, frozen=True),)


def _drawn(folder: Path, part: str, number: int, count: int) -> None:
    for kind in ("images", "labels"):
        (folder / kind / part).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        rng = np.random.default_rng([i, number])
        pixels, boxes = paste_plates(rng.integers(60, 120, (96, 128, 3), np.uint8), 2, rng, [])
        Image.fromarray(pixels).save(folder / "images" / part / f"{i}.jpg")
        rows = [f"{number} {(a + c) / 256} {(b + d) / 192} {(c - a) / 128} {(d - b) / 96}" for a, b, c, d in boxes]
        (folder / "labels" / part / f"{i}.txt").write_text("\n".join(rows))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = tmp_path_factory.mktemp("photos")
    _drawn(folder / "facades", "train", 3, 4)
    _drawn(folder / "plates", "train", 0, 4)
    _drawn(folder / "plates", "valid", 0, 2)
    return Sources(folder / "facades", folder / "plates")


@pytest.fixture(scope="module", params=["text", "nothing"])
def trained(request: pytest.FixtureRequest, sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp(request.param)
    return train(out, sources, minutes=0.05, start=request.param, data=_DATA, stages=_STAGES, batch=4)


def test_a_few_steps_write_a_network_of_the_promised_size_and_curves(trained: Path) -> None:
    assert trained.stat().st_size <= 12 * 2**20
    curves = (trained.parent / "stage0" / "results.csv").read_text().splitlines()
    assert len(curves) >= 2 and "metrics/mAP50(B)" in curves[0]


def test_the_file_says_what_ultralytics_says(trained: Path) -> None:
    import onnxruntime
    import torch
    from ultralytics.nn.tasks import load_checkpoint
    from ultralytics.utils.nms import non_max_suppression

    net, _ = load_checkpoint(trained.parent / "stage0" / "weights" / "best.pt")
    rng = np.random.default_rng(0)
    pixels, _ = paste_plates(np.full((128, 192, 3), 90, np.uint8), 3, rng, [])
    blob = pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255
    with torch.no_grad():
        theirs = net(torch.from_numpy(blob))
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    [ours] = onnxruntime.InferenceSession(str(trained)).run(None, {"pixels": blob})
    # Weights are kept as float16: hundredths of a pixel, thousandths of a score.
    assert np.abs(ours[:, :4] - theirs[:, :4].numpy()).max() < 0.5
    assert np.abs(ours[:, 4:] - theirs[:, 4:].numpy()).max() < 0.01

    [best] = non_max_suppression(theirs, conf_thres=0.0, iou_thres=0.5, max_det=300, multi_label=False)
    raw = theirs[0].numpy()
    half = raw[2:4] / 2
    boxes = np.concatenate([raw[:2] - half, raw[:2] + half]).T
    kept = suppressed(boxes, raw[4:].max(axis=0), raw[4:].argmax(axis=0), same=0.5, within=2.0)[:300]
    assert len(kept) == len(best)
    assert np.abs(np.sort(raw[4:].max(axis=0)[kept]) - np.sort(best[:, 4].numpy())).max() < 1e-5


@pytest.mark.parametrize("shape", [(1, 1), (200, 8000), (64, 64), (900, 3)])
def test_hostile_pictures_are_looked_at_without_harm(trained: Path, shape: tuple[int, int]) -> None:
    detector = RegionDetector(trained, config=RegionConfig(side=96, least=(0.0, 0.0), most=20))
    for value in (0, 255):
        for region in detector.find(np.full((*shape, 3), value, np.uint8)):
            left, top, right, bottom = region.bounds
            assert 0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]


def test_a_finished_training_is_not_done_again_and_an_interrupted_one_goes_on(sources: Sources, tmp_path: Path) -> None:
    settings = {"start": "text", "data": _DATA, "stages": _STAGES, "batch": 4}
    train(tmp_path, sources, minutes=0.05, **settings)
    last = tmp_path / "stage0" / "weights" / "last.pt"
    before = last.stat().st_mtime_ns
    train(tmp_path, sources, minutes=0.05, **settings)
    assert last.stat().st_mtime_ns == before
    epochs = len((tmp_path / "stage0" / "results.csv").read_text().splitlines())
    train(tmp_path, sources, minutes=0.15, **settings)
    assert len((tmp_path / "stage0" / "results.csv").read_text().splitlines()) > epochs


def test_what_makes_no_sense_is_said(sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="no start"):
        train(tmp_path, sources, minutes=1, start="imagenet")
    with pytest.raises(RequestError, match="positive"):
        train(tmp_path, sources, minutes=0)
    with pytest.raises(DatasetError, match="no photo"):
        train(tmp_path, Sources(tmp_path, tmp_path), minutes=1)
    monkeypatch.setenv("WHENCE_OFFLINE", "1")
    with pytest.raises(OfflineError, match="--start text"):
        train(tmp_path, sources, minutes=1, start="coco", data=_DATA)


def test_nothing_is_taught_about_what_nobody_labelled() -> None:
    import torch

    from detectors.region_net import MAYBE, RegionModel, yolo_layout

    torch.manual_seed(0)
    model = RegionModel(yolo_layout(), nc=2, verbose=False)
    from ultralytics.cfg import get_cfg

    model.args = get_cfg()
    model.train()
    pixels = torch.rand(1, 3, 64, 64)

    def gradient(labels: list[float], boxes: list[list[float]]) -> torch.Tensor:
        model.zero_grad()
        model.criterion = model.init_criterion()
        found = model.predict(pixels)
        for tensor in (found["scores"],):
            tensor.retain_grad()
        batch = {
            "img": pixels,
            "cls": torch.tensor(labels).view(-1, 1),
            "bboxes": torch.tensor(boxes).view(-1, 4),
            "batch_idx": torch.zeros(len(labels)),
        }
        model.criterion(found, batch)[0].sum().backward()
        return found["scores"].grad[0]  # (classes, anchors)

    everywhere = [0.5, 0.5, 1.0, 1.0]
    plain = gradient([], [])
    assert (plain != 0).all()
    maybe_plates = gradient([MAYBE + 1.0], [everywhere])
    assert (maybe_plates[1] == 0).all() and (maybe_plates[0] != 0).all()
    with_sign = gradient([0.0, MAYBE + 1.0], [[0.5, 0.5, 0.5, 0.5], everywhere])
    assert (with_sign[0] != 0).all() and (with_sign[1] != 0).any(), "what is a sign is no plate"
