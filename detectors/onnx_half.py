"""ONNX models with their weights stored as float16 and computed with as float32: half the size on disk."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["halved"]

_LEAST = 256  # numbers; smaller arrays are not worth a conversion


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
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name + ".half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *out.graph.node]
    del out.graph.node[:]
    out.graph.node.extend(nodes)
    return out
