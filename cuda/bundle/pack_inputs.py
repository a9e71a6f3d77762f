"""Copies safetensors files with q, k, v and their metadata alone: what the bundle's oracle needs to judge by itself.

    python3 pack_inputs.py FROM_FOLDER TO_FOLDER
"""

import json
import pathlib
import struct
import sys


def inputs_of(data):
    (length,) = struct.unpack("<Q", data[:8])
    header, elements = json.loads(data[8 : 8 + length]), data[8 + length :]
    kept, bytes_kept = {"__metadata__": header.get("__metadata__", {})}, b""
    for name in ("q", "k", "v"):
        begin, end = header[name]["data_offsets"]
        kept[name] = {**header[name], "data_offsets": [len(bytes_kept), len(bytes_kept) + end - begin]}
        bytes_kept += elements[begin:end]
    text = json.dumps(kept).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes_kept


source, target = map(pathlib.Path, sys.argv[1:])
target.mkdir(parents=True, exist_ok=True)
for path in sorted(source.glob("*.safetensors")):
    (target / path.name).write_bytes(inputs_of(path.read_bytes()))
