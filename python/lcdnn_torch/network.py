"""A joint network as a module: reads the layer lists of network.json (documented in src/network/layers.ts)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .batch_norm import EPSILON, batch_norm
from .binarize import Sign, binary_weights, window_scale
from .estimators import ESTIMATORS

Layer = dict[str, Any]

SMOOTH_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": F.silu,
    "hard-sigmoid": F.hardsigmoid,
    "hard-swish": F.hardswish,
}


class Parameter(NamedTuple):
    """A parameter in lcdnn's terms: its name `part.layer.parameter`, its shape (NHWC, HWIO) and its role."""

    name: str
    shape: tuple[int, ...]
    role: str


class Outputs(NamedTuple):
    full: Tensor
    branches: list[Tensor]


class JointNetwork(nn.Module):
    """All branches of a joint network on normalised images [n, channels, height, width]: logits [n, classes]."""

    def __init__(
        self,
        network: dict[str, Any],
        parameters: Sequence[Parameter],
        estimator: str,
        freeze_full: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.network = network
        self.freeze_full = freeze_full
        self.dropout = dropout
        self.estimator = ESTIMATORS[estimator]
        self.float_weights = False
        depthwise = depthwise_layers(network)
        self.orders = {name: order_of(shape, name.split(".")[1] in depthwise) for name, shape, _ in parameters}
        for name, shape, role in parameters:
            empty = torch.empty([shape[axis] for axis in self.orders[name]])
            if role == "statistic":
                self.register_buffer(key(name), empty)
            else:
                self.register_parameter(key(name), nn.Parameter(empty, requires_grad=self.trains(name)))

    def trains(self, name: str) -> bool:
        """Whether a part, or the part of a parameter, is trained."""
        return name.startswith("branch") or not self.freeze_full

    def tensor(self, name: str) -> Tensor:
        """The parameter or statistic with this name."""
        found: Tensor = getattr(self, key(name))
        return found

    def forward(self, images: Tensor) -> Outputs:
        branches: list[Tensor | None] = []
        x = images
        for i, stage in enumerate([self.network, *self.network.get("further", [])]):
            x = self.chain(numbered("shared", i), stage["shared"], x)
            branches.append(self.chain(numbered("branch", i), stage["branch"], x) if stage["branch"] else None)
        full = self.chain("full", self.network["full"], x)
        return Outputs(full, [full if logits is None else logits for logits in branches])

    @property
    def is_alone(self) -> bool:
        """Whether there are no branches. The full network's logits are then reported for them, too."""
        return not self.network["branch"]

    def chain(self, part: str, layers: Sequence[Layer], x: Tensor) -> Tensor:
        for layer in layers:
            x = self.apply_layer(part, layer, x)
        return x

    def apply_layer(self, part: str, layer: Layer, x: Tensor) -> Tensor:
        def get(parameter: str) -> Tensor:
            return self.tensor(f"{part}.{layer['name']}.{parameter}")

        kind = layer["type"]
        stride = layer.get("stride", 1)
        if kind == "conv2d":
            bias = get("bias") if layer.get("bias", True) else None
            return convolve(x, get("kernel"), bias, stride, around(x, layer))
        if kind == "depthwise-conv2d":
            return convolve(x, get("kernel"), None, stride, around(x, layer), groups=x.shape[1])
        if kind == "general-conv2d":
            above, left, below, right = layer["padding"]
            bias = get("bias") if layer.get("bias", True) else None
            padded = F.pad(x, [left, right, above, below])
            strides, dilations = layer.get("strides", [1, 1]), layer.get("dilations", [1, 1])
            return F.conv2d(padded, get("kernel"), bias, strides, 0, dilations, layer.get("groups", 1))
        if kind == "dense":
            drops = self.training and part == "full" and self.trains(part)
            return torch.addmm(get("bias"), F.dropout(x, self.dropout, drops), get("kernel"))
        if kind in ("binary-conv2d", "binary-dense"):
            return self.binary(layer, x, get("kernel"), get("scale") if layer.get("learnedScale") else None)
        if kind == "batch-norm":
            in_training, epsilon = self.training and self.trains(part), layer.get("epsilon", EPSILON)
            return batch_norm(x, get("gamma"), get("beta"), get("mean"), get("variance"), in_training, epsilon)
        if kind == "relu":
            return F.relu(x) if "max" not in layer else F.relu(x).clamp(max=layer["max"])
        if kind == "shift":
            return x + per_channel(get("shift"), x)
        if kind == "scale":
            return x * per_channel(get("scale"), x)
        if kind == "leaky-relu":
            return F.leaky_relu(x, layer["slope"])
        if kind in SMOOTH_ACTIVATIONS:
            return SMOOTH_ACTIVATIONS[kind](x)
        if kind == "hard-tanh":
            return F.hardtanh(x)
        if kind == "prelu":
            return F.prelu(x, get("slope").to(x.dtype))
        if kind == "max-pool":
            return max_pool(x, layer["size"], layer.get("stride") or layer["size"], pool_padding(x, layer))
        if kind == "average-pool":
            size, counts_padding = layer["size"], layer.get("countsPadding", False)
            return average_pool(x, size, layer.get("stride") or size, pool_padding(x, layer), counts_padding)
        if kind == "global-average-pool":
            return x.mean((2, 3))
        if kind == "repeat-channels":
            return x.repeat(1, layer["times"], 1, 1)
        if kind == "flatten":
            return x.permute(0, 2, 3, 1).flatten(1)
        if kind == "residual":
            return self.chain(part, layer["body"], x) + self.chain(part, layer["shortcut"], x)
        raise ValueError(f"no such layer type: {kind}")

    def binary(self, layer: Layer, x: Tensor, latent: Tensor, learned: Tensor | None) -> Tensor:
        """Binary layer (Eq. 4). Padding adds zeros before the sign, so a padded tap counts as +1."""
        kernel, scale = binary_weights(latent, learned, self.float_weights)
        signs = Sign.apply(x, self.estimator)
        if layer["type"] == "binary-dense":
            y = (signs @ kernel) * scale
            return y * x.detach().abs().mean(1, keepdim=True) if layer.get("inputScale") else y
        stride, pad = layer.get("stride", 1), around(x, layer)
        y = F.conv2d(F.pad(signs, pad, value=1.0) if any(pad) else signs, kernel, stride=stride)
        y = y * per_channel(scale, y)
        return y * window_scale(x, layer["kernel"], stride, pad) if layer.get("inputScale") else y


def convolve(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int, pad: list[int], groups: int = 1) -> Tensor:
    """Convolution with zeros around the image. Copies the image with a border only if its sides differ."""
    left, right, above, below = pad
    if left == right and above == below:
        return F.conv2d(x, kernel, bias, stride, (above, left), groups=groups)
    return F.conv2d(F.pad(x, pad), kernel, bias, stride, groups=groups)


def max_pool(x: Tensor, size: int, stride: int, pad: list[int]) -> Tensor:
    """Max pooling. Padded pixels never win."""
    return F.max_pool2d(F.pad(x, pad, value=-torch.inf) if any(pad) else x, size, stride)


def average_pool(x: Tensor, size: int, stride: int, pad: list[int], counts_padding: bool) -> Tensor:
    """Average pooling. Padded pixels are zeros, or not part of the mean."""
    if not any(pad):
        return F.avg_pool2d(x, size, stride)
    means = F.avg_pool2d(F.pad(x, pad), size, stride)
    if counts_padding:
        return means
    inside = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), pad), size, stride)
    return means / inside


