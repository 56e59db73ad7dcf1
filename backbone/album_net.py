"""The LSTM over an album: embeddings of its photos in order to log-probabilities over cells.

PlaNet's sequence model (Weyand, Kostrikov, Philbin 2016, section 4): the trunk is frozen, its embedding of each photo
is an input of an LSTM (Hochreiter and Schmidhuber 1997), and a softmax over the cells stands on the LSTM's output at
each photo. The bidirectional one reads the album from both ends, so that what comes later helps with what came before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from backbone.album_weights import AlbumConfig

__all__ = ["AlbumNet", "album_log_p"]

_AT_ONCE: Final = 128  # photos whose log-probabilities are in memory together: 80 kB each on the shipped cells


class AlbumNet(nn.Module):
    """Embeddings in order to logits at each photo.

    Args:
        config: What it is.
        cells: Number of cells.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, config: AlbumConfig, cells: int) -> None:
        super().__init__()
        self.config = config
        # Embeddings come as the trunk gives them; these bring each feature to mean 0 and deviation 1.
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("scale", torch.ones(config.features))
        self.lstm = nn.LSTM(config.features, config.hidden, batch_first=True, bidirectional=config.bidirectional)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden * (1 + config.bidirectional), cells)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """Logits (b, k, n) at each photo.

        Args:
            embeddings: (b, k, d) of albums of up to ``k`` photos; what lies beyond an album's own is not looked at.
            lengths: (b,) int64 on the CPU, photos of each album, 1 to ``k``.
        """
        logits: Tensor = self.head(self.dropout(self.outputs(embeddings, lengths)))
        return logits

    def outputs(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """The LSTM's outputs (b, k, h) at each photo, for the same arguments; 0 beyond an album's own photos."""
        inputs = (embeddings - self.mean) / self.scale
        packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=embeddings.shape[1])[0]


@torch.no_grad()
def album_log_p(net: AlbumNet, albums: Sequence[Tensor]) -> Tensor:
    """What the network says about albums: log-probabilities (m, n) over the cells, not yet calibrated.

    Read forward, the output at the last photo has seen all of them and is the answer. Read from both ends, each output
    has: the answer is their logarithmic pool with equal weights, the mean of the log-probabilities, normalised.

    Args:
        net: In evaluation mode.
        albums: At least one; of each the embeddings (k, d) of its photos in order, at least one.
    """
    lengths = torch.tensor([len(album) for album in albums])
    outputs = net.outputs(pad_sequence(list(albums), batch_first=True), lengths)
    if not net.config.bidirectional:
        return functional.log_softmax(net.head(outputs[torch.arange(len(albums)), lengths - 1]).float(), dim=1)
    sums = [
        torch.stack([functional.log_softmax(net.head(some).float(), dim=1).sum(dim=0) for some in own.split(_AT_ONCE)])
        for own in (row[:length] for row, length in zip(outputs, lengths.tolist(), strict=True))
    ]
    means = torch.stack([some.sum(dim=0) for some in sums]) / lengths[:, None]
    return functional.log_softmax(means, dim=1)
