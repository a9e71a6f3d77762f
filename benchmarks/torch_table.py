"""The table of torch_speed.py runs by one and two threads, in Markdown.

    python benchmarks/torch_table.py speed.json ...

GFLOP/s of visible pairs: the engine, and its ratio to PyTorch, of medians and of the shortest times, by one and by two threads;
the last column is two threads over one. Bold falls short of what is asked: 1.15 of PyTorch, causal 1.30 (1.15 at r = 8), and 1.9
of one thread.
"""

import json
import math
import statistics
import sys
from pathlib import Path

CASE = ("direction", "dilation", "rows", "head_dim", "causal")
HEADER = ("pass", "r", "rows", "D", "causal", "1 thread", "ratio", "of the best", "2 threads", "ratio", "of the best", "2 / 1")
RATIOS = ("ratio", "best_ratio")
TWICE = 1.9


def asked(figure):
    return 1.30 if figure["causal"] and figure["dilation"] == 1 else 1.15


def judged(value, bound):
    """Rounded down, so that nothing reads as if it held."""
    text = f"{math.floor(100 * value) / 100:.2f}"
    return text if value >= bound else f"**{text}**"


def rows(figures):
    cases = {}
    for figure in figures:
        cases.setdefault(tuple(figure[key] for key in CASE), {})[figure["threads"]] = figure
    for (direction, dilation, n, head_dim, causal), by_threads in cases.items():
        if not {1, 2} <= by_threads.keys():
            sys.exit(f"{direction} of {n} rows, D {head_dim}: needs times by 1 and by 2 threads, has {sorted(by_threads)}")
        one, two = by_threads[1], by_threads[2]
        speeds = [cell for f in (one, two) for cell in (f"{f['engine_gflops']:.0f}", *(judged(f[key], asked(f)) for key in RATIOS))]
        yield (direction, dilation, n, head_dim, "yes" if causal else "no", *speeds,
               judged(two["engine_gflops"] / one["engine_gflops"], TWICE))  # fmt: skip


def main():
    figures = [figure for path in sys.argv[1:] for figure in json.loads(Path(path).read_text())["figures"]]
    if not figures:
        sys.exit(f"{' '.join(sys.argv[1:]) or 'speed.json'}: nothing was measured: there is no table")
    for cells in (HEADER, ["---"] * len(HEADER), *rows(figures)):
        print("| " + " | ".join(map(str, cells)) + " |")
    print()
    for key, of in zip(RATIOS, ("medians", "the shortest times")):
        found = [f[key] for f in figures]
        held = sum(f[key] >= asked(f) for f in figures)
        print(f"Of {of}, {held} of {len(found)} ratios hold; the least is {min(found):.2f}, the median {statistics.median(found):.2f}.")


if __name__ == "__main__":
    main()
