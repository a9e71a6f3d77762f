"""Every command of a page is run by a test, or parsed here, beside why no test runs it and where it ran last.

    python3 tests/docs/commands.py PROGRAM

The program is asked for the help of each command, which says which flags there are, which of them take a value, and which
values: a command line of a page must keep to it.
"""

import json
import math
import operator
import os
import pathlib
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import unittest

from pages import ROOT, blocks, commands, lines, mentions, pages

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
DIAGNOSE = "./dra diagnose --input x.safetensors --segments 64 --dilations 1 --causal --ranks 4"
ORACLE = "./dra oracle --emit x.safetensors --tokens 64 --heads 2 --head-dim 16 --segments 64 --dilations 1 --causal"
RUN = ("./dra run --input in.safetensors --output out.safetensors --segments 2048,4096 --dilations 1,2 --mode groups "
       "--causal --backend cpu")  # fmt: skip
EMIT = "./dra probe --emit probes"
TABLES = "python3 benchmarks/gpu/tables.py benchmarks/results/h200-2026-11-29"
CAMPAIGN = "build/mutation-venv/bin/python tests/mutation/campaign.py"

RUN_HERE = {DIAGNOSE, ORACLE, RUN, EMIT, TABLES}

BENCHMARK = "it measures, for minutes; tests/cli runs the command with little to do. Last: 2026-11-29, two cores of an AMD EPYC"
ON_A_GPU = "it needs a GPU. Last: 2026-11-29, an H200, with benchmarks/results/h200-2026-11-29"
ON_THE_H100 = "it needs a GPU. Last: 2026-11-24, an H100, with benchmarks/results/h100-2026-11-24"
WITH_TORCH = "it needs PyTorch. docs/run_diagnose_page.py runs it; last: 2026-11-24"
SEARCH = "it searches for ten minutes. Last: 2026-11-30, two cores; every suite replays what it found"
MUTANTS = "it takes an hour. Last: 2026-11-29 and 30; tests/mutation/README.md has what it said"
SUITE = "it is what runs this test"

NOT_RUN = {
    "./dra compare": BENCHMARK,
    "./dra bench attention": BENCHMARK,
    "./dra bench scaling": BENCHMARK,
    "./dra compare --backend emulated": "it takes minutes; tests/cli/compare_device.cpp runs it at two lengths",
    "./dra compare --backend cuda": ON_THE_H100,
    "./dra bench attention --backend cuda": ON_A_GPU,
    "./dra gpu-bundle": "it needs nvcc. Last: 2026-11-29, for the H200's record",
    "./dra run --backend emulated --dtype bf16 ...": "it is no whole command; tests/cli/emulated.cpp runs such",
    "./dra run --backend cuda --dtype bf16 ...": "it is no whole command, and needs a GPU; its last run is in no record",
    "./dra diagnose --input x.safetensors --segments 2048,4096 --dilations 1,2 --causal --ranks 8": "the result is the reader's own",
    "./dra probe --check probes": WITH_TORCH,
    "python3 -m venv venv && venv/bin/pip install numpy torch safetensors": WITH_TORCH,
    "venv/bin/python docs/run_diagnose_page.py build/release/cli/dra": WITH_TORCH,
    "cmake --workflow --preset release": SUITE,
    "cmake --install build/release --prefix /opt/dra": "tests/install/consumer.cmake does it, into a folder of its own",
    "python3 benchmark.py attention ./libdra_ladder.so FILE --seconds S --shapes dense,mixture,uneven,dilated": ON_A_GPU,
    "python3 benchmarks/gpu/roofline.py benchmarks/results/h200-2026-11-29": "it writes into the record; tests/benchmarks/gpu/roofline.py",
    "build/release/tests/test_attention --source-file='*/running_sum.cpp'": "it is the test attention/running_sum",
    "tests/install/flags.sh -fassociative-math -fno-signed-zeros -fno-trapping-math": "it compiles the library again. Last: 2026-11-30",
    "DRA_PRESET=fuzz ./dra test": "it builds all with clang. Last: 2026-11-30, two cores",
    "mkdir -p build/found": SEARCH,
    "build/fuzz/tests/fuzz/fuzz_safetensors -max_total_time=600 -max_len=4096 -close_fd_mask=1 build/found tests/fuzz/corpus/safetensors": SEARCH,
    "build/fuzz/tests/fuzz/fuzz_safetensors -merge=1 -use_counters=0 tests/fuzz/corpus/safetensors build/found": SEARCH,
    "python3 -m venv build/mutation-venv && build/mutation-venv/bin/pip install -r tests/mutation/requirements.txt": MUTANTS,
    CAMPAIGN: MUTANTS,
    CAMPAIGN + " --seconds 3": MUTANTS,
    CAMPAIGN + " --seconds 20 --unlisted --resume": MUTANTS,
    CAMPAIGN + " --seconds 8 --unlisted --resume": MUTANTS,
    CAMPAIGN + " --only reference/ring reference/attention/dilated_attention.cpp reference/definition/problem.cpp --seconds 8": MUTANTS,
    CAMPAIGN + " --only reference/attention/partial.hpp reference/attention/panel.hpp reference/attention/product.hpp --seconds 8": MUTANTS,
}  # fmt: skip


