from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from lcdnn_torch import images
from lcdnn_torch.batches import share_of_batch, stored_batches
from lcdnn_torch.images import Pixels, mix, move, resize
from lcdnn_torch.trainer import Trainer

STORED = (2, 2, 1)


def pixels(path: Path, count: int, records: list[int] | None = None) -> Pixels:
    path.write_bytes(bytes(range(4 * count)))
    return Pixels(path, None if records is None else np.array(records, np.int32), STORED, "cpu")


def test_images_are_read_by_place_and_record(tmp_path: Path) -> None:
    places = np.array([2, 0], np.int32)
    assert pixels(tmp_path / "a", 3).gather(places)[:, 0, 0, 0].tolist() == [8, 0]
    assert pixels(tmp_path / "b", 3, [1, 0, 2]).gather(places)[:, 0, 0, 0].tolist() == [8, 4]


def test_a_file_that_is_cut_short_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "RESIDENT_BYTES", 0)
    read = pixels(tmp_path / "a", 3)
    assert read.gather(np.array([1], np.int32)).flatten().tolist() == [4, 5, 6, 7]
    (tmp_path / "a").write_bytes(b"abcdef")
    with pytest.raises(OSError, match="a: expected 8 bytes of images, found it cut short"):
        read.gather(np.array([1], np.int32))


def test_workers_read_what_is_not_kept_on_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "RESIDENT_BYTES", 0)
    pixels(tmp_path / "a", 6)
    read = Pixels(tmp_path / "a", None, STORED, "meta")
    trainer = SimpleNamespace(
        pixels=read,
        rank=0,
        world=1,
        device="cpu",
        job=SimpleNamespace(config={"batchSize": 2}, steps_per_epoch=3, loaders=2),
    )
    batches = stored_batches(cast(Trainer, trainer), {"order": np.array([5, 4, 3, 2, 1, 0], np.int32)}, 1)
    found = [(index, batch.device.type, batch[:, 0, 0, 0].tolist()) for index, batch in batches]
    assert found == [(1, "cpu", [12, 8]), (2, "cpu", [4, 0])]


def test_what_comes_in_is_background() -> None:
    image = torch.arange(1, 10, dtype=torch.uint8).view(1, 3, 3, 1)
    moved = move(image, torch.tensor([[1, -1, 1]]))
    assert moved[0, :, :, 0].tolist() == [[0, 0, 0], [2, 1, 0], [5, 4, 0]]


@pytest.mark.parametrize("size, world", [(1, 1), (7, 1), (8, 1), (8, 2), (8, 4), (12, 3)])
def test_processes_share_a_batch_by_pairs(size: int, world: int) -> None:
    shares = [share_of_batch(2, size, rank, world) - 2 * size for rank in range(world)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(size))
    for share in shares:
        assert (share + share[::-1] == size - 1).all()


def test_mixing_pairs_both_ends() -> None:
    assert mix(torch.tensor([[0.0], [4.0], [8.0]]), 0.75).flatten().tolist() == [2, 4, 6]


def test_resized_images_keep_their_colours_and_slopes() -> None:
    ramp = torch.arange(32.0).expand(2, 3, 32, 32)
    assert torch.equal(resize(ramp, 0), ramp)
    small = resize(ramp, 16)
    assert small.shape == (2, 3, 16, 16)
    # Pixel i lies between the pixels 2i and 2i + 1; the outer ones have no neighbour on one side.
    assert torch.allclose(small[..., 1:-1], 2 * torch.arange(1, 15.0) + 0.5)
