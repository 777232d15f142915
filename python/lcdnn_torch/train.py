"""The training loop (Algorithm 1)."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.utils.data import DataLoader, Dataset

from .images import Look, Pixels, central, draws_of, mix, vary
from .job import Job
from .losses import Losses, summed_loss, targets_of
from .network import JointNetwork, Outputs
from .optimizers import SLOTS, Group, update
from .report import is_first, report
from .state import Progress, State

SAVE_EVERY_SECONDS = 600
# Reading a loss waits for the GPU: it is done once in so many steps there.
STEPS_BETWEEN_READINGS = {"cpu": 1}
READINGS_ELSEWHERE = 20
# As large as evaluation batches of the other engines, and for the same reason.
EVALUATION_VALUES = 4_000_000


class Diverged(Exception):
    """The loss is no longer a finite number."""

    def __init__(self, progress: Progress, full: float, branch: float) -> None:
        super().__init__(f"loss {full} + {branch}")
        self.progress, self.full, self.branch = progress, full, branch


@dataclass
class Trainer:
    """All that training reads and changes."""

    job: Job
    network: JointNetwork
    model: nn.Module
    state: State
    groups: list[Group]
    pixels: Pixels
    tables: Mapping[str, NDArray[np.int32]]
    look: Look
    device: str
    progress: Progress
    world: int
    rank: int
    saved_at: float = field(default_factory=time.monotonic)


def create_trainer(job: Job, device: str) -> Trainer:
    distributes = distributed.is_initialized()
    world, rank = (distributed.get_world_size(), distributed.get_rank()) if distributes else (1, 0)
    network = JointNetwork(job.network, job.parameters, job.config["estimator"], job.config["freezeFull"]).to(device)
    if device.startswith("cuda"):
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = State(network, job.parameters, SLOTS[job.config["optimizer"]])
    progress = state.load(job.checkpoint)
    model = nn.parallel.DistributedDataParallel(network, broadcast_buffers=False) if world > 1 else network
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
    )


def groups_of(job: Job, state: State) -> list[Group]:
    """Parameters by learning rate (the branch has its own) and weight decay (float weights alone have one)."""
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


def train(trainer: Trainer) -> None:
    """Trains to the last epoch, or until lcdnn asks to stop."""
    job, epochs = trainer.job, trainer.job.config["epochs"]
    while trainer.progress["epoch"] < epochs:
        epoch, began, began_at = trainer.progress["epoch"], time.monotonic(), trainer.progress["step"]
        plan, waited = job.plan(epoch), 0.0
        batches = stored_batches(trainer, plan)
        pending: list[Tensor] = []
        while trainer.progress["step"] + len(pending) < job.steps_per_epoch:
            asked = time.monotonic()
            index, images = next(batches)
            waited += time.monotonic() - asked
            pending.append(train_step(trainer, plan, index, images))
            due = STEPS_BETWEEN_READINGS.get(trainer.device, READINGS_ELSEWHERE)
            if len(pending) < due and index + 1 < job.steps_per_epoch:
                continue
            stopped = read_losses(trainer, pending)
            pending = []
            report("step", progress=trainer.progress)
            if stopped:
                save(trainer, trainer.progress)
                report("stopped")
                return
            if must_save(trainer):
                save(trainer, trainer.progress)
        seconds = time.monotonic() - began
        hits = evaluate(trainer, trainer.tables["validation"])
        report(
            "epoch",
            progress=trainer.progress,
            hits=hits,
            steps=trainer.progress["step"] - began_at,
            seconds=seconds,
            waited=waited,
        )
        trainer.progress = epoch_start(epoch + 1, trainer.progress["totalSteps"])
        save(trainer, trainer.progress)
    report("done")


def train_step(trainer: Trainer, plan: Mapping[str, NDArray[Any]], index: int, stored: Tensor) -> Tensor:
    """One step on this process's share of a batch. Returns losses and hits of the full branch and the binary ones."""
    job, config = trainer.job, trainer.job.config
    chosen = share_of_batch(index, config["batchSize"], trainer.rank, trainer.world)
    images = vary(stored.to(trainer.device, non_blocking=True), trainer.look, draws_of(plan, chosen, trainer.device))
    own = float(plan["shares"][index]) if "shares" in plan else 1.0
    if trainer.device.startswith("cuda"):
        images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(trainer.tables["labels"][plan["order"][chosen]]).long().to(trainer.device)
    targets = targets_of(labels, labels.flip(0), own, config["labelSmoothing"], job.network["classes"])

    step = job.steps_per_epoch * trainer.progress["epoch"] + index
    all_steps = job.steps_per_epoch * config["epochs"]
    trainer.network.float_weights = step < round_half_up(config["floatWeights"] * all_steps)
    outputs, losses = backward(trainer, mix(images, own), targets)
    for group in trainer.groups:
        update(config["optimizer"], group, float(plan["factors"][index]), step + 1)
    clip_latents(trainer)
    hits = [(logits.argmax(1) == labels).sum() for logits in (outputs.full, *outputs.branches)]
    return torch.stack([loss.detach().float() for loss in (losses.full, *losses.branches)] + [h.float() for h in hits])


