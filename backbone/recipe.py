"""How PlaNet is trained: what fixes the result, and how it is run."""

from __future__ import annotations

from dataclasses import dataclass

from data.errors import RequestError

__all__ = ["Recipe", "Run"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How it is learnt; with the photos, the cells and the network it fixes the result.

    Attributes:
        epochs: Passes over the photos.
        batch: Photos in a step, all processes together.
        rate: Highest learning rate of AdamW; it rises over the first ``warm_up`` of the steps and falls by a cosine.
        weight_decay: AdamW's, on weights of more than one dimension; biases and normalisations have none.
        warm_up: Share of the steps in which the rate rises.
        smoothing_km: ``tau`` of haversine-smoothed labels (PIGEON: 75); 0 for plain cross-entropy.
        scene_weight: How much the second task counts, where the network learns kinds of scene (Mueller-Budack: 1).
        held_out: Share of the places whose photos are not trained on, where no held-out set is given.
        imagenet: Start the trunk from ImageNet's weights.
        start_at_density: Start the biases at how often each cell is met, rather than at nothing.
        seed: Source of chance.

    Raises:
        RequestError: A value is none of these.
    """

    epochs: float = 10.0
    batch: int = 256
    rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    smoothing_km: float = 0.0
    scene_weight: float = 1.0
    held_out: float = 0.02
    imagenet: bool = False
    start_at_density: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("epochs", 1e-3, 1e5), ("batch", 2, 1e6), ("rate", 1e-9, 10), ("weight_decay", 0, 10), ("warm_up", 0, 1),
            ("smoothing_km", 0, 20_000), ("scene_weight", 0, 100), ("held_out", 0, 0.9), ("seed", 0, 2**31),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise RequestError(f"{name.replace('_', ' ')} must be from {least:g} to {most:g}, not {value}")


@dataclass(frozen=True, slots=True)
class Run:
    """How it is run; none of it is meant to change the result but ``precision``.

    Attributes:
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        workers: Processes that decode photos, for each process that trains; 0 decodes in the same one.
        precision: ``"auto"`` (bf16 on a GPU that has it, else float32), ``"bf16"`` or ``"float32"``.
        compile: Whether ``torch.compile`` builds the network; None for on GPUs.
        checkpoint_minutes: Time between checkpoints.

    Raises:
        RequestError: A value is none of these.
    """

    device: str = "auto"
    workers: int = 0
    precision: str = "auto"
    compile: bool | None = None
    checkpoint_minutes: float = 10.0

    def __post_init__(self) -> None:
        if self.precision not in ("auto", "bf16", "float32"):
            raise RequestError(f"unknown precision {self.precision!r}: choose auto, bf16 or float32")
        if self.workers < 0 or not self.checkpoint_minutes >= 0:
            raise RequestError("workers and minutes between checkpoints cannot be negative")
