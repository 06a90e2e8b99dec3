"""`use`: files, the standard library, and everything that a path must not do."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from nnspec.api import check, load
from nnspec.diagnostics.errors import Diagnostic

MODEL = "model m {\n  input x: float32[N, 4]\n  dense(3)\n}\n"


def block(name: str, body: str = "dense(4, bias = false)") -> str:
    return f"block {name} {{\n  input x\n  {body}\n}}\n"


def write(folder: Path, **files: str) -> Path:
    """Files with a header each; `__` in a name is a folder. Returns the path of `main.nn`."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.nn"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"nnspec 1\n{text}")
    return folder / "main.nn"


def places(found: list[Diagnostic]) -> list[tuple[str, str, int, int]]:
    return [(one.code, Path(one.span.file).name, one.span.line, one.span.column) for one in found if one.span]


def test_blocks_of_another_file(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='use "blocks/a.nn": f, g\n' + MODEL.replace("dense(3)", "f -> g"),
        blocks__a=block("f") + block("g", "f -> f"),
    )
    assert [parameter.path for parameter in load(main).parameters] == [
        "f_1.dense_1.weight", "g_1.f_1.dense_1.weight", "g_1.f_2.dense_1.weight",
    ]  # fmt: skip
    assert list(load(main).files) == [str(main), str(tmp_path / "blocks/a.nn")]


def test_a_path_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='use "blocks/a.nn": f\n' + MODEL.replace("dense(3)", "f"),
        blocks__a='use "deep/b.nn": g\n' + block("f", "g"),
        blocks__deep__b='use "../c.nn": h\n' + block("g", "h"),
        blocks__c=block("h"),
    )
    assert check(main) == []


def test_only_what_was_named_is_seen(tmp_path: Path) -> None:
    main = write(tmp_path, main='use "a.nn": f\n' + MODEL.replace("dense(3)", "f -> g"), a=block("f") + block("g"))
    assert places(check(main)) == [("E201", "main.nn", 5, 8)]


def test_the_standard_library() -> None:
    from nnspec.ir.files import LIBRARY

    files = sorted(LIBRARY.glob("*.nn"))
    assert files
    for file in files:
        assert check(file) == []


def test_a_file_of_the_standard_library_is_used(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main="use std.feedforward: mlp, residual_dense\n" + MODEL.replace("dense(3)", "mlp(8) -> residual_dense(5)"),
    )
    assert check(main) == []
    assert set(load(main).files) == {str(main), "std.feedforward"}


@pytest.mark.parametrize(
    ("use", "code", "column"),
    [
        ('"b.nn": f', "E301", 5),
        ('"folder": f', "E301", 5),
        ('"pipe.nn": f', "E301", 5),
        ('"a.nn": q', "E304", 13),
        ('"../outside.nn": f', "E302", 5),
        ('"folder/../../outside.nn": f', "E302", 5),
        ('"/etc/passwd": f', "E302", 5),
        ('"~/a.nn": f', "E302", 5),
        ('"http://example.com/a.nn": f', "E302", 5),
        ('"file:a.nn": f', "E302", 5),
        ('"..\\\\a.nn": f', "E302", 5),
        ('"": f', "E302", 5),
        ('"link.nn": f', "E302", 5),
        ('"linked/outside.nn": f', "E302", 5),
        ('"dangling.nn": f', "E301", 5),
        ('"loop.nn": f', "E30", 5),
        ("std.nothing: f", "E301", 5),
        ("std: f", "E301", 5),
        ("std.a.b: f", "E301", 5),
        ("torch.nn: f", "E301", 5),
        ("std.feedforward: q", "E304", 22),
    ],
)
def test_paths_that_are_refused(tmp_path: Path, use: str, code: str, column: int) -> None:
    """One finding at the path; that the block is missing is not said again."""
    root = tmp_path / "root"
    write(tmp_path, outside=block("f"))
    main = write(root, main=f"use {use}\n" + MODEL.replace("dense(3)", f"{use[-1]} -> dense(3)"), a=block("f"))
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe.nn")
    (root / "link.nn").symlink_to(tmp_path / "outside.nn")
    (root / "linked").symlink_to(tmp_path)
    (root / "dangling.nn").symlink_to(root / "nowhere.nn")
    (root / "loop.nn").symlink_to(root / "loop.nn")
    (found,) = places(check(main))
    assert found[0].startswith(code)
    assert found[1:] == ("main.nn", 2, column)


def test_the_root_can_be_wider(tmp_path: Path) -> None:
    main = write(tmp_path / "specs", main='use "../blocks/a.nn": f\n' + MODEL.replace("dense(3)", "f"))
    write(tmp_path, blocks__a=block("f"))
    assert [one.code for one in check(main)] == ["E302"]
    assert check(main, root=tmp_path) == []


