"""Mutates reference/ one operator at a time and reruns the fast suites: do the tests notice?

    python3 -m venv build/mutation-venv && build/mutation-venv/bin/pip install -r tests/mutation/requirements.txt
    build/mutation-venv/bin/python tests/mutation/campaign.py [--only reference/ring] [--json FILE]

All mutants are compiled into one set of programs; DRA_MUTANT chooses one. A point that no test reaches counts as a
survivor. survivors.json lists those that are known, each with why it is equivalent. The exit status is 1 when fewer than
95 % are killed or a survivor is not on that list. Needs clang 14 or later beside what the build needs.
"""

import argparse
import concurrent.futures
import json
import os
import re
import resource
import shlex
import subprocess
import sys
import time
from pathlib import Path

from points import Finder, rewritten

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "mutation"
TREE = ROOT / "build" / "mutation" / "tree"
BUILD = ROOT / "build" / "mutation" / "build"
FOLDERS = ["reference/definition", "reference/attention", "reference/ring"]
SUITES = ["definition", "attention", "ring", "property"]
LEAST_KILLED = 0.95


def run(*command, **more):
    return subprocess.run([str(part) for part in command], text=True, capture_output=True, check=False, **more)


def find_points(only):
    """The points of every source of the engine, numbered."""
    configure(ROOT, BUILD.parent / "original")
    commands = json.loads((BUILD.parent / "original" / "compile_commands.json").read_text())
    resources = run("clang++", "-print-resource-dir").stdout.strip()
    finder = Finder(ROOT, FOLDERS)
    for command in commands:
        source = command["file"]
        if not any(f"/{folder}/" in source for folder in FOLDERS) or "dra_reference_native" not in command["command"]:
            continue
        kept = [a for a in shlex.split(command["command"])[1:] if a.startswith(("-D", "-I", "-m"))]
        finder.parse(source, ["-std=c++20", "-fopenmp", "-resource-dir", resources, "-isystem", "/usr/include/eigen3", *kept])
    points = sorted(set(finder.points.values()), key=lambda p: (p.path, p.line, p.column, p.becomes))
    return {n: p for n, p in enumerate(points) if not only or p.path.startswith(only)}


def configure(source, build, *more):
    done = run("cmake", "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DDRA_CUDA=OFF",
               "-DDRA_EMULATOR=OFF", "-DDRA_BENCHMARKS=OFF", "-DDRA_TESTS=ON", "-DDRA_PROPERTY_CASES=100",
               "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *more)  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def write_tree(points):
    """A copy of what git knows, its engine mutated; returns nothing when no file changed."""
    TREE.mkdir(parents=True, exist_ok=True)
    for name in run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines():
        if not (ROOT / name).is_file():
            continue
        text = (ROOT / name).read_bytes()
        here = {n: p for n, p in points.items() if p.path == name}
        text = rewritten(text, here) if here else text
        target = TREE / name
        if not target.is_file() or target.read_bytes() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)


def build(points):
    """Builds the mutated tree. Lines that the compiler refuses are left as they were; returns what remains."""
    while True:
        write_tree(points)
        configure(TREE, BUILD, f"-DCMAKE_CXX_FLAGS=-include {HERE / 'mutation.hpp'} -w", "-DCMAKE_CXX_FLAGS_RELEASE=-O1")
        done = run("cmake", "--build", BUILD, "-j", os.cpu_count(), "--target", *[f"test_{s}" for s in SUITES], "--", "-k", "0")
        if done.returncode == 0:
            return points
        refused = {(p, int(n)) for p, n in re.findall(rf"{TREE}/([^:\s]+):(\d+):\d+:", done.stdout + done.stderr)}
        refused = {n for n, p in points.items() if (p.path, p.line) in refused}
        if not refused:
            raise SystemExit(done.stdout[-4000:])
        print(f"{len(refused)} points are on lines where a function cannot stand; left out", flush=True)
        points = {n: p for n, p in points.items() if n not in refused}


def tests():
    """Every test of the suites: its name, its command, and its environment."""
    listed = json.loads(run("ctest", "--test-dir", BUILD, "--show-only=json-v1").stdout)["tests"]
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "2", "RC_PARAMS": "max_success=100 seed=1"}
    return [
        (t["name"], [*t["command"], "--abort-after=1"], environment)
        for t in listed
        if t["name"].split("/")[0] in SUITES and "command" in t
    ]


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def passes(command, environment, timeout):
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=timeout, preexec_fn=limit_memory, check=False)  # fmt: skip
        return done.returncode == 0
    except subprocess.TimeoutExpired:
        return False


def baseline(all_tests):
    """Which points each test reaches, and how long it takes."""
    reached = {}
    for name, command, environment in all_tests:
        seen = BUILD / "seen.txt"
        seen.unlink(missing_ok=True)
        began = time.monotonic()
        if not passes(command, {**environment, "DRA_MUTATION_SEEN": str(seen)}, 600):
            raise SystemExit(f"{name} fails without any mutant")
        reached[name] = (time.monotonic() - began, {int(line) for line in seen.read_text().split()})
    return reached


def killer(number, all_tests, reached):
    """The first test that notices, the quickest first; None where none does."""
    for name, command, environment in sorted(all_tests, key=lambda t: reached[t[0]][0]):
        seconds, points = reached[name]
        if number in points and not passes(command, {**environment, "DRA_MUTANT": str(number)}, 5 + 10 * seconds):
            return name
    return None


def words(point):
    return {"file": point.path, "line": point.line, "was": point.was, "becomes": point.becomes}


def known_reason(point, known):
    """Survivors are known by file, expression and mutation: lines move."""
    for entry in known:
        if all(entry[key] == words(point)[key] for key in ("file", "was", "becomes")):
            return entry["why"]
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="points of paths that begin like this", default="")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, default=BUILD.parent / "result.json")
    asked = parser.parse_args()

    points = build(find_points(asked.only))
    all_tests = tests()
    reached = baseline(all_tests)
    print(f"{len(points)} mutants, {len(all_tests)} tests of {sum(s for s, _ in reached.values()):.0f} s", flush=True)

    killed, survivors = {}, []
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        found = {n: pool.submit(killer, n, all_tests, reached) for n in points}
        for n, future in found.items():
            if future.result():
                killed[n] = future.result()
                continue
            survivors.append(n)
            point = points[n]
            print(f"survives: {point.path}:{point.line}: {point.was!r}: {point.becomes}", flush=True)

    known = json.loads((HERE / "survivors.json").read_text()) if (HERE / "survivors.json").exists() else []
    unexplained = [n for n in survivors if not known_reason(points[n], known)]
    share = len(killed) / max(len(points), 1)
    print(f"{len(killed)} of {len(points)} killed, {100 * share:.1f} %; {len(survivors)} survive, "
          f"{len(unexplained)} of them without a reason in survivors.json")  # fmt: skip
    asked.json.write_text(json.dumps({
        "mutants": len(points), "killed": len(killed),
        "survivors": [{**words(points[n]), "why": known_reason(points[n], known)} for n in survivors],
    }, indent=1))  # fmt: skip
    return 0 if share >= LEAST_KILLED and not unexplained else 1


if __name__ == "__main__":
    sys.exit(main())
