"""Surrogate gradients of sign at x: dL/dx = dL/dy times this."""

from collections.abc import Callable

import torch
from torch import Tensor

Estimator = Callable[[Tensor], Tensor]

BETA = 5.0
# Beyond this the slope is 0 in single precision. Clamping avoids infinity times 0.
FAR = 80.0


def clip(x: Tensor) -> Tensor:
    """Straight-through, clipped (Eq. 5): 1 where |x| <= 1, else 0."""
    return (x.abs() <= 1).to(x.dtype)


def approx_sign(x: Tensor) -> Tensor:
    """Slope of the piecewise polynomial of Bi-Real Net (arXiv 1808.00278): 2 - 2|x| where |x| <= 1, else 0."""
    return torch.relu(2 - 2 * x.abs())


def swish_sign(x: Tensor) -> Tensor:
    """Slope of SignSwish (arXiv 1812.11800): beta (2 - z tanh(z/2)) / (1 + cosh z) with z = beta |x|."""
    z = (BETA * x.abs()).clamp(max=FAR)
    e = torch.exp(-z)
    return (2 - z * torch.tanh(z / 2)) * 2 * BETA * e / (1 + e) ** 2


def identity(x: Tensor) -> Tensor:
    """Unclipped straight-through (Bengio et al. 2013)."""
    return torch.ones_like(x)


ESTIMATORS: dict[str, Estimator] = {
    "clip": clip,
    "approx-sign": approx_sign,
    "swish-sign": swish_sign,
    "identity": identity,
}
