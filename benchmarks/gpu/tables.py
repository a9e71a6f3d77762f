"""Markdown tables of what a GPU bundle's run found.

    python3 benchmarks/gpu/tables.py benchmarks/results/FOLDER

FOLDER holds the JSON files that `run` of build/gpu-bundle wrote. TFLOP/s are 4 D (visible pairs) over the median time, in
bf16; *rested* with a pause before each burst, *hot* back to back.
"""

import json
import pathlib
import sys

from ratios import BARE, GATHERED, LIBRARIES, fastest, ours, row, tables

EXPECTED = {  # before anything was measured here; on an H200, D=128, where not said otherwise
    "naive": "< 5",
    "tiled": "10",
    "tensor_core": "50-120",
    "pipelined": "222",
    "wide": "340",
    "hopper": "366 (D=64)",
    "warp_specialized": "650",
    "overlapped": "710",
    "balanced": "750",
    "fixed_reference": "813",
}


def header(cells):
    print(row(cells))
    print(row(["---"] * len(cells)))


def kernels(record):
    """The kernels of the ladder, in reading order."""
    return list(dict.fromkeys(name for point in record["shapes"] for name in ours(point)))


def rate(point, names, state="rested"):
    """TFLOP/s of the fastest of these alternatives, as text."""
    found = fastest(point, names, state)
    return text(found and found[1]["tflops"])


def text(x):
    return "-" if x is None else f"{x:.0f}" if x >= 10 else f"{x:.1f}"


def points(record, **wanted):
    for point in record["shapes"]:
        if all(point["shape"][name] == value for name, value in wanted.items()):
            yield point


def ladder_table(record):
    header(["kernel", "expected", *(f"D={d}{', causal' if c else ''}" for d in (128, 64) for c in (False, True)), "ms, D=128"])
    for name in (*kernels(record), *LIBRARIES):
        tokens = 1024 if name == "naive" else 8192
        cells, milliseconds = [], "-"
        for d in (128, 64):
            for causal in (False, True):
                for point in points(record, kind="dense", tokens=tokens, head_dim=d, causal=causal):
                    cells.append(f"{rate(point, [name])} / {rate(point, [name], 'hot')}")
                    if d == 128 and not causal and name in point["alternatives"]:
                        milliseconds = f"{point['alternatives'][name]['rested']['ms']:.3f}"
        print(row([name + (" (n = 1,024)" if name == "naive" else ""), EXPECTED.get(name, "-"), *cells, milliseconds]))


def dense_table(record):
    lengths = (2048, 4096, 8192, 16384)
    header([f"ours / {' / '.join(LIBRARIES)}, n =", *(f"{n:,}" for n in lengths)])
    for d in (128, 64):
        for causal in (False, True):
            found = [p for n in lengths for p in points(record, kind="dense", tokens=n, head_dim=d, causal=causal)]
            cells = [" / ".join(rate(p, names) for names in (ours(p), *([name] for name in LIBRARIES))) for p in found]
            print(row([f"D={d}{' causal' if causal else ''}", *cells]))


def dilated_table(record):
    rates = (1, 2, 4, 8)
    header(["ours with zeroing / without / best library on a view / with gather, r =", *rates])
    for d in (128, 64):
        for causal in (False, True):
            for rows in (512, 1024, 2048):
                cells = []
                for r in rates:
                    wanted = {"segment_lengths": [rows * r], "dilation_rates": [r], "head_dim": d, "causal": causal}
                    for p in points(record, kind="dilated", **wanted):
                        suffixed = lambda names, suffix: [name + suffix for name in names]
                        alternatives = (ours(p), suffixed(ours(p), BARE), LIBRARIES, suffixed(LIBRARIES, GATHERED))
                        cells.append(" / ".join(rate(p, names) for names in alternatives))
                print(row([f"D={d}{' causal' if causal else ''} m={rows}", *cells]))


def mixture_table(record):
    found = list(points(record, kind="mixture"))
    names = [name for point in found[:1] for name in point["alternatives"]]
    header(["(2048, 1) (4096, 2) (8192, 4), ms rested / hot", *names])
    for point in found:
        of, shape = point["alternatives"], point["shape"]
        cells = [f"{of[name]['rested']['ms']:.2f} / {of[name]['hot']['ms']:.2f}" if name in of else "-" for name in names]
        print(row([f"D={shape['head_dim']}{' causal' if shape['causal'] else ''}", *cells]))


def correctness_table(record):
    header(["kernel", "type", "right", "wrong", "refused", "largest share of a bound"])
    for found in record["kernels"]:
        if found["right"] + found["wrong"]:
            cells = (found[key] for key in ("kernel", "type", "right", "wrong", "refused"))
            print(row([*cells, f"{found['worst_share_of_bound']:.2f}"]))


def main():
    folder = pathlib.Path(sys.argv[1])
    read = lambda name: json.loads((folder / f"{name}.json").read_text())
    benchmark, ceilings, correctness = read("benchmark"), read("ceilings")["ceilings"], read("correctness")
    if not benchmark["shapes"] or not any(found["right"] + found["wrong"] for found in correctness["kernels"]):
        sys.exit(f"{folder}: nothing was measured, or nothing verified: there are no tables")
    environment = benchmark["environment"]
    print(f"{environment['device']}, driver {environment['driver']}, {environment['date']}, PyTorch {environment['torch']}, "
          f"cuDNN {environment['cudnn']}.")  # fmt: skip
    for state, found in ceilings.items():
        print(f"Ceilings, {state}: 8192^3 bf16 product {found['product_tflops']:.0f} TFLOP/s, copy {found['copy_tbytes']:.2f} TB/s.")
    print("\nThe ladder at n = 8,192, TFLOP/s rested / hot:\n")
    ladder_table(benchmark)
    print("\nDense, TFLOP/s rested, the fastest kernel of ours:\n")
    dense_table(benchmark)
    print("\nDilated, m selected rows a segment, 32,768 tokens, TFLOP/s rested, the fastest kernel of ours:\n")
    dilated_table(benchmark)
    print("\nThe mixture, 2 x 16,384 tokens, phase h mod r; the libraries composed of 7 calls on views and merges by lse:\n")
    mixture_table(benchmark)
    print("\nHow ours compare, in time:\n")
    print("\n".join(tables(benchmark)).rstrip())
    print(f"\nCorrectness, {correctness['problems']} problems:\n")
    correctness_table(correctness)


if __name__ == "__main__":
    main()
