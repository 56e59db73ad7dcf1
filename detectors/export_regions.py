"""Writes a trained detector of regions as one ONNX file with weights as float16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from detectors.region_net import CLASSES

__all__ = ["export"]


class _Raw(nn.Module):
    """The network without ultralytics' choices: boxes in pixels and scores, (n, 4 + classes, anchors)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        found = self.net(pixels)
        out: Tensor = found[0] if isinstance(found, tuple) else found
        return out


def export(checkpoint: Path, path: Path) -> Path:
    """Write the network in ``checkpoint`` to ``path``.

    It takes ``pixels`` (1, 3, h, w) float32 RGB in 0..1, h and w multiples of 32, to ``found``
    (1, 4 + classes, anchors) float32: x, y, w, h in pixels, and a score for each class.
    """
    # Lazy: the build extra.
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from ultralytics.nn.tasks import load_checkpoint

    net, _ = load_checkpoint(checkpoint)
    net = net.float().fuse(verbose=False).eval()
    for module in net.modules():
        if hasattr(module, "export") and hasattr(module, "format"):
            module.export, module.format, module.dynamic = True, "onnx", True
    partial = path.with_suffix(".part")
    example = torch.zeros(1, 3, 320, 384)
    with torch.no_grad():
        torch.onnx.export(
            _Raw(net), (example,), str(partial), opset_version=17, input_names=["pixels"], output_names=["found"],
            dynamic_axes={"pixels": {2: "height", 3: "width"}, "found": {2: "anchors"}}, dynamo=False,
        )  # fmt: skip
    model = onnx.load(str(partial))
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 64:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
            casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)
    model.doc_string = "whence: signs and plates"
    for key, value in {"classes": ",".join(CLASSES), "stride": "32"}.items():
        model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=value))
    onnx.checker.check_model(model)
    partial.write_bytes(model.SerializeToString())
    partial.replace(path)
    return path
