"""The work of `--views` in PyTorch, for benchmarks/train/photos.ts: frozen layers on images, or steps of the head.

Usage: photos.py JOB_FOLDER views|head BATCH THREADS, with python/ on PYTHONPATH; the protocol of pytorch.py.
"""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from lcdnn_torch.job import Job
from lcdnn_torch.losses import summed_loss
from lcdnn_torch.network import Outputs
from lcdnn_torch.speed import images_in_fast_layout
from lcdnn_torch.trainer import create_trainer

folder, what, batch, threads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(1)
trainer = create_trainer(Job(folder), "cpu")
network, layers, config = trainer.network, trainer.job.network, trainer.job.config
*before, last = layers["full"]
height, width, channels = layers["input"]


def frozen(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    network.eval()
    with torch.no_grad():
        shared = network.chain("shared", layers["shared"], images)
        return shared, network.chain("full", before, shared)


images = images_in_fast_layout(torch.randn(batch, channels, height, width), "cpu")
shared, features = frozen(images)
targets = torch.nn.functional.one_hot(torch.arange(batch) % layers["classes"], layers["classes"]).float()
trained = [p for name, p in network.named_parameters() if name.startswith(("branch", f"full/{last['name']}/"))]
optimizer = torch.optim.Adam(trained, config["lr"], foreach=True)


def views() -> None:
    frozen(images)


def head() -> None:
    network.train()
    optimizer.zero_grad()
    branch = network.chain("branch", layers["branch"], shared)
    full = network.chain("full", [last], features)
    summed_loss(Outputs(full, [branch]), targets, config).summed.backward()
    optimizer.step()


work: Callable[[], None] = {"views": views, "head": head}[what]
for line in sys.stdin:
    start, busy = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        work()
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(batch * int(line) / seconds, peak, batch * int(line) / busy, flush=True)
