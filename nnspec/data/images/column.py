"""Images in files as a column whose rows are decoded when they are taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.convert import numpy_dtype
from nnspec.data.images.folder import shown
from nnspec.data.images.formats import Resizing, Size
from nnspec.data.images.picture import decode, require_pillow, size_of
from nnspec.data.rows import LateColumn, Stop
from nnspec.data.slots import Slot
from nnspec.data.table import Images
from nnspec.data.wording import listed
from nnspec.diagnostics.errors import DataError, Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.types import FLOATS, INTEGERS, TensorType

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOKED_AT = 20_000
"""So many heads of files are read before training begins, evenly spaced where there are more: 50 us each."""


@dataclass(frozen=True)
class ImageFiles(Images):
    """The images of a folder, before it is known what they feed."""

    root: Path
    names: Sequence[str]
    """Their paths below `root`."""
    path: str
    """What messages call the folder."""
    resizing: Resizing | None = None
    memory: int = 0
    """Bytes of pixels that may stay in memory."""
    advice: Callable[[Size], str] | None = None
    """What to do about images of other sizes than this one, where they are not from a data section."""
    alone: str = ""
    """For a single file: what messages call it."""
    lenient: bool = False
    """Files that are no images are found when they are decoded, not before."""

    def fitted(self, slot: Slot) -> LateColumn:
        """Gray, RGB, with alpha or without, as the channels of the slot say, or [N, H, W]. Raises E601, E603, E607
        where the sizes differ, E608, E611 and E612."""
        require_pillow()
        _require_numbers(slot)
        channels = _channels(slot.type, self.path)
        seen = self._look_at(slot)
        size = self.resizing.size if self.resizing else _declared(slot.type) or seen or self.size(0)
        inner = size if slot.type.rank == 3 else (channels, *size)
        return ImageColumn(self, Form(channels, inner, numpy_dtype(slot.type.dtype), slot), np.arange(len(self.names)))

    def name(self, number: int) -> str:
        """What messages call an image."""
        return self.alone or f"{self.path}/{shown(self.names[number])}"

    def file(self, number: int) -> str:
        """Where it is."""
        return f"{self.root}/{self.names[number]}"

    def size(self, number: int) -> Size:
        """Its size, from the head of the file. Raises E601 and E608."""
        return size_of(self.file(number), self.name(number))

    def _look_at(self, slot: Slot) -> Size | None:
        """The size of the first image, or the declared one. Raises E608 for files that are no images, E607 for the
        first whose size is not that of the slot."""
        wanted = None if self.resizing else _declared(slot.type)
        every = -(-len(self.names) // LOOKED_AT)
        bad: list[Fault] = []
        for number in range(0, len(self.names), every):
            try:
                size = self.size(number)
            except Fault as fault:
                bad.append(fault)
                continue
            wanted = wanted or size
            if not self.resizing and size != wanted:
                raise self.misfit(number, size, wanted, slot)
        if self.lenient:
            return wanted
        if len(bad) == 1:
            raise bad[0]
        if bad:
            said = listed(fault.message for fault in bad)
            raise Fault(bad[0].code, f"{len(bad)} of {len(self.names)} files: {said}", help="mend them or remove them")
        return wanted

    def misfit(self, number: int, size: Size, wanted: Size, slot: Slot) -> Fault:
        """E607 for an image of another size."""
        why = f"{slot.name} takes {slot.wanted}" if _declared(slot.type) else f"the first image has {list(wanted)}"
        help = f'images("{self.path}", size = {list(wanted)}) stretches all to one size'
        return Fault(
            "E607",
            f"{self.name(number)} has the height and width {list(size)}, and {why}",
            help=self.advice(wanted) if self.advice else f'{help}; fit = "crop" or "pad" keeps their proportions',
        )


@dataclass(frozen=True)
class Form:
    """What a slot wants of an image."""

    channels: int
    shape: tuple[int, ...]
    """[channels, height, width], or without the channels."""
    dtype: np.dtype[Any]
    slot: Slot

    @property
    def size(self) -> Size:
        return self.shape[-2], self.shape[-1]

    @property
    def span(self) -> Span | None:
        return self.slot.span


class ImageColumn(LateColumn):
    """Images for one slot. The first ones, as many as the memory allows, are decoded once and kept."""

    def __init__(self, files: ImageFiles, form: Form, rows: NDArray[np.int64], kept: Kept | None = None) -> None:
        self._files, self._form, self._rows = files, form, rows
        self._kept = kept or Kept(form.shape, files.memory, len(rows))
        self.shape = (len(rows), *form.shape)

    def take(self, indices: NDArray[np.int64], stop: Stop | None = None) -> NDArray[Any]:
        out = np.empty((len(indices), *self._form.shape), self._form.dtype)
        for place, number in enumerate(self._rows[indices].tolist()):
            if stop and stop():
                break
            out[place] = self._pixels(number)
        return out

    def subset(self, indices: NDArray[np.int64]) -> LateColumn:
        return ImageColumn(self._files, self._form, self._rows[indices], self._kept)

    def _pixels(self, number: int) -> NDArray[np.uint8]:
        if (known := self._kept.get(number)) is not None:
            return known
        files, form = self._files, self._form
        try:
            pixels = decode(files.file(number), files.name(number), form.channels, files.resizing)
            if pixels.shape[1:] != form.size:
                raise files.misfit(number, pixels.shape[1:], form.size, form.slot)
        except Fault as fault:
            raise DataError([fault.at(form.span)]) from fault
        pixels = pixels.reshape(form.shape)
        self._kept.keep(number, pixels)
        return pixels


class Kept:
    """Decoded images that stay in memory: those of the first rows. Threads may fill and read it at once."""

    def __init__(self, shape: tuple[int, ...], memory: int, rows: int) -> None:
        count = min(rows, memory // max(int(np.prod(shape)), 1))
        try:
            self._pixels = np.empty((count, *shape), np.uint8)  # takes no memory before it is written to
        except MemoryError:
            self._pixels = np.empty((0, *shape), np.uint8)
        self._known = np.zeros(len(self._pixels), np.bool_)

    def get(self, number: int) -> NDArray[np.uint8] | None:
        return self._pixels[number] if number < len(self._known) and self._known[number] else None

    def keep(self, number: int, pixels: NDArray[np.uint8]) -> None:
        if number < len(self._known):
            self._pixels[number] = pixels
            self._known[number] = True


def _channels(type: TensorType, path: str) -> int:
    """How many channels the images get: RGB where the type does not say. Raises E607 for a number that no image file
    has."""
    if type.rank == 3:
        return 1
    channels = type.shape[1] if type.rank == 4 else 3
    if isinstance(channels, int) and not 1 <= channels <= 4:
        raise Fault(
            "E607",
            f"{type} has {channels} channels, and images from {path} have 1 (gray), 2, 3 (RGB) or 4",
            help="the channels come first: uint8[N, 3, 64, 64]",
        )
    return channels if isinstance(channels, int) else 3


def _declared(type: TensorType) -> Size | None:
    """The height and width that a type fixes."""
    height, width = type.shape[-2:] if type.rank in (3, 4) else (None, None)
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _require_numbers(slot: Slot) -> None:
    """Raise E603 and E611 for what pixels cannot feed."""
    if slot.label:
        help = "`label` is the class of each image"
        raise Fault("E603", f"{slot.name} is {slot.wanted}, and `image` gives images", help=help)
    if slot.type.dtype not in (*FLOATS, *INTEGERS):
        raise Fault("E603", f"{slot.name} is {slot.wanted}, and images are numbers from 0 to 255")
    count = slot.ids if slot.ids is not None else slot.classes
    if count is not None and count < 256 and slot.type.dtype in INTEGERS:
        raise Fault("E611", f"{slot.name} has {count} ids, and pixels are numbers from 0 to 255")
