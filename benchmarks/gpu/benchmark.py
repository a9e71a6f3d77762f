"""Every kernel of the ladder beside FlashAttention-2, cuDNN and FlashAttention-3, in one run; and the card's ceilings.

    python3 benchmark.py ceilings  LIBRARY RESULTS.json
    python3 benchmark.py attention LIBRARY RESULTS.json [--seconds S] [--shapes dense,mixture,uneven,dilated]

LIBRARY is libdra_ladder.so: beside this file in a bundle, and build/cmake-gpu-bundle/cuda/bundle/libdra_ladder.so in the
tree that packed it. Needs PyTorch and a GPU that it can use.

shapes.py says on what, ladder.py and peers.py what is called, measuring.py how it is timed: each call is a CUDA graph, on
three sets of random normals that together are larger than the L2. At the dense shapes our kernels are in the list twice,
so that a difference within such a pair is seen to be noise. TFLOP/s = 4 D (visible pairs) / median time. ratios.py says
at the end how ours compare.
"""

import argparse
import datetime
import json
import pathlib
import subprocess
import sys
import time

try:
    import torch
except ImportError as error:
    sys.exit(f"benchmark: PyTorch is needed, and is not there: {error}")
if not torch.cuda.is_available():
    sys.exit("benchmark: a GPU is needed, and PyTorch finds none")

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))  # a bundle has whole_file.py beside this file

import ratios  # noqa: E402
from gpu import Gpu, alternative  # noqa: E402
from ladder import Ladder  # noqa: E402
from measuring import STATES, measure, summary  # noqa: E402
from peers import flash_attention_3  # noqa: E402
from point import INPUT_SETS, Point  # noqa: E402
from shapes import KINDS, Shape, shapes  # noqa: E402
from whole_file import check_writable, one_line_of_failure, write_whole  # noqa: E402

DATASHEET_TFLOPS = 989  # bf16, dense, of the H100 and H200 (SXM)


def ceilings():
    """The matrix product that nothing is faster than, and the copy, by a kernel: x -> -x reads and writes every byte."""
    n = 8192
    pairs = [[torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2)] for _ in range(INPUT_SETS)]
    product = alternative("product", [lambda p=p: p[0] @ p[1] for p in pairs])
    source = torch.randn(1 << 30, device="cuda", dtype=torch.bfloat16)
    target = torch.empty_like(source)
    copy = alternative("copy", [lambda: torch.neg(source, out=target)])
    measure([product, copy], 6, Gpu)
    found = {}
    for state in STATES:
        of_product, of_copy = summary(product.samples[state], 2 * n**3), summary(copy.samples[state], 0)
        found[state] = {
            "product_tflops": of_product["tflops"],
            "product_ms": of_product["ms"],
            "copy_tbytes": 2 * source.nbytes / of_copy["ms"] / 1e9,
            "copy_ms": of_copy["ms"],
        }
    return found


def environment():
    driver = subprocess.run(
        ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], capture_output=True, text=True
    ).stdout.strip()
    return {
        "device": torch.cuda.get_device_name(),
        "driver": driver,
        "date": datetime.date.today().isoformat(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "flash_attention_3": flash_attention_3 is not None,
        "datasheet_tflops": DATASHEET_TFLOPS,
    }


def print_point(found):
    s = found["shape"]
    title = f"{s['kind']} D={s['head_dim']} n={s['tokens']} w={s['segment_lengths']} r={s['dilation_rates']}"
    print(title + (" causal" if s["causal"] else ""))
    for name, states in found["alternatives"].items():
        cells = []
        for state in STATES:
            x = states[state]
            spread = 100 * (x["quartiles_ms"][1] - x["quartiles_ms"][0]) / x["ms"]
            cells.append(f"{x['tflops']:6.0f} TFLOP/s {x['ms']:8.3f} ms +-{spread / 2:3.0f} % {state}")
        print(f"  {name:32s} " + "   ".join(cells))
    for name, why in found["left_out"].items():
        print(f"  {name:32s} left out: {why}")
    sys.stdout.flush()


def measure_attention(ladder, kinds, seconds, record, write):
    """One point after another, each with a share of the time that is left."""
    asked, rates = list(shapes(kinds)), {}
    if "dense" not in kinds:  # which steps are slow is known from there
        for shape in filter(Shape.is_for_every_step, shapes(["dense"])):
            Point(shape).add_ladder(ladder, rates)
            ladder.release()
    ends = time.monotonic() + seconds
    record["kernels"], record["shapes"], record["not_reached"] = ladder.names, [], 0
    for i, shape in enumerate(asked):
        left = ends - time.monotonic()
        if left <= 0:
            record["not_reached"] = len(asked) - i
            print(f"the time is used up: {record['not_reached']} shapes were not measured")
            break
        point = Point(shape)
        point.add_ladder(ladder, rates)
        point.add_libraries()
        record["shapes"].append(point.measured(0.6 * left / (len(asked) - i)))
        print_point(record["shapes"][-1])
        write()
        del point  # with its graphs, before what they launch
        ladder.release()
        torch.cuda.empty_cache()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("ceilings", "attention"))
    parser.add_argument("library")
    parser.add_argument("results")
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--shapes", default=",".join(KINDS))
    options = parser.parse_args()
    check_writable(options.results)
    record = {"environment": environment()}

    def write():
        write_whole(options.results, json.dumps(record, indent=1))

    if options.part == "ceilings":
        record["ceilings"] = ceilings()
        for state, x in record["ceilings"].items():
            print(f"{state:7s} product {x['product_tflops']:.0f} TFLOP/s, copy {x['copy_tbytes']:.2f} TB/s")
    else:
        measure_attention(Ladder(options.library), options.shapes.split(","), options.seconds, record, write)
        if not record["shapes"]:
            sys.exit("benchmark: nothing was measured")
        record["ratios"] = ratios.ratios(record)
        print("\n".join(ratios.tables(record)))
    write()


if __name__ == "__main__":
    with one_line_of_failure("benchmark"):
        main()
