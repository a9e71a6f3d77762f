#!/usr/bin/env python3
"""The roofline of every kernel of the ladder: how far it is from the product, the copy and the exps that a device can do.

    roofline.py FOLDER       (benchmarks/results/FOLDER: benchmark.json and ceilings.json of a GPU bundle's run)

writes FOLDER/roofline.json and, with matplotlib, FOLDER/roofline.svg. At each point the least time that each unit needs, over
the time that the kernel took:

    product  4 D (visible pairs) FLOPs, at the rate that an 8192^3 bf16 product was measured to reach
    copy     every byte once: the selected rows of q, k, v and out, lse, and the rows that ours zero, at the copy's rate
    exps     one a visible pair; a multiprocessor does 16 a clock, and 4,096 bf16 FLOPs of the datasheet's peak

A kernel that multiplies and exponentiates in turn cannot be faster than the sum of the two.
"""

import json
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from ratios import BARE, LIBRARIES, STATES, ours  # noqa: E402
from whole_file import folder_beside, one_line_of_failure, put_in_place, write_whole  # noqa: E402

FLOPS_AN_EXP = 4096 / 16  # of the datasheet's peak, in the time of one exp


def selected(shape, segment, dilation):
    """Rows that phase 0 selects in one sequence."""
    starts = range(0, shape["tokens"], segment)
    return sum(len(range(start, min(start + segment, shape["tokens"]), dilation)) for start in starts)


def compulsory_bytes(shape, zeroing):
    """What must be read and written once, in bf16, with lse in float."""
    row = 2 * shape["head_dim"]
    patterns = zip(shape["segment_lengths"], shape["dilation_rates"])
    chosen = [selected(shape, w, r) for w, r in patterns]
    written = shape["tokens"] if zeroing else sum(chosen)
    return shape["batch"] * shape["heads"] * (sum(chosen) * 3 * row + written * (row + 4))


def shares(point, name, state, ceilings, datasheet):
    """One kernel at one point: rates, and the shares of the bounds."""
    s, seconds = point["shape"], 1e-3 * point["alternatives"][name][state]["ms"]
    moved = compulsory_bytes(s, zeroing=not name.endswith(BARE) and name not in LIBRARIES)
    least = {
        "product": point["flops"] / (1e12 * ceilings[state]["product_tflops"]),
        "copy": moved / (1e12 * ceilings[state]["copy_tbytes"]),
        "exps": point["flops"] / (4 * s["head_dim"]) * FLOPS_AN_EXP / (1e12 * datasheet),
    }
    found = {
        "tflops": point["flops"] / seconds / 1e12,
        "flops_a_byte": point["flops"] / moved,
        **{f"share_of_{unit}": time / seconds for unit, time in least.items()},
        "share_of_product_and_exps_in_turn": (least["product"] + least["exps"]) / seconds,
    }
    return {"kernel": name, "state": state, **s, **{key: float(f"{x:.4g}") for key, x in found.items()}}


def roofline(benchmark, ceilings):
    datasheet = benchmark["environment"]["datasheet_tflops"]
    points = [
        shares(point, name, state, ceilings, datasheet)
        for point in benchmark["shapes"]
        for name in (*ours(point), *(name + BARE for name in ours(point)), *LIBRARIES)
        if name in point["alternatives"]
        for state in STATES
    ]
    roofs = {
        state: {
            "product_tflops": ceilings[state]["product_tflops"],
            "copy_tbytes": ceilings[state]["copy_tbytes"],
            "exps_tera": datasheet / FLOPS_AN_EXP,
        }
        for state in STATES
    }
    return {"device": benchmark["environment"]["device"], "roofs": roofs, "points": points}


def main():
    folder = pathlib.Path(sys.argv[1])
    read = lambda name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    found = roofline(read("benchmark"), read("ceilings")["ceilings"])
    if not found["points"]:
        sys.exit(f"{folder}/benchmark.json has no point")
    write_whole(folder / "roofline.json", json.dumps(found, separators=(",", ":")) + "\n")
    try:
        from roofline_plot import plot
    except ImportError as error:
        print(f"no picture: matplotlib is not there ({error})")
        return
    with folder_beside(folder / "roofline.svg") as beside:
        plot(found, pathlib.Path(beside) / "roofline.svg")
        put_in_place(pathlib.Path(beside) / "roofline.svg", folder / "roofline.svg")


if __name__ == "__main__":
    with one_line_of_failure("roofline"):
        main()
