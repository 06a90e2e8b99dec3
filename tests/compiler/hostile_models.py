"""Model files that attack whoever opens them, by name; each writer makes the file and whatever lies around it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CANARY = b"CANARY-0123456789abcdef-CANARY-0123456789abcdef-"
"""What lies outside of the folder of the model, 48 bytes; it may appear nowhere."""
CODES = ("E705", "E707", "E731", "E732")


class Hostile(NamedTuple):
    """A file, and the code that it is refused with."""

    code: str
    write: Callable[[Path], None]
    trial: bool = False
    """Whether only the trial in another process finds it."""


FILES: dict[str, Hostile] = {}


def hostile(code: str, *, trial: bool = False) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Register a writer under its name; it is given the path of the model, in a folder of its own."""

    def register(write: Callable[[Path], None]) -> Callable[[Path], None]:
        FILES[write.__name__] = Hostile(code, write, trial)
        return write

    return register


def graph(nodes: list[Any], initializers: list[Any], dims: Any = ("N", 2)) -> Any:
    return helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(dims))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initializers,
    )


def model(nodes: list[Any], initializers: list[Any] = [], **more: Any) -> Any:  # noqa: B006
    functions = more.pop("functions", [])
    domains = more.pop("domains", [])
    opsets = [helper.make_opsetid("", 18), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(
        graph(nodes, initializers, **more), opset_imports=opsets, ir_version=8, functions=functions
    )


def node(kind: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def weight(values: Any, name: str = "w") -> Any:
    return numpy_helper.from_array(np.asarray(values), name)


W = np.arange(12, dtype=np.float32).reshape(6, 2)
ADD = [node("MatMul", "x t", "y"), node("Transpose", "w", "t")][::-1]


def sound() -> Any:
    """What is wrong with nothing."""
    return model(ADD, [weight(W)])


def write(path: Path, proto: Any) -> None:
    path.write_bytes(proto.SerializeToString())


def external(path: Path, location: str, *, offset: Any = None, length: Any = None, **more: str) -> None:
    """A model whose weights, 48 bytes, lie at `location`."""
    proto = sound()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": offset, "length": length, **more}.items():
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    write(path, proto)


def outside(path: Path) -> Path:
    """A file that is none of the model's."""
    found = path.parent.parent / "secret.bin"
    found.write_bytes(CANARY)
    return found


# Files outside of the folder.


@hostile("E731")
def parent_folder(path: Path) -> None:
    external(path, f"../{outside(path).name}")


@hostile("E731")
def down_and_up(path: Path) -> None:
    (path.parent / "sub").mkdir()
    external(path, f"sub/../../{outside(path).name}")


@hostile("E731")
def absolute(path: Path) -> None:
    external(path, str(outside(path)))


@hostile("E731")
def backslashes(path: Path) -> None:
    external(path, f"..\\{outside(path).name}")


@hostile("E731")
def file_url(path: Path) -> None:
    external(path, f"file://{outside(path)}")


@hostile("E731")
def symbolic_link(path: Path) -> None:
    (path.parent / "w.bin").symlink_to(outside(path))
    external(path, "w.bin")


@hostile("E731")
def link_to_a_folder(path: Path) -> None:
    outside(path)
    (path.parent / "sub").symlink_to(path.parent.parent)
    external(path, "sub/secret.bin")


@hostile("E731")
def hard_link(path: Path) -> None:
    (path.parent / "w.bin").hardlink_to(outside(path))
    external(path, "w.bin")


@hostile("E731")
def hard_link_in_a_branch(path: Path) -> None:
    (path.parent / "w.bin").hardlink_to(outside(path))
    constant = weight(W)
    constant.ClearField("raw_data")
    constant.data_location = TensorProto.EXTERNAL
    constant.external_data.add(key="location", value="w.bin")
    then = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=constant)], "t", [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, None)],
    )  # fmt: skip
    write(path, model([node("If", "b", "y", then_branch=then, else_branch=then)], [weight(np.array(True), "b")]))


@hostile("E731")
def pipe(path: Path) -> None:
    os.mkfifo(path.parent / "w.bin")
    external(path, "w.bin")


