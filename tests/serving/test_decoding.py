"""A language model compiled with --decode, asked token by token over HTTP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.compiler.decoder_export import compile_decoder
from nnspec.serving.model import Model
from nnspec.serving.refusal import Refusal
from nnspec.serving.request import Signature, read_request
from nnspec.serving.settings import Limits
from tests.serving.conftest import serving, tensor

SPEC = """nnspec 1
model writer {
  input tokens: int64[N, T]
  tokens -> embedding(40, 16, init = normal(0.5)) -> attention(4, causal = true, init = normal(0.4))
  output logits = dense(40)
}
"""


def test_it_begins_with_no_steps_and_goes_on_with_those_it_gave() -> None:
    spec = nnspec.loads(SPEC)
    onnx = compile_decoder(spec).onnx
    model = Model("writer", onnx, Limits())
    caches = [name for name in model.inputs if name.endswith(("/key", "/value"))]
    assert len(caches) == 2
    tokens = np.random.default_rng(0).integers(0, 40, (2, 5))
    past: dict[str, Any] = {name: np.zeros((2, 4, 0, 4), np.float32) for name in caches}
    found = []
    with serving({"writer": onnx}) as server:
        for step, part in ((0, tokens[:, :3]), (3, tokens[:, 3:4]), (4, tokens[:, 4:])):
            inputs = [tensor("tokens", part, "INT64"), tensor("past/steps", step, "INT64")]
            inputs += [tensor(name, array) for name, array in past.items()]
            reply = server.infer("writer", {"inputs": inputs})
            assert reply.status == 200, reply.error
            gave = {o["name"]: np.array(o["data"], np.float32).reshape(o["shape"]) for o in reply.json["outputs"]}
            past = {name: gave["present" + name.removeprefix("past")] for name in caches}
            found.append(gave["logits"])
    whole = nnspec.compile(spec).run({"tokens": tokens})["logits"]
    np.testing.assert_allclose(np.concatenate(found, axis=1), whole, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("name", "shape"), [("past/a/key", "[0, 4, 0, 4]"), ("tokens", "[2, 0]")])
def test_no_rows_and_no_tokens_are_refused(name: str, shape: str) -> None:
    model = Model("writer", compile_decoder(nnspec.loads(SPEC)).onnx, Limits())
    name = next(n for n in model.inputs if n.endswith("/key")) if name.startswith("past") else name
    kind = "INT64" if name == "tokens" else "FP32"
    body = f'{{"inputs": [{{"name": "{name}", "datatype": "{kind}", "shape": {shape}, "data": []}}]}}'
    with pytest.raises(Refusal, match="0 is no size"):
        read_request(body.encode(), None, Signature(model.inputs, model.deployed.outputs))
