"""How things are timed against each other: interleaved in random order, rested and hot.

A call is replayed between two events, on several sets of inputs in turn; ten replays warm up. Two states: *rested*, 40 ms
of pause before each burst, and *hot*, back to back. What replays, times and pauses is a `device`, so that this file needs
no GPU: `burst(replays)` calls each of a list of functions between two events and gives their milliseconds, `wait()`
waits for all of it, `pause(seconds)` idles, `now()` is a clock in seconds.
"""

import random
import statistics

STATES = ("rested", "hot")
WARM_UPS = 10
PAUSE = 0.040  # seconds, before each burst of the rested state
BURST = 0.012  # seconds
LONGEST_BURST = 25  # replays
ENOUGH_SAMPLES = 100
FEWEST_ROUNDS, MOST_ROUNDS = 3, 25


class Alternative:
    """One of several things that are timed against each other: a function a set of inputs, which replays its call."""

    def __init__(self, name, replays, device):
        self.name, self.replays, self.turn = name, replays, 0
        self.samples = {state: [] for state in STATES}  # ms
        device.burst(self.take(WARM_UPS))
        self.estimate = statistics.median(device.burst(self.take(5))) / 1e3  # seconds

    def take(self, count):
        """The next `count` replays; the sets of inputs take turns from one burst to the next."""
        taken = [self.replays[(self.turn + i) % len(self.replays)] for i in range(count)]
        self.turn += count
        return taken

    def burst_length(self):
        return max(1, min(LONGEST_BURST, int(BURST / self.estimate)))


def measure(alternatives, seconds, device):
    """Rounds in both states: at least three, then until every alternative has enough samples or the time is used up."""
    for state in STATES:
        ends = device.now() + seconds / len(STATES)
        for done in range(MOST_ROUNDS):
            enough = all(len(alternative.samples[state]) >= ENOUGH_SAMPLES for alternative in alternatives)
            if done >= FEWEST_ROUNDS and (enough or device.now() >= ends):
                break
            for alternative in random.sample(alternatives, len(alternatives)):
                replays = alternative.take(alternative.burst_length())
                if state == "rested":
                    device.wait()
                    device.pause(PAUSE)
                alternative.samples[state] += device.burst(replays)


def summary(samples, flops):
    """Median, quartiles and rate; TFLOP/s = FLOPs / median time."""
    median = statistics.median(samples)
    low, _, high = statistics.quantiles(samples, n=4) if len(samples) > 1 else samples * 3
    return {"ms": median, "quartiles_ms": [low, high], "samples": len(samples), "tflops": flops / median / 1e9}
