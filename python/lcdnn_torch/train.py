"""The training loop (Algorithm 1)."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from .batches import share_of_batch, stored_batches
from .evaluate import evaluate, recalibrate
from .images import draws_of, mix, resize, vary
from .losses import Losses, summed_loss, targets_of
from .network import Outputs
from .optimizers import move_average, update
from .report import is_first, report
from .speed import images_in_fast_layout
from .state import Progress
from .trainer import Trainer

SAVE_EVERY_SECONDS = 600
# Reading a loss waits for the GPU, so it is done only once in this many steps there.
STEPS_BETWEEN_READINGS = {"cpu": 1}
READINGS_ELSEWHERE = 20


class Diverged(Exception):
    """The loss is no longer finite."""

    def __init__(self, progress: Progress, full: float, branch: float) -> None:
        super().__init__(f"loss {full} + {branch}")
        self.progress, self.full, self.branch = progress, full, branch


def train(trainer: Trainer) -> None:
    """Trains to the last epoch, or until lcdnn requests to stop."""
    job, epochs = trainer.job, trainer.job.config["epochs"]
    while trainer.progress["epoch"] < epochs:
        epoch, began, began_at = trainer.progress["epoch"], time.monotonic(), trainer.progress["step"]
        plan, waited = job.plan(epoch), 0.0
        batches = stored_batches(trainer, plan, trainer.progress["step"])
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
        if epoch + 1 == epochs:
            recalibrate(trainer)
        hits = evaluate(trainer, trainer.tables["validation"])
        report(
            "epoch",
            progress=trainer.progress,
            hits=hits,
            steps=trainer.progress["step"] - began_at,
            seconds=seconds,
            waited=waited,
        )
        trainer.progress = epoch_start(epoch + 1, trainer.progress["totalSteps"], trainer.progress.get("stage"))
        save(trainer, trainer.progress)
    report("done")


def train_step(trainer: Trainer, plan: Mapping[str, NDArray[Any]], index: int, stored: Tensor) -> Tensor:
    """One step on this process's share of a batch. Returns losses and hits of the full branch and the binary ones."""
    job, config = trainer.job, trainer.job.config
    chosen = share_of_batch(index, config["batchSize"], trainer.rank, trainer.world)
    draws = draws_of(plan, chosen, trainer.device)
    images = vary(stored.to(trainer.device, non_blocking=True), trainer.look, draws, config["shiftFill"])
    own = float(plan["shares"][index]) if "shares" in plan else 1.0
    images = images_in_fast_layout(resize(mix(images, own), config["trainSize"]), trainer.device)
    labels = torch.from_numpy(trainer.tables["labels"][plan["order"][chosen]]).long().to(trainer.device)
    weights = None if job.class_weights is None else torch.tensor(job.class_weights, device=trainer.device)
    targets = targets_of(labels, labels.flip(0), own, config["labelSmoothing"], job.network["classes"], weights)

    step = job.steps_per_epoch * trainer.progress["epoch"] + index
    all_steps = job.steps_per_epoch * first_planned_epochs(config)
    trainer.network.float_weights = step < round_half_up(config["floatWeights"] * all_steps)
    if config["dropout"] > 0:
        # From the step, so that a resumed run drops what an uninterrupted one does.
        torch.manual_seed(dropout_seed(config["seed"], step, trainer.rank))
    outputs, losses = backward(trainer, images, targets)
    for group in trainer.groups:
        update(config["optimizer"], group, float(plan["factors"][index]), step + 1, trainer.adam_passes)
    clip_latents(trainer)
    move_average(*trainer.state.averages(), config["averageDecay"], step + 1)
    hits = [(logits.argmax(1) == labels).sum() for logits in (outputs.full, *outputs.branches)]
    return torch.stack([loss.detach().float() for loss in (losses.full, *losses.branches)] + [h.float() for h in hits])


def backward(trainer: Trainer, images: Tensor, targets: Tensor) -> tuple[Outputs, Losses]:
    """Forward and backward pass: stores gradients in the parameters."""
    trainer.network.zero_grad(set_to_none=True)
    trainer.model.train()
    kind = trainer.device.split(":")[0]
    with torch.autocast(kind, torch.bfloat16, enabled=trainer.job.precision == "bfloat16"):
        outputs = trainer.model(images)
    losses = summed_loss(outputs, targets, trainer.job.config, trainer.network.is_alone)
    losses.summed.backward()  # type: ignore[no-untyped-call]
    return outputs, losses


@torch.no_grad()
def clip_latents(trainer: Trainer) -> None:
    for name, _, role in trainer.job.parameters:
        if role == "latent":
            trainer.network.tensor(name).clamp_(-1, 1)


def read_losses(trainer: Trainer, pending: list[Tensor]) -> bool:
    """Adds the results of the last steps to the sums of the epoch. Returns whether to stop training.

    Raises Diverged if a loss is no longer finite; nothing is saved then.
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
        **({"stage": progress["stage"]} if "stage" in progress else {}),
        "epoch": progress["epoch"],
        "step": progress["step"] + 1,
        "totalSteps": progress["totalSteps"] + 1,
        "fullLoss": progress["fullLoss"] + losses[0],
        "fullHits": progress["fullHits"] + int(hits[0]),
        **branches[0],
        **({"further": branches[1:]} if branches[1:] else {}),
    }


def epoch_start(epoch: int, total_steps: int, stage: int | None = None) -> Progress:
    sums = {"fullLoss": 0, "branchLoss": 0, "fullHits": 0, "branchHits": 0}
    return {**({} if stage is None else {"stage": stage}), "epoch": epoch, "step": 0, "totalSteps": total_steps, **sums}


def must_save(trainer: Trainer) -> bool:
    """Whether a checkpoint is due. The first process decides, because only it saves."""
    return is_first() and time.monotonic() - trainer.saved_at >= SAVE_EVERY_SECONDS


def save(trainer: Trainer, progress: Progress) -> None:
    """Writes a checkpoint under a temporary name; lcdnn renames it after writing the metrics before it."""
    if not is_first():
        return
    path = Path(trainer.job.folder) / f"checkpoint-{progress['totalSteps']}.safetensors"
    trainer.state.save(path, progress)
    trainer.saved_at = time.monotonic()
    report("checkpoint", path=str(path))


def largest_batch(trainer: Trainer, tried: int) -> int:
    """The largest of half, a quarter, ... of a batch that exceeded memory, which fits; 0 if unknown."""
    height, width, channels = trainer.look.shape
    height, width = [trainer.job.config["trainSize"] or side for side in (height, width)]
    size = tried // 2 if trainer.world == 1 else 0  # one of several processes would wait for the others
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


def dropout_seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])


def first_planned_epochs(config: Mapping[str, Any]) -> int:
    """Epochs of the first schedule: a run that is extended later doesn't go back to real weights."""
    extended = config.get("extended")
    return int(extended[0]["planned"] if extended else config["epochs"])


def round_half_up(value: float) -> int:
    return int(value + 0.5)
