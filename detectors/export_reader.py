"""Writes trunk and heads as one ONNX file: large weights as float16, computed with as float32. Build time only."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from detectors.reader_alphabet import Alphabet
from detectors.reader_nets import ReaderHead, ScriptHead
from detectors.reader_trunk import CHANNELS, ROWS, trunk_model

__all__ = ["export", "halved"]

_LEAST = 256  # numbers; smaller weights are not worth a conversion
_OPSET = 17


class _Heads(nn.Module):
    """Both heads on the same columns."""

    def __init__(self, script: nn.Module, reader: nn.Module) -> None:
        super().__init__()
        self.script, self.reader = script, reader

    def forward(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.script(seen), self.reader(seen)


def export(script: nn.Module, reader: nn.Module, alphabet: Alphabet, out: Path, classes: Sequence[str]) -> Path:
    """Write ``out/reader.onnx``: lines (n, 3, 48, width) to scores of scripts and of tokens by column.

    Args:
        script: A trained :class:`~detectors.reader_nets.ScriptHead`.
        reader: A trained :class:`~detectors.reader_nets.ReaderHead`.
        alphabet: The tokens that ``reader`` scores.
        out: Folder.
        classes: The scripts that ``script`` scores.

    Raises:
        WeightsError: The ``onnx`` package of the build extra is missing.
    """
    assert isinstance(script, ScriptHead) and isinstance(reader, ReaderHead)
    trunk = trunk_model()
    # Lazy: the build extra; trunk_model has said so where it is missing.
    import onnx
    from onnx import compose, version_converter

    heads_path = out / "heads.onnx"
    heads = _Heads(script.float(), reader.float()).eval()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # torch.onnx's older exporter is deprecated; the newer asks for two packages more
        torch.onnx.export(
            heads,
            (torch.zeros(1, CHANNELS, ROWS, 24),),
            str(heads_path),
            input_names=["seen"],
            output_names=["scripts", "tokens"],
            dynamic_axes={"seen": {0: "n", 3: "w"}, "scripts": {0: "n"}, "tokens": {0: "n", 1: "w"}},
            dynamo=False,
            opset_version=_OPSET,
        )
    trunk = version_converter.convert_version(trunk, _OPSET)
    top = onnx.load(heads_path)
    heads_path.unlink()
    top.ir_version = trunk.ir_version
    joined = compose.merge_models(trunk, compose.add_prefix(top, "head_"), [(trunk.graph.output[0].name, "head_seen")])
    for node in joined.graph.node:  # plain names to call by
        for i, name in enumerate(node.output):
            if name in ("head_scripts", "head_tokens"):
                node.output[i] = name.removeprefix("head_")
    for output in joined.graph.output:
        output.name = output.name.removeprefix("head_")
    model = halved(joined)
    for key, value in (("tokens", list(alphabet.tokens)), ("classes", list(classes))):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value, ensure_ascii=False)
    path = out / "reader.onnx"
    onnx.save(model, path)
    return path


def halved(model: Any) -> Any:
    """A copy of ``model``, an ``onnx.ModelProto``, with each large float32 weight stored as float16.

    A ``Cast`` behind each turns it back; onnxruntime does that once, when it opens the model.
    """
    # Lazy: the build extra.
    from onnx import TensorProto, helper, numpy_helper

    out = type(model)()
    out.CopyFrom(model)
    casts = []
    for tensor in out.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < _LEAST:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name + ".half"))
        casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *out.graph.node]
    del out.graph.node[:]
    out.graph.node.extend(nodes)
    return out
