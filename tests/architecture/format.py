"""Every C++ and CUDA file is as clang-format 14 writes it.

    python3 tests/architecture/format.py

Skipped, status 77, where that version is not installed: others write some lines differently.
"""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("reference", "cuda", "distributed", "cli", "benchmarks", "tests")


def clang_format():
    for name in ("clang-format-14", "clang-format"):
        program = shutil.which(name)
        if program and " 14." in subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout:
            return program
    print("clang-format 14 is not installed")
    sys.exit(77)


files = sorted(str(path) for top in FOLDERS for path in (ROOT / top).rglob("*") if path.suffix in {".hpp", ".cpp", ".cu"})
done = subprocess.run([clang_format(), "--dry-run", "-Werror", *files], cwd=ROOT, check=False)
print(f"{len(files)} files")
sys.exit(done.returncode)
