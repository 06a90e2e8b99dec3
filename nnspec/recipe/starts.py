"""Weights to start from, for the whole model or for a part of it."""

from __future__ import annotations

from typing import ClassVar

from nnspec.ir.components import Component, Registry, called
from nnspec.ir.fields import Rule
from nnspec.ir.renaming import Table

WEIGHTS: Registry[Start] = Registry("weights")


@WEIGHTS("weights")
class Start(Component):
    """Weights from a file or a run, for the parameters below `into` that `only` covers; the others begin as they would
    without. Of these parameters none may be missing, nothing else may be in what is taken, and all shapes must agree.

    The names of the file go through three steps: `part` takes what is below a scope and leaves off that scope,
    `rename` gives other names, and `into` puts its scope before them. `num_batches_tracked`, which PyTorch's
    normalisation counts, is left aside where the model does not have it.

    A rename table is a list of rules, `[from, to]`; the first that covers a name decides, and other names stay. What
    each `*` of `from` takes, as little as it can, stands for the `*` of `to`, in order; `[text]` in `from` may be there
    or not. `""` as `to` leaves a tensor aside, a list of names cuts it along its first axis into as many equal parts.
    A third entry says more: `"transpose"` turns a matrix that is stored as [in, out], or a kernel [*, in, out], into
    [out, in, *]; `"squeeze"` takes off a first axis of size 1; `"tied"` says that the tensor is another copy of one
    that a rule gives, which must be equal. The table can stand in a file, TOML with `rename = [...]` or JSON, beside
    the spec. Tables for Hugging Face's GPT-2, BERT, Llama and ViT are in `specs/huggingface/`.
    """

    kind: ClassVar[str] = "weights"

    foreign_names = ("load_weights", "load_state_dict", "from_pretrained", "pretrained", "checkpoint")
    foreign_options = called(
        file="path filename", into="prefix target scope", part="source", only="include", rename="mapping key_mapping"
    )

    file: str
    """A safetensors file, the index of several (`model.safetensors.index.json`), a folder with one of these, or a run
    directory."""
    into: str = ""
    """The scope of the model to fill: `"backbone"`; the whole model by default."""
    part: str = ""
    """The scope of the file to take: `"encoder"`; the whole file by default."""
    only: str | tuple[str, ...] = "*"
    """Patterns of the parameters to set, below `into`; what the file has for others is left aside."""
    rename: str | tuple[tuple[str | tuple[str, ...], ...], ...] = ()
    """A table of names: `[["encoder.layer.*.*", "layers.*.*"], ["pooler.*", ""]]`, or the path of a file with one."""

    def _check(self) -> None:
        for name in ("into", "part"):
            scope = getattr(self, name)
            if "*" in scope or scope.startswith(".") or scope.endswith("."):
                raise Rule(name, f'{name} is a scope such as "backbone", without * and without dots at its ends')
        if not isinstance(self.rename, str):
            try:
                Table(self.rename)
            except ValueError as error:
                raise Rule("rename", str(error)) from error

    @property
    def is_whole(self) -> bool:
        """Whether the whole file is meant for the whole model."""
        return not self.into and not self.part and self.only in ("*", ("*",))

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of the parameters to set, as paths of the whole model."""
        below = f"{self.into}." if self.into else ""
        return tuple(below + pattern for pattern in ((self.only,) if isinstance(self.only, str) else self.only))
