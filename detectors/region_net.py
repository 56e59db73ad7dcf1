"""The network that finds signs and plates: YOLO11n's neck and head on the trunk of a text detector, or all of YOLO11n.

Signs and plates are lines of text on a coloured ground, so a network that has learnt to find text knows most of what is
needed. :class:`TextTrunk` is the convolutional trunk of RapidOCR's text detector, taken from the ONNX file in its
package; ``ultralytics`` puts its neck, head, losses and augmentations on it as on a trunk of its own.

Each photo was labelled for signs or for plates, seldom for both. What may be an unlabelled sign or plate is marked with
a box of its own, class 2 or 3, which goes through mosaics and warps like any other; :class:`PartialLoss` then teaches
nothing about that class inside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from ultralytics.nn import tasks
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import v8DetectionLoss
from ultralytics.utils.tal import make_anchors

from detectors.rapid import detector_path

__all__ = ["CLASSES", "MAYBE", "PartialLoss", "RegionModel", "TextTrunk", "text_trunk_layout", "yolo_layout"]

CLASSES = ("sign", "plate")
"""What is found, in the order of the network's scores."""
MAYBE = len(CLASSES)
"""A box of class ``MAYBE + i`` may hold things of class i that nobody labelled."""

# The trunk's output after each of its stages, as the ONNX file names it: (name, channels, stride).
_STAGES = (
    ("p2o.pd_op.add.14.0", 48, 4),
    ("p2o.pd_op.add.27.0", 96, 8),
    ("p2o.pd_op.add.50.0", 192, 16),
    ("p2o.pd_op.add.63.0", 384, 32),
)


class TextTrunk(nn.Module):
    """The trunk of PP-OCRv6's small text detector.

    Args:
        path: The ONNX file; default: the one in RapidOCR's package.

    ``forward`` takes (n, 3, h, w) RGB in 0..1, h and w multiples of 32, and gives a list of features at strides 4, 8,
    16 and 32 with 48, 96, 192 and 384 channels.
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        # Lazy: the build extra.
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(path or detector_path()).graph
        values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        makers = {output: node for node in graph.node for output in node.output if node.op_type != "Constant"}
        self.weights = nn.ParameterDict()
        self.steps: list[tuple[str, tuple[str, ...], str, dict[str, Any]]] = []
        self.input = graph.input[0].name
        self._add([name for name, _, _ in _STAGES], makers, values)
        self._fold()

    def _add(self, wanted: list[str], makers: dict[str, Any], values: dict[str, Any]) -> None:
        """Append what computes ``wanted`` to the steps, sources first, without recursion."""
        import onnx

        done: set[str] = {self.input}
        stack = list(reversed(wanted))
        while stack:
            name = stack[-1]
            if name in done:
                stack.pop()
                continue
            if name in values:
                value = torch.from_numpy(values[name].copy())
                self.weights[_key(name)] = nn.Parameter(value, requires_grad=value.is_floating_point())
                done.add(stack.pop())
                continue
            node = makers[name]
            missing = [i for i in node.input if i and i not in done]
            if missing:
                stack += missing
                continue
            settings = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            self.steps.append((node.op_type, tuple(node.input), name, settings))
            done.add(stack.pop())

    def _fold(self) -> None:
        """Join what the export took apart: a convolution and its bias, and the five steps of GELU."""
        same: dict[str, str] = {}
        for kind, inputs, output, _ in self.steps:
            if kind == "Identity":
                same[output] = same.get(inputs[0], inputs[0])
        steps = [
            (kind, tuple(same.get(i, i) for i in inputs), output, settings)
            for kind, inputs, output, settings in self.steps
            if kind != "Identity"
        ]
        folded: list[tuple[str, tuple[str, ...], str, dict[str, Any]]] = []
        for kind, inputs, output, settings in steps:
            if kind == "Add" and folded and folded[-1][0] == "Conv" and inputs[0] == folded[-1][2]:
                key = _key(inputs[1])
                if key in self.weights and len(folded[-1][1]) == 2:
                    self.weights[key] = nn.Parameter(self.weights[key].detach().reshape(-1))
                    conv = folded.pop()
                    folded.append(("Conv", (*conv[1], inputs[1]), output, conv[3]))
                    continue
            folded.append((kind, inputs, output, settings))
            if tuple(step[0] for step in folded[-5:]) == ("Div", "Erf", "Add", "Mul", "Mul"):
                source = folded[-5][1][0]
                del folded[-5:]
                folded.append(("Gelu", (source,), output, {}))
        self.steps = folded
        self.outputs = [same.get(name, name) for name, _, _ in _STAGES]
        used = {_key(i) for _, inputs, _, _ in folded for i in inputs}
        for key in [k for k in self.weights if k not in used]:
            del self.weights[key]

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Features of each stage; see the class."""
        held: dict[str, Tensor] = {self.input: pixels.flip(1) * 2 - 1}  # it was trained on BGR in -1..1
        for kind, inputs, output, settings in self.steps:
            given = [held[i] if i in held else self.weights[_key(i)] for i in inputs]
            held[output] = _run(kind, given, settings)
        return [held[name] for name in self.outputs]