def per_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (x.dim() - 2))


def pool_padding(x: Tensor, layer: Layer) -> list[int]:
    size = layer["size"]
    return around(x, {**layer, "kernel": size, "stride": layer.get("stride") or size})


def around(x: Tensor, layer: Layer) -> list[int]:
    """Padding left, right, above, below: `same` gives ceil(size / stride) outputs, with more padding at the end."""
    padding, kernel, stride = layer.get("padding", "valid"), layer["kernel"], layer.get("stride", 1)
    if padding == "valid":
        return [0] * 4
    if isinstance(padding, list):
        above, left, below, right = padding
        return [left, right, above, below]
    if isinstance(padding, int):
        return [padding] * 4
    sides = []
    for size in (x.shape[3], x.shape[2]):
        missing = max(0, (-(-size // stride) - 1) * stride + kernel - size)
        sides += [missing // 2, missing - missing // 2]
    return sides


def numbered(name: str, exit_index: int) -> str:
    """From the second exit on, names end with a number: `branch`, `branch2`."""
    return name if exit_index == 0 else f"{name}{exit_index + 1}"


def key(name: str) -> str:
    """Key of a parameter: PyTorch doesn't allow dots in names."""
    return name.replace(".", "/")


def order_of(shape: tuple[int, ...], depthwise: bool) -> tuple[int, ...]:
    """Permutation from lcdnn's axes to PyTorch's: HWIO to OIHW; kernels of depthwise convolutions are HWI1."""
    if len(shape) != 4:
        return tuple(range(len(shape)))
    return (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)


def depthwise_layers(network: dict[str, Any]) -> set[str]:
    """Names of the depthwise convolutions, whose kernels are [k, k, channels, 1] in lcdnn."""
    found: set[str] = set()

    def collect(layers: Sequence[Layer]) -> None:
        for layer in layers:
            if layer["type"] == "depthwise-conv2d":
                found.add(layer["name"])
            for chain in ("body", "shortcut"):
                collect(layer.get(chain, []))

    for stage in [network, *network.get("further", [])]:
        for part in ("shared", "branch", "full"):
            collect(stage.get(part, []))
    return found