@hostile("E731")
def device(path: Path) -> None:
    external(path, "/dev/zero")


@hostile("E731")
def folder_as_weights(path: Path) -> None:
    (path.parent / "w.bin").mkdir()
    external(path, "w.bin")


@hostile("E731")
def missing_weights(path: Path) -> None:
    external(path, "w.bin")


@hostile("E731")
def no_location(path: Path) -> None:
    external(path, "")


@hostile("E731")
def nul_in_the_location(path: Path) -> None:
    external(path, "w.bin\0.txt")


@hostile("E731")
def escape_codes_in_the_location(path: Path) -> None:
    external(path, "\x1b[2Jw.bin")


@hostile("E731")
def location_twice(path: Path) -> None:
    (path.parent / "w.bin").write_bytes(bytes(48))
    external(path, "w.bin")
    proto = onnx.load(str(path), load_external_data=False)
    proto.graph.initializer[0].external_data.add(key="location", value=f"../{outside(path).name}")
    write(path, proto)


def beside(name: str, code: str = "E731", **place: Any) -> None:
    def make(path: Path) -> None:
        (path.parent / "w.bin").write_bytes(bytes(48))
        external(path, "w.bin", **place)

    make.__name__ = name
    hostile(code)(make)


beside("negative_offset", offset=-1)
beside("offset_behind_the_end", offset=48)
beside("huge_offset", offset=2**64)
beside("length_behind_the_end", offset=4, length=48)
beside("length_of_a_terabyte", length=10**12)
beside("length_that_is_not_the_shape", length=44)
beside("length_that_is_no_number", length="forty-eight")
beside("python_attribute_as_key", __class__="x")
beside("base_path", basepath="..")

# Bytes that are no model.


@hostile("E731")
def empty(path: Path) -> None:
    path.write_bytes(b"")


@hostile("E731")
def random_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(4096))


@hostile("E731")
def cut_off(path: Path) -> None:
    path.write_bytes(sound().SerializeToString()[:-9])


@hostile("E731")
def length_without_bytes(path: Path) -> None:
    path.write_bytes(b"\x3a\xff\xff\xff\xff\x07x")


@hostile("E731")
def endless_number(path: Path) -> None:
    path.write_bytes(b"\x08" + b"\xff" * 40)


@hostile("E731")
def groups(path: Path) -> None:
    path.write_bytes(b"\x0b" * 100_000)


@hostile("E731")
def three_million_nodes(path: Path) -> None:
    content = b"\x0a\x00" * 3_100_000
    path.write_bytes(b"\x3a" + _varint(len(content)) + content)


@hostile("E731")
def graphs_a_thousand_deep(path: Path) -> None:
    content = b""
    for _ in range(1000):
        attribute = b"\x32" + _varint(len(content)) + content
        inner = b"\x2a" + _varint(len(attribute)) + attribute
        content = b"\x0a" + _varint(len(inner)) + inner
    path.write_bytes(b"\x3a" + _varint(len(content)) + content)


@hostile("E731")
def two_graphs(path: Path) -> None:
    path.write_bytes(sound().SerializeToString() * 2)


@hostile("E731")
def format_of_onnxruntime(path: Path) -> None:
    path.write_bytes(b"\x20\0\0\0ORTM" + bytes(200))


@hostile("E707")
def pipe_as_model(path: Path) -> None:
    os.mkfifo(path)


@hostile("E707")
def folder_as_model(path: Path) -> None:
    path.mkdir()


@hostile("E707")
def circle_of_links(path: Path) -> None:
    path.symlink_to(path.with_name("b.onnx"))
    path.with_name("b.onnx").symlink_to(path)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


# Tensors that are not what they announce.


def tensor(name: str, change: Callable[[Any], object], code: str = "E731") -> None:
    def make(path: Path) -> None:
        proto = sound()
        change(proto.graph.initializer[0])
        write(path, proto)

    make.__name__ = name
    hostile(code)(make)


def _dims(*dims: int) -> Callable[[Any], object]:
    def change(found: Any) -> None:
        found.dims[:] = dims

    return change


