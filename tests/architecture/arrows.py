"""Includes follow the arrows of the house: what a folder may see is written here, and nothing else is seen.

    python3 tests/architecture/arrows.py

Who adds an arrow adds it here too, and says why in the commit: an include that points the other way is how a cycle begins.
"""

import collections
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

DEFINITION = "reference/definition"
LIBRARY = {DEFINITION, "reference/attention", "reference/ring"}
DISTRIBUTED = {"distributed", "distributed/backends"}
BENCHMARKS = {"benchmarks/comparison", "benchmarks/speed", "benchmarks/measuring"}
PROGRAM = LIBRARY | BENCHMARKS | DISTRIBUTED | {"reference/published", "reference/defects", "cuda/device", "cuda/published"}

# Of each folder, the others whose headers it may include.
MAY_SEE = {
    DEFINITION: set(),
    "reference/attention": {DEFINITION},
    "reference/ring": {DEFINITION, "reference/attention"},
    "reference/published": LIBRARY,
    "reference/defects": {DEFINITION, "reference/ring"},  # never attention: what judges shares no arithmetic with it
    "reference": LIBRARY,  # the umbrella header
    "distributed": LIBRARY,
    "distributed/backends": LIBRARY | {"distributed"},
    "cuda/device": {DEFINITION},
    "cuda/simt": {DEFINITION, "cuda/device"},
    "cuda/kernels": {DEFINITION, "cuda/device", "cuda/simt"},
    "cuda/host": {DEFINITION, "cuda/device", "cuda/simt", "cuda/kernels"},
    "cuda/published": LIBRARY | {"reference/published", "cuda/device", "cuda/simt", "cuda/kernels", "cuda/host"},
    "cuda/bundle": {"cuda/kernels"},
    "benchmarks/measuring": {"cuda/device"},  # the time of a run on a device
    "benchmarks/speed": LIBRARY | DISTRIBUTED | {"benchmarks/measuring", "cuda/device"},
    "benchmarks/comparison": LIBRARY | {"benchmarks/measuring", "reference/published", "cuda/device", "cuda/published"},
    "benchmarks": LIBRARY,  # the engine as PyTorch's comparison loads it
    "cli": PROGRAM,
    "tests": PROGRAM | {"reference", "cli", "cuda/simt", "cuda/kernels", "cuda/host"},
}


def folder(path):
    """The room that a file stands in: of reference/, cuda/ and benchmarks/ the inner one."""
    parts = pathlib.PurePosixPath(path).parts
    return "/".join(parts[:2]) if parts[0] in ("reference", "cuda", "distributed", "benchmarks") and len(parts) > 2 else parts[0]


def includes():
    """(file, included file) of every include of this project's own."""
    for top in sorted({name.split("/")[0] for name in MAY_SEE}):
        for source in sorted((ROOT / top).rglob("*")):
            if source.suffix in {".hpp", ".cpp", ".cu"}:
                name = source.relative_to(ROOT).as_posix()
                for included in re.findall(r'^\s*#\s*include "([^"]+)"', source.read_text(encoding="utf-8"), re.M):
                    yield name, included


class Arrows(unittest.TestCase):
    def test_every_include_follows_an_arrow(self):
        wrong, seen = [], collections.Counter()
        for source, included in includes():
            here, there = folder(source), folder(included)
            if here != there:
                seen[here, there] += 1
                if there not in MAY_SEE.get(here, set()):
                    wrong.append(f"{source} includes {included}: {here} must not see {there}")
        self.assertEqual(wrong, [])
        self.assertGreater(sum(seen.values()), 300)
        print(f"{sum(seen.values())} includes along {len(seen)} arrows")

    def test_the_arrows_make_no_cycle(self):
        done = set()

        def visit(here, path):
            self.assertNotIn(here, path, " -> ".join([*path, here]))
            for there in MAY_SEE[here] - done:
                visit(there, [*path, here])
            done.add(here)

        for here in MAY_SEE:
            visit(here, [])

    def test_every_include_is_there(self):
        made = {"cli/version.hpp"}  # by CMake
        self.assertEqual([pair for pair in includes() if pair[1] not in made and not (ROOT / pair[1]).exists()], [])


if __name__ == "__main__":
    unittest.main()