def test_a_symlink_inside_the_root_is_followed(tmp_path: Path) -> None:
    main = write(tmp_path, main='use "link.nn": f\n' + MODEL.replace("dense(3)", "f"), a=block("f"))
    (tmp_path / "link.nn").symlink_to(tmp_path / "a.nn")
    assert check(main) == []


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = write(tmp_path, main='use "a.nn": f\n' + MODEL, a=block("f"))
    readable = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == "a.nn":
            raise PermissionError(13, "Permission denied")
        return readable(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert [one.code for one in check(main)] == ["E301"]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_cycles(tmp_path: Path, length: int) -> None:
    """One finding, at the line that closes the circle."""
    names = ["main", *(f"f{index}" for index in range(1, length))]
    files = {
        name: f'use "{following}.nn": b_{following}\n' + block(f"b_{name}")
        for name, following in zip(names, [*names[1:], "main"], strict=True)
    }
    files["main"] += MODEL
    (found,) = check(write(tmp_path, **files))
    assert found.span
    assert (found.code, Path(found.span.file).stem, found.span.line, found.span.column) == ("E303", names[-1], 2, 5)
    assert found.message.endswith(" -> ".join(f"{name}.nn" for name in [*names, "main"]))


def chain(length: int) -> dict[str, str]:
    files = {
        f"f{index}": f'use "f{index + 1}.nn": b{index + 1}\n' + block(f"b{index}", f"b{index + 1}")
        for index in range(length)
    }
    return files | {f"f{length}": block(f"b{length}"), "main": 'use "f0.nn": b0\n' + MODEL.replace("dense(3)", "b0")}


def test_a_chain_of_files_has_an_end(tmp_path: Path) -> None:
    assert check(write(tmp_path / "short", **chain(14))) == []
    assert [one.code for one in check(write(tmp_path / "long", **chain(100)))] == ["E305"]


def test_a_diamond_is_read_once(tmp_path: Path) -> None:
    """Twelve layers of two files that both use both files below: 4096 ways, 24 files."""
    files = {}
    for level in range(12):
        for side in "ab":
            below = (
                f'use "a{level + 1}.nn": fa{level + 1}\nuse "b{level + 1}.nn": fb{level + 1}\n' if level < 11 else ""
            )
            files[f"{side}{level}"] = below + block(f"f{side}{level}", "relu")
    main = write(
        tmp_path,
        main='use "a0.nn": fa0\nuse "b0.nn": fb0\n' + MODEL.replace("dense(3)", "fa0 -> fb0 -> dense(3)"),
        **files,
    )
    assert check(main) == []
    assert len(load(main).files) == 25


def test_too_many_files(tmp_path: Path) -> None:
    uses = "".join(f'use "f{index}.nn": b{index}\n' for index in range(300))
    main = write(tmp_path, main=uses + MODEL, **{f"f{index}": block(f"b{index}") for index in range(300)})
    assert {one.code for one in check(main)} == {"E305"}


def test_a_file_with_errors_is_reported_in_its_own_place(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='use "a.nn": f\n' + MODEL.replace("dense(3)", "f -> dense(0)"),
        a=block("f", "dense(4, biass = 1)") + block("g", "dense(") + block("h", "softmax(axis = 7)"),
    )
    assert places(check(main)) == [("E202", "a.nn", 4, 12), ("E102", "a.nn", 8, 8), ("E205", "main.nn", 5, 14)]


def test_errors_in_the_body_of_a_used_block_say_from_where(tmp_path: Path) -> None:
    main = write(tmp_path, main='use "a.nn": f\n' + MODEL.replace("dense(3)", "f"), a=block("f", "softmax(axis = 7)"))
    (found,) = check(main)
    assert found.span
    assert (found.code, Path(found.span.file).name, found.span.line) == ("E207", "a.nn", 4)
    assert "line" in found.label


def test_a_block_that_did_not_parse_is_not_missed(tmp_path: Path) -> None:
    main = write(
        tmp_path,
        main='use "a.nn": f, g\n' + MODEL.replace("dense(3)", "f(1, 2) -> g -> dense(3)"),
        a="block f(a, b {\n  input x\n}\n" + block("g"),
    )
    assert [one.code[:2] for one in check(main)] == ["E1"]


def test_a_use_that_did_not_parse_is_not_missed(tmp_path: Path) -> None:
    main = write(
        tmp_path, main='use "a.nn" f, g\n' + MODEL.replace("dense(3)", "f -> g -> densse(3)"), a=block("f") + block("g")
    )
    assert [one.code for one in check(main)] == ["E101", "E201"]


def test_a_used_block_may_not_hide_a_layer(tmp_path: Path) -> None:
    main = write(tmp_path, main='use "a.nn": dense\n' + MODEL, a=block("dense", "relu"))
    assert places(check(main)) == [("E210", "a.nn", 2, 7)]


def test_two_blocks_of_one_name(tmp_path: Path) -> None:
    main = write(
        tmp_path, main='use "a.nn": f\nuse "b.nn": f\n' + MODEL.replace("dense(3)", "f"), a=block("f"), b=block("f")
    )
    assert places(check(main)) == [("E210", "main.nn", 3, 13)]


def test_libraries(tmp_path: Path) -> None:
    assert check(write(tmp_path, main=block("f", "dense(3)"))) == []
    assert [one.code for one in check(write(tmp_path, main=block("f", "densse(3)")))] == ["E201"]
    assert [one.code for one in check(write(tmp_path, main=""))] == ["E220"]
    assert [one.code for one in check(write(tmp_path, main=block("f") + "require { params <= 3 }\n"))] == ["E220"]


def test_the_main_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.nn")
    for path in ("missing.nn", "folder", "pipe.nn"):
        (found,) = check(tmp_path / path)
        assert (found.code, found.span) == ("E301", None)


def test_check_opens_nothing_outside_the_root(tmp_path: Path) -> None:
    """An audit hook sees every file that is opened, every socket and every process."""
    import subprocess

    main = write(tmp_path, main='use "a.nn": f\nuse "../b.nn": g\nuse std.feedforward: mlp\n' + MODEL, a=block("f"))
    script = (
        "import sys\nfrom nnspec.api import check\nimport nnspec.cli.main\nseen = []\n"
        "check(sys.argv[1])\n"
        "sys.addaudithook(lambda event, given: seen.append((event, str(given[0])))"
        " if event in ('open', 'socket.connect', 'subprocess.Popen', 'os.system') else None)\n"
        "check(sys.argv[1])\nprint(seen)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(main)], capture_output=True, text=True, check=True)
    opened = {Path(path).name for _, path in ast.literal_eval(done.stdout)}
    assert opened == {"main.nn", "a.nn", "feedforward.nn"}
