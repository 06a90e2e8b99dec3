"""E3xx: files, imports and the structure of a file."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry
from nnspec.diagnostics.catalogue.syntax import model

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "E301",
        "a file cannot be read",
        """A spec, or a file that it uses, does not exist, is no regular file, or is too large.""",
        'nnspec 1\n\nuse "blocks/missing.nn": residual\n\nmodel example {\n  input x: float32[N, 4]\n  dense(3)\n}\n',
        "nnspec 1\n\nuse std.feedforward: mlp\n\nmodel example {\n  input x: float32[N, 4]\n  mlp(3)\n}\n",
    ),
    Entry(
        "E302",
        "a path leaves the project",
        """A file uses files below the project root alone: the folder of the spec, or the one that `--root` names.
        Links are followed before that is decided. So a spec that somebody sent can never read your other files.""",
        'nnspec 1\n\nuse "../../secret.nn": residual\n\nmodel example {\n  input x: float32[N, 4]\n  dense(3)\n}\n',
        "nnspec 1\n\nuse std.feedforward: mlp\n\nmodel example {\n  input x: float32[N, 4]\n  mlp(3)\n}\n",
    ),
    Entry(
        "E303",
        "files use each other in a circle",
        """Blocks that two files share belong into a third one.""",
        'a.nn: use "b.nn": left\nb.nn: use "a.nn": right',
        'a.nn: use "c.nn": left, right\nb.nn: use "c.nn": left, right',
        shell=True,
    ),
    Entry(
        "E304",
        "a file has no such block",
        """`use` brings in blocks by name; the help lists what the file has.""",
        "nnspec 1\n\nuse std.feedforward: mlpp\n\nmodel example {\n  input x: float32[N, 4]\n  dense(3)\n}\n",
        "nnspec 1\n\nuse std.feedforward: mlp\n\nmodel example {\n  input x: float32[N, 4]\n  mlp(3)\n}\n",
    ),
    Entry(
        "E305",
        "too many files",
        """Files may use each other 16 deep, and 256 may take part.""",
        "a.nn uses b.nn uses c.nn uses … 17 files deep",
        "a.nn uses b.nn, c.nn, …",
        shell=True,
    ),
    Entry(
        "E306",
        "two models or sections of a kind",
        """A file has one model, and each section once, in any order.""",
        model("dense(3)") + "\nrequire { params <= 20 }\n\nrequire { macs <= 20 }\n",
        model("dense(3)") + "\nrequire {\n  params <= 20\n  macs <= 20\n}\n",
    ),
    Entry(
        "E307",
        "a setting that the model does not have",
        """`--set name=value` and `load(…, set = …)` override parameters of the model; the value has the kind of the
        default: a number, true or false, a string or a list.""",
        "$ nnspec check specs/iris.nn --set hiden=24",
        "$ nnspec check specs/iris.nn --set hidden=24",
        shell=True,
    ),
)
