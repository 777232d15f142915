"""Everything that training reads and changes, created from a job."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import distributed, nn

from .images import Look, Pixels
from .job import Job
from .network import JointNetwork
from .optimizers import SLOTS, AdamPasses, Group, adam_in_one_pass
from .report import report
from .speed import in_fast_layout, set_up_compiler
from .state import Progress, State


@dataclass
class Trainer:
    """Everything that training reads and changes."""

    job: Job
    network: JointNetwork
    model: nn.Module
    """The network that training steps call: compiled, or distributed over processes."""
    state: State
    groups: list[Group]
    pixels: Pixels
    tables: Mapping[str, NDArray[np.int32]]
    look: Look
    device: str
    progress: Progress
    world: int
    rank: int
    adam_passes: AdamPasses | None = None
    saved_at: float = field(default_factory=time.monotonic)


def create_trainer(job: Job, device: str) -> Trainer:
    distributes = distributed.is_initialized()
    world, rank = (distributed.get_world_size(), distributed.get_rank()) if distributes else (1, 0)
    network = create_network(job, device)
    averages = job.config["averageDecay"] > 0
    deployed = create_network(job, device) if averages else None
    state = State(network, job.parameters, SLOTS[job.config["optimizer"]], deployed)
    progress = state.load(job.checkpoint)
    model: nn.Module = network
    adam_passes = None
    if world > 1:
        model = nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)
    elif job.compiles:
        compiler, fault = set_up_compiler()
        if fault is not None:
            report("note", text=f"torch.compile is not used: {fault}; training is slower without it")
        model = compiler(network)
        adam_passes = compiler(adam_in_one_pass) if fault is None else None
    pixels, tables = job.data(device)
    return Trainer(
        job,
        network,
        model,
        state,
        groups_of(job, state),
        pixels,
        tables,
        job.look(device),
        device,
        progress,
        world,
        rank,
        adam_passes,
    )


def create_network(job: Job, device: str) -> JointNetwork:
    config = job.config
    network = JointNetwork(job.network, job.parameters, config["estimator"], config["freezeFull"], config["dropout"])
    return in_fast_layout(network.to(device), device)


def groups_of(job: Job, state: State) -> list[Group]:
    """Groups parameters by learning rate (the branch has its own) and weight decay (only float weights have it)."""
    config, groups = job.config, []
    for rate, in_branch in ((config["lr"], False), (config["branchLr"], True)):
        for decay, decays in ((config["weightDecay"], True), (0.0, False)):
            names = [
                name
                for name, _, role in job.parameters
                if role != "statistic"
                and state.network.trains(name)
                and name.startswith("branch") == in_branch
                and (role == "weight") == decays
            ]
            slots = [[state.slot(slot, name) for name in names] for slot in SLOTS[config["optimizer"]]]
            groups.append(Group([state.network.tensor(name) for name in names], slots, rate, decay))
    return groups
