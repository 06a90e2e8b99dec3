"""Data files that attack whoever reads them, by name: the ending, and the bytes."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

FILES: dict[str, tuple[str, Callable[[], bytes]]] = {}
"""Name to the file's name, and what makes its bytes."""


def npy(header: str, data: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    text = header.encode("latin-1")
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) + text + data


def described(shape: str, descr: str = "'<f4'", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


class Evil:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (__import__, ("antigravity",))


def saved(array: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


GOOD = saved(np.ones((2, 3), np.float32))
NPY = {
    "npy_of_pickled_objects": lambda: npy(described("(1, 3)", "'|O'"), pickle.dumps(Evil())),
    "npy_of_four_terabytes": lambda: npy(described("(1099511627776, 3)")),
    "npy_with_a_dimension_of_2_64": lambda: npy(described("(18446744073709551616, 3)")),
    "npy_whose_sizes_overflow_to_nothing": lambda: npy(described("(4294967296, 4294967296, 3)")),
    "npy_with_a_negative_dimension": lambda: npy(described("(-1, 3)")),
    "npy_of_a_hundred_dimensions": lambda: npy(described("(" + "1, " * 100 + "3)")),
    "npy_with_a_call_in_its_header": lambda: npy("__import__('os').system('true')\n"),
    "npy_with_nested_lists_in_its_header": lambda: npy("[" * 9000 + "]" * 9000),
    "npy_with_a_sum_in_its_shape": lambda: npy(described("(2+3j, 3)")),
    "npy_with_a_header_of_four_gigabytes": lambda: npy("", version=2, length=2**32 - 1),
    "npy_with_a_header_that_ends_early": lambda: npy(described("(2, 3)"), length=5000),
    "npy_of_records": lambda: npy(described("(2,)", "[('a', '<f4'), ('b', '|O')]")),
    "npy_of_long_text": lambda: npy(described("(1,)", "'<U999999999'")),
    "npy_cut_off": lambda: GOOD[:-4],
    "npy_that_goes_on": lambda: GOOD + b"more",
    "npy_of_version_nine": lambda: GOOD[:6] + b"\x09" + GOOD[7:],
    "npy_of_bytes": lambda: npy(described("(1, 3)", "'|S5'"), bytes(15)),
    "npy_of_dates": lambda: npy(described("(1, 3)", "'<M8[s]'"), bytes(24)),
}  # fmt: skip


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return stream.getvalue()


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new)


def twice() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("x.npy", GOOD)
        file.writestr("y.npy", GOOD)
    return patched(stream.getvalue(), b"y.npy", b"x.npy")


def announced(size: int) -> bytes:
    """An archive whose directory announces another size than its member has."""
    data = archive({"x.npy": npy(described(f"({size // 12}, 3)"))}, zipfile.ZIP_DEFLATED)
    member = len(npy(described(f"({size // 12}, 3)")))
    return patched(data, struct.pack("<I", member), struct.pack("<I", min(size, 2**32 - 2)))


def zeros(head: bytes, size: int, packed: str) -> bytes:
    """Zeros behind a head, packed without ever being there as a whole."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED)
        if packed == "zip"
        else gzip.GzipFile(fileobj=stream, mode="w") as file
    ):
        target = file.open("x.npy", "w") if isinstance(file, zipfile.ZipFile) else file
        target.write(head)
        for _ in range(size // 2**20):
            target.write(bytes(2**20))
        if target is not file:
            target.close()
    return stream.getvalue()


NPZ = {
    "npz_that_is_a_zip_bomb": lambda: zeros(npy(described(f"({25 * 2**20}, 3)")), 300 * 2**20, "zip"),
    "npz_whose_member_announces_more": lambda: announced(2**31),
    "npz_of_pickled_objects": lambda: archive({"x.npy": NPY["npy_of_pickled_objects"]()}),
    "npz_with_a_path_as_name": lambda: archive({"../x.npy": GOOD, "x.npy": GOOD}),
    "npz_with_an_absolute_path": lambda: archive({"/etc/x.npy": GOOD}),
    "npz_with_two_members_of_one_name": twice,
    "npz_packed_by_bzip2": lambda: archive({"x.npy": GOOD}, zipfile.ZIP_BZIP2),
    "npz_packed_by_lzma": lambda: archive({"x.npy": GOOD}, zipfile.ZIP_LZMA),
    "npz_that_is_encrypted": lambda: patched(archive({"x.npy": GOOD}), b"PK\x01\x02\x14\x03\x14\0\0\0",
                                             b"PK\x01\x02\x14\x03\x14\0\1\0"),
    "npz_with_a_wrong_checksum": lambda: patched(archive({"x.npy": GOOD}), struct.pack("<I", zlib.crc32(GOOD)),
                                                 b"abcd"),
    "npz_without_a_directory": lambda: archive({"x.npy": GOOD})[:-30],
    "npz_of_random_bytes": lambda: b"PK\x03\x04" + np.random.default_rng(1).bytes(500),
    "npz_inside_of_npz": lambda: archive({"x.npy": archive({"x.npy": GOOD})}),
    "npz_without_arrays": lambda: archive({"x.txt": b"no array"}),
}  # fmt: skip


def idx(kind: int, *dims: int, data: bytes = b"") -> bytes:
    return struct.pack(f">HBB{len(dims)}I", 0, kind, len(dims), *dims) + data


IDX = {
    "idx_of_a_terabyte": lambda: idx(13, 2**31, 3),
    "idx_of_two_hundred_dimensions": lambda: idx(8, *[1] * 200),
    "idx_of_an_unknown_type": lambda: idx(99, 2, 3, data=bytes(6)),
    "idx_gz_that_is_a_bomb": lambda: zeros(idx(13, 25 * 2**20, 3), 300 * 2**20, "gzip"),
    "idx_gz_cut_off": lambda: gzip.compress(idx(13, 2, 3, data=bytes(24)))[:-8],
    "idx_gz_with_a_wrong_checksum": lambda: gzip.compress(idx(13, 2, 3, data=bytes(24)))[:-8] + bytes(8),
    "idx_gz_of_gz": lambda: gzip.compress(gzip.compress(idx(13, 2, 3, data=bytes(24)))),
}
TEXT = {
    "csv_of_one_endless_line": lambda: b"1," * 20_000_000,
    "csv_of_an_endless_cell": lambda: b'a,b,c\n1,2,"' + b"3" * 30_000_000,
    "csv_of_a_million_columns": lambda: b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n1\n",
    "csv_in_utf_16": lambda: "a,b,c\n1,2,3\n".encode("utf-16"),
    "csv_with_nul": lambda: b"a,b,c\n1,2,\x003\n",
    "csv_with_a_number_of_a_megabyte": lambda: b"a,b,c\n1,2," + b"9" * 100_000 + b"\n",
    "csv_of_ragged_rows": lambda: b"a,b,c\n1,2\n",
    "json_nested_without_end": lambda: b"[" * 5_000_000,
    "json_of_one_endless_row": lambda: b"[[1" + b",1" * 20_000_000 + b"]]",
    "json_of_an_endless_text": lambda: b'[["' + b"a" * 30_000_000,
    "json_with_a_number_of_a_megabyte": lambda: b"[[1,2," + b"9" * 1_000_000 + b"]]",
    "json_of_empty_lists": lambda: b"[" + b"[],[]," * 300_000 + b"[]]",
    "jsonl_nested_without_end": lambda: b"[1,2,3]\n" + b"[" * 500_000 + b"\n",
    "jsonl_of_an_endless_line": lambda: b"[1,2,3]\n[" + b"1," * 15_000_000,
}


def parquet(table: pa.Table, **more: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, **more)
    return stream.getvalue()


GOOD_PARQUET = parquet(pa.table({c: np.arange(9, dtype=np.float32) for c in "abc"}), compression="none")
PARQUET = {
    "parquet_cut_off": lambda: GOOD_PARQUET[:-20],
    "parquet_of_random_bytes": lambda: b"PAR1" + np.random.default_rng(2).bytes(400) + b"PAR1",
    "parquet_with_a_footer_of_four_gigabytes": lambda: GOOD_PARQUET[:-8] + b"\xff\xff\xff\xff" + b"PAR1",
    "parquet_with_a_damaged_footer": lambda: GOOD_PARQUET[:-60] + b"\xff" * 50 + GOOD_PARQUET[-10:],
    "parquet_with_damaged_pages": lambda: GOOD_PARQUET[:4] + b"\xff" * 120 + GOOD_PARQUET[124:],
    "parquet_that_is_a_bomb": lambda: parquet(pa.table({"a": pa.array(np.zeros(68_000_000, np.float32))}),
                                              compression="zstd", use_dictionary=False),
}  # fmt: skip


def png(width: int, height: int, data: bytes = b"", text: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    head += chunk(b"zTXt", text) if text else b""
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def tiff() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (3, 2)).save(stream, "TIFF")
    return stream.getvalue()[:60]


IMAGES = {
    "png_of_four_billion_pixels": lambda: png(2**16, 2**16),
    "png_of_too_many_pixels_for_its_bytes": lambda: png(9000, 9000),
    "png_with_a_text_that_is_a_bomb": lambda: png(3, 2, bytes(8), b"a\0\0" + zlib.compress(bytes(200_000_000), 9)),
    "png_that_is_a_script": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 3 2\n(touch /tmp/x) run\n",
    "png_that_is_a_tiff_cut_off": tiff,
    "png_of_random_bytes": lambda: b"\x89PNG\r\n\x1a\n" + np.random.default_rng(3).bytes(300),
    "png_that_is_empty": lambda: b"",
}
for group, ending in ((NPY, "npy"), (NPZ, "npz"), (PARQUET, "parquet"), (IMAGES, "png")):
    FILES |= {name: (f"x.{ending}", make) for name, make in group.items()}
FILES |= {name: ("x.idx.gz" if "_gz" in name else "x.idx", make) for name, make in IDX.items()}
FILES |= {name: (f"x.{name.partition('_')[0]}", make) for name, make in TEXT.items()}


def tensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(start: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


SAFETENSORS: dict[str, Callable[[], bytes]] = {
    "header_of_an_exabyte": lambda: tensors(b"", length=2**60),
    "header_of_200_megabytes": lambda: tensors(b"{" + b" " * 200_000_000 + b"}"),
    "header_that_is_no_json": lambda: tensors(b"[" * 50_000),
    "tensors_that_overlap": lambda: tensors({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, bytes(12)),
    "tensors_with_a_hole": lambda: tensors({"a": entry(0, 4, [1]), "b": entry(8, 12, [1])}, bytes(12)),
    "tensor_behind_the_end": lambda: tensors({"a": entry(0, 4000, [1000])}, bytes(4)),
    "tensor_that_ends_before_it_begins": lambda: tensors({"a": entry(8, 4, [1])}, bytes(8)),
    "tensor_of_another_size": lambda: tensors({"a": entry(0, 4, [1000])}, bytes(4)),
    "tensor_whose_sizes_overflow": lambda: tensors({"a": entry(0, 4, [2**62, 2**62])}, bytes(4)),
    "tensor_of_an_unknown_type": lambda: tensors({"a": entry(0, 4, [1], "F31")}, bytes(4)),
    "tensor_of_float8": lambda: tensors({"a": entry(0, 4, [4], "F8_E4M3")}, bytes(4)),
    "tensors_cut_off": lambda: tensors({"a": entry(0, 8, [2])}, bytes(5)),
    "tensors_that_go_on": lambda: tensors({"a": entry(0, 4, [1])}, bytes(400)),
    "empty": lambda: b"",
}
