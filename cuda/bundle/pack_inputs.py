"""Copies safetensors files with q, k, v and their metadata alone: what the bundle's oracle needs to judge by itself.

    python3 pack_inputs.py FROM_FOLDER TO_FOLDER [--bf16]

With --bf16 F32 is rounded to BF16, as kernels are given it: half the bytes.
"""

import array
import json
import pathlib
import struct
import sys


def rounded(elements):
    """The upper halves of floats, to nearest even; finite ones stay finite unless they round beyond the largest."""
    words = array.array("I", elements)
    return array.array("H", ((w + 0x7FFF + (w >> 16 & 1)) >> 16 for w in words)).tobytes()


def inputs_of(data, bf16):
    (length,) = struct.unpack("<Q", data[:8])
    header, elements = json.loads(data[8 : 8 + length]), data[8 + length :]
    kept, bytes_kept = {"__metadata__": header.get("__metadata__", {})}, b""
    for name in ("q", "k", "v"):
        begin, end = header[name]["data_offsets"]
        dtype, part = header[name]["dtype"], elements[begin:end]
        if bf16 and dtype == "F32":
            dtype, part = "BF16", rounded(part)
        kept[name] = {"dtype": dtype, "shape": header[name]["shape"]}
        kept[name]["data_offsets"] = [len(bytes_kept), len(bytes_kept) + len(part)]
        bytes_kept += part
    text = json.dumps(kept).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes_kept


source, target = map(pathlib.Path, sys.argv[1:3])
target.mkdir(parents=True, exist_ok=True)
paths = sorted(source.glob("*.safetensors"))
if not paths:
    sys.exit(f"{source}: has no .safetensors to pack")
for path in paths:
    (target / path.name).write_bytes(inputs_of(path.read_bytes(), "--bf16" in sys.argv[3:]))
