import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
import torch.nn.functional as F

from lcdnn_torch import __main__ as main
from lcdnn_torch import train
from lcdnn_torch.losses import summed_loss, targets_of
from lcdnn_torch.network import JointNetwork, Outputs, Parameter
from lcdnn_torch.optimizers import Group, adam_in_one_pass, update
from lcdnn_torch.state import State
from lcdnn_torch.train import advance, epoch_start
from lcdnn_torch.trainer import Trainer


def group(p: torch.Tensor, slots: int, weight_decay: float) -> Group:
    return Group([p], [[torch.zeros_like(p)] for _ in range(slots)], 0.1, weight_decay)


@pytest.mark.parametrize(
    "name, slots, reference_of",
    [
        ("momentum", 1, lambda p: torch.optim.SGD([p], 0.05, momentum=0.9, weight_decay=0.01)),
        ("nesterov", 1, lambda p: torch.optim.SGD([p], 0.05, momentum=0.9, weight_decay=0.01, nesterov=True)),
        ("adam", 2, lambda p: torch.optim.AdamW([p], 0.05, weight_decay=0.01)),
    ],
)
def test_update_follows_pytorch_s(
    name: str, slots: int, reference_of: Callable[[torch.Tensor], torch.optim.Optimizer]
) -> None:
    ours, theirs = torch.tensor([1.0, -2.0]), torch.tensor([1.0, -2.0], requires_grad=True)
    reference = reference_of(theirs)
    state = group(ours, slots, 0.01)
    for step in range(1, 5):
        theirs.grad = torch.tensor([0.3 * step, -0.1])
        ours.grad = theirs.grad.clone()
        reference.step()
        update(name, state, 0.5, step)
    torch.testing.assert_close(ours, theirs.detach())


def test_adam_in_one_pass_is_adam() -> None:
    groups = [group(torch.tensor([1.0, -2.0, 0.0]), 2, 0.01) for _ in range(2)]
    for step in range(1, 5):
        for state, passes in zip(groups, (None, adam_in_one_pass)):
            state.parameters[0].grad = torch.tensor([0.3 * step, -0.1, 0.0])
            update("adam", state, 0.5, step, passes)
    torch.testing.assert_close(groups[0].parameters, groups[1].parameters)
    torch.testing.assert_close(groups[0].slots, groups[1].slots)


def test_targets_are_mixed_and_smoothed() -> None:
    targets = targets_of(torch.tensor([0]), torch.tensor([2]), 0.75, 0.3, 3)
    torch.testing.assert_close(targets, torch.tensor([[0.625, 0.1, 0.275]]))


def test_the_full_branch_learns_nothing_from_distillation() -> None:
    full, branch = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    config = {"branchWeight": 0, "distillation": 1, "temperature": 2}
    losses = summed_loss(Outputs(full, [branch]), torch.zeros(2, 3), config)
    losses.summed.backward()  # type: ignore[no-untyped-call]
    assert full.grad is not None and branch.grad is not None
    assert full.grad.abs().max() == 0 and branch.grad.abs().max() > 0


def test_a_network_alone_is_trained_by_its_end_alone() -> None:
    logits, targets = torch.randn(2, 3), torch.eye(3)[:2]
    config = {"branchWeight": 1, "distillation": 1, "temperature": 2}
    losses = summed_loss(Outputs(logits, [logits]), targets, config, alone=True)
    torch.testing.assert_close(losses.summed, F.cross_entropy(logits, targets))


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    parameters = [Parameter("full.conv2.kernel", (1, 2, 3, 4), "weight"), Parameter("full.bn.mean", (4,), "statistic")]
    network = {"shared": [], "full": [{"type": "conv2d", "name": "conv2"}], "branch": []}
    first, second = (State(JointNetwork(network, parameters, "clip"), parameters, ["velocity"]) for _ in range(2))
    for _, values, _ in first.tensors():
        values.copy_(torch.randn(values.shape))
    first.save(tmp_path / "checkpoint", {"epoch": 3})
    assert second.load(tmp_path / "checkpoint") == {"epoch": 3}
    for (name, ours, _), (_, theirs, _) in zip(first.tensors(), second.tensors()):
        assert torch.equal(ours, theirs), name


def test_sums_of_an_epoch() -> None:
    progress = advance(advance(epoch_start(1, 10), [1, 2, 3], [4, 5, 6]), [1, 2, 3], [4, 5, 6])
    assert progress == {
        "epoch": 1,
        "step": 2,
        "totalSteps": 12,
        "fullLoss": 2,
        "fullHits": 8,
        "branchLoss": 4,
        "branchHits": 10,
        "further": [{"branchLoss": 6, "branchHits": 12}],
    }


@pytest.mark.parametrize("missing", ["full.conv2.kernel"])
def test_a_checkpoint_without_a_parameter_is_an_error(tmp_path: Path, missing: str) -> None:
    parameters = [Parameter(missing, (1, 2, 3, 4), "weight")]
    empty = State(JointNetwork({"shared": [], "full": [], "branch": []}, [], "clip"), [], [])
    empty.save(tmp_path / "checkpoint", {"epoch": 0})
    state = State(JointNetwork({"shared": [], "full": [], "branch": []}, parameters, "clip"), parameters, [])
    with pytest.raises(Exception, match=missing):
        state.load(tmp_path / "checkpoint")


def test_memory_that_is_too_small_is_reported_with_what_would_fit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def backward(trainer: Trainer, images: torch.Tensor, targets: torch.Tensor) -> None:
        if len(images) > 5:
            raise torch.cuda.OutOfMemoryError  # type: ignore[misc]

    def no_memory(trainer: Trainer) -> None:
        backward(trainer, torch.zeros(32), torch.zeros(32))

    monkeypatch.setattr(train, "backward", backward)
    monkeypatch.setattr(main, "train", no_memory)
    job = SimpleNamespace(network={"classes": 3}, config={"batchSize": 32, "trainSize": 0})
    trainer = SimpleNamespace(world=1, device="cpu", look=SimpleNamespace(shape=(2, 2, 1)), job=job)
    assert main.train_to_an_end(cast(Trainer, trainer)) == 1
    assert json.loads(capsys.readouterr().out) == {"event": "out-of-memory", "fits": 4}
