"""python -m lcdnn_torch JOB_FOLDER, by itself or in every process of torchrun."""

import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import torch
from torch import distributed

from .job import Job
from .report import report
from .train import Diverged, largest_batch, train
from .trainer import Trainer, create_trainer


def main() -> int:
    job = Job(Path(sys.argv[1]))
    device = job.device
    if "RANK" in os.environ:
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            device = f"cuda:{os.environ['LOCAL_RANK']}"
        distributed.init_process_group("nccl" if job.device == "cuda" else "gloo")
    if job.precision == "float32":
        torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    report("ready", torch=torch.__version__, device=device_name(device))
    trainer = create_trainer(job, device)
    code = train_to_an_end(trainer)
    if distributed.is_initialized():
        distributed.destroy_process_group()
        exit_at_once(code)
    return code


def train_to_an_end(trainer: Trainer) -> int:
    try:
        train(trainer)
    except Diverged as diverged:
        report("diverged", progress=diverged.progress, fullLoss=str(diverged.full), branchLoss=str(diverged.branch))
    except torch.cuda.OutOfMemoryError:  # type: ignore[misc]
        report("out-of-memory", fits=largest_batch(trainer, trainer.job.config["batchSize"]))
        return 1
    return 0


def device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def exit_at_once(code: int) -> NoReturn:
    """Exits without running destructors: a distributed model's can deadlock with a gloo thread over the GIL."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:
        if "RANK" not in os.environ:
            raise
        traceback.print_exc()
        exit_at_once(1)
