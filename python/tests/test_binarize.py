import math

import pytest
import torch
from torch.nn import functional as F

from lcdnn_torch.binarize import KernelSigns, Sign, binary_weights, filter_scale, sign_of, window_scale
from lcdnn_torch.estimators import ESTIMATORS


def test_sign_of_zero_is_plus_one() -> None:
    assert sign_of(torch.tensor([-2.0, -0.0, 0.0, 3.0])).tolist() == [-1, 1, 1, 1]


@pytest.mark.parametrize(
    "name, slope",
    [
        ("clip", lambda x: float(abs(x) <= 1)),
        ("approx-sign", lambda x: max(0.0, 2 - 2 * abs(x))),
        ("swish-sign", lambda x: 5 * (2 - 5 * x * math.tanh(2.5 * x)) / (1 + math.cosh(5 * x))),
        ("identity", lambda _: 1.0),
    ],
)
def test_gradient_of_a_sign_is_the_estimator(name: str, slope: object) -> None:
    x = torch.tensor([-3.0, -1.0, -0.4, 0.0, 0.7, 1.0, 1.1], requires_grad=True)
    Sign.apply(x, ESTIMATORS[name]).mul(2).sum().backward()
    assert x.grad is not None and callable(slope)
    assert x.grad.tolist() == pytest.approx([2 * slope(value) for value in x.tolist()], abs=1e-5)


def test_swish_sign_is_finite_far_away() -> None:
    assert ESTIMATORS["swish-sign"](torch.tensor([-1e30, 1e30])).abs().max() < 1e-30


@pytest.mark.parametrize("shape", [(3, 2, 3, 3), (6, 4)])
def test_gradient_of_a_scaled_kernel_is_equation_6(shape: tuple[int, ...]) -> None:
    latent = torch.randn(shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    kernel, scale = binary_weights(latent, None, False)
    filters_first = latent.dim() == 4
    spread = scale.view(-1, 1, 1, 1) if filters_first else scale
    upstream = torch.arange(latent.numel(), dtype=torch.float32).view(shape)
    (kernel * spread * upstream).sum().backward()
    n = latent.numel() / scale.numel()
    expected = upstream * (1 / n + spread * (latent.abs() <= 1))
    assert latent.grad is not None
    torch.testing.assert_close(latent.grad, expected.detach())


def test_a_filter_of_zeros_has_a_finite_gradient() -> None:
    latent = torch.zeros(1, 1, 2, 2, requires_grad=True)
    (KernelSigns.apply(latent) * filter_scale(latent)).sum().backward()
    assert latent.grad is not None and latent.grad.isfinite().all()


def test_real_weights_have_the_size_of_signs() -> None:
    latent = torch.randn(4, 3, 3, 3)
    kernel, scale = binary_weights(latent, None, True)
    torch.testing.assert_close(kernel.abs().mean((1, 2, 3)), torch.ones(4))
    torch.testing.assert_close(kernel * scale.view(-1, 1, 1, 1), latent)


def test_window_scale_is_a_box_filter_of_the_mean_size() -> None:
    x = torch.randn(2, 5, 6, 7)
    expected = F.avg_pool2d(x.abs().mean(1, keepdim=True), 3, 2, 1, count_include_pad=True)
    torch.testing.assert_close(window_scale(x, 3, 2, [1] * 4), expected)
