"""What takes long tells a terminal what runs, how far it is, and about how long the rest takes; elsewhere nothing is written."""

import sys
import time


class Progress:
    """One line of standard error, which is written again and again, and is gone at the end.

    with Progress("mutants") as progress:
        progress.show(3, 40)  # mutants: 3 of 40, about 25 s left
    """

    def __init__(self, stage):
        self.stage, self.began, self.is_seen = stage, time.monotonic(), sys.stderr.isatty()

    def __enter__(self):
        self.write(self.stage)
        return self

    def __exit__(self, *failure):
        self.write("")

    def show(self, done, parts):
        """What is left takes as long per part as what is done."""
        left = (time.monotonic() - self.began) / done * (parts - done)
        self.write(f"{self.stage}: {done} of {parts}, about {left:.0f} s left")

    def print(self, text):
        """A line of standard output, which may be the same terminal."""
        self.write("")
        print(text, flush=True)

    def write(self, text):
        if self.is_seen:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
