"""Files that a reader of safetensors may meet: well-formed ones, odd headers, and both with something changed.

The same seed gives the same files.
"""
import json
import random
import struct

BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
        "C64": 64, "F64": 64, "I64": 64, "U64": 64}


def with_header(header, data=b"", length=None):
    """A file of these bytes, or of this text, with its true length before it, or this one."""
    if isinstance(header, str):
        header = header.encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype='"F32"', shape="[1]", offsets="[0,4]", more=""):
    return f'{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}{more}}}'


def random_name(rng):
    letters = ["q", "k", "v", "x1", "Ä", "日", "😀", " ", "/", '"', "\\", "\n", "\x7f", "\uffff", "\0", "__metadata_"]
    return "".join(rng.choice(letters) for _ in range(rng.randint(0, 4)))


def well_formed(rng):
    """Tensors of any type in any order, with metadata, spaces and fields that no reader knows."""
    names = list(dict.fromkeys(random_name(rng) for _ in range(rng.randint(0, 6))))
    tensors, at = {}, 0
    for name in names:
        dtype = rng.choice(list(BITS) + ["F32", "F64", "BF16", "F16"] * 5)
        shape = [rng.choice([0, 1, 1, 2, 3, 4, 7]) for _ in range(rng.randint(0, 4))]
        if BITS[dtype] < 8:
            shape.append(4)
        bits = BITS[dtype]
        for size in shape:
            bits *= size
        fields = [("dtype", dtype), ("shape", shape), ("data_offsets", [at, at + bits // 8])]
        if rng.random() < 0.2:
            fields.append(("comment", rng.choice([None, True, -1.5e3, "x", [[]], {"shape": [{}]}])))
        rng.shuffle(fields)
        tensors[name] = dict(fields)
        at += bits // 8
    items = list(tensors.items())
    if rng.random() < 0.5:
        metadata = {random_name(rng): random_name(rng) for _ in range(rng.randint(0, 3))}
        items.append(("__metadata__", rng.choice([metadata, metadata, None])))
    rng.shuffle(items)
    header = json.dumps(dict(items), ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, None, 1]))
    header = rng.choice(["", "", " ", "\n\t\r "]) + header + rng.choice(["", " " * rng.randint(1, 9), "\n"])
    return with_header(header, rng.randbytes(at))


def odd():
    """What the format, JSON or UTF-8 says little about, or forbids, one thing per file."""
    four = b"1234"

    def tensor(*fields, data=four, **named):
        return with_header('{"q":' + entry(*fields, **named) + "}", data)

    yield from (with_header(header) for header in (
        "", "{", "{}", "{} ", " {}", "\t\r\n{}", "{}\0", "\0{}", "{}\0x", "{}x", "{}{}", "[]", "[1]", "null", "1", '"a"', "nonsense",
        "\ufeff{}", "{'a':1}", "{/**/}", "{,}", '{"__metadata__":{}}', '{"__metadata__":null}', '{"__metadata__":[]}',
        '{"__metadata__":"x"}', '{"__metadata__":{"a":null}}', '{"__metadata__":{"a":1}}', '{"__metadata__":{"a":"b"}}',
        '{"__metadata__":{"a":{"b":"c"}}}', '{"__metadata__":{"a":"b"},}', '{"__metadata\\u005f_":{"a":"b"}}',
        '{"__metadata__":{"a":"1","a":"2"}}', '{"__metadata__":{},"__metadata__":{}}',
        '{"__metadata__":null,"__metadata__":null}', '{"__METADATA__":{}}', '{"q":1}', '{"q":null}', '{"q":true}', '{"q":"F32"}',
        '{"q":[]}', '{"q":{}}', '{"q":' + "[" * 5000))
    yield from (with_header("{}", length=length) for length in (0, 1, 3, 100_000_000, 100_000_001, 2**63, 2**64 - 1))
    yield from (b"", b"1234567", with_header("{}", b"x"), with_header("")[:-1])
    # names
    for name in (b"", b"a b", b"\\u0000", b"\\ud83d\\ude00", b"\\ud800", b"\\udc00", b"\\ud83d\\u0041", b"\\ud83dx", b"a\tb", b"a\0b",
                 b"\x7f", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbf\xbf", b"a\\/b", b"a\\xb", b"\\u12",
                 b"__metadata", b"\xc3\xa9", b"\xc3"):
        yield with_header(b'{"' + name + b'":' + entry().encode() + b"}", four)
    yield with_header(b'{"q":' + entry(more=',"x":"@"').encode().replace(b"@", b"\xff") + b"}", four)
    # types
    for dtype in ('"f32"', '""', '"C128"', '"F8"', '" F32"', '"F\\u00332"', "null", "17", '["F32"]', '{"F32":null}', '{"F32":{}}',
                  '{"F32":null,"F64":null}', "{}"):
        yield tensor(dtype)
    yield from (tensor(f'"{dtype}"', "[8]", f"[0,{bits}]", data=b"x" * bits) for dtype, bits in BITS.items())
    yield from (tensor('"F4"', "[1]", "[0,1]", data=b"1"), tensor('"F6_E2M3"', "[2]", "[0,1]", data=b"1"))
    # sizes
    for shape in ("[]", "[1,1,1,1,1,1]", "[-1]", "[-0]", "[1.0]", "[1e0]", "[01]", "[+1]", "[1e999]", "[true]", "[null]", '["1"]', "[[1]]",
                  "1", "null", "{}", '"1"', "[4294967296,4294967297]", "[4611686018427387905,4]", "[2]", "[9223372036854775808]",
                  "[18446744073709551616]", "[1,]", "[,1]", "[1 1]", "[ 1 ]"):
        yield tensor(shape=shape)
    for shape in ("[0]", "[0,0]", "[9223372036854775808,0]", "[18446744073709551615,0]", "[18446744073709551616,0]",
                  "[9223372036854775808,4,0]", "[0,9223372036854775808,4]", "[4611686018427387904,0]", "[-0]", "[0.0]", "[1]"):
        yield tensor(shape=shape, offsets="[0,0]", data=b"")
    # offsets
    for offsets in ("[4,8]", "[4,0]", "[0]", "[]", "[0,4,4]", "[-4,0]", "[0,3]", "[0,5]", "[0.0,4]", '["0","4"]', '{"0":0,"1":4}', "null",
                    "[18446744073709551612,18446744073709551616]", "[18446744073709551612,0]", "[0,4.0]", "[4,4]"):
        yield tensor(offsets=offsets)
    yield from (tensor(data=data) for data in (b"", b"123", b"12345"))
    for first, second, size in (("[0,4]", "[4,8]", 8), ("[4,8]", "[0,4]", 8), ("[0,4]", "[0,4]", 4), ("[2,6]", "[0,4]", 6),
                                ("[0,4]", "[5,9]", 9), ("[4,8]", "[8,12]", 12), ("[0,4]", "[4,8]", 9), ("[0,4]", "[4,8]", 7)):
        yield with_header(f'{{"a":{entry(offsets=first)},"b":{entry(offsets=second)}}}', b"x" * size)
    for offsets in ("[0,0]", "[2,2]", "[4,4]", "[8,8]"):
        yield with_header(f'{{"a":{entry()},"none":{entry(shape="[0]", offsets=offsets)}}}', four)
    # fields
    for more in (',"x":1', ',"x":null', ',"x":-0', ',"x":1e999', ',"x":1e-999', ',"x":0e999', ',"x":NaN', ',"x":1' + "0" * 400,
                 ',"x":1.7976931348623157e308', ',"x":1.7976931348623159e308', ',"x":1,"x":2', ',"x":{"a":1,"a":2}', ',"dtype":"F32"',
                 ',"shape":[1]', ',"x":01', ',"x":.5', ',"x":1.', ",", ',"x"', ',"x":"\\ud800"'):
        yield tensor(more=more)
    yield from (tensor(more=',"x":' + opening * depth + closing * depth) for depth in (1, 124, 125, 126, 127, 128)
                for opening, closing in (("[", "]"), ('{"a":[', "]}")[:2]))
    for whole in ('["F32",[1],[0,4]]', '["F32",[1]]', '["F32",[1],[0,4],1]', '[[1],"F32",[0,4]]', '{"dtype":"F32","shape":[1]}',
                  '{"dtype":"F32","data_offsets":[0,4]}', '{"shape":[1],"data_offsets":[0,4]}', "[" + entry() + "]"):
        yield with_header('{"q":' + whole + "}", four)
    # names that are said twice
    for first in (entry(), entry(offsets="[9,13]"), "1"):
        yield with_header(f'{{"q":{first},"q":{entry()}}}', four)


def changed(rng, file):
    """The file with a few bytes, a token or its length changed."""
    header, length = bytearray(file[8:]), struct.unpack("<Q", file[:8])[0] if len(file) >= 8 else 0
    tokens = [b"{", b"}", b"[", b"]", b",", b":", b'"', b" ", b"\0", b"\xff", b"0", b"-0", b"1.0", b"1e3", b"null", b"true", b'"F32"',
              b'"BOOL"', b"[0,0]", b"18446744073709551615", b'"dtype"', b'"shape"', b'"__metadata__"', b"\\", b"\\u0041", b"4", b"8"]
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(max(1, min(length, len(header))))
        kind = rng.randrange(6)
        if kind == 0 and header:
            header[at:at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            header[at:at + rng.randint(1, 4)] = b""
        elif kind == 2:
            header[at:at] = rng.choice(tokens)
        elif kind == 3:
            span = header[at:at + rng.randint(1, 40)]
            header[at:at] = span
        elif kind == 4:
            length += rng.choice([-1, 1, 8, 2**40])
        else:
            header = header[:rng.randrange(len(header) + 1)] if rng.random() < 0.5 else header + b"x"
        if kind in (1, 2, 3) and rng.random() < 0.8:  # the length follows, so that the change is seen
            length = max(0, length + len(header) - (len(file) - 8))
            file = file[:8] + header
    return struct.pack("<Q", length % 2**64) + bytes(header)


def generate(seed, count):
    """The odd files, and `count` well-formed and twice as many changed ones."""
    rng = random.Random(seed)
    seeds = [well_formed(rng) for _ in range(count)]
    known = list(odd())
    return known + seeds + [changed(rng, rng.choice(seeds + known)) for _ in range(2 * count)]
