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
"""State of training; src/run/checkpoint.ts documents the numbers."""


class State:
    """The tensors of a run: its network, its optimiser's slots, and the tensors that only other stages train.

    If weights are averaged, `deployed` is the network of the averages. A checkpoint holds them under the names of the
    parameters, and the weights under training in the slot `raw`.
    """

    def __init__(
        self,
        network: JointNetwork,
        parameters: Sequence[Parameter],
        slots: Sequence[str],
        deployed: JointNetwork | None = None,
    ) -> None:
        self.network = network
        self.deployed = network if deployed is None else deployed
        changed = [(name, role) for name, _, role in parameters if network.trains(name)]
        self.slots = {
            f"optimizer.{slot}.{name}": torch.zeros_like(network.tensor(name))
            for name, role in changed
            if role != "statistic"
            for slot in slots
        }
        self.averaged = [name for name, _ in changed] if deployed is not None else []
        self.names = [name for name, _, _ in parameters]
        self.others: dict[str, Tensor] = {}

    def slot(self, slot: str, parameter: str) -> Tensor:
        return self.slots[f"optimizer.{slot}.{parameter}"]

    def averages(self) -> tuple[list[Tensor], list[Tensor]]:
        """The averages, and the tensors that they average."""
        return (
            [self.deployed.tensor(name).data for name in self.averaged],
            [self.network.tensor(name).data for name in self.averaged],
        )

    def tensors(self) -> Iterator[tuple[str, Tensor, tuple[int, ...]]]:
        """Name, tensor, and the permutation from lcdnn's axes to the tensor's."""
        for name in self.names:
            yield name, self.deployed.tensor(name).data, self.network.orders[name]
        for name in self.averaged:
            yield f"optimizer.raw.{name}", self.network.tensor(name).data, self.network.orders[name]
        for name, values in self.slots.items():
            yield name, values, self.network.orders[name.split(".", 2)[2]]

    @torch.no_grad()
    def load(self, path: Path) -> Progress:
        """Reads a checkpoint."""
        with safe_open(path, framework="pt") as file:
            ours = set()
            for name, values, order in self.tensors():
                values.copy_(file.get_tensor(name).permute(order))
                ours.add(name)
            self.others = {name: file.get_tensor(name) for name in file.keys() if name not in ours}
            progress: Progress = json.loads(file.metadata()["progress"])
        for name in self.names:
            if self.averaged and name not in self.averaged:
                self.network.tensor(name).copy_(self.deployed.tensor(name))
        return progress

    def save(self, path: Path, progress: Progress) -> None:
        """Writes a checkpoint to a new file, which is complete when this returns; the caller renames it."""
        arrays = {name: values.permute(inverse(order)).contiguous().cpu() for name, values, order in self.tensors()}
        with open(path, "wb") as file:
            file.write(save({**self.others, **arrays}, {"format": FORMAT, "progress": json.dumps(progress)}))
            file.flush()
            os.fsync(file.fileno())


def inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(axis) for axis in range(len(order)))
