"""Mutants by name, not by line: which survivors are known, and why each is equivalent."""

import collections
import json
from pathlib import Path

FILE = Path(__file__).resolve().parent / "survivors.json"
NAMES = ("file", "function", "source", "was", "becomes", "nth")


def named(points):
    """{number: name}. A line that has the same expression twice is told apart by nth, from 0."""
    times, names = collections.Counter(), {}
    for number, point in sorted(points.items()):
        same = (point.path, point.function, point.source, point.was, point.becomes)
        names[number] = (*same, times[same])
        times[same] += 1
    return names


def reasons():
    """{name: why} of survivors.json, a list of {"why": ..., "mutants": [...]}; nth may be left out where it is 0."""
    groups = json.loads(FILE.read_text()) if FILE.exists() else []
    return {tuple(m.get(n, 0) for n in NAMES): group["why"] for group in groups for m in group["mutants"]}


def entry(name):
    """A name as survivors.json has it."""
    return {n: part for n, part in zip(NAMES, name, strict=True) if n != "nth" or part}
