"""The starters of `nnspec new`: a spec per kind, in the file beside this one, and the data that it trains on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from nnspec.cli.starters import data

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Starter:
    """A kind of spec."""

    kind: str
    title: str
    ending: str
    """Of the file of its data, which is named like the spec."""
    make: Callable[[Random], bytes]
    """The content of that file."""
    others: str
    """What people call it too, between blanks."""
    then: str = ""
    """A command that is worth a try after training; SPEC and RUN stand for the files."""

    @property
    def text(self) -> str:
        """The spec, with NAME where its name goes."""
        return (FOLDER / f"{self.kind}.nn").read_text(encoding="utf-8")


STARTERS = {
    starter.kind: starter
    for starter in (
        Starter(
            "classifier", "a class from a row of a table", ".csv", data.spirals, "tabular table classification mlp"
        ),
        Starter("regression", "a number from a row of a table", ".csv", data.wave, "regressor"),
        Starter("autoencoder", "a short code that a row can be rebuilt from", ".csv", data.sensors, "ae unsupervised"),
        Starter("image", "a class from a picture", ".npz", data.shapes, "images vision cnn conv photo pictures"),
        Starter(
            "forecast", "the next value of a series", ".csv", data.series, "sequence series timeseries rnn gru lstm"
        ),
        Starter("text", "a class from a short text", ".csv", data.messages, "texts nlp sentiment words"),
        Starter(
            "gpt",
            "text that goes on from a prompt",
            ".txt",
            data.tales,
            "language llm lm transformer generate",
            'nnspec generate SPEC --weights RUN --prompt "The old "',
        ),
    )
}
