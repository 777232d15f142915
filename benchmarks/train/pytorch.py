"""A joint network in PyTorch, built from the layer lists of its network.json, for benchmarks/train/train.ts.

Usage: pytorch.py NETWORK.JSON BATCH THREADS. Reads the number of steps, a line per round, on stdin; answers with the
images per second of that round and the peak memory in bytes.
"""

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Sign(torch.autograd.Function):
    """Sign with the straight-through gradient (Eq. 5)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (x.abs() <= 1)


class ScaledSign(torch.autograd.Function):
    """alpha * sign(W) per filter, with the gradient of Eq. 6."""

    @staticmethod
    def forward(ctx, w):
        alpha = w.abs().flatten(1).mean(1).view(-1, *[1] * (w.dim() - 1))
        ctx.save_for_backward(w, alpha)
        return torch.where(w >= 0, 1.0, -1.0) * alpha

    @staticmethod
    def backward(ctx, dy):
        w, alpha = ctx.saved_tensors
        return dy * (1 / w[0].numel() + (w.abs() <= 1) * alpha)


class BinaryConv2d(nn.Module):
    """Taps outside count as +1."""

    def __init__(self, channels, filters, kernel, stride, padding):
        super().__init__()
        self.latent = nn.Parameter(torch.randn(filters, channels, kernel, kernel) * (kernel**2 * channels) ** -0.5)
        self.stride, self.padding = stride, padding

    def forward(self, x):
        signs = Sign.apply(x)
        if self.padding:
            signs = F.pad(signs, [self.padding] * 4, value=1.0)
        return F.conv2d(signs, ScaledSign.apply(self.latent), stride=self.stride)


class BinaryDense(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.latent = nn.Parameter(torch.randn(units, features) * features**-0.5)

    def forward(self, x):
        return F.linear(Sign.apply(x), ScaledSign.apply(self.latent))


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Call(nn.Module):
    """A layer without parameters."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def make_layer(layer, x):
    """The module of one layer that reads x."""
    channels, kernel, stride = x.shape[1], layer.get("kernel"), layer.get("stride", 1)
    padding = layer.get("padding", "valid")
    if padding == "same" and (stride > 1 or kernel % 2 == 0):
        sys.exit(f"padding 'same' with stride {stride} and kernel {kernel} is not in this benchmark")
    padding = {"valid": 0, "same": (kernel or 1) // 2}.get(padding, padding)
    kind = layer["type"]
    if layer.get("inputScale"):
        sys.exit("K (inputScale) is not in this benchmark")
    if kind == "conv2d":
        return nn.Conv2d(channels, layer["filters"], kernel, stride, padding, bias=layer.get("bias", True))
    if kind == "depthwise-conv2d":
        return nn.Conv2d(channels, channels, kernel, stride, padding, groups=channels, bias=False)
    if kind == "dense":
        return nn.Linear(channels, layer["units"])
    if kind == "binary-conv2d":
        return BinaryConv2d(channels, layer["filters"], kernel, stride, padding)
    if kind == "binary-dense":
        return BinaryDense(channels, layer["units"])
    if kind == "batch-norm":
        return nn.BatchNorm2d(channels) if x.dim() == 4 else nn.BatchNorm1d(channels)
    if kind == "relu":
        return nn.ReLU6() if layer.get("max") == 6 else nn.ReLU()
    if kind == "prelu":
        return nn.PReLU(channels)
    if kind == "max-pool":
        return nn.MaxPool2d(layer["size"], layer.get("stride", layer["size"]), padding)
    if kind == "average-pool":
        return nn.AvgPool2d(layer["size"])
    if kind == "global-average-pool":
        return Call(lambda y: y.mean((2, 3)))
    if kind == "repeat-channels":
        return Call(lambda y: y.repeat(1, layer["times"], 1, 1))
    if kind == "flatten":
        return nn.Flatten()
    if kind == "residual":
        return Residual(make_chain(layer["body"], x)[0], make_chain(layer["shortcut"], x)[0])
    sys.exit(f"layer type {kind} is not in this benchmark")


def make_chain(layers, x):
    """The module of a list of layers that reads x, and what it gives."""
    modules = []
    for layer in layers:
        modules.append(make_layer(layer, x))
        with torch.no_grad():
            x = modules[-1](x)
    return nn.Sequential(*modules), x


def main():
    batch, threads = int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    with open(sys.argv[1], encoding="utf-8") as file:
        network = json.load(file)
    height, width, channels = network["input"]
    probe = torch.randn(2, channels, height, width)
    shared, split = make_chain(network["shared"], probe)
    full, branch = (make_chain(network[part], split)[0] for part in ("full", "branch"))
    parameters = [p for part in (shared, full, branch) for p in part.parameters()]
    latents = [m.latent for m in branch.modules() if isinstance(m, (BinaryConv2d, BinaryDense))]
    optimizer = torch.optim.Adam(parameters, lr=2e-3)
    images = torch.randn(batch, channels, height, width)
    labels = torch.randint(0, network["classes"], (batch,))

    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            y = shared(images)
            loss = F.cross_entropy(full(y), labels) + F.cross_entropy(branch(y), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for latent in latents:
                    latent.clamp_(-1, 1)
            loss.item()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(batch * int(line) / seconds, peak, flush=True)


main()
