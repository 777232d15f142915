"""Accuracy with the deployed weights, and the statistics of batch normalisation for deployment."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

from .batch_norm import STATISTICS_MOMENTUM
from .batches import share_of_batch, stored_batches
from .images import central, draws_of, vary
from .speed import images_in_fast_layout
from .trainer import Trainer

# Limits memory: the same maximum batch size as in the other engines.
EVALUATION_VALUES = 4_000_000


@torch.no_grad()
def evaluate(trainer: Trainer, places: NDArray[np.int32]) -> list[int]:
    """Number of these images that the full branch and each binary one classify correctly, in single precision."""
    network = trainer.state.deployed.eval()
    mine = places[trainer.rank :: trainer.world]
    size = max(1, EVALUATION_VALUES // int(np.prod(trainer.look.stored)))
    hits = torch.zeros(len(trainer.job.network.get("further", [])) + 2, device=trainer.device)
    for start in range(0, len(mine), size):
        chosen = mine[start : start + size]
        labels = torch.from_numpy(trainer.tables["labels"][chosen]).to(trainer.device)
        images = central(trainer.pixels.gather(chosen).to(trainer.device), trainer.look)
        outputs = network(images_in_fast_layout(images, trainer.device))
        hits += torch.stack([(logits.argmax(1) == labels).sum() for logits in (outputs.full, *outputs.branches)])
    if trainer.world > 1:
        distributed.all_reduce(hits)
    return [int(count) for count in hits.tolist()]


@torch.no_grad()
def recalibrate(trainer: Trainer) -> None:
    """Replaces the statistics of the trained parts by their means over some batches of one further epoch.

    The same as src/train/recalibrate.ts, with the weights that are deployed.
    """
    job, network = trainer.job, trainer.state.deployed
    statistics = [
        network.tensor(name) for name, _, role in job.parameters if role == "statistic" and network.trains(name)
    ]
    count = min(job.config["recalibration"], job.steps_per_epoch)
    if count == 0 or not statistics:
        return
    plan = job.plan(job.config["epochs"])
    batches = stored_batches(trainer, plan, 0)
    sums = [torch.zeros_like(statistic, dtype=torch.float64) for statistic in statistics]
    network.train()
    network.float_weights = False
    network.dropout = 0.0
    for _ in range(count):
        index, stored = next(batches)
        chosen = share_of_batch(index, job.config["batchSize"], trainer.rank, trainer.world)
        draws = draws_of(plan, chosen, trainer.device)
        images = vary(stored.to(trainer.device), trainer.look, draws, job.config["shiftFill"])
        for statistic in statistics:
            statistic.zero_()
        network(images_in_fast_layout(images, trainer.device))
        for total, statistic in zip(sums, statistics):
            total += statistic.double() / (1 - STATISTICS_MOMENTUM)
    for total, statistic in zip(sums, statistics):
        statistic.copy_(total / count)
