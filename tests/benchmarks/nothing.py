"""What was asked for and found nothing ends with a line and a status that is not 0; and files are written whole, or not at all."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest

root = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(root / "benchmarks"), str(root / "tests/mutation")]
sys.modules["points"] = types.SimpleNamespace(Finder=None, rewritten=None)  # which needs libclang, to find mutants

import campaign  # noqa: E402
from whole_file import check_writable, write_whole  # noqa: E402


def called(*command, **more):
    environment = {**os.environ, **{name: str(value) for name, value in more.items()}}
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout, done.stderr


class Files(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        self.addCleanup(self.temporary.cleanup)

    def write(self, name, what):
        (self.folder / name).write_text(json.dumps(what), encoding="utf-8")
        return self.folder / name

    def check(self, *command, **environment):
        status, out, error = called(*command, **environment)
        self.assertEqual((status, out, error.count("\n")), (1, "", 1), error)


class Nothing(Files):
    def test_a_table_of_no_figures(self):
        self.check(root / "benchmarks/torch_table.py")
        self.check(root / "benchmarks/torch_table.py", self.write("speed.json", {"figures": []}))

    def test_tables_of_a_run_that_measured_no_shape(self):
        self.write("benchmark.json", {"environment": {"device": "none", "datasheet_tflops": 1}, "shapes": []})
        self.write("ceilings.json", {"ceilings": {s: {"product_tflops": 1, "copy_tbytes": 1} for s in ("rested", "hot")}})
        self.write("correctness.json", {"problems": 0, "kernels": []})
        self.check(root / "benchmarks/gpu/tables.py", self.folder)
        self.check(root / "benchmarks/gpu/roofline.py", self.folder)
        self.assertFalse((self.folder / "roofline.json").exists())

    def test_a_benchmark_where_there_is_no_pytorch_or_no_gpu(self):
        for torch in ("raise ImportError('no torch')", "class cuda:\n    is_available = staticmethod(lambda: False)"):
            (self.folder / "torch.py").write_text(torch, encoding="utf-8")
            record = self.folder / "benchmark.json"
            self.check(root / "benchmarks/gpu/benchmark.py", "attention", "libdra_ladder.so", record, PYTHONPATH=self.folder)
            self.assertFalse(record.exists())

    def test_inputs_of_a_folder_that_has_none(self):
        self.check(root / "cuda/bundle/pack_inputs.py", self.folder, self.folder / "packed")

    def test_a_bundle_whose_every_part_was_skipped(self):
        done = subprocess.run(["sh", root / "cuda/bundle/run", "ceilings"], capture_output=True, text=True, check=False,
                              env={**os.environ, "RESULTS": str(self.folder), "PYTHON": "false"})  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (1, "run: every part was skipped: nothing was checked or measured\n"))

    def test_a_campaign_of_no_mutant(self):
        self.assertEqual(campaign.verdict({}, {}, {}, {}), 1)


class Whole(Files):
    def test_a_link_and_the_mode_of_a_file_stay(self):
        (self.folder / "x").touch()
        (self.folder / "x").chmod(0o600)
        (self.folder / "link").symlink_to("x")
        write_whole(self.folder / "link", "after")
        self.assertTrue((self.folder / "link").is_symlink())
        self.assertEqual((self.folder / "x").read_text(), "after")
        self.assertEqual((self.folder / "x").stat().st_mode & 0o777, 0o600)
        self.assertEqual(len(list(self.folder.iterdir())), 2)

    def test_a_file_stays_as_it_was_when_another_cannot_be_written(self):
        self.write("x", 1)
        with self.assertRaises(UnicodeError):
            write_whole(self.folder / "x", "half\ud800")
        self.assertEqual([(file.name, file.read_text()) for file in self.folder.iterdir()], [("x", "1")])

    def test_what_cannot_be_written_is_found_before_the_work(self):
        for path in (self.folder / "absent/x", "/proc/x", "/dev/null", self.folder):
            with self.assertRaises(OSError):
                check_writable(path)

    def test_a_report_that_cannot_be_written_is_one_line(self):
        self.check(root / "benchmarks/report.py", self.write("compare.json", {}), "/proc/report")


if __name__ == "__main__":
    unittest.main()
