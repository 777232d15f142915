"""The stored images of the batches of an epoch."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .trainer import Trainer


def share_of_batch(index: int, batch_size: int, rank: int, world: int) -> NDArray[np.int64]:
    """The images of a batch for one of `world` processes: pairs from both ends, so mixup partners stay together."""
    first = np.arange(rank, batch_size // 2, world) if world > 1 else np.arange((batch_size + 1) // 2)
    last = (batch_size - 1 - first)[::-1]
    return index * batch_size + np.concatenate([first, last[last > first[-1]]])


class StoredBatches(Dataset[tuple[int, Tensor]]):
    """The stored images of this process's share of each batch of an epoch."""

    def __init__(self, trainer: Trainer, order: NDArray[np.int32]) -> None:
        self.pixels, self.order = trainer.pixels, order
        self.share = (trainer.job.config["batchSize"], trainer.rank, trainer.world)

    def __getitem__(self, index: int) -> tuple[int, Tensor]:
        return index, self.pixels.gather(self.order[share_of_batch(index, *self.share)])


def stored_batches(trainer: Trainer, plan: Mapping[str, NDArray[Any]], first: int) -> Iterator[tuple[int, Tensor]]:
    """An epoch's batches, beginning with `first`; workers read ahead if the images are on disk."""
    data = StoredBatches(trainer, plan["order"])
    rest = range(first, trainer.job.steps_per_epoch)
    if trainer.pixels.resident is not None:
        return (data[index] for index in rest)
    on_gpu = trainer.device.startswith("cuda")
    return iter(DataLoader(data, batch_size=None, sampler=rest, num_workers=trainer.job.loaders, pin_memory=on_gpu))
