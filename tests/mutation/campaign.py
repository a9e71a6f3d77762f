"""Mutates reference/ and distributed/ one operator at a time and reruns the fast suites: do the tests notice?

    python3 -m venv build/mutation-venv && build/mutation-venv/bin/pip install -r tests/mutation/requirements.txt
    build/mutation-venv/bin/python tests/mutation/campaign.py [--only reference/ring --suites ring property] [--resume]
        [--unlisted] [--prefix "nice -n 15"]

All mutants are compiled into one set of programs; DRA_MUTANT chooses one. A point that no test reaches counts as a
survivor. survivors.json lists those that are known, each with why it is equivalent. The exit status is 1 when fewer than
95 % are killed, a survivor is not on that list, or the list names a mutant that is killed or not there. What was killed is
kept in build/mutation/killed.jsonl, so that --resume goes on from there. Needs clang 14 or later beside what the build needs.
"""

import argparse
import collections
import concurrent.futures
import itertools
import json
import math
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import survivors
from points import Finder, rewritten
from progress import Progress

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "mutation"
TREE = ROOT / "build" / "mutation" / "tree"
BUILD = ROOT / "build" / "mutation" / "build"
FOLDERS = ["reference/definition", "reference/attention", "reference/ring", "distributed"]
TARGETS = ["dra_reference_native", "dra_distributed"]
SUITES = ["definition", "attention", "ring", "distributed", "property", "allocation"]
LEAST_KILLED = 0.95
POINTS_OF_A_FILE = 256  # numbers of their own, so that a change of one file leaves the text of the others as it was
DEADLOCK = 200  # seconds after which a test that takes no CPU time is stopped
# A mutant may do what its source would never do, so that it gets no rights: a campaign of root runs the tests as nobody.
UNPRIVILEGED = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
REFUSED = BUILD.parent / "refused.json"
KILLED = BUILD.parent / "killed.jsonl"


def run(*command, **more):
    return subprocess.run([str(part) for part in command], text=True, capture_output=True, check=False, **more)


def find_points():
    """The points of every source of the engine, numbered."""
    configure(ROOT, BUILD.parent / "original")
    commands = json.loads((BUILD.parent / "original" / "compile_commands.json").read_text())
    resources = run("clang++", "-print-resource-dir").stdout.strip()
    finder = Finder(ROOT, FOLDERS)
    of_engine = [
        c
        for c in commands
        if any(f"/{folder}/" in c["file"] for folder in FOLDERS) and any(f"/{target}.dir/" in c["command"] for target in TARGETS)
    ]
    with Progress("sources that are searched") as progress:
        for done, command in enumerate(of_engine, 1):
            kept = [a for a in shlex.split(command["command"])[1:] if a.startswith(("-D", "-I", "-m"))]
            finder.parse(command["file"], ["-std=c++20", "-fopenmp", "-resource-dir", resources, "-isystem", "/usr/include/eigen3", *kept])
            progress.show(done, len(of_engine))
    points = sorted(set(finder.points.values()), key=lambda p: (p.path, p.line, p.column, p.becomes, p.edits))
    by_file = itertools.groupby(points, key=lambda p: p.path)
    numbered = {n: p for file, (_, of_file) in enumerate(by_file) for n, p in enumerate(of_file, file * POINTS_OF_A_FILE)}
    if len(numbered) < len(points):
        raise SystemExit(f"a file has more than {POINTS_OF_A_FILE} points, and the next one's numbers would hide them")
    return numbered


