"""Markdown tables of what a GPU bundle's run found.

    python3 benchmarks/gpu_tables.py benchmarks/results/FOLDER

FOLDER holds the JSON files that `run` of build/gpu-bundle wrote. TFLOP/s are 4 D (visible pairs) over the median time, in
bf16; *rested* with a pause before each burst, *hot* back to back.
"""

import json
import pathlib
import sys

LADDER = ("naive", "tiled", "tensor_core", "pipelined", "wide", "hopper")
EXPECTED = {  # before anything was measured here; on an H200, D=128, where not said otherwise
    "naive": "< 5",
    "tiled": "10",
    "tensor_core": "50-120",
    "pipelined": "222",
    "wide": "340",
    "hopper": "366 (D=64)",
}
LIBRARIES = ("FlashAttention-2", "cuDNN", "FlashAttention-3")


def row(cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def header(cells):
    row(cells)
    row(["---"] * len(cells))


def tflops(point, name, state):
    found = point["alternatives"].get(name)
    return found[state]["tflops"] if found else None


def text(x):
    return "-" if x is None else f"{x:.0f}" if x >= 10 else f"{x:.1f}"


def points(record, **wanted):
    for point in record["shapes"]:
        if all(point["shape"][name] == value for name, value in wanted.items()):
            yield point


def ladder_table(record):
    header(["kernel", "expected", *(f"D={d}{', causal' if c else ''}" for d in (128, 64) for c in (False, True)), "ms, D=128"])
    for name in LADDER + LIBRARIES:
        tokens = 1024 if name == "naive" else 8192
        cells, milliseconds = [], "-"
        for d in (128, 64):
            for causal in (False, True):
                for point in points(record, kind="dense", tokens=tokens, head_dim=d, causal=causal):
                    cells.append(f"{text(tflops(point, name, 'rested'))} / {text(tflops(point, name, 'hot'))}")
                    if d == 128 and not causal and name in point["alternatives"]:
                        milliseconds = f"{point['alternatives'][name]['rested']['ms']:.3f}"
        row([name + (" (n = 1,024)" if name == "naive" else ""), EXPECTED.get(name, "-"), *cells, milliseconds])


def dense_table(record, kernel):
    lengths = (2048, 4096, 8192, 16384)
    header([f"{kernel} / {' / '.join(LIBRARIES)}, n =", *(f"{n:,}" for n in lengths)])
    for d in (128, 64):
        for causal in (False, True):
            cells = []
            for n in lengths:
                for point in points(record, kind="dense", tokens=n, head_dim=d, causal=causal):
                    cells.append(" / ".join(text(tflops(point, name, "rested")) for name in (kernel, *LIBRARIES)))
            row([f"D={d}{' causal' if causal else ''}", *cells])


def dilated_table(record, kernel):
    rates = (1, 2, 4, 8)
    header([f"{kernel} / best library on a view / best with gather, r =", *rates])
    for d in (128, 64):
        for causal in (False, True):
            for rows in (512, 1024, 2048):
                cells = []
                for r in rates:
                    cells.append("-")
                    for point in points(record, kind="dilated", segment_lengths=[rows * r], dilation_rates=[r], head_dim=d,
                                        causal=causal):  # fmt: skip
                        best = [
                            max((tflops(point, name + suffix, "rested") or 0 for name in LIBRARIES), default=0)
                            for suffix in ("", ", gathered")
                        ]
                        cells[-1] = " / ".join([text(tflops(point, kernel, "rested")), *(text(x or None) for x in best)])
                row([f"D={d}{' causal' if causal else ''} m={rows}", *cells])


def mixture_table(record):
    header(["(2048, 1) (4096, 2) (8192, 4), ms rested / hot", "wide", "hopper", "FlashAttention-2", "cuDNN"])
    for point in points(record, kind="mixture"):
        shape = point["shape"]
        cells = []
        for name in ("wide", "hopper", "FlashAttention-2", "cuDNN"):
            found = point["alternatives"].get(name)
            cells.append(f"{found['rested']['ms']:.2f} / {found['hot']['ms']:.2f}" if found else "-")
        row([f"D={shape['head_dim']}{' causal' if shape['causal'] else ''}", *cells])


def correctness_table(record):
    header(["kernel", "type", "right", "wrong", "refused", "largest share of a bound"])
    for found in record["kernels"]:
        if found["right"] + found["wrong"]:
            row([found["kernel"], found["type"], found["right"], found["wrong"], found["refused"],
                 f"{found['worst_share_of_bound']:.2f}"])  # fmt: skip


def main():
    folder = pathlib.Path(sys.argv[1])
    read = lambda name: json.loads((folder / f"{name}.json").read_text())
    benchmark, ceilings, correctness = read("benchmark"), read("ceilings")["ceilings"], read("correctness")
    environment = benchmark["environment"]
    print(f"{environment['device']}, driver {environment['driver']}, {environment['date']}, PyTorch {environment['torch']}, "
          f"cuDNN {environment['cudnn']}.")  # fmt: skip
    for state, found in ceilings.items():
        print(f"Ceilings, {state}: 8192^3 bf16 product {found['product_tflops']:.0f} TFLOP/s, copy {found['copy_tbytes']:.2f} TB/s.")
    print("\nThe ladder at n = 8,192, TFLOP/s rested / hot:\n")
    ladder_table(benchmark)
    for kernel in ("wide", "hopper"):
        print(f"\nDense, TFLOP/s rested, {kernel}:\n")
        dense_table(benchmark, kernel)
    print("\nDilated, m selected rows a segment, 32,768 tokens, TFLOP/s rested, zeroing the other rows included:\n")
    dilated_table(benchmark, "hopper")
    print("\nThe mixture, 2 x 16,384 tokens, phase h mod r; the libraries composed of 7 calls on views and merges by lse:\n")
    mixture_table(benchmark)
    print(f"\nCorrectness, {correctness['problems']} problems:\n")
    correctness_table(correctness)


if __name__ == "__main__":
    main()