def backward(trainer: Trainer, images: Tensor, targets: Tensor) -> tuple[Outputs, Losses]:
    """Forward and backward pass: leaves gradients in the parameters."""
    trainer.network.zero_grad(set_to_none=True)
    trainer.model.train()
    kind = trainer.device.split(":")[0]
    with torch.autocast(kind, torch.bfloat16, enabled=trainer.job.precision == "bfloat16"):
        outputs = trainer.model(images)
    losses = summed_loss(outputs, targets, trainer.job.config)
    losses.summed.backward()  # type: ignore[no-untyped-call]
    return outputs, losses


@torch.no_grad()
def clip_latents(trainer: Trainer) -> None:
    for name, _, role in trainer.job.parameters:
        if role == "latent":
            trainer.network.tensor(name).clamp_(-1, 1)


def share_of_batch(index: int, batch_size: int, rank: int, world: int) -> NDArray[np.int64]:
    """The images of a batch that one of `world` processes takes: pairs from both ends, so that mixup stays inside."""
    first = np.arange(rank, batch_size // 2, world) if world > 1 else np.arange((batch_size + 1) // 2)
    last = (batch_size - 1 - first)[::-1]
    return index * batch_size + np.concatenate([first, last[last > first[-1]]])


class StoredBatches(Dataset[tuple[int, Tensor]]):
    """The stored images of this process's share of each batch of an epoch."""

    def __init__(self, trainer: Trainer, order: NDArray[np.int32]) -> None:
        self.pixels, self.order = trainer.pixels, order
        self.share = (trainer.job.config["batchSize"], trainer.rank, trainer.world)

    def __getitem__(self, index: int) -> tuple[int, Tensor]:
        return index, self.pixels.gather(self.order[share_of_batch(index, *self.share)])


def stored_batches(trainer: Trainer, plan: Mapping[str, NDArray[Any]]) -> Iterator[tuple[int, Tensor]]:
    """The rest of an epoch's batches; read ahead by workers where the images are on disk."""
    data = StoredBatches(trainer, plan["order"])
    rest = range(trainer.progress["step"], trainer.job.steps_per_epoch)
    if trainer.pixels.resident is not None:
        return (data[index] for index in rest)
    on_gpu = trainer.device.startswith("cuda")
    return iter(DataLoader(data, batch_size=None, sampler=rest, num_workers=trainer.job.loaders, pin_memory=on_gpu))


def read_losses(trainer: Trainer, pending: list[Tensor]) -> bool:
    """Adds what the last steps gave to the sums of the epoch. Returns whether training is to stop.

    Raises Diverged where a loss is no longer finite; nothing is saved then.
    """
    told = torch.stack(pending)
    exits = told.shape[1] // 2
    stop = torch.tensor(float(is_first() and trainer.job.is_stopped()), device=told.device)
    if trainer.world > 1:
        told[:, :exits] /= trainer.world
        distributed.all_reduce(told)
        distributed.all_reduce(stop)
    for values in told.cpu().double().tolist():
        losses, hits = values[:exits], values[exits:]
        if not np.isfinite(losses).all():
            raise Diverged(trainer.progress, losses[0], next((x for x in losses[1:] if not np.isfinite(x)), losses[1]))
        trainer.progress = advance(trainer.progress, losses, hits)
    return bool(stop.item())


def advance(progress: Progress, losses: list[float], hits: list[float]) -> Progress:
    before = [progress, *progress.get("further", [{"branchLoss": 0, "branchHits": 0}] * (len(losses) - 2))]
    branches = [
        {"branchLoss": sums["branchLoss"] + loss, "branchHits": sums["branchHits"] + int(hit)}
        for sums, loss, hit in zip(before, losses[1:], hits[1:])
    ]
    return {
        "epoch": progress["epoch"],
        "step": progress["step"] + 1,
        "totalSteps": progress["totalSteps"] + 1,
        "fullLoss": progress["fullLoss"] + losses[0],
        "fullHits": progress["fullHits"] + int(hits[0]),
        **branches[0],
        **({"further": branches[1:]} if branches[1:] else {}),
    }


def epoch_start(epoch: int, total_steps: int) -> Progress:
    sums = {"fullLoss": 0, "branchLoss": 0, "fullHits": 0, "branchHits": 0}
    return {"epoch": epoch, "step": 0, "totalSteps": total_steps, **sums}


@torch.no_grad()
def evaluate(trainer: Trainer, places: NDArray[np.int32]) -> list[int]:
    """How many images at these places the full branch and the binary ones answer rightly, in single precision."""
    trainer.model.eval()
    mine = places[trainer.rank :: trainer.world]
    size = max(1, EVALUATION_VALUES // int(np.prod(trainer.look.stored)))
    hits = torch.zeros(len(trainer.job.network.get("further", [])) + 2, device=trainer.device)
    for start in range(0, len(mine), size):
        chosen = mine[start : start + size]
        labels = torch.from_numpy(trainer.tables["labels"][chosen]).to(trainer.device)
        outputs = trainer.network(central(trainer.pixels.gather(chosen).to(trainer.device), trainer.look))
        hits += torch.stack([(logits.argmax(1) == labels).sum() for logits in (outputs.full, *outputs.branches)])
    if trainer.world > 1:
        distributed.all_reduce(hits)
    return [int(count) for count in hits.tolist()]


def must_save(trainer: Trainer) -> bool:
    """Whether the last checkpoint is old. The first process decides: only it saves."""
    return is_first() and time.monotonic() - trainer.saved_at >= SAVE_EVERY_SECONDS


def save(trainer: Trainer, progress: Progress) -> None:
    """Writes a checkpoint; lcdnn gives it its name when the metrics before it are written."""
    if not is_first():
        return
    path = Path(trainer.job.folder) / f"checkpoint-{progress['totalSteps']}.safetensors"
    trainer.state.save(path, progress)
    trainer.saved_at = time.monotonic()
    report("checkpoint", path=str(path))


def largest_batch(trainer: Trainer, tried: int) -> int:
    """The largest half, quarter, ... of a batch that was too large for memory, which fits; 0 if that can't be told."""
    height, width, channels = trainer.look.shape
    size = tried // 2 if trainer.world == 1 else 0  # alone, a process would wait for the others' gradients
    while size > 0:
        torch.cuda.empty_cache()
        try:
            images = torch.zeros(size, channels, height, width, device=trainer.device)
            targets = torch.full((size, trainer.job.network["classes"]), 0.1, device=trainer.device)
            backward(trainer, images, targets)
            return size
        except torch.cuda.OutOfMemoryError:  # type: ignore[misc]
            size //= 2
    return 0


def round_half_up(value: float) -> int:
    return int(value + 0.5)
