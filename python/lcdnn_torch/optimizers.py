"""Update rules as in src/train/optimizers.ts: with the same slots, so that checkpoints are the same."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MOMENTUM = 0.9
BETA1 = 0.9
BETA2 = 0.999
EPSILON = 1e-8

SLOTS = {"momentum": ("velocity",), "adam": ("first", "second")}


@dataclass
class Group:
    """Parameters that share a learning rate and a weight decay. `slots` holds a list for each slot of the rule."""

    parameters: Sequence[Tensor]
    slots: Sequence[Sequence[Tensor]]
    rate: float
    weight_decay: float


@torch.no_grad()
def update(optimizer: str, group: Group, factor: float, step: int) -> None:
    """One update with the gradients at hand, in place. `factor` scales the rate; `step` counts from 1."""
    if not group.parameters:
        return
    parameters, rate = list(group.parameters), group.rate * factor
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    if optimizer == "momentum":
        momentum(parameters, gradients, list(group.slots[0]), rate, group.weight_decay)
    else:
        adam(parameters, gradients, list(group.slots[0]), list(group.slots[1]), rate, group.weight_decay, step)


def momentum(
    parameters: list[Tensor], gradients: list[Tensor], velocity: list[Tensor], rate: float, weight_decay: float
) -> None:
    """v <- 0.9 v + g + decay p;  p <- p - rate v."""
    torch._foreach_mul_(velocity, MOMENTUM)
    torch._foreach_add_(velocity, gradients)
    if weight_decay > 0:
        torch._foreach_add_(velocity, parameters, alpha=weight_decay)
    torch._foreach_add_(parameters, velocity, alpha=-rate)


def adam(
    parameters: list[Tensor],
    gradients: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    rate: float,
    weight_decay: float,
    step: int,
) -> None:
    """Adam with decoupled weight decay; slots are the moments without their factors 1 - beta."""
    torch._foreach_mul_(first, BETA1)
    torch._foreach_add_(first, gradients)
    torch._foreach_mul_(second, BETA2)
    torch._foreach_addcmul_(second, gradients, gradients, 1.0)
    scale1 = (1 - BETA1) / (1 - BETA1**step)
    scale2 = math.sqrt((1 - BETA2) / (1 - BETA2**step))
    roots = torch._foreach_sqrt(second)
    torch._foreach_add_(roots, EPSILON / scale2)
    if weight_decay > 0:
        torch._foreach_mul_(parameters, 1 - rate * weight_decay)
    torch._foreach_addcdiv_(parameters, first, roots, -rate * scale1 / scale2)
