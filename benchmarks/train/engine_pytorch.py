"""Training steps of engine pytorch, for benchmarks/train/train.ts: loading, varying and losses included.

Usage: engine_pytorch.py JOB_FOLDER BATCH THREADS, with python/ on PYTHONPATH; the protocol of pytorch.py.
"""

import resource
import sys
import time
from pathlib import Path

import torch

from lcdnn_torch.job import Job
from lcdnn_torch.train import create_trainer, read_losses, stored_batches, train_step

folder, batch, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
trainer = create_trainer(Job(folder), "cpu")
plan = trainer.job.plan(0)
batches = stored_batches(trainer, plan)

for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        index, images = next(batches)
        read_losses(trainer, [train_step(trainer, plan, index, images)])
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(batch * int(line) / seconds, peak, flush=True)
