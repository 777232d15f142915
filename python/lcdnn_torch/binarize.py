"""Signs with straight-through gradients, and their scales (Eq. 4 to 6). sign(0) = +1 everywhere in lcdnn."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .estimators import Estimator, clip

# Avoids a division by 0 for a filter of zeros. Its gradient is 0 anyway.
SMALLEST_SCALE = 1e-12


def sign_of(x: Tensor) -> Tensor:
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


class Sign(torch.autograd.Function):
    """Sign, with an estimator's gradient (Eq. 5)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, estimator: Estimator) -> Tensor:
        ctx.save_for_backward(x)
        ctx.estimator = estimator
        return sign_of(x)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return dy * ctx.estimator(x), None


class KernelSigns(torch.autograd.Function):
    """Signs of a latent kernel that are multiplied by alpha later, with the gradient of the scaled sign.

    dL/dW = dL/dW~ (1/n + alpha [|W| <= 1]), n weights in a filter (Eq. 6); what arrives here is alpha dL/dW~.
    """

    @staticmethod
    def forward(ctx: Any, latent: Tensor) -> Tensor:
        ctx.save_for_backward(latent)
        return sign_of(latent)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        (latent,) = ctx.saved_tensors
        weights_per_filter = latent.numel() / filter_scale(latent).numel()
        return dy * (clip(latent) + 1 / weights_per_filter / safe(per_filter(latent)))


def filter_scale(latent: Tensor) -> Tensor:
    """Alpha of Eq. 4, the mean of |W| per filter, as a constant: [filters]."""
    return per_filter(latent).flatten()


def per_filter(latent: Tensor) -> Tensor:
    """Alpha, broadcastable over the kernel: filters are the first axis of convolutions, the last of dense layers."""
    axes = (1, 2, 3) if latent.dim() == 4 else (0,)
    return latent.detach().abs().mean(axes, keepdim=True)


def safe(scale: Tensor) -> Tensor:
    return scale.clamp(min=SMALLEST_SCALE)


def binary_weights(latent: Tensor, learned: Tensor | None, float_weights: bool) -> tuple[Tensor, Tensor]:
    """The kernel (signs, or real weights of mean magnitude 1 in the first of two stages) and its scale."""
    scale = filter_scale(latent) if learned is None else learned
    if float_weights:
        return latent / safe(per_filter(latent)), scale
    return (KernelSigns.apply(latent) if learned is None else Sign.apply(latent, clip)), scale


@torch.no_grad()
def window_scale(x: Tensor, kernel: int, stride: int, around: list[int]) -> Tensor:
    """K of Eq. 4 of a convolution: the mean of |x| over channels and the kernel's window, 0 outside."""
    box = x.new_full((1, 1, kernel, kernel), 1 / kernel**2)
    return F.conv2d(F.pad(x.abs().mean(1, keepdim=True), around), box, stride=stride)