def help_of(*words):
    done = subprocess.run([PROGRAM, *words, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


class Command:
    """A command of the program as its help describes it."""

    def __init__(self, words):
        text = help_of(*words)
        flags = re.findall(r"^ {2,12}(?:-\w, *)?(--[\w-]+)(?: (\S+))?( REQUIRED)?(?= |$)", text, re.M)
        self.values = {flag: value for flag, value, _ in flags}
        self.required = {flag for flag, _, required in flags if required}
        self.commands = set(re.findall(r"^  ([a-z]+) ", text.lower().partition("subcommands:")[2], re.M))

    def complaint(self, words, whole):
        """What is wrong with these arguments, or nothing."""
        given, waiting = set(), None
        for word in words:
            if waiting:
                choices = self.values[waiting].split("|")
                if len(choices) > 1 and word not in choices:
                    return f"{waiting} = {word}: must be one of {choices}"
                waiting = None
            elif word == "...":
                whole = False
            elif word not in self.values:
                return f"{word} is no flag of it"
            else:
                given.add(word)
                waiting = word if self.values[word] else None
        if waiting:
            return f"{waiting} has no value"
        return f"{self.required - given} missing" if whole and not self.required <= given else None


def complaint(line, whole):
    """What is wrong with a call of ./dra; `whole`: nothing may be missing."""
    words = shlex.split(line)
    words = words[words.index("./dra") + 1 :]
    script = re.findall(r"^([a-z-]+)\)$", (ROOT / "dra").read_text(encoding="utf-8"), re.M)
    path, command = [], Command([])
    while words and words[0] in command.commands:
        path.append(words.pop(0))
        command = Command(path)
    if command.commands and words and not words[0].startswith("-"):
        return None if words[0] in script else f"{words[0]} is no command"
    return command.complaint(words, whole)


def read(path):
    """The tensors of a safetensors file in F32, as (shape, numbers)."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    tensors = {}
    for name, tensor in header.items():
        if name != "__metadata__" and tensor["dtype"] == "F32":
            begin, end = (8 + size + at for at in tensor["data_offsets"])
            tensors[name] = tensor["shape"], struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
    return tensors


def write(path, tensors):
    header, body = {}, b""
    for name, (shape, numbers) in tensors.items():
        data = struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def with_the_offset_on_the_wrong_side(tensors, chunks):
    """out of a causal attention over so many chunks of keys, wrong as the program of docs/diagnose.md is."""
    (_, tokens, heads, channels), _ = shape, q = tensors["q"]
    k, v = tensors["k"][1], tensors["v"][1]
    length, out = tokens // chunks, [0.0] * len(q)
    row = lambda x, n, h: x[(n * heads + h) * channels : (n * heads + h + 1) * channels]
    dot = lambda x, y: sum(map(operator.mul, x, y))
    for h in range(heads):
        for i in range(tokens):
            seen = [j for j in range(tokens) if i + j // length * length >= j % length]
            weights = [math.exp(dot(row(q, i, h), row(k, j, h)) / math.sqrt(channels)) for j in seen]
            for d in range(channels):
                values = [row(v, j, h)[d] for j in seen]
                out[(i * heads + h) * channels + d] = dot(weights, values) / sum(weights)
    return shape, out


class Shown(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        os.symlink(PROGRAM, self.folder / "dra")

    def run_line(self, line, status=0, folder=None):
        done = subprocess.run(shlex.split(line), cwd=folder or self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, f"{line}: {done.stderr}")
        return done.stdout

    def test_a_run_writes_out_and_lse(self):
        self.run_line(ORACLE.replace("x.safetensors", "in.safetensors"))
        self.run_line(RUN)
        self.assertEqual(set(read(self.folder / "out.safetensors")), {"out", "lse", "dq", "dk", "dv"})

    def test_the_planted_mistake_is_named_in_the_words_of_readme_and_of_the_page(self):
        self.run_line(ORACLE)
        self.assertTrue(self.run_line(DIAGNOSE).startswith("correct"))
        tensors = read(self.folder / "x.safetensors")
        tensors["out"] = with_the_offset_on_the_wrong_side(tensors, 4)
        write(self.folder / "x.safetensors", {name: tensors[name] for name in ("q", "k", "v", "out")})
        said = self.without_residuals(self.run_line(DIAGNOSE, status=1))
        for name in ("README.md", "docs/diagnose.md"):
            shown = next(block for block in blocks(pages()[name], "") if "mask-sign" in block)
            for line in self.without_residuals(shown):
                self.assertIn(line, [*said, "  ..."], name)

    @staticmethod
    def without_residuals(text):
        """A residual is what rounding left, and here nothing is rounded before the end."""
        return re.sub(r"residual \S+", "residual", text).splitlines()

    def test_the_probes_are_emitted(self):
        self.run_line(EMIT)
        self.assertTrue((self.folder / "probes/README.md").exists())

    def test_the_tables_of_the_h200_are_those_of_the_page(self):
        page = pages()["docs/gpu-results.md"].splitlines()
        for line in self.run_line(TABLES.replace("python3", sys.executable), folder=ROOT).splitlines():
            self.assertIn(line, page)


class Commands(unittest.TestCase):
    def test_every_call_of_the_program_is_one_that_it_understands(self):
        calls = [(name, line, whole) for name, page in pages().items()
                 for whole, found in ((True, commands(page)), (False, mentions(page))) for line in found if "./dra" in line]  # fmt: skip
        refused = [f"{name}: {line}: {said}" for name, line, whole in calls if (said := complaint(line, whole))]
        print(len(calls), "calls parsed")
        self.assertEqual(refused, [])
        self.assertGreater(len(calls), 30)

    def test_misspelt_calls_are_found(self):
        for line in ("./dra comapre", "./dra run --ouptut x", "./dra compare --backend gpu", "./dra bench speed", "./dra probe --emit"):
            self.assertIsNotNone(complaint(line, False), line)
        self.assertIsNotNone(complaint("./dra oracle --emit x", True))

    def test_every_command_in_a_block_is_run_by_a_test_or_says_why_not(self):
        shown = {line for page in pages().values() for line in commands(page)}
        self.assertEqual(shown - RUN_HERE - NOT_RUN.keys(), set())
        self.assertEqual((RUN_HERE | NOT_RUN.keys()) - shown, set(), "no page has these any more")
        self.assertEqual(RUN_HERE & NOT_RUN.keys(), set())

    def test_every_line_of_a_shell_block_is_taken_for_a_command(self):
        for name, page in pages().items():
            shell = [line for block in blocks(page, "sh") for line in lines(block)]
            self.assertTrue(set(shell) <= set(commands(page)), name)

    def test_what_a_command_runs_in_the_tree_exists(self):
        for page in pages().values():
            for line in commands(page):
                for script in re.findall(r"(?<![\w/])(?:benchmarks|docs|tests)/[\w/-]+\.(?:py|sh)", line):
                    self.assertTrue((ROOT / script).exists(), line)


if __name__ == "__main__":
    unittest.main()