tensor("fewer_bytes_than_the_shape", lambda t: setattr(t, "raw_data", t.raw_data[:40]))
tensor("more_bytes_than_the_shape", lambda t: setattr(t, "raw_data", t.raw_data * 2))
tensor("negative_dimension", _dims(-6, -2))
tensor("sizes_that_overflow", _dims(2**40, 2**40))
tensor("sizes_that_overflow_to_the_right_number", _dims(2**62 + 3, 4))
tensor("a_hundred_dimensions", _dims(*[1] * 98, 6, 2))
tensor("nothing_for_a_terabyte", lambda t: (t.ClearField("raw_data"), _dims(2**38)(t)))
tensor("unknown_type", lambda t: setattr(t, "data_type", 99))
tensor("no_type", lambda t: setattr(t, "data_type", 0))
tensor("text_as_raw_bytes", lambda t: setattr(t, "data_type", TensorProto.STRING))
tensor("bytes_in_two_fields", lambda t: t.float_data.append(1.0))
tensor("numbers_of_another_type", lambda t: (t.ClearField("raw_data"), t.int64_data.extend([1] * 12)))
tensor("a_part_of_a_tensor", lambda t: setattr(t.segment, "end", 2**40))


@hostile("E731")
def sparse_tensor_of_a_terabyte(path: Path) -> None:
    proto = model([node("Identity", "w", "y")])
    values = weight(np.ones(1, np.float32))
    proto.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, weight(np.zeros(1, np.int64), "i"), [10**6, 10**6])
    )
    write(path, proto)


@hostile("E731")
def dimension_of_an_input(path: Path) -> None:
    write(path, model([node("Neg", "x", "y")], dims=("N", -4)))


@hostile("E731")
def dimension_with_a_long_name(path: Path) -> None:
    write(path, model([node("Neg", "x", "y")], dims=("N", "(" * 100_000)))


@hostile("E705")
def sequence_as_input(path: Path) -> None:
    proto = model([node("SequenceAt", "x i", "y")], [weight(np.array(0), "i")])
    proto.graph.input[0].CopyFrom(helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None))
    write(path, proto)


# Graphs that cannot be computed.


def nodes(name: str, code: str, make_nodes: Callable[[], list[Any]], **more: Any) -> None:
    def make(path: Path) -> None:
        write(path, model(make_nodes(), [weight(W)], **more))

    make.__name__ = name
    hostile(code, trial=code == "E732")(make)


nodes("cycle", "E731", lambda: [node("Add", "x b", "a"), node("Neg", "a", "b"), node("Neg", "b", "y")])
nodes("node_that_reads_itself", "E731", lambda: [node("Add", "x y", "y")])
nodes("name_bound_twice", "E731", lambda: [node("Neg", "x", "y"), node("Abs", "x", "y")])
nodes("weight_bound_again", "E731", lambda: [node("Neg", "x", "w"), node("Neg", "w", "y")])
nodes("name_bound_never", "E731", lambda: [node("Add", "x nowhere", "y")])
nodes("output_of_nothing", "E731", lambda: [node("Neg", "x", "z")])
nodes("operator_of_a_library", "E705", lambda: [node("Shell", "x", "y", domain="com.evil")], domains=["com.evil"])
nodes("operator_that_there_is_not", "E705", lambda: [node("Explode", "x", "y")])
nodes("node_without_operator", "E731", lambda: [node("", "x", "y")])
nodes("attribute_of_a_wrong_kind", "E705", lambda: [node("Transpose", "x", "y", perm="abc")])


def _function(name: str, *calls: str) -> Any:
    body = [node("Neg", "x", "v0")]
    body += [node(call, f"v{i}", f"v{i + 1}", domain="f") for i, call in enumerate(calls)]
    body.append(node("Neg", f"v{len(calls)}", "y"))
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    return helper.make_function("f", name, ["x"], ["y"], body, opsets)


nodes("function_that_calls_itself", "E731", lambda: [node("A", "x", "y", domain="f")], domains=["f"],
      functions=[_function("A", "B"), _function("B", "A")])  # fmt: skip
