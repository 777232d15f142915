from typing import Any

import pytest
import torch

from lcdnn_torch.batch_norm import batch_norm
from lcdnn_torch.network import JointNetwork, Parameter, around, average_pool, max_pool, order_of


@pytest.mark.parametrize(
    "size, kernel, stride, padding, expected",
    [
        (7, 3, 1, "valid", [0, 0]),
        (7, 3, 1, "same", [1, 1]),
        (8, 3, 2, "same", [0, 1]),
        (7, 4, 1, "same", [1, 2]),
        (8, 1, 2, "same", [0, 0]),
        (8, 5, 1, 2, [2, 2]),
    ],
)
def test_same_padding_has_its_odd_pixel_behind(
    size: int, kernel: int, stride: int, padding: str | int, expected: list[int]
) -> None:
    layer = {"kernel": kernel, "stride": stride, "padding": padding}
    assert around(torch.zeros(1, 1, size, size), layer) == expected * 2


def test_padded_taps_never_win() -> None:
    assert max_pool(torch.full((1, 1, 2, 2), -5.0), 3, 2, [2] * 4).tolist() == [[[[-5, -5], [-5, -5]]]]


def test_padding_by_side() -> None:
    layer = {"kernel": 3, "stride": 2, "padding": [1, 2, 3, 4]}
    assert around(torch.zeros(1, 1, 8, 8), layer) == [2, 4, 1, 3]


def test_means_with_and_without_padding() -> None:
    ones = torch.ones(1, 1, 2, 2)
    assert average_pool(ones, 2, 2, [1, 1, 1, 1], counts_padding=True).flatten().tolist() == [0.25] * 4
    assert average_pool(ones, 2, 2, [1, 1, 1, 1], counts_padding=False).flatten().tolist() == [1.0] * 4


def test_axes_of_kernels() -> None:
    assert order_of((3, 3, 8, 16), False) == (3, 2, 0, 1)
    assert order_of((3, 3, 8, 1), True) == (2, 3, 0, 1)
    assert order_of((10, 20), False) == (0, 1)


def test_running_variance_is_the_batch_s_own_not_an_estimate() -> None:
    x = torch.randn(5, 3, 2, 2)
    mean, variance = torch.zeros(3), torch.ones(3)
    batch_norm(x, torch.ones(3), torch.zeros(3), mean, variance, True)
    torch.testing.assert_close(mean, 0.1 * x.mean((0, 2, 3)))
    torch.testing.assert_close(variance, 0.9 + 0.1 * x.var((0, 2, 3), unbiased=False))


def test_an_unknown_layer_is_named() -> None:
    network: dict[str, Any] = {"shared": [], "full": [], "branch": [{"type": "attention"}]}
    with pytest.raises(ValueError, match="no such layer type: attention"):
        JointNetwork(network, [], "clip")(torch.zeros(1, 1, 2, 2))


def test_statistics_are_not_trained() -> None:
    parameters = [Parameter("full.bn1.gamma", (2,), "scale"), Parameter("full.bn1.mean", (2,), "statistic")]
    network = JointNetwork({"shared": [], "full": [], "branch": []}, parameters, "clip")
    assert [name for name, _ in network.named_parameters()] == ["full/bn1/gamma"]
    assert [name for name, _ in network.named_buffers()] == ["full/bn1/mean"]


def test_dropout_is_for_dense_layers_of_a_full_network_in_training() -> None:
    dense = {"type": "dense", "name": "fc"}
    layers: dict[str, Any] = {"shared": [], "full": [dense], "branch": [dense]}
    parameters = [
        Parameter(f"{part}.fc.{name}", shape, "weight")
        for part in ("full", "branch")
        for name, shape in (("kernel", (1000, 1000)), ("bias", (1000,)))
    ]

    def outputs(freeze_full: bool, training: bool) -> tuple[torch.Tensor, torch.Tensor]:
        network = JointNetwork(layers, parameters, "clip", freeze_full, dropout=0.25)
        for part in ("full", "branch"):
            network.tensor(f"{part}.fc.kernel").data = torch.eye(1000)
            network.tensor(f"{part}.fc.bias").data.zero_()
        found = network.train(training)(torch.ones(1, 1000))
        return found.full, found.branches[0]

    full, branch = outputs(freeze_full=False, training=True)
    torch.testing.assert_close(full.unique(), torch.tensor([0, 4 / 3]))
    assert 0.2 < (full == 0).float().mean() < 0.3
    for kept in (branch, *outputs(freeze_full=True, training=True), *outputs(freeze_full=False, training=False)):
        assert set(kept.flatten().tolist()) == {1.0}
