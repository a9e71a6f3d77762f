"""What the safetensors library reads, the reader reads; what it refuses, the reader refuses.

    differential.py READER PYTHON [--seed S] [--count N]

READER is the program of reader.cpp; PYTHON the interpreter of an environment with the library, which `./dra test` makes
from tests/requirements.txt. Without it the test is skipped (exit status 77).
"""
import argparse
import array
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile

from files import generate

SKIPPED = 77
COMPUTED_IN = ("F32", "F64", "BF16", "F16")


def says_a_name_twice(file):
    """The one difference: of two tensors, or two metadata, of one name the library takes the later; the format forbids
    it."""
    length = struct.unpack("<Q", file[:8])[0]
    pairs = json.loads(file[8:8 + length], object_pairs_hook=tuple)
    objects = [pairs] + [value for _, value in pairs if isinstance(value, tuple)]
    return any(len({name for name, _ in names}) < len(names) for names in objects)


def same_elements(tensor, digits):
    """Bit for bit, where no NaN of F16 was widened."""
    data, read = bytes(tensor["data"]), bytes.fromhex(digits)
    if tensor["dtype"] == "BF16":
        return read == b"".join(b"\0\0" + data[at:at + 2] for at in range(0, len(data), 2))
    if tensor["dtype"] == "F16":
        expected = [number for number, in struct.iter_unpack("<e", data)]
        widened = array.array("f", read)
        return len(widened) == len(expected) and all(
            x == y and math.copysign(1, x) == math.copysign(1, y) or x != x and y != y for x, y in zip(widened, expected))
    return read == data


def ask(reader, questions):
    done = subprocess.run([reader], input="".join(json.dumps(question) + "\n" for question in questions), text=True,
                          stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def disagreement(file, read, answer, asked, unusable):
    """What is wrong with the reader's answers; None where nothing is.

    `read` is what the library makes of the file, None where it refuses; `answer` the reader's to no names, `asked` to
    those of the types that are computed in, `unusable` to one of another type."""
    if "refused" in answer and not re.fullmatch(r"(?s).+ = .*: .*must .+", answer["refused"]):
        return "the refusal does not name field, value and rule"
    if read is None:
        return None if "refused" in answer else "the library refuses it"
    if says_a_name_twice(file):
        return None if answer.get("refused", "").endswith("must be named only once") else "a name is said twice"
    if "refused" in answer:
        return "the library reads it"
    if any(max(tensor["shape"], default=0) >= 2**32 for tensor in read.values()):
        return None  # beside a size of 0: nothing that an array could have
    expected = {name for name, tensor in read.items() if tensor["dtype"] in COMPUTED_IN}
    if asked.get("tensors", {}).keys() != expected:
        return "other tensors are read"
    for name in expected:
        ours, theirs = asked["tensors"][name], read[name]
        if (ours["dtype"], ours["shape"]) != (theirs["dtype"], list(theirs["shape"])):
            return f"{name!r} has another type or shape"
        if not same_elements(theirs, ours["elements"]):
            return f"{name!r} has other elements"
    if unusable and "must be one of F32, F64, BF16, F16" not in unusable.get("refused", ""):
        return "a tensor that cannot be computed with is read"
    return None


def compare(reader, deserialize, files):
    """Counts of the files that were read and refused, and the disagreements."""
    reads, questions = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            path = os.path.join(folder, str(number))
            with open(path, "wb") as stream:
                stream.write(file)
            try:
                read = dict(deserialize(file))
            except Exception as error:
                if type(error).__name__ != "SafetensorError":
                    raise
                read = None
            reads.append(read)
            types = {name: tensor["dtype"] in COMPUTED_IN for name, tensor in (read or {}).items()}
            for names in ([], [name for name in types if types[name]], [name for name in types if not types[name]][:1]):
                questions.append({"path": path, "names": names})
        answers = ask(reader, questions)
    wrong = []
    for number, (file, read) in enumerate(zip(files, reads)):
        answer, asked, unusable = answers[3 * number:3 * number + 3]
        unusable = unusable if questions[3 * number + 2]["names"] else None
        if complaint := disagreement(file, read, answer, asked, unusable):
            wrong.append(f"{complaint}: {file[:300]!r}: {answer}")
    accepted = sum("refused" not in answer for answer in answers[::3])
    return accepted, len(files) - accepted, sum(len(answer.get("tensors", {})) for answer in answers), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader")
    parser.add_argument("python")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    try:
        from safetensors import deserialize
    except ImportError:
        if os.access(options.python, os.X_OK) and not os.environ.get("DRA_DIFFERENTIAL"):
            os.environ["DRA_DIFFERENTIAL"] = "1"
            os.execv(options.python, [options.python, *sys.argv])
        print("skipped: the safetensors library is missing: ./dra test installs it where PyPI can be reached")
        return SKIPPED
    files = list(dict.fromkeys(generate(options.seed, options.count)))
    accepted, refused, tensors, wrong = compare(options.reader, deserialize, files)
    print(f"{len(files)} files: {accepted} read by both, with {tensors} tensors compared; {refused} refused by both")
    print("\n".join(wrong[:20]))
    print(f"{len(wrong)} disagreements")
    plentiful = len(files) >= 200 and accepted >= 200 and refused >= 200 and tensors >= 300
    if not plentiful:
        print("at least 200 of either, and 300 tensors, must be compared")
    return 0 if plentiful and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
