"""python -m tests.dump_batches JOB EPOCH OUT: the training images of an epoch, for a test to compare."""

import sys
from pathlib import Path

from safetensors.torch import save_file

from lcdnn_torch.batches import share_of_batch
from lcdnn_torch.images import draws_of, mix, vary
from lcdnn_torch.job import Job

job = Job(Path(sys.argv[1]))
pixels, _ = job.data("cpu")
look, plan = job.look("cpu"), job.plan(int(sys.argv[2]))
size = job.config["batchSize"]
batches = {}
for index in range(job.steps_per_epoch):
    chosen = share_of_batch(index, size, 0, 1)
    images = vary(pixels.gather(plan["order"][chosen]), look, draws_of(plan, chosen, "cpu"), job.config["shiftFill"])
    mixed = mix(images, float(plan["shares"][index]) if "shares" in plan else 1.0)
    batches[f"images{index}"] = mixed.permute(0, 2, 3, 1).contiguous()
save_file(batches, sys.argv[3])
