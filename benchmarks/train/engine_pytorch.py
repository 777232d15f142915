"""Training steps of engine pytorch, for benchmarks/train/train.ts: loading, varying and losses included.

Usage: engine_pytorch.py JOB_FOLDER BATCH THREADS, with python/ on PYTHONPATH; the protocol of pytorch.py.
"""

import resource
import sys
import time
from pathlib import Path

import torch

from lcdnn_torch.job import Job
from lcdnn_torch.batches import stored_batches
from lcdnn_torch.train import read_losses, train_step
from lcdnn_torch.trainer import create_trainer

folder, batch, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
trainer = create_trainer(Job(folder), "cpu")
plan = trainer.job.plan(0)
batches = stored_batches(trainer, plan, 0)

for line in sys.stdin:
    start, busy = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        index, images = next(batches)
        read_losses(trainer, [train_step(trainer, plan, index, images)])
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(batch * int(line) / seconds, peak, batch * int(line) / busy, flush=True)
