"""Where a training stands, in one safetensors file: never pickle, whole or not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from data.errors import WeightsError
from data.printable import printable
from data.writing import write_whole

__all__ = ["Progress", "read_state", "write_state"]

_FORMAT: Final = "whence-training-1"


@dataclass(slots=True)
class Progress:
    """How far a training has come.

    Attributes:
        step: Steps done.
        losses: Sum of the steps' losses since the last row of the log.
        unreadable: Different photos that the first process could not read.
    """

    step: int = 0
    losses: float = 0.0
    unreadable: int = 0


def write_state(
    path: Path, net: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress, plan: Mapping[str, Any]
) -> None:
    """Write the network, the optimiser and the progress to ``path``; a kill leaves the file of before.

    Args:
        path: The file.
        net: Its parameters and buffers are kept.
        optimiser: Its tensors are kept, by the number of their parameter.
        progress: How far it is.
        plan: What is trained on what, as JSON holds it; it must be the same when the training goes on.

    Raises:
        WeightsError: It cannot be written.
    """
    from safetensors.torch import save

    tensors = {f"net.{name}": value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimiser.{number}.{name}"] = torch.as_tensor(value).detach().cpu().contiguous()
    head = {"format": _FORMAT, "plan": dict(plan)} | asdict(progress)
    try:
        write_whole(path, save(tensors, metadata={"whence": json.dumps(head)}))
    except OSError as error:
        raise WeightsError(f"cannot write {path}: {error.strerror}; make room and start again") from error


def read_state(path: Path, net: nn.Module, optimiser: torch.optim.Optimizer, plan: Mapping[str, Any]) -> Progress:
    """Set the network and the optimiser to what ``path`` holds, and say how far that was.

    Raises:
        WeightsError: It is damaged, of another network, or of a training with another plan.
    """
    from safetensors import SafetensorError, safe_open

    shown = printable(str(path))
    tensors: dict[str, Tensor] = {}
    state: dict[int, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            head: Any = json.loads((file.metadata() or {}).get("whence", "null"))
            if not isinstance(head, dict) or head.get("format") != _FORMAT:
                raise WeightsError(f"{shown} is no checkpoint of a training: remove it to begin anew")
            for name in file.keys():  # noqa: SIM118 - not a mapping
                tensors[name] = file.get_tensor(name)
        progress = Progress(int(head["step"]), float(head["losses"]), int(head["unreadable"]))
        before = dict(head["plan"])
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, number, what = name.split(".", 2)
                state.setdefault(int(number), {})[what] = value
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{shown} is damaged ({printable(str(error))[:200]}): remove it to begin anew") from error
    now = json.loads(json.dumps(dict(plan)))
    if different := sorted(key for key in {*before, *now} if before.get(key) != now.get(key)):
        raise WeightsError(
            f"{printable(str(path.parent))} holds another training ({', '.join(different)} not as then): give the "
            "same, or another folder, or remove the checkpoint there"
        )
    try:
        net.load_state_dict({n.removeprefix("net."): v for n, v in tensors.items() if n.startswith("net.")})
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": state, "param_groups": groups})
    except (RuntimeError, ValueError, KeyError) as error:
        raise WeightsError(f"{shown} is of another network: remove it to begin anew") from error
    for parameter, moments in optimiser.state.items():
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                # In the parameter's own layout (channels last), as an uninterrupted training has it.
                moments[name] = torch.empty_like(parameter).copy_(value)
    return progress
