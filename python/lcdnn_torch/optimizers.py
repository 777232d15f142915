"""Update rules as in src/train/optimizers.ts, with the same slots, so that checkpoints are interchangeable."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MOMENTUM = 0.9
BETA1 = 0.9
BETA2 = 0.999
EPSILON = 1e-8

AdamPasses = Callable[..., None]

SLOTS = {"momentum": ("velocity",), "nesterov": ("velocity",), "adam": ("first", "second")}

TORCH = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])

# The average is updated only once in this many steps, because that is a pass over all weights.
AVERAGE_EVERY = 5


@dataclass
class Group:
    """Parameters with the same learning rate and weight decay. `slots` holds a list for each slot of the rule."""

    parameters: Sequence[Tensor]
    slots: Sequence[Sequence[Tensor]]
    rate: float
    weight_decay: float


@torch.no_grad()
def update(optimizer: str, group: Group, factor: float, step: int, adam_passes: AdamPasses | None = None) -> None:
    """One update with the current gradients, in place. `factor` scales the rate; `step` counts from 1.

    `adam_passes` is `adam_in_one_pass`, compiled; without it Adam takes ten passes over its tensors.
    """
    if not group.parameters:
        return
    parameters, rate = list(group.parameters), group.rate * factor
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    if optimizer == "adam":
        adam(
            parameters,
            gradients,
            list(group.slots[0]),
            list(group.slots[1]),
            rate,
            group.weight_decay,
            step,
            adam_passes,
        )
    else:
        sgd(parameters, gradients, list(group.slots[0]), rate, group.weight_decay, optimizer == "nesterov")


def has_fused_sgd(device: str) -> bool:
    """Whether PyTorch updates all parameters in one pass: on the CPU since 2.4. Without it there are four passes."""
    return device in ("cpu", "cuda") and hasattr(torch, "_fused_sgd_") and TORCH >= (2, 4)


def sgd(
    parameters: list[Tensor],
    gradients: list[Tensor],
    velocity: list[Tensor],
    rate: float,
    weight_decay: float,
    nesterov: bool,
) -> None:
    """v <- 0.9 v + g + decay p;  p <- p - rate v, or with Nesterov's momentum p <- p - rate (g + decay p + 0.9 v)."""
    if has_fused_sgd(parameters[0].device.type):
        torch._fused_sgd_(  # type: ignore[attr-defined, unused-ignore]
            parameters,
            gradients,
            velocity,
            weight_decay=weight_decay,
            momentum=MOMENTUM,
            lr=rate,
            dampening=0.0,
            nesterov=nesterov,
            maximize=False,
            is_first_step=False,
        )
        return
    if weight_decay > 0:
        gradients = list(torch._foreach_add(gradients, parameters, alpha=weight_decay))
    torch._foreach_mul_(velocity, MOMENTUM)
    torch._foreach_add_(velocity, gradients)
    torch._foreach_add_(parameters, velocity, alpha=-rate * (MOMENTUM if nesterov else 1))
    if nesterov:
        torch._foreach_add_(parameters, gradients, alpha=-rate)


def adam(
    parameters: list[Tensor],
    gradients: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    rate: float,
    weight_decay: float,
    step: int,
    passes: AdamPasses | None = None,
) -> None:
    """Adam with decoupled weight decay; slots are the moments without their factors 1 - beta."""
    scale1 = (1 - BETA1) / (1 - BETA1**step)
    scale2 = math.sqrt((1 - BETA2) / (1 - BETA2**step))
    if passes is not None:
        # As tensors, because numbers would be compiled into the code, which would be recompiled at every step.
        scalars = [1 - rate * weight_decay, -rate * scale1 / scale2, EPSILON / scale2]
        passes(parameters, gradients, first, second, *torch.tensor(scalars, device=parameters[0].device).unbind())
        return
    torch._foreach_mul_(first, BETA1)
    torch._foreach_add_(first, gradients)
    torch._foreach_mul_(second, BETA2)
    torch._foreach_addcmul_(second, gradients, gradients, 1.0)
    roots = torch._foreach_sqrt(second)
    torch._foreach_add_(roots, EPSILON / scale2)
    if weight_decay > 0:
        torch._foreach_mul_(parameters, 1 - rate * weight_decay)
    torch._foreach_addcdiv_(parameters, first, roots, -rate * scale1 / scale2)


def adam_in_one_pass(
    parameters: list[Tensor],
    gradients: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    decay: Tensor,
    rate: Tensor,
    epsilon: Tensor,
) -> None:
    """The same as `adam`, written so that a compiler fuses it into one loop per parameter."""
    for p, g, m, v in zip(parameters, gradients, first, second):
        m.copy_(BETA1 * m + g)
        v.copy_(BETA2 * v + g * g)
        p.copy_(decay * p + rate * m / (v.sqrt() + epsilon))


@torch.no_grad()
def move_average(averages: list[Tensor], raw: list[Tensor], decay: float, step: int) -> None:
    """Moves the averages of weights towards the weights under training, at every fifth step; `step` counts from 1."""
    if not averages or step % AVERAGE_EVERY != 0:
        return
    keep = decay**AVERAGE_EVERY
    torch._foreach_mul_(averages, keep)
    torch._foreach_add_(averages, raw, alpha=1 - keep)
