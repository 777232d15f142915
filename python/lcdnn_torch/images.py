"""Reads stored images and augments them as drawn by lcdnn (src/datasets/augmentation/), in batches on the device."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

# Larger sets are read from disk, batch by batch.
RESIDENT_BYTES = 4_000_000_000


class Look(NamedTuple):
    """Shapes are height, width, channels. `stored` images are as large as `shape`, or larger if a crop is taken."""

    shape: tuple[int, int, int]
    stored: tuple[int, int, int]
    mean: Tensor
    std: Tensor


class Pixels:
    """Images of a split: records of stored pixels in a file, kept on the device if they are small.

    Reads with `pread`, not by mapping: a file that is cut short is an error then, not a signal.
    """

    def __init__(
        self, path: Path, records: NDArray[np.int32] | None, stored: tuple[int, int, int], device: str
    ) -> None:
        self.path, self.stored, self.device = path, stored, device
        self.records = records
        self.size = int(np.prod(stored))
        self.file = os.open(path, os.O_RDONLY)
        self.resident: Tensor | None = None
        total = os.fstat(self.file).st_size
        if total <= RESIDENT_BYTES:
            self.resident = torch.from_numpy(self.read(0, total).reshape(-1, *stored)).to(device)

    def read(self, start: int, count: int) -> NDArray[np.uint8]:
        buffer = np.empty(count, np.uint8)
        view, done = memoryview(buffer.data), 0
        while done < count:
            got = os.preadv(self.file, [view[done : done + (1 << 30)]], start + done)
            if got == 0:
                raise OSError(f"{self.path}: expected {start + count} bytes of images, found it cut short")
            done += got
        return buffer

    def gather(self, places: NDArray[np.int32]) -> Tensor:
        """The images at these indices of the split: [n, height, width, channels], bytes.

        They are on the device only where all are kept there: workers, which read from disk, can't use a GPU.
        """
        records = places if self.records is None else self.records[places]
        if self.resident is not None:
            return self.resident[torch.from_numpy(records.astype(np.int64)).to(self.device)]
        images = np.stack([self.read(int(record) * self.size, self.size) for record in records])
        return torch.from_numpy(images.reshape(-1, *self.stored))


def vary(images: Tensor, look: Look, draws: Mapping[str, Tensor], shift_fill: str = "zero") -> Tensor:
    """Augments training images as drawn: bytes NHWC to normalised [n, channels, height, width].

    Draws are those of `areas` (top, left, height, width), `moves` (down, right, mirrored), `jitter` (brightness,
    contrast, saturation) and `squares` (top, left, side); what is absent is off.
    """
    if "areas" in draws:
        images = crop(images, draws["areas"], look.shape)
    if "moves" in draws:
        images = move(images, draws["moves"], shift_fill)
    if "jitter" in draws:
        images = jitter(images, draws["jitter"])
    varied = normalise(images, look)
    return blank(varied, draws["squares"]) if "squares" in draws else varied


def normalise(images: Tensor, look: Look) -> Tensor:
    """(pixel / 255 - mean) / std, with channels first as convolutions need them."""
    return ((images.float() / 255 - look.mean) / look.std).permute(0, 3, 1, 2)


def central(images: Tensor, look: Look) -> Tensor:
    """Images for evaluation: the centre of each stored image."""
    (height, width, _), (stored_height, stored_width, _) = look.shape, look.stored
    top, left = (stored_height - height) // 2, (stored_width - width) // 2
    return normalise(images[:, top : top + height, left : left + width], look)


def crop(images: Tensor, areas: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Resizes an area of each image, bilinearly between the centres of pixels; rounded to bytes."""
    top, left, area_height, area_width = areas.double().unbind(1)
    above, below, down = neighbours(top, area_height, shape[0])
    before, after, along = neighbours(left, area_width, shape[1])
    each = torch.arange(len(images), device=images.device)[:, None, None]

    def taps(rows: Tensor, columns: Tensor) -> Tensor:
        return images[each, rows[:, :, None], columns[:, None, :]].double()

    def between(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
        return a + share * (b - a)

    along, down = along[:, None, :, None], down[:, :, None, None]
    upper = between(taps(above, before), taps(above, after), along)
    lower = between(taps(below, before), taps(below, after), along)
    return (between(upper, lower, down) + 0.5).to(torch.uint8)


def neighbours(start: Tensor, extent: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each of `size` samples over an extent: the two nearest pixels, and the weight of the second."""
    centres = torch.arange(size, dtype=torch.float64, device=start.device) + 0.5
    last = extent[:, None] - 1
    at = torch.minimum((centres * extent[:, None] / size - 0.5).clamp(min=0), last)
    first = at.floor()
    second = torch.minimum(first + 1, last)
    return (start[:, None] + first).long(), (start[:, None] + second).long(), at - first


def move(images: Tensor, moves: Tensor, fill: str = "zero") -> Tensor:
    """Mirrors, then moves down and right. The border is 0, or the image mirrored at its edge (`reflect`)."""
    count, height, width, _ = images.shape
    down, right, mirrored = moves.long().unbind(1)
    rows = torch.arange(height, device=images.device) - down[:, None]
    columns = torch.arange(width, device=images.device) - right[:, None]
    if fill == "reflect":
        rows, columns = reflected(rows, height), reflected(columns, width)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    columns = torch.where(mirrored[:, None] == 1, width - 1 - columns, columns)
    each = torch.arange(count, device=images.device)[:, None, None]
    moved = images[each, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]]
    return moved * inside[..., None]


def reflected(indices: Tensor, size: int) -> Tensor:
    """Maps indices outside the image to the inside by mirroring: 0 1 2 3 2 1 | 0 1 2 ...; edges aren't repeated."""
    period = max(1, 2 * (size - 1))
    inside = indices.remainder(period)
    return torch.where(inside < size, inside, period - inside)


def jitter(images: Tensor, factors: Tensor) -> Tensor:
    """Brightness, contrast about the mean grey, saturation about each pixel's grey (BT.601), with one rounding."""
    brightness, contrast, saturation = factors.double()[:, :, None, None, None].unbind(1)
    pixels = images.double()
    weights = torch.tensor([306, 601, 117], dtype=torch.float64, device=images.device) / 1024
    grey = (pixels * weights).sum(3, keepdim=True) if pixels.shape[3] == 3 else pixels
    scale = brightness * contrast
    offset = brightness * (1 - contrast) * grey.mean((1, 2, 3), keepdim=True) + 0.5
    if pixels.shape[3] != 3:
        saturation = torch.ones_like(saturation)
    common = scale * (1 - saturation) * grey + offset
    return (scale * saturation * pixels + common).clamp(0, 255).to(torch.uint8)


def blank(images: Tensor, squares: Tensor) -> Tensor:
    """Sets a square of each normalised image to 0, the mean colour (cutout)."""
    top, left, side = squares.long()[:, :, None].unbind(1)
    rows = torch.arange(images.shape[2], device=images.device)
    columns = torch.arange(images.shape[3], device=images.device)
    inside = ((rows >= top) & (rows < top + side))[:, :, None] & ((columns >= left) & (columns < left + side))[
        :, None, :
    ]
    return images * ~inside[:, None]


def mix(images: Tensor, share: float) -> Tensor:
    """Mixes each image with its partner from the other end of the batch; `share` is the image's own weight (mixup)."""
    return images if share == 1 else share * images + (1 - share) * images.flip(0)


def resize(images: Tensor, size: int) -> Tensor:
    """Images of this height and width, bilinearly with a filter against aliasing; 0 leaves them as they are."""
    return images if size == 0 else F.interpolate(images, (size, size), mode="bilinear", antialias=True)


def draws_of(plan: Mapping[str, Any], chosen: NDArray[np.int64], device: str) -> dict[str, Tensor]:
    """The draws for these images from an epoch's plan."""
    return {
        name: torch.from_numpy(plan[name][chosen]).to(device)
        for name in ("areas", "moves", "jitter", "squares")
        if name in plan
    }
