"""What `nnspec check` takes: a small spec beside the imports that it cannot do without, a thousand specs, a large one.

`python -m benchmarks.check` prints processor time of whole processes, medians of alternated runs:

- a small spec, new and unchanged, as parts of `python -c "import lark, pydantic"`; at most 1.5 and 0.6
- 1000 specs of 50 layers in one run, new and unchanged; at most 20 s and 2 s
- one spec of 100 000 layers; at most 20 s
"""

from __future__ import annotations

import compileall
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

SPEC = Path(__file__).parent.parent / "specs" / "iris.nn"
RUNS = 15
LAYERS = ("dense(16)", "relu", "layer_norm", "dropout(0.1)", "tanh")


def spent(*command: str, cache: Path) -> float:
    """Seconds of processor time that a process takes, with its own cache of checked files."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *command], env=os.environ | {"NNSPEC_CACHE_DIR": str(cache)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def small(folder: Path) -> None:
    """A small spec, new and unchanged, beside the two imports."""
    known = folder / "known"
    checked = ("-m", "nnspec", "check", str(SPEC))
    spent(*checked, cache=known)
    ways: dict[str, Callable[[int], float]] = {
        "import lark, pydantic": lambda run: spent("-c", "import lark, pydantic", cache=known),
        "new": lambda run: spent(*checked, cache=folder / f"new-{run}"),
        "unchanged": lambda run: spent(*checked, cache=known),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for run in range(RUNS):
        for name, way in ways.items():
            times[name].append(way(run))
    base = median(times["import lark, pydantic"])
    for name, own in times.items():
        print(f"{name:24} {median(own) * 1000:6.0f} ms   {median(own) / base:5.2f}")


def spec(count: int, seed: int) -> str:
    """A spec of `count` layers, none like the one of another seed."""
    lines = [f"  {LAYERS[(index * 7 + seed) % len(LAYERS)]}\n" for index in range(count - 1)]
    body = "".join([*lines, f"  output y = dense({seed + 1})\n"])
    return f"nnspec 1\n\nmodel m{seed} {{\n  input x: float32[N, 16]\n\n{body}}}\n"


def many(folder: Path) -> None:
    """1000 specs of 50 layers in one run."""
    specs = folder / "specs"
    specs.mkdir()
    for seed in range(1000):
        (specs / f"m{seed}.nn").write_text(spec(50, seed))
    for name in ("new", "unchanged"):
        print(f"1000 specs, {name:12} {spent('-m', 'nnspec', 'check', str(specs), cache=folder / 'many'):6.2f} s")


def large(folder: Path) -> None:
    """One spec of 100 000 layers."""
    path = folder / "large.nn"
    path.write_text(spec(100_000, 1))
    print(f"100 000 layers           {spent('-m', 'nnspec', 'check', str(path), cache=folder / 'large'):6.2f} s")


def main() -> None:
    compileall.compile_dir(SPEC.parent.parent / "nnspec", quiet=1)  # as it is once installed
    with tempfile.TemporaryDirectory() as name:
        small(Path(name))
        many(Path(name))
        large(Path(name))


if __name__ == "__main__":
    main()
