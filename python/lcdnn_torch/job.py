"""The job that `lcdnn train --engine pytorch` writes; src/train/pytorch/job.ts documents its contents."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from .images import Look, Pixels
from .network import Parameter

FORMAT = "lcdnn-job-1"

# A plan is written while the epoch before it is trained.
PLAN_SECONDS = 600


class Job:
    """A run to train: a folder with job.json, the images, and a plan for each epoch once it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        job = json.loads((folder / "job.json").read_text())
        if job["format"] != FORMAT:
            raise ValueError(f"expected a job of the same version of lcdnn ({FORMAT}), found {job['format']}")
        self.network: dict[str, Any] = job["network"]
        self.config: dict[str, Any] = job["config"]
        self.parameters = [Parameter(p["name"], tuple(p["shape"]), p["role"]) for p in job["parameters"]]
        self.device: str = job["device"]
        self.precision: str = job["precision"]
        self.checkpoint = Path(job["checkpoint"])
        self.steps_per_epoch: int = job["stepsPerEpoch"]
        self.compiles: bool = job["compiles"]
        self.loaders: int = job["loaders"]
        self.class_weights: list[float] | None = job.get("classWeights")
        self.images: dict[str, Any] = job["images"]

    def look(self, device: str) -> Look:
        mean, std = (torch.tensor(self.images[name], dtype=torch.float32, device=device) for name in ("mean", "std"))
        return Look(tuple(self.images["shape"]), tuple(self.images["stored"]), mean, std)

    def data(self, device: str) -> tuple[Pixels, Mapping[str, NDArray[np.int32]]]:
        """The pixels of the training images, their `labels`, and the indices of the `validation` images."""
        tables = load_file(self.folder / "tables.safetensors")
        pixels = Pixels(Path(self.images["path"]), tables.get("records"), tuple(self.images["stored"]), device)
        return pixels, tables

    def plan(self, epoch: int) -> Mapping[str, NDArray[Any]]:
        """Order, draws and learning rates of an epoch."""
        path = self.folder / f"plan-{epoch}.safetensors"
        deadline = time.monotonic() + PLAN_SECONDS
        while not path.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path}: expected the plan of epoch {epoch + 1}, found none in {PLAN_SECONDS} s")
            time.sleep(0.01)
        plan: Mapping[str, NDArray[Any]] = load_file(path)
        return plan

    def is_stopped(self) -> bool:
        """Whether lcdnn has requested to save and end."""
        return (self.folder / "stop").exists()