nodes("functions_that_double_forty_times", "E731", lambda: [node("F0", "x", "y", domain="f")], domains=["f"],
      functions=[*(_function(f"F{i}", f"F{i + 1}", f"F{i + 1}") for i in range(40)), _function("F40")])  # fmt: skip


@hostile("E731")
def branches_inside_of_branches(path: Path) -> None:
    inner = helper.make_graph(
        [node("Identity", "x", "r")], "g", [], [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)]
    )
    for i in range(18):
        inner = helper.make_graph(
            [node("If", "b", f"r{i}", then_branch=inner, else_branch=inner)] if i < 1 else
            [helper.make_node("If", ["b"], [f"r{i}"], then_branch=inner, else_branch=_leaf(i))],
            f"g{i}", [], [helper.make_tensor_value_info(f"r{i}", TensorProto.FLOAT, None)],
        )  # fmt: skip
    write(path, model([node("If", "b", "y", then_branch=inner, else_branch=_leaf(99))], [weight(np.array(True), "b")]))


def _leaf(number: int) -> Any:
    out = helper.make_tensor_value_info(f"l{number}", TensorProto.FLOAT, None)
    return helper.make_graph([node("Identity", "x", f"l{number}")], f"l{number}", [], [out])


@hostile("E731")
def no_opset(path: Path) -> None:
    proto = sound()
    del proto.opset_import[:]
    write(path, proto)


@hostile("E731")
def opset_of_a_billion(path: Path) -> None:
    proto = sound()
    proto.opset_import[0].version = 10**9
    write(path, proto)


# What exhausts memory or time: found by the trial.


def bomb(name: str, make_nodes: Callable[[], list[Any]], *initializers: Any) -> None:
    def make(path: Path) -> None:
        write(path, model(make_nodes(), list(initializers)))

    make.__name__ = name
    hostile("E732", trial=True)(make)


def _whole(*values: int, name: str = "s") -> Any:
    return weight(np.array(values, np.int64), name)


ONE = weight(np.ones(1, np.float32), "one")
bomb("fill_four_terabytes", lambda: [node("ConstantOfShape", "s", "c"), node("ReduceSum", "c", "r"),
                                     node("Add", "x r", "y")], _whole(2**40))  # fmt: skip
bomb("fill_a_gigabyte_when_it_loads", lambda: [node("ConstantOfShape", "s", "c"), node("ReduceSum", "c", "r"),
                                                  node("Add", "x r", "y")], _whole(250_000_000))  # fmt: skip
bomb("expand_to_a_terabyte", lambda: [node("Expand", "x s", "y")], _whole(2**38, 1, 2))
bomb("tile_to_a_terabyte", lambda: [node("Tile", "x s", "y")], _whole(2**19, 2**19))
bomb("pad_to_a_terabyte", lambda: [node("Pad", "x s", "y")], _whole(0, 0, 2**19, 2**19))
bomb("range_to_a_terabyte", lambda: [node("Range", "a b c", "r"), node("ReduceSum", "r", "s"), node("Add", "x s", "y")],
     *(weight(np.float32(v), n) for v, n in ((0, "a"), (2e13, "b"), (1, "c"))))  # fmt: skip
bomb("one_hot_of_a_terabyte", lambda: [node("Cast", "x", "i", to=TensorProto.INT64), node("OneHot", "i d v", "y")],
     _whole(2**38, name="d"), weight(np.array([0, 1], np.float32), "v"))  # fmt: skip


@hostile("E732", trial=True)
def endless_loop(path: Path) -> None:
    def info(name: str, kind: int, shape: Any = None) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [info("i", TensorProto.INT64, []), info("c", TensorProto.BOOL, []), info("v", TensorProto.FLOAT)]
    outputs = [info("d", TensorProto.BOOL, []), info("u", TensorProto.FLOAT)]
    body = helper.make_graph([node("Identity", "c", "d"), node("Neg", "v", "u")], "b", inputs, outputs)
    trips, on = weight(np.array(2**62, np.int64), "n"), weight(np.array(True), "b")
    write(path, model([node("Loop", "n b x", "y", body=body)], [trips, on]))
