"""What the bundle compares: shapes in closed form against counting, and ratios of a record that is made by hand."""

import math
import pathlib
import sys
import unittest

root = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(root / "benchmarks/gpu")]

from ratios import ALONE, BARE, GATHERED, ratios, tables  # noqa: E402
from shapes import COMPETES, KINDS, SHORT, TYPICAL, Shape, shapes, too_slow  # noqa: E402


def visible_pairs(shape):
    """Counted by the definition: same segment, both selected with phase 0, j <= i if causal."""
    pairs = 0
    for w, r in shape.patterns:
        selected = [i for i in range(shape.tokens) if i % w % r == 0]
        pairs += sum(i // w == j // w and (j <= i or not shape.causal) for i in selected for j in selected)
    return pairs


def point(kind, times, errors=("k",), tokens=2048, w=2048, r=1, head_dim=64, causal=False, flops=1e12):
    """A point of a record; `times`: rested and hot ms of each alternative."""
    shape = {"kind": kind, "batch": 1, "tokens": tokens, "heads": 32, "head_dim": head_dim, "segment_lengths": [w],
             "dilation_rates": [r], "causal": causal}  # fmt: skip
    of = lambda ms: {"ms": ms, "quartiles_ms": [ms, ms], "samples": 50, "tflops": flops / ms / 1e9}
    alternatives = {name: {"rested": of(rested), "hot": of(hot)} for name, (rested, hot) in times.items()}
    return {"shape": shape, "flops": flops, "relative_error": dict.fromkeys(errors, 1e-3), "left_out": {}, "alternatives": alternatives}


class Shapes(unittest.TestCase):
    def test_flops_are_those_of_pairs_counted_one_by_one(self):
        checked = 0
        for tokens, patterns in ((24, [(8, 2)]), (20, [(8, 2)]), (21, [(7, 3)]), (12, [(12, 1)]), (24, [(4, 1), (8, 2), (12, 4)]), (5, [(8, 3)])):
            for causal in (0, 1):
                shape = Shape("any", 3, tokens, 64, patterns, causal)
                self.assertEqual(shape.flops(), 4 * 64 * visible_pairs(shape) * 3 * 32)
                checked += 1
        print(checked, "shapes counted")

    def test_the_shapes_are_the_dense_dilated_uneven_ones_and_the_mixture_of_both_head_sizes(self):
        count = {kind: len(list(shapes([kind]))) for kind in KINDS}
        print(count)
        self.assertEqual(count, {"dense": 20, "mixture": 4, "uneven": 12, "dilated": 48})
        for shape in shapes(KINDS):
            self.assertEqual(shape.heads * shape.head_dim, 2048)
            self.assertEqual(shape.divides(), shape.kind != "uneven" or (shape.tokens, shape.segment) == (16384, 4096))
            if shape.kind == "uneven":  # the longest segment always has the same work
                self.assertEqual(max(shape.selected(*shape.patterns[0])), 2048)

    def test_a_step_is_left_out_where_it_is_met_as_slow_and_a_new_one_is_not(self):
        typical = Shape("dense", 2, TYPICAL, 128, [(TYPICAL, 1)], 0)
        other = Shape("dilated", 2, 16384, 128, [(2048, 2)], 0)
        rates = {("naive", 128, 0): 0.2, ("near", 128, 0): 610, ("far", 128, 0): 590, ("best", 128, 0): 700, ("far", 64, 0): 700}
        self.assertEqual([name for name in ("naive", "near", "far", "best") if too_slow(typical, rates, name)], ["naive"])
        self.assertEqual([name for name in ("naive", "near", "far", "best", "new") if too_slow(other, rates, name)], ["naive", "far"])
        self.assertTrue(590 / 700 < COMPETES < 610 / 700)
        self.assertEqual(too_slow(Shape("dense", 1, SHORT, 128, [(SHORT, 1)], 0), rates, "naive"), "")


class Ratios(unittest.TestCase):
    def test_the_fastest_of_ours_stands_against_flash_attention_3_at_dense_points(self):
        times = {"slow": (4, 4), "k": (2, 4), "FlashAttention-3": (3, 3), "cuDNN": (1, 1)}
        record = {"shapes": [point("dense", times, ("slow", "k")), point("dense", {"k": (1, 1)}, tokens=1024)]}
        found = ratios(record)["dense"]
        self.assertEqual([len(found[state]["points"]) for state in found], [1, 1])
        self.assertEqual((found["rested"]["minimum"], found["hot"]["minimum"]), (1.5, 0.75))
        self.assertEqual(found["rested"]["points"][0]["kernel"], "k")

    def test_dilated_points_leave_zeroing_out_and_give_its_price_beside_the_best_library_on_a_view(self):
        times = {"k": (3, 3), "k" + BARE: (2, 2), "cuDNN": (3, 3), "FlashAttention-3": (2.5, 2), "cuDNN" + GATHERED: (1, 1)}
        undilated = {"k": (2, 2), "cuDNN": (4, 4)}
        found = ratios({"shapes": [point("dilated", times, w=4096, r=2), point("dilated", undilated)]})["dilated"]["rested"]
        self.assertEqual([e["ratio"] for e in found["points"]], [1.25, 2.0])
        self.assertEqual([e["zeroing"] for e in found["points"]], [0.5, 0.0])
        self.assertAlmostEqual(found["geometric_mean"], math.sqrt(2.5))

    def test_uneven_points_are_rates_over_the_even_case_of_the_same_head_size_and_causality(self):
        points = [point("uneven", {"k": (1, 1)}, tokens=16384, w=4096, r=2), point("uneven", {"k": (2, 2)}, tokens=16380, w=4095, r=2),
                  point("uneven", {"k": (1, 1)}, tokens=15384, w=4096, r=2, flops=8e11),
                  point("uneven", {"k": (9, 9)}, tokens=16384, w=4096, r=2, causal=True)]  # fmt: skip
        found = ratios({"shapes": points})["uneven"]["hot"]
        self.assertEqual([round(e["ratio"], 9) for e in found["points"]], [0.5, 0.8])

    def test_the_mixture_is_our_time_over_that_of_cudnns_calls_alone_and_over_the_fastest_librarys(self):
        times = {"k": (3, 3), "cuDNN": (8, 8), "cuDNN" + ALONE: (4, 4), "FlashAttention-3" + ALONE: (5, 2)}
        found = ratios({"shapes": [point("mixture", times)]})["mixture"]
        self.assertEqual((found["rested"]["maximum"], found["hot"]["maximum"]), (0.75, 0.75))
        self.assertEqual([found[state]["points"][0]["ratio_best"] for state in found], [0.75, 1.5])
        self.assertEqual(found["hot"]["points"][0]["best"], "FlashAttention-3" + ALONE)
        self.assertEqual([x["tflops_asked"] for x in found["rested"]["points"]], [x["tflops"] for x in found["rested"]["points"]])

    def test_what_was_not_measured_or_not_right_is_in_no_ratio(self):
        wrong = point("dense", {"FlashAttention-3": (1, 1)}, ("k",))
        self.assertEqual(ratios({"shapes": [wrong]}), {})
        self.assertEqual(list(tables({"shapes": [wrong]})), [])

    def test_tables_say_every_ratio_in_both_states_and_the_least_and_the_mean(self):
        record = {"shapes": [point("dense", {"k": (2, 4), "FlashAttention-3": (3, 3)}), point("dilated", {"k": (2, 2), "cuDNN": (4, 4)})]}
        text = "\n".join(tables(record))
        print(text)
        self.assertIn("dense, asked >= 1.05: rested 1.50 to 1.50, geometric mean 1.50, 1 points; hot 0.75", text)
        self.assertIn("| D=64 | 1.50 / 0.75 k |", text)
        self.assertIn("| D=64 m=2048 | 2.00 / 2.00 k, zeroing +0 % |", text)


if __name__ == "__main__":
    unittest.main()
