"""The joint LeNet of src/network/zoo/lenet.ts in PyTorch, for bench/train/train.ts.

Reads one line per round on stdin (the number of steps) and answers with the images per second of that round.
"""

import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

batch, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(1)


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


class JointLenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(800, 500)
        self.fc2 = nn.Linear(500, 10)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(20), nn.BatchNorm2d(50), nn.BatchNorm2d(50)
        self.bn4 = nn.BatchNorm1d(500)
        self.prelu2, self.prelu4 = nn.PReLU(50), nn.PReLU(500)
        self.binary_conv2 = nn.Parameter(torch.randn(50, 20, 5, 5) * 0.06)
        self.binary_fc1 = nn.Parameter(torch.randn(500, 800) * 0.05)
        self.branch_fc2 = nn.Linear(500, 10)

    def forward(self, x):
        shared = F.max_pool2d(self.conv1(x), 2)
        full = F.relu(F.max_pool2d(self.conv2(F.relu(shared)), 2)).flatten(1)
        full = self.fc2(F.relu(self.fc1(full)))
        branch = F.conv2d(Sign.apply(self.bn1(shared)), ScaledSign.apply(self.binary_conv2))
        branch = F.max_pool2d(self.prelu2(self.bn2(branch)), 2)
        branch = Sign.apply(self.bn3(branch)).flatten(1)
        branch = F.linear(branch, ScaledSign.apply(self.binary_fc1))
        return full, self.branch_fc2(self.prelu4(self.bn4(branch)))


network = JointLenet()
optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
images = torch.randn(batch, 1, 28, 28)
labels = torch.randint(0, 10, (batch,))

for line in sys.stdin:
    steps = int(line)
    start = time.perf_counter()
    for _ in range(steps):
        full, branch = network(images)
        loss = F.cross_entropy(full, labels) + F.cross_entropy(branch, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for latent in (network.binary_conv2, network.binary_fc1):
                latent.clamp_(-1, 1)
        loss.item()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(batch * steps / seconds, peak, flush=True)
