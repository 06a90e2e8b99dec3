"""Greedy generation with ONNX Runtime alone: python generate_without_nnspec.py model.onnx 1,2,3 20

The model is from `nnspec compile SPEC --weights RUN --decode -o model.onnx`.
"""

import json
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
said = json.loads(session.get_modelmeta().custom_metadata_map["nnspec.decode"])
names = [output.name for output in session.get_outputs()]
past = {  # float32 [1, heads, 0, size]: nothing yet
    x.name: np.zeros([1, x.shape[1], 0, x.shape[3]], np.float32) for x in session.get_inputs() if len(x.shape) == 4
}
new, steps = np.array([[int(token) for token in sys.argv[2].split(",")]]), 0

for _ in range(int(sys.argv[3])):
    feeds = {said["tokens"]: new, "past/steps": np.array(steps), **past}
    found = dict(zip(names, session.run(None, {x.name: feeds[x.name] for x in session.get_inputs()}), strict=True))
    past = {name: found[name.replace("past/", "present/")] for name in past}
    steps += new.shape[1]
    new = found[said["scores"]][:, -1:].argmax(-1)
    print(new.item(), flush=True)
