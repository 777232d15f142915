"""Batch normalisation over the batch of all processes (Ioffe and Szegedy 2015)."""

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional as F

EPSILON = 1e-5
# Momentum: share of the old value in a running mean or variance after each step.
STATISTICS_MOMENTUM = 0.9


def batch_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, training: bool, epsilon: float = EPSILON
) -> Tensor:
    """Normalises x [n, channels, ...]. In training it uses the batch's own statistics and updates the running ones."""
    if not training:
        return F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, epsilon)
    if distributed.is_initialized() and distributed.get_world_size() > 1:
        return synchronised(x, gamma, beta, mean, variance, epsilon)
    new_mean, unbiased = torch.zeros_like(mean), torch.zeros_like(variance)
    y = F.batch_norm(x, new_mean, unbiased, gamma, beta, True, 1.0, epsilon)
    count = x.numel() / mean.numel()
    follow(mean, variance, new_mean, unbiased * ((count - 1) / count))
    return y


def synchronised(x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, epsilon: float) -> Tensor:
    axes = [0, *range(2, x.dim())]
    shape = [1, -1, *[1] * (x.dim() - 2)]
    count = x.numel() / mean.numel() * distributed.get_world_size()
    wide = x.float()
    batch_mean = all_reduce(wide.sum(axes)) / count
    centred = wide - batch_mean.view(shape)
    batch_variance = all_reduce(centred.square().sum(axes)) / count
    follow(mean, variance, batch_mean.detach(), batch_variance.detach())
    factor = gamma * torch.rsqrt(batch_variance + epsilon)
    return (centred * factor.view(shape) + beta.view(shape)).to(x.dtype)


@torch.no_grad()
def follow(mean: Tensor, variance: Tensor, batch_mean: Tensor, batch_variance: Tensor) -> None:
    mean.lerp_(batch_mean, 1 - STATISTICS_MOMENTUM)
    variance.lerp_(batch_variance, 1 - STATISTICS_MOMENTUM)
