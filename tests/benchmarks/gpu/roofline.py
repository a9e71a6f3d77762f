"""The roofline's bytes against counting, and its shares at points whose time is exactly a unit's."""

import pathlib
import sys
import unittest

root = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(root / "benchmarks/gpu")]

from ratios import BARE  # noqa: E402
from roofline import compulsory_bytes, roofline  # noqa: E402

CEILINGS = {state: {"product_tflops": 800.0, "copy_tbytes": 4.0} for state in ("rested", "hot")}


def shape(tokens, patterns, head_dim=64, batch=2, heads=3):
    return {"kind": "dense", "batch": batch, "tokens": tokens, "heads": heads, "head_dim": head_dim, "causal": False,
            "segment_lengths": [w for w, _ in patterns], "dilation_rates": [r for _, r in patterns]}  # fmt: skip


def counted_bytes(s, zeroing):
    """Row by row: q, k, v and out of 2 bytes an element, lse of 4."""
    moved = 0
    for n in range(s["tokens"]):
        uses = sum(n % w % r == 0 for w, r in zip(s["segment_lengths"], s["dilation_rates"]))
        moved += uses * 3 * 2 * s["head_dim"]
        moved += (1 if zeroing else uses) * (2 * s["head_dim"] + 4)
    return moved * s["batch"] * s["heads"]


def record(s, milliseconds, flops):
    one = {"ms": milliseconds, "tflops": 0, "quartiles_ms": [0, 0], "samples": 1}
    point = {"shape": s, "flops": flops, "relative_error": {"k": 0}, "left_out": {},
             "alternatives": {name: {"rested": one, "hot": one} for name in ("k", "k" + BARE, "cuDNN")}}  # fmt: skip
    return {"environment": {"device": "d", "datasheet_tflops": 1024}, "shapes": [point]}


class Roofline(unittest.TestCase):
    def test_bytes_are_those_counted_row_by_row(self):
        for s in (shape(24, [(24, 1)]), shape(24, [(8, 2)]), shape(21, [(8, 3)]), shape(24, [(6, 1), (12, 2)])):
            for zeroing in (True, False) if len(s["segment_lengths"]) == 1 else (True,):
                self.assertEqual(compulsory_bytes(s, zeroing), counted_bytes(s, zeroing))

    def test_a_kernel_that_takes_exactly_a_units_time_has_the_share_one(self):
        s = shape(1024, [(1024, 1)])
        of = lambda ms, flops: {p["kernel"]: p for p in roofline(record(s, ms, flops), CEILINGS)["points"] if p["state"] == "hot"}
        self.assertEqual(of(1, 8e11)["k"]["share_of_product"], 1)
        self.assertEqual(of(1, 4e11)["k"]["tflops"], 400)
        exps = 1e-3 * 4e12  # 1024 TFLOP/s are 4 T exps/s
        self.assertEqual(of(1, exps * 4 * 64)["k"]["share_of_exps"], 1)
        self.assertEqual(of(1e3 * compulsory_bytes(s, True) / 4e12, 1)["k"]["share_of_copy"], 1)
        found = of(1, 4e11)["k"]
        together = found["share_of_product"] + found["share_of_exps"]
        self.assertAlmostEqual(found["share_of_product_and_exps_in_turn"], together, places=3)

    def test_zeroing_counts_where_it_is_done_and_not_for_libraries(self):
        points = roofline(record(shape(1024, [(64, 4)]), 1, 1e9), CEILINGS)["points"]
        share = {p["kernel"]: p["share_of_copy"] for p in points}
        print(share)
        self.assertEqual(share["k" + BARE], share["cuDNN"])
        self.assertGreater(share["k"], 1.5 * share["cuDNN"])


if __name__ == "__main__":
    unittest.main()
