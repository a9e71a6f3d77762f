"""A terminal sees how far a campaign is; a pipe sees what it found, and nothing else."""

import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import unittest

MUTATION = pathlib.Path(__file__).resolve().parent
CAMPAIGN = """
import pathlib, sys, types

sys.path[:0] = [sys.argv[1]]
sys.modules["points"] = types.SimpleNamespace(Finder=None, rewritten=None)  # which needs libclang, to find mutants
import campaign

campaign.KILLED = pathlib.Path(sys.argv[2]) / "killed.jsonl"
points = {n: types.SimpleNamespace(path="x.cpp", line=n, was="<", becomes="<=") for n in range(3)}
killers = types.SimpleNamespace(of=lambda number, path: "test" if number else None)
print(campaign.compiled("printf", "%s\\\\n", "[1/2] a", "failed", "[2/2] b"))
campaign.campaign(points, {n: (n,) for n in points}, killers, 1, {})
"""
FOUND = "(0, '[1/2] a\\nfailed\\n[2/2] b\\n')\nsurvives: x.cpp:0: '<': <=\n"


def written(terminal):
    """All that was written to the other end, which is closed."""
    text = b""
    try:
        while part := os.read(terminal, 1024):
            text += part
    except OSError:  # so Linux says that nobody writes any more
        pass
    return text.decode()


class Terminal(unittest.TestCase):
    def call(self, stderr):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", CAMPAIGN, MUTATION, folder]
            return subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, check=True)

    def test_a_pipe_sees_what_was_found_and_nothing_else(self):
        done = self.call(subprocess.PIPE)
        self.assertEqual((done.stdout, done.stderr), (FOUND, ""))

    def test_a_terminal_sees_what_runs_how_far_it_is_and_what_is_left_and_has_an_empty_line_at_the_end(self):
        screen, line = pty.openpty()
        self.addCleanup(os.close, screen)
        done = self.call(line)
        os.close(line)
        told = written(screen)
        print(told.replace("\r\033[K", "|"))
        for part in ("the build: 1 of 2, about ", "mutants: 1 of 3, about ", "mutants: 3 of 3, about 0 s left"):
            self.assertIn("\r\033[K" + part, told)
        self.assertTrue(told.endswith("\r\033[K"))
        self.assertNotIn("\n", told)
        self.assertEqual(done.stdout, FOUND)


if __name__ == "__main__":
    unittest.main()
