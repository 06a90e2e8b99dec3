"""`nnspec new KIND`: a starter spec that trains as it stands, with a small table beside it."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path
from random import Random

from nnspec.diagnostics.errors import Fault

Row = tuple[float | str, ...]


@dataclass(frozen=True)
class Starter:
    """A kind of spec: its text, with NAME in the place of its name, and the rows of its table."""

    title: str
    text: str
    columns: tuple[str, ...]
    rows: Callable[[Random], Iterator[Row]]


def _spirals(random: Random) -> Iterator[Row]:
    """Three arms of a spiral, 100 points each."""
    for arm, name in enumerate(("red", "green", "blue")):
        for i in range(100):
            radius, angle = i / 100, 2 * pi * arm / 3 + 4 * i / 100 + random.gauss(0, 0.15)
            yield round(radius * sin(angle), 4), round(radius * cos(angle), 4), name


def _wave(random: Random) -> Iterator[Row]:
    """A damped wave with noise."""
    for _ in range(400):
        time, force = random.uniform(0, 6), random.uniform(0.5, 2)
        yield round(time, 4), round(force, 4), round(force * sin(2 * time) + 0.3 * time + random.gauss(0, 0.1), 4)


def _circle(random: Random) -> Iterator[Row]:
    """Eight sensors that see two hidden causes."""
    for _ in range(400):
        a, b = random.gauss(0, 1), random.gauss(0, 1)
        yield tuple(round(a * cos(i * pi / 8) + b * sin(i * pi / 8) + random.gauss(0, 0.05), 4) for i in range(8))


STARTERS = {
    "classifier": Starter(
        "a class from a row of a table",
        """nnspec 1

# Which class does a row belong to? Feed-forward, with the classes named in the data.
model NAME(hidden = 32, rate = 0.1) {
  input position: float32[N, 2]

  standardize
  repeat 2 { dense(hidden) -> relu -> dropout(rate) }
  logits = dense(3)
  output probability = logits -> softmax
}

data {
  train      = csv("NAME.csv")
  validation = 0.2
  position   = ["x", "y"]
  color      = "color"
}

train {
  target color: label[N]
  loss       = cross_entropy(logits, color)
  optimizer  = adamw(lr = 0.01, weight_decay = 1e-4)
  metrics    = [accuracy(logits, color)]
  epochs     = 60
  batch_size = 32
  seed       = 1
}
""",
        ("x", "y", "color"),
        _spirals,
    ),
    "regression": Starter(
        "a number from a row of a table",
        """nnspec 1

# How large is a number that depends on a row? Feed-forward, with a loss that forgives outliers.
model NAME(hidden = 32) {
  input features: float32[N, 2]

  standardize
  repeat 2 { dense(hidden) -> tanh }
  output prediction = dense(1)
}

data {
  train      = csv("NAME.csv")
  validation = 0.2
  features   = ["time", "force"]
  height     = ["height"]
}

train {
  target height: float32[N, 1]
  loss       = huber(prediction, height)
  optimizer  = adam(lr = 0.01)
  regularize = l2(1e-5)
  metrics    = [mae(prediction, height), r2(prediction, height)]
  epochs     = 80
  batch_size = 32
  seed       = 1
}
""",
        ("time", "force", "height"),
        _wave,
    ),
    "autoencoder": Starter(
        "a short code that a row can be rebuilt from",
        """nnspec 1

# Squeeze a row through two numbers and rebuild it. The loss compares values of the model, so there is no target.
model NAME(size = 2) {
  input sensors: float32[N, 8]

  clean = sensors -> standardize
  output code = clean -> dense(16) -> relu -> dense(size)
  output rebuilt = code -> dense(16) -> relu -> dense(8)
}

data {
  train      = csv("NAME.csv")
  validation = 0.2
  sensors    = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"]
}

train {
  loss       = mse(rebuilt, clean)
  optimizer  = adam(lr = 0.01)
  epochs     = 40
  batch_size = 32
  seed       = 1
}
""",
        tuple(f"s{i}" for i in range(1, 9)),
        _circle,
    ),
}


def declare(command: argparse.ArgumentParser) -> None:
    kinds = "; ".join(f"{name}: {starter.title}" for name, starter in STARTERS.items())
    command.add_argument("kind", choices=STARTERS, metavar="KIND", help=kinds)
    command.add_argument("-o", "--output", metavar="FILE", help="the spec to write; KIND.nn by default")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    starter = STARTERS[options.kind]
    path = Path(options.output or f"{options.kind}.nn")
    table = path.with_suffix(".csv")
    name = path.stem.replace("-", "_")
    if not (name.isidentifier() and name.isascii()):
        raise Fault("E706", f"{path.stem} cannot be the name of a model", help="use letters, digits and _")
    if path.suffix != ".nn":
        raise Fault("E706", f"{path} does not end with .nn", help=f"write -o {path.with_suffix('.nn')}")
    if not path.parent.is_dir():
        raise Fault("E706", f"there is no folder {path.parent}", help="make it first")
    for target in (path, table):
        if target.exists():
            raise Fault("E706", f"{target} exists already", help="-o names another file")
    text = starter.text.replace("model NAME", f"model {name}").replace("NAME.csv", table.name)
    try:
        _write(path, table, text, starter)
    except OSError as error:
        raise Fault("E707", f"{error.filename or path} cannot be written: {error.strerror}") from error
    print(f"{path} and {table} are written. Next:\n  nnspec check {path}\n  nnspec train {path} --out runs/{path.stem}")
    return 0


def _write(path: Path, table: Path, text: str, starter: Starter) -> None:
    path.write_text(text, encoding="utf-8")
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(starter.columns)
        writer.writerows(starter.rows(Random(1)))
