"""Train with numpy and onnxruntime alone, from the folder that `nnspec compile --training-graph` writes."""

import json
from pathlib import Path

import numpy as np
import onnxruntime


def vectors(path):
    """The tensors of a safetensors file: a header in JSON behind its length, then the numbers."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    places = {name: said["data_offsets"] for name, said in json.loads(raw[8:start]).items() if name != "__metadata__"}
    return {name: np.frombuffer(raw[start + a : start + b], np.float32).copy() for name, (a, b) in places.items()}


def train(folder, batches):
    """Yield the loss of each batch, with the state behind it; a batch is a dictionary of arrays."""
    folder = Path(folder)
    said = json.loads((folder / "manifest.json").read_text())

    def load(name):
        return onnxruntime.InferenceSession(folder / name, providers=["CPUExecutionProvider"])

    steps, update = {int(n): load(name) for n, name in said["files"]["step"].items()}, load(said["files"]["update"])
    state = vectors(folder / said["files"]["state"])

    def scalars(part, i):
        for name, scalar in said[part]["scalars"].items():
            value, add = scalar["value"], scalar.get("add", 0)
            yield name, np.array(value[i] if isinstance(value, list) else value + i * add, scalar["dtype"])

    def run(session, part, i, more):
        feeds = {**{name: state[name] for name in said[part]["state"]}, **dict(scalars(part, i)), **more}
        out = dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True))
        state.update({into: out[name] for name, into in said[part]["feed_back"].items()})
        return out

    for i, batch in enumerate(batches):
        step = steps[len(next(iter(batch.values())))]
        found = run(step, "step", i, batch)
        run(update, "update", i, {"gradient": found["gradient"]})
        yield float(found["loss"]), state
