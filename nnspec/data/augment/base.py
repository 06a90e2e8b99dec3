"""What every augmentation is: which inputs it changes, and how it is told. Import-light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from nnspec.data.wording import listed, suggestion
from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Component, Registry
from nnspec.ir.types import FLOATS, TensorType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nnspec.data.augment.draws import Draws

Types = Mapping[str, TensorType]
Names = str | tuple[str, ...] | None
"""Inputs that are changed; None for the one that is images."""


class Picture(NamedTuple):
    """What is changed of one input or target in a batch."""

    pixels: NDArray[Any]
    """[n, C, H, W], to be written over; of arrays without channels C is 1."""
    target: bool
    """Whether it is one. Its values are moved, and never blended or filled with other than 0."""


class Augmentation(Component):
    """A random change of training rows. Its random numbers are a function of seed, epoch and row."""

    kind: ClassVar[str] = "augmentation"

    moves: ClassVar[bool] = False
    """Whether pixels change their places: what describes each pixel has to go with them."""
    ranks: ClassVar[tuple[int, ...]] = (3, 4)
    """Dimensions of what it can change."""

    if TYPE_CHECKING:
        on: Names
        """Each class declares it after its own options, so that these come first."""

    def apply(self, pictures: Sequence[Picture], random: Draws) -> None:
        """Change the pictures of a batch, all in the same way."""
        raise NotImplementedError

    def changed(self, inputs: Types, targets: Types) -> tuple[str, ...]:
        """The names of what it changes. Raises E410 where that cannot be, or has to be said."""
        known = {**inputs, **targets}
        names = (self.on,) if isinstance(self.on, str) else self.on
        if names is None:
            names = (self._image(inputs),)
            self._require_all_moved(names[0], known)
        for name in names:
            self._require_fit(name, inputs, targets)
        if len({known[name].shape[-2:] for name in names}) > 1 and self.moves:
            said = ", ".join(f"{name} {known[name]}" for name in names)
            raise Fault("E410", f"{self.name} moves pixels together, and these differ in height or width: {said}")
        return names

    def _image(self, inputs: Types) -> str:
        """The one input that is images: [N, C, H, W], or bytes [N, H, W]."""
        found = [n for n, type in inputs.items() if type.rank == 4 or (type.rank == 3 and type.dtype == "uint8")]
        if len(found) == 1:
            return found[0]
        if found:
            all = ", ".join(f'"{name}"' for name in found)
            raise Fault("E410", f"{self.name}: several inputs are images: {listed(found)}", help=f"write on = [{all}]")
        said = ", ".join(f"{name} {type}" for name, type in inputs.items())
        raise Fault(
            "E410",
            f"{self.name} changes images, and no input is [N, C, H, W]: {said}",
            help='on = "name" names the input',
        )

    def _require_all_moved(self, image: str, known: Types) -> None:
        """Raise E410 where something has a value for each pixel and would stay in its place."""
        size = known[image].shape[-2:]
        same = [n for n, type in known.items() if n != image and type.rank in (3, 4) and type.shape[-2:] == size]
        if self.moves and same:
            both = ", ".join(f'"{name}"' for name in (image, *same))
            raise Fault(
                "E410",
                f"{self.name} moves the pixels of {image}, and {same[0]}, {known[same[0]]}, has one value for each",
                help=f'on = [{both}] moves them together; on = "{image}" leaves {listed(same)} in place',
            )

    def _require_fit(self, name: str, inputs: Types, targets: Types) -> None:
        known = {**inputs, **targets}
        if name not in known:
            raise Fault(
                "E410",
                f"{self.name}: {name} is neither an input nor a target",
                help=suggestion(name, tuple(known), "there are"),
            )
        type = known[name]
        if type.rank not in self.ranks:
            wanted = "[N, C, H, W] or [N, H, W]" if self.ranks == (3, 4) else f"of {self.ranks[0]} or more dimensions"
            raise Fault("E410", f"{self.name} changes what is {wanted}, and {name} is {type}")
        if not self.moves and name in targets:
            raise Fault("E410", f"{self.name} changes values, and {name} is a target")
        if not self.moves and type.dtype not in (*FLOATS, "uint8"):
            raise Fault("E410", f"{self.name} changes uint8 and floats, and {name} is {type}")
        if type.dtype == "string":
            raise Fault("E410", f"{self.name} changes numbers, and {name} is {type}")


AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation")