def configure(source, build, *more):
    done = run("cmake", "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DDRA_CUDA=OFF",
               "-DDRA_EMULATOR=OFF", "-DDRA_BENCHMARKS=OFF", "-DDRA_PRECOMPILED=OFF", "-DDRA_TESTS=ON", "-DDRA_PROPERTY_CASES=100",
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


def compiled(*command):
    """The exit status of a build, and what it wrote."""
    lines = []
    with (
        Progress("the build") as progress,
        subprocess.Popen([str(part) for part in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env={**os.environ, "NINJA_STATUS": "[%f/%t] "}) as process,
    ):  # fmt: skip
        for line in process.stdout:
            lines.append(line)
            if step := re.match(r"\[(\d+)/(\d+)\]", line):
                progress.show(*map(int, step.groups()))
    return process.returncode, "".join(lines)


def build(points, names, suites, prefix):
    """Builds the mutated tree. Lines that the compiler refuses are left as they were, the next time from the start;
    returns what remains."""
    left_out = {tuple(name) for name in json.loads(REFUSED.read_text())} if REFUSED.exists() else set()
    while True:
        points = {n: p for n, p in points.items() if names[n] not in left_out}
        write_tree(points)
        configure(TREE, BUILD, f"-DCMAKE_CXX_FLAGS=-include {HERE / 'mutation.hpp'} -w -D_GLIBCXX_ASSERTIONS",
              "-DCMAKE_CXX_FLAGS_RELEASE=-O2")
        failed, said = compiled(*prefix, "cmake", "--build", BUILD, "-j", os.cpu_count(), "--target", *[f"test_{s}" for s in suites],
                                "--", "-k", "0")  # fmt: skip
        if not failed:
            print(f"{len(left_out)} points are on lines where a function cannot stand; left out", flush=True)
            return points
        refused = None
        for kind in ("error:", ""):  # an error inside mutation.hpp names the line in a note alone
            lines = {(p, int(n)) for p, n in re.findall(rf"{TREE}/([^:\s]+):(\d+):\d+: *{kind}", said)}
            refused = refused or {n for n, p in points.items() if (p.path, p.line) in lines}
        if not refused:
            raise SystemExit(said[-4000:])
        left_out |= {names[n] for n in refused}
        REFUSED.write_text(json.dumps(sorted(left_out)))


def tests(suites):
    """Every test of the suites: its name, its command, and its environment."""
    listed = json.loads(run("ctest", "--test-dir", BUILD, "--show-only=json-v1").stdout)["tests"]
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "2", "RC_PARAMS": "max_success=100 seed=1 noshrink=1"}
    return [
        (t["name"], [*t["command"], "--abort-after=1"], environment)
        for t in listed
        if t["name"].split("/")[0] in suites and "command" in t
    ]


TOO_LONG = (-signal.SIGXCPU, 128 + signal.SIGXCPU)


def status(command, environment, seconds, prefix=()):
    """The exit status of a test, TOO_LONG after so many seconds of CPU time, which other programs do not change; what it
    writes goes to a folder of its own."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds) + 1))

    stopped = ["timeout", "--signal=KILL", str(DEADLOCK)]
    with tempfile.TemporaryDirectory(prefix="dra-mutant-") as folder:
        os.chmod(folder, 0o777)
        return subprocess.run([*prefix, *stopped, *command], cwd=folder, env={**environment, "TMPDIR": folder},
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limit, check=False,
                              **UNPRIVILEGED).returncode  # fmt: skip


def baseline(all_tests, most_seconds, prefix):
    """The points that the programs have, and for each test that takes no longer how long it takes and which it reaches."""
    there, reached = set(), {}
    seen = BUILD / "seen.txt"
    with Progress("tests without a mutant") as progress:
        for number, (name, command, environment) in enumerate(all_tests, 1):
            seen.write_text("")
            seen.chmod(0o666)
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            done = status(command, {**environment, "DRA_MUTATION_SEEN": str(seen)}, most_seconds, prefix)
            progress.show(number, len(all_tests))
            if done in TOO_LONG:
                continue
            if done != 0:
                raise SystemExit(f"{name} fails without any mutant: {done}")
            took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            asked = dict(map(int, line.split()) for line in seen.read_text().splitlines())
            there |= asked.keys()
            reached[name] = (took, {number for number, was_asked in asked.items() if was_asked})
    return there, reached


class Killers:
    """Finds the first test that notices a mutant; those first that noticed most of the same file's for their time."""

    def __init__(self, all_tests, reached, prefix):
        self.tests, self.reached, self.prefix = all_tests, reached, prefix
        self.tried, self.noticed = collections.Counter(), collections.Counter()

    def cost(self, name, path):
        share = (self.noticed[path, name] + 1) / (self.tried[path, name] + 2)
        return (0.05 + self.reached[name][0]) / share

    def of(self, number, path):
        for name, command, environment in sorted(self.tests, key=lambda test: self.cost(test[0], path)):
            seconds, points = self.reached[name]
            if number not in points:
                continue
            self.tried[path, name] += 1
            if status(command, {**environment, "DRA_MUTANT": str(number)}, 2 + 10 * seconds, self.prefix) != 0:
                self.noticed[path, name] += 1
                return name
        return None


def campaign(points, names, killers, jobs, killed):
    """Adds to killed, {name: test}, and to its file, whatever mutant a test notices."""
    with Progress("mutants") as progress, concurrent.futures.ThreadPoolExecutor(jobs) as pool, KILLED.open("a") as file:
        found = {pool.submit(killers.of, n, p.path): n for n, p in points.items() if names[n] not in killed}
        for done, future in enumerate(concurrent.futures.as_completed(found), 1):
            n, test = found[future], future.result()
            if test:
                killed[names[n]] = test
                print(json.dumps([names[n], test]), file=file, flush=True)
            else:
                progress.print(f"survives: {points[n].path}:{points[n].line}: {points[n].was!r}: {points[n].becomes}")
            if done % 50 == 0:
                progress.print(f"{done} of {len(found)}")
            progress.show(done, len(found))


def verdict(points, names, reached, killed):
    """Prints what was killed and what the list of survivors leaves out or names in vain; returns the exit status."""
    if not points:
        print("no mutant was asked for: nothing is known of the tests")
        return 1
    known = survivors.reasons()
    alive = [n for n in points if names[n] not in killed]
    somewhere = set().union(*(numbers for _, numbers in reached.values()))
    unreached = [n for n in alive if n not in somewhere]
    unknown = [n for n in alive if names[n] not in known]
    asked = {p.path for p in points.values()}
    vain = [name for name in known if name[0] in asked and name not in {names[n] for n in alive}]
    for n in unknown:
        print(f"{points[n].path}:{points[n].line}", "not reached" if n in unreached else "survives", json.dumps(survivors.entry(names[n])))
    for name in vain:
        print("killed, or no longer there, but in survivors.json:", json.dumps(survivors.entry(name)))
    share = 1 - len(alive) / len(points)
    print(f"{len(points) - len(alive)} of {len(points)} killed, {100 * share:.1f} %; {len(alive)} survive, {len(unreached)} of them not "
          f"reached; {len(unknown)} without a reason in survivors.json")  # fmt: skip
    return 0 if share >= LEAST_KILLED and not unknown and not vain else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="points of paths that begin like one of these", nargs="+", default=[""])
    parser.add_argument("--suites", help="what a mutant is shown to", nargs="+", default=SUITES)
    parser.add_argument("--resume", help="keep what was killed before", action="store_true")
    parser.add_argument("--unlisted", help="take survivors.json's word for what is on it", action="store_true")
    parser.add_argument("--prefix", help="what every program is started under", type=shlex.split, default=[])
    parser.add_argument("--seconds", help="tests that take longer are left out", type=float, default=600)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    asked = parser.parse_args()

    points = find_points()
    names = survivors.named(points)
    points = {n: p for n, p in points.items() if p.path.startswith(tuple(asked.only))}
    points = build(points, names, asked.suites, asked.prefix)
    all_tests = tests(asked.suites)
    there, reached = baseline(all_tests, asked.seconds, asked.prefix)
    print(f"{len(points) - len(there)} points that the compiler evaluates, or whose type has no such mutant; left out")
    points = {n: points[n] for n in sorted(there)}
    all_tests = [test for test in all_tests if test[0] in reached]
    print(f"{len(points)} mutants, {len(all_tests)} tests of {sum(s for s, _ in reached.values()):.0f} s", flush=True)

    if not asked.resume:
        KILLED.unlink(missing_ok=True)
    killed = {tuple(name): test for name, test in map(json.loads, KILLED.read_text().splitlines())} if KILLED.exists() else {}
    believed = survivors.reasons() if asked.unlisted else {}
    doubted = {n: p for n, p in points.items() if names[n] not in believed}
    campaign(doubted, names, Killers(all_tests, reached, asked.prefix), asked.jobs, killed)
    return verdict(points, names, reached, killed)


if __name__ == "__main__":
    sys.exit(main())
