"""The summed loss of a joint network (Eq. 1 and 2)."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .network import Outputs


class Losses(NamedTuple):
    """The summed loss, and the cross-entropies of the full branch and the binary ones for reports."""

    summed: Tensor
    full: Tensor
    branches: list[Tensor]


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the batch, with targets [n, classes]."""
    return -(targets * F.log_softmax(logits, 1)).sum(1).mean()


def targets_of(
    labels: Tensor, others: Tensor, share: float, smoothing: float, classes: int, weights: Tensor | None = None
) -> Tensor:
    """One-hot targets, multiplied by the weights of their classes; mixed images have both labels, weighted by shares.

    `share` is the image's own.
    """
    targets = F.one_hot(labels, classes).float()
    if share < 1:
        targets = share * targets + (1 - share) * F.one_hot(others, classes).float()
    if weights is not None:
        targets = targets * weights
    if smoothing == 0:
        return targets
    sums = 1 if weights is None else targets.sum(1, keepdim=True)
    return targets * (1 - smoothing) + sums * (smoothing / classes)


def summed_loss(outputs: Outputs, targets: Tensor, config: dict[str, Any], alone: bool = False) -> Losses:
    """Weighted sum of the branches' losses and of distillation from the full branch, a constant there (Hinton 2015)."""
    full_logits, *branch_logits = (logits.float() for logits in (outputs.full, *outputs.branches))
    full = cross_entropy(full_logits, targets)
    branches = [cross_entropy(logits, targets) for logits in branch_logits]
    if alone:  # no branches: what stands for their logits are the full network's
        return Losses(full, full, branches)
    total = full + config["branchWeight"] * torch.stack(branches).sum()
    if config["distillation"] > 0:
        temperature = config["temperature"]
        teacher = F.softmax(full_logits.detach() / temperature, 1)
        for logits in branch_logits:
            distilled = cross_entropy(logits / temperature, teacher) * temperature**2
            total = total + config["distillation"] * distilled
    return Losses(total, full, branches)
