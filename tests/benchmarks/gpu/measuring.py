"""How the bundle times, on a device that is played: no GPU, no PyTorch."""

import pathlib
import random
import sys
import unittest

root = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(root / "benchmarks/gpu")]

from measuring import BURST, ENOUGH_SAMPLES, FEWEST_ROUNDS, LONGEST_BURST, MOST_ROUNDS, PAUSE, STATES, WARM_UPS, Alternative, measure, summary  # noqa: E402


class PlayedDevice:
    """A clock that only bursts and pauses move, and the story of what was replayed when."""

    def __init__(self):
        self.seconds, self.story = 0.0, []

    def now(self):
        return self.seconds

    def pause(self, seconds):
        self.story.append("pause")
        self.seconds += seconds

    def wait(self):
        self.story.append("wait")

    def burst(self, replays):
        found = [replay() for replay in replays]
        self.story.append([name for name, _, _ in found])
        self.seconds += sum(ms for _, _, ms in found) / 1e3
        return [ms for _, _, ms in found]

    def call(self, name, ms, sets=3):
        """An alternative of so many milliseconds, which notes the set of inputs of each replay."""
        used = []
        replay = lambda i: (used.append(i), (name, i, ms))[1]
        return Alternative(name, [lambda i=i: replay(i) for i in range(sets)], self), used


class Measuring(unittest.TestCase):
    def setUp(self):
        random.seed(1)
        self.device = PlayedDevice()

    def test_the_sets_of_inputs_take_turns_across_bursts_and_warm_ups_come_first(self):
        alternative, used = self.device.call("a", 2.0)
        self.assertEqual(used, [i % 3 for i in range(WARM_UPS + 5)])
        self.assertEqual(len(self.device.story[0]), WARM_UPS)
        self.assertEqual(alternative.samples, {"rested": [], "hot": []})  # neither warm-ups nor the estimate count
        measure([alternative], 1, self.device)
        self.assertEqual(used, [i % 3 for i in range(len(used))])

    def test_a_burst_is_as_many_replays_as_fill_its_time_at_least_one_and_at_most_25(self):
        lengths = {ms: self.device.call("a", ms)[0].burst_length() for ms in (0.01, 1.0, 5.0, 50.0)}
        print("replays a burst by ms:", lengths)
        self.assertEqual(lengths, {0.01: LONGEST_BURST, 1.0: int(BURST / 1e-3), 5.0: 2, 50.0: 1})

    def test_every_alternative_has_one_burst_a_round_in_an_order_that_changes(self):
        names = "abcdef"
        alternatives = [self.device.call(name, 1.0)[0] for name in names]
        self.device.story.clear()
        measure(alternatives, 0, self.device)
        order = [burst[0] for burst in self.device.story if isinstance(burst, list)]
        rounds = ["".join(order[i : i + len(names)]) for i in range(0, len(order), len(names))]
        print("rounds:", rounds)
        self.assertEqual(len(rounds), len(STATES) * FEWEST_ROUNDS)
        for one in rounds:
            self.assertEqual("".join(sorted(one)), names)
        self.assertGreater(len(set(rounds)), 1)

    def test_a_pause_comes_before_every_burst_of_the_rested_state_and_before_none_of_the_hot_one(self):
        alternatives = [self.device.call(name, 1.0)[0] for name in "ab"]
        self.device.story.clear()
        measure(alternatives, 0, self.device)
        half = 2 * FEWEST_ROUNDS
        self.assertEqual([what for what in self.device.story if not isinstance(what, list)], ["wait", "pause"] * half)
        self.assertTrue(all(isinstance(what, list) for what in self.device.story[3 * half :]))
        self.assertEqual(len(self.device.story), 4 * half)

    def test_rounds_end_with_enough_samples_or_with_the_time_and_never_before_the_third(self):
        quick, _ = self.device.call("quick", 0.1)
        measure([quick], 1e9, self.device)
        self.assertEqual({s: len(x) for s, x in quick.samples.items()}, dict.fromkeys(STATES, ENOUGH_SAMPLES))

        slow, _ = self.device.call("slow", 50.0)
        began = self.device.now()
        measure([slow], 2.0, self.device)
        took = self.device.now() - began
        print(f"asked for 2 s, took {took:.2f} s: {len(slow.samples['rested'])} and {len(slow.samples['hot'])} samples")
        self.assertLess(took, 2.0 + 2 * (0.050 + PAUSE))
        self.assertGreater(took, 1.8)

        hurried, _ = self.device.call("hurried", 50.0)
        measure([hurried], 0, self.device)
        self.assertEqual(len(hurried.samples["hot"]), FEWEST_ROUNDS)

        endless, _ = self.device.call("endless", 50.0)
        measure([endless], 1e9, self.device)
        self.assertEqual(len(endless.samples["hot"]), MOST_ROUNDS)

    def test_a_summary_is_median_quartiles_and_rate_of_the_median(self):
        found = summary([4.0, 1.0, 3.0, 2.0, 100.0], 6e12)
        self.assertEqual((found["ms"], found["samples"], found["tflops"]), (3.0, 5, 2000.0))
        self.assertEqual(found["quartiles_ms"], [1.5, 52.0])
        self.assertEqual(summary([2.0], 2e9)["quartiles_ms"], [2.0, 2.0])


if __name__ == "__main__":
    unittest.main()
