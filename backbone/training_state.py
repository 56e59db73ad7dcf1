"""Where a training stands, in one safetensors file: never pickle, whole or not there."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from data.errors import WeightsError
from data.printable import printable

__all__ = ["Progress", "read_state", "write_state"]

_FORMAT: Final = "whence-training-1"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training has come: steps done, and photos seen in all."""

    step: int = 0
    photos: int = 0


def write_state(path: Path, net: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress, plan: str) -> None:
    """Write the network, the optimiser and the progress to ``path``; a kill leaves the file of before.

    Args:
        path: The file.
        net: Its parameters and buffers are kept.
        optimiser: Its tensors are kept, by the number of their parameter.
        progress: How far it is.
        plan: What is trained on what, in one line; it must be the same when the training goes on.
    """
    from safetensors.torch import save

    tensors = {f"net.{name}": value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimiser.{number}.{name}"] = torch.as_tensor(value).detach().cpu().contiguous()
    head = {"format": _FORMAT, "step": progress.step, "photos": progress.photos, "plan": plan}
    content = save(tensors, metadata={"whence": json.dumps(head)})
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def read_state(path: Path, net: nn.Module, optimiser: torch.optim.Optimizer, plan: str) -> Progress:
    """Set the network and the optimiser to what ``path`` holds, and say how far that was.

    Raises:
        WeightsError: It is damaged, of another network, or of a training with another plan.
    """
    from safetensors import SafetensorError, safe_open

    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            head: Any = json.loads((file.metadata() or {}).get("whence", "null"))
            if not isinstance(head, dict) or head.get("format") != _FORMAT:
                raise WeightsError(f"{path} is no checkpoint of a training: remove it to begin anew")
            for name in file.keys():  # noqa: SIM118 - not a mapping
                tensors[name] = file.get_tensor(name)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is damaged ({printable(str(error))[:200]}): remove it to begin anew") from error
    if head["plan"] != plan:
        raise WeightsError(
            f"{path.parent} holds a training of something else (other photos, settings or cells): give another folder, "
            "or remove it"
        )
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, number, what = name.split(".", 2)
            state.setdefault(int(number), {})[what] = value
    try:
        net.load_state_dict({n.removeprefix("net."): v for n, v in tensors.items() if n.startswith("net.")})
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": state, "param_groups": groups})
    except (RuntimeError, ValueError, KeyError) as error:
        raise WeightsError(f"{path} is of another network: remove it to begin anew") from error
    return Progress(int(head["step"]), int(head["photos"]))
