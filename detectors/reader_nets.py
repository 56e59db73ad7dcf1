"""The two heads on the trunk, in PyTorch, as they are trained: one reads a line, one tells its script.

Both see what the trunk (:mod:`detectors.reader_trunk`) makes of lines 48 pixels high: (n, 384, 3, columns) float32, one
column for every 4 pixels. At run time an ONNX file takes their place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.reader_trunk import CHANNELS, ROWS

__all__ = ["ReaderHead", "ScriptHead"]


class _Along(nn.Module):
    """A convolution along the line, channel by channel and then across them, whose answer is added to what went in."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, (1, kernel), 1, (0, kernel // 2), groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def _joined_rows(width: int) -> nn.Sequential:
    """The trunk's three rows made one."""
    return nn.Sequential(
        nn.Dropout2d(0.05),
        nn.Conv2d(CHANNELS, width, (ROWS, 1), bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


class ReaderHead(nn.Module):
    """One score per token and column.

    Args:
        tokens: Size of the alphabet without the blank.
    """

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_joined_rows(192), _Along(192, 9), _Along(192, 9), _Along(192, 9), nn.Dropout(0.1))
        self.scores = nn.Linear(192, tokens + 1)

    def forward(self, seen: Tensor) -> Tensor:
        """Scores (n, columns, tokens + 1) before the softmax; 0 is the blank."""
        out: Tensor = self.scores(self.body(seen).squeeze(2).transpose(1, 2))
        return out


class ScriptHead(nn.Module):
    """One score per script, from a weighted mean over the columns.

    Args:
        scripts: How many scripts.
    """

    def __init__(self, scripts: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_joined_rows(96), _Along(96, 5))
        self.weight = nn.Conv1d(96, 4, 1)
        self.scores = nn.Linear(4 * 96, scripts)

    def forward(self, seen: Tensor) -> Tensor:
        """Scores (n, scripts) before the softmax."""
        columns = self.body(seen).squeeze(2)  # (n, 96, columns)
        weight = self.weight(columns).softmax(-1)  # (n, 4, columns)
        out: Tensor = self.scores(torch.matmul(weight, columns.transpose(1, 2)).flatten(1))
        return out