# A layout names its modules, and ultralytics looks the names up among its own.
tasks.TextTrunk = TextTrunk  # type: ignore[attr-defined]


def _key(name: str) -> str:
    return name.replace(".", "_")


def _run(kind: str, given: list[Tensor], settings: dict[str, Any]) -> Tensor:
    """One node of the trunk's graph."""
    x = given[0]
    if kind == "Conv":
        top, left, _, _ = settings.get("pads", (0, 0, 0, 0))
        if settings.get("auto_pad") == b"SAME_UPPER":  # two kernels of 2 x 2
            x = functional.pad(x, (0, 1, 0, 1))
        bias = given[2] if len(given) > 2 else None
        return functional.conv2d(x, given[1], bias, tuple(settings["strides"]), (top, left), 1, settings["group"])
    if kind == "MaxPool":
        return functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 2, 1)
    if kind == "Add":
        return x + given[1]
    if kind == "Mul":
        return x * given[1]
    if kind == "Gelu":
        return functional.gelu(x)
    if kind == "Relu":
        return functional.relu(x)
    if kind == "HardSigmoid":
        sloped: Tensor = x * settings["alpha"] + settings["beta"]
        return sloped.clamp(0, 1)
    if kind in ("ReduceMean", "GlobalAveragePool"):
        return x.mean((2, 3), keepdim=True)
    if kind == "Concat":
        return torch.cat(given, settings["axis"])
    raise NotImplementedError(kind)


def text_trunk_layout() -> dict[str, Any]:
    """Layout of YOLO11n's neck and head on the text trunk, as ``DetectionModel`` takes it."""
    layout = yolo_layout()
    head = [[_moved(source), count, module, arguments] for source, count, module, arguments in layout["head"]]
    stages = [[0, 1, "Index", [channels, 1 + i]] for i, (_, channels, _) in enumerate(_STAGES[1:])]
    layout["backbone"] = [[-1, 1, "TextTrunk", []], *stages, *layout["backbone"][9:]]
    return layout | {"head": head}


def yolo_layout() -> dict[str, Any]:
    """Layout of YOLO11n for two classes."""
    layout: dict[str, Any] = tasks.yaml_model_load("yolo11n.yaml")
    return layout | {"nc": len(CLASSES)}


def _moved(source: int | list[int]) -> int | list[int]:
    """A layer's number in YOLO11 as it is called on the text trunk, which has 5 layers fewer before the head."""
    if isinstance(source, list):
        return [int(_moved(s)) for s in source]  # type: ignore[arg-type]
    return {4: 1, 6: 2}.get(source, source - 5 if source > 0 else source)


class RegionModel(DetectionModel):
    """A detector of signs and plates that learns from photos labelled for one of the two."""

    def predict(self, x: Tensor, *arguments: Any, **settings: Any) -> Any:
        """As the base class; in training on a processor that has bfloat16, with it, at twice the speed."""
        if not (self.training and x.device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
            return super().predict(x, *arguments, **settings)
        with torch.autocast("cpu", torch.bfloat16):
            found = super().predict(x.contiguous(memory_format=torch.channels_last), *arguments, **settings)
        floats = {key: value.float() for key, value in found.items() if key != "feats"}
        return floats | {"feats": [feature.float() for feature in found["feats"]]}

    def init_criterion(self) -> v8DetectionLoss:
        """The loss that leaves out what nobody labelled."""
        return PartialLoss(self)


class PartialLoss(v8DetectionLoss):
    """YOLO's loss, without what it would teach about class i in the background inside boxes of class ``MAYBE + i``."""

    stride: Any

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self._taught = torch.ones(
            (), device=self.device
        )  # (n, anchors, classes): 0 where the background teaches nothing
        self.bce: Any = self._masked_bce

    def get_assigned_targets_and_loss(self, preds: dict[str, Tensor], batch: dict[str, Any], **assign: Any) -> Any:
        """As the base class, after the boxes of unknown content were taken out of the targets."""
        labels = batch["cls"].view(-1)
        maybe = labels >= MAYBE
        points, strides = make_anchors(preds["feats"], self.stride, 0.5)
        first: float = self.stride.min().item()
        height, width = (side * first for side in preds["feats"][0].shape[2:])
        centres = points * strides / torch.tensor([width, height], device=self.device)
        self._taught = torch.ones(preds["boxes"].shape[0], len(centres), self.nc, device=self.device)
        for photo, label, box in zip(
            batch["batch_idx"][maybe].long().tolist(),
            labels[maybe].long().tolist(),
            batch["bboxes"][maybe],
            strict=True,
        ):
            inside = ((centres - box[:2]).abs() <= box[2:] / 2).all(1)
            self._taught[photo, inside, label - MAYBE] = 0
        known = {key: batch[key][~maybe] for key in ("cls", "bboxes", "batch_idx")}
        return super().get_assigned_targets_and_loss(preds, batch | known, **assign)

    def _masked_bce(self, scores: Tensor, targets: Tensor) -> Tensor:
        loss = functional.binary_cross_entropy_with_logits(scores.float(), targets.float(), reduction="none")
        something = targets.sum(-1, keepdim=True) > 0
        return loss * torch.where(something, 1.0, self._taught)
