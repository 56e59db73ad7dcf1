"""The LSTM over an album: embeddings of its photos in order to log-probabilities over cells.

PlaNet's sequence model (Weyand, Kostrikov, Philbin 2016, section 4): the trunk is frozen, its embedding of each photo
is an input of an LSTM (Hochreiter and Schmidhuber 1997), and a softmax over the cells stands on the LSTM's output at
each photo. The bidirectional one reads the album from both ends, so that what comes later helps with what came before.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from backbone.album_weights import AlbumConfig

__all__ = ["AlbumNet", "album_log_p"]


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
        inputs = (embeddings - self.mean) / self.scale
        packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=embeddings.shape[1])
        logits: Tensor = self.head(self.dropout(outputs))
        return logits


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
    log_p = functional.log_softmax(net(pad_sequence(list(albums), batch_first=True), lengths).float(), dim=2)
    if not net.config.bidirectional:
        return log_p[torch.arange(len(albums)), lengths - 1]
    inside = torch.arange(log_p.shape[1]) < lengths[:, None]
    return functional.log_softmax((log_p * inside[..., None]).sum(dim=1) / lengths[:, None], dim=1)
