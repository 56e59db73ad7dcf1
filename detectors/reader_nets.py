"""The two small networks, in PyTorch, as they are trained: a line recogniser and a script classifier.

Both see prepared lines (:mod:`detectors.line_image`), (n, 1, 32, width) float32. At run time ONNX files take their place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["STEP", "LineNet", "ScriptNet"]

STEP = 4
"""Columns of a line for one step of the recogniser's answer."""


def _conv(before: int, after: int, stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
    )


class _Again(nn.Module):
    """A convolution, channel by channel and then across them, whose answer is added to what went in."""

    def __init__(self, width: int, kernel: tuple[int, int] = (3, 3)) -> None:
        super().__init__()
        around = kernel[0] // 2, kernel[1] // 2
        self.body = nn.Sequential(
            nn.Conv2d(width, width, kernel, 1, around, groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class LineNet(nn.Module):
    """Strided convolutions down to one row, more along it, and one score per token and step.

    Recurrent layers along the row took twice the time to train on a processor.

    Args:
        tokens: Size of the alphabet without the blank.
    """

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            _conv(1, 24, (2, 2)),  # (24, 16, w / 2)
            _conv(24, 48, (1, 2)),  # (48, 16, w / 4)
            _conv(48, 96, (2, 1)),  # (96, 8, w / 4)
            _Again(96),
            _conv(96, 160, (2, 1)),  # (160, 4, w / 4)
            _Again(160),
            nn.Conv2d(160, 224, (4, 3), padding=(0, 1), bias=False),  # (224, 1, w / 4)
            nn.BatchNorm2d(224),
            nn.ReLU(inplace=True),
            _Again(224, (1, 9)),
            _Again(224, (1, 9)),
            _Again(224, (1, 9)),
        )
        self.scores = nn.Linear(224, tokens + 1)

    def forward(self, lines: Tensor) -> Tensor:
        """Scores (n, width / 4, tokens + 1) before the softmax; 0 is the blank."""
        out: Tensor = self.scores(self.trunk(lines).squeeze(2).transpose(1, 2))
        return out


class ScriptNet(nn.Module):
    """Convolutions, then a weighted mean over all places: one score per script.

    Args:
        scripts: How many scripts.
    """

    def __init__(self, scripts: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            _conv(1, 24, (2, 2)),  # (24, 16, w / 2)
            _conv(24, 48, (2, 2)),  # (48, 8, w / 4)
            _Again(48),
            _conv(48, 96, (2, 2)),  # (96, 4, w / 8)
            _Again(96),
            _conv(96, 160, (2, 1)),  # (160, 2, w / 8)
            _Again(160),
        )
        self.weight = nn.Conv2d(160, 4, 1)
        self.scores = nn.Sequential(nn.Linear(640, 128), nn.ReLU(inplace=True), nn.Linear(128, scripts))

    def forward(self, lines: Tensor) -> Tensor:
        """Scores (n, scripts) before the softmax."""
        seen = self.trunk(lines).flatten(2)  # (n, 160, places)
        weight = self.weight(seen.unsqueeze(2)).flatten(2).softmax(-1)  # (n, 4, places)
        pooled = torch.einsum("ncp,nhp->nhc", seen, weight).flatten(1)
        out: Tensor = self.scores(pooled)
        return out

