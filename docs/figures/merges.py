"""Draws merges.svg: what merging partials one after another loses, as the suite measures it.

    build/release/tests/test_attention --source-file='*/running_sum.cpp' | python3 docs/figures/merges.py > docs/figures/merges.svg
"""

import math
import re
import sys

LEFT, TOP, WIDTH, HEIGHT = 70, 40, 420, 260
LEAST, MOST = 0.1, 10_000  # u
CURVES = [
    ("float", "by_merge", "#c23b22", "merge(), float"),
    ("double", "by_merge", "#e08e1b", "merge(), double"),
    ("float", "running", "#1b6ca8", "running partial, float"),
    ("double", "running", "#3a9b5c", "running partial, double"),
]
LINE = re.compile(r"merges (\d+): error of merge\(\) ([\d.e+-]+) u, of a running partial ([\d.e+-]+) u")


def measured(text):
    """{type: [(merges, error of merge(), error of a running partial)]}; the test prints float first."""
    points = [(int(m), float(a), float(b)) for m, a, b in LINE.findall(text) if int(m) > 1]
    half = len(points) // 2
    if half == 0 or [p[0] for p in points[:half]] != [p[0] for p in points[half:]]:
        sys.exit("merges.py: the input has no errors of float and of double: see the command on top of this file")
    return {"float": points[:half], "double": points[half:]}


def x(merges, most):
    return LEFT + WIDTH * math.log2(merges) / math.log2(most)


def y(error):
    return TOP + HEIGHT * (1 - math.log(max(error, LEAST) / LEAST) / math.log(MOST / LEAST))


def drawing(errors):
    most = errors["float"][-1][0]
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 190} {TOP + HEIGHT + 60}" role="img">'
    yield "<title>Error of merging partials, against their number</title>"
    yield "<style>text{font:13px sans-serif;fill:#22303c}.axis{text-anchor:end}.middle{text-anchor:middle}</style>"
    for exponent in range(-1, 5):
        at = y(10**exponent)
        yield f'<path d="M{LEFT} {at:.1f}h{WIDTH}" stroke="#dde3e9"/>'
        yield f'<text class="axis" x="{LEFT - 8}" y="{at + 4:.1f}">{10**exponent:g} u</text>'
    for merges in [1] + [point[0] for point in errors["float"]]:
        yield f'<text class="middle" x="{x(merges, most):.1f}" y="{TOP + HEIGHT + 20}">{merges:,}</text>'
    yield f'<text class="middle" x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 44}">partials merged, one after another</text>'
    yield f'<text x="{LEFT}" y="{TOP - 16}">largest error of out and lse, in units in the last place u</text>'
    for of, which, colour, label in CURVES:
        column = 1 if which == "by_merge" else 2
        path = " ".join(f"{x(point[0], most):.1f},{y(point[column]):.1f}" for point in errors[of])
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        shift = {("running", "double"): -6, ("running", "float"): 14}.get((which, of), 4)
        yield f'<text x="{LEFT + WIDTH + 8}" y="{y(errors[of][-1][column]) + shift:.1f}" style="fill:{colour}">{label}</text>'
    yield "</svg>"


print("\n".join(drawing(measured(sys.stdin.read()))))
