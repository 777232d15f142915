"""Checkpoints of a run: the tensors of a joint network and of its optimiser, in lcdnn's names, shapes and order."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from .network import JointNetwork, Parameter

FORMAT = "lcdnn-checkpoint-1"

Progress = dict[str, Any]
"""Where training stands: src/run/checkpoint.ts says what the numbers are."""


class State:
    """The tensors of a run: those of its network, and its optimiser's slots."""

    def __init__(self, network: JointNetwork, parameters: Sequence[Parameter], slots: Sequence[str]) -> None:
        self.network = network
        self.slots = {
            f"optimizer.{slot}.{name}": torch.zeros_like(network.tensor(name))
            for name, _, role in parameters
            if role != "statistic" and network.trains(name)
            for slot in slots
        }
        self.names = [name for name, _, _ in parameters]

    def slot(self, slot: str, parameter: str) -> Tensor:
        return self.slots[f"optimizer.{slot}.{parameter}"]

    def tensors(self) -> Iterator[tuple[str, Tensor, tuple[int, ...]]]:
        """Name, tensor, and the order of lcdnn's axes that the tensor has."""
        for name in self.names:
            yield name, self.network.tensor(name).data, self.network.orders[name]
        for name, values in self.slots.items():
            yield name, values, self.network.orders[name.split(".", 2)[2]]

    @torch.no_grad()
    def load(self, path: Path) -> Progress:
        """Reads a checkpoint."""
        with safe_open(path, framework="pt") as file:
            for name, values, order in self.tensors():
                values.copy_(file.get_tensor(name).permute(order))
            progress: Progress = json.loads(file.metadata()["progress"])
        return progress

    def save(self, path: Path, progress: Progress) -> None:
        """Writes a checkpoint to a new file, whole when this returns; giving it its name is the caller's affair."""
        arrays = {name: values.permute(inverse(order)).contiguous().cpu() for name, values, order in self.tensors()}
        with open(path, "wb") as file:
            file.write(save(arrays, {"format": FORMAT, "progress": json.dumps(progress)}))
            file.flush()
            os.fsync(file.fileno())


def inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(axis) for axis in range(len(order)))
