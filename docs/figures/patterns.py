"""Draws patterns.svg: which keys each query sees, straight from the definition.

    python3 docs/figures/patterns.py > docs/figures/patterns.svg
"""

N, RANKS, CELL, GAP, TOP = 32, 4, 7, 34, 58
PATTERNS = [(8, 1), (16, 2), (32, 4)]
COLOURS = ["#1b6ca8", "#e08e1b", "#3a9b5c"]
EMPTY, INK = "#eef1f4", "#22303c"


def sees(query, key, length, rate, phase=0):
    """Same segment, both selected, and the key not later."""
    same_segment = query // length == key // length
    selected = all((x % length - phase) % rate == 0 for x in (query, key))
    return same_segment and selected and key <= query


def panel(left, title, subtitle, colour_of):
    side = N * CELL
    yield f'<text x="{left + side / 2}" y="22" class="title">{title}</text>'
    yield f'<text x="{left + side / 2}" y="42" class="note">{subtitle}</text>'
    yield f'<rect x="{left}" y="{TOP}" width="{side}" height="{side}" fill="{EMPTY}"/>'
    cells = {colour: [] for colour in COLOURS}
    for query in range(N):
        for key in range(N):
            if colour := colour_of(query, key):
                cells[colour].append(f"M{left + key * CELL} {TOP + query * CELL}h{CELL - 1}v{CELL - 1}h{1 - CELL}z")
    yield from (f'<path d="{"".join(parts)}" fill="{colour}"/>' for colour, parts in cells.items() if parts)
    for rank in range(1, RANKS):
        at = rank * side / RANKS - 0.5
        yield f'<path d="M{left} {TOP + at}h{side}M{left + at} {TOP}v{side}" class="shard"/>'


def one(pattern, colour):
    return lambda query, key: colour if sees(query, key, *pattern) else None


def mixture(query, key):
    """The colour of the sparsest pattern that joins the pair."""
    joined = [colour for pattern, colour in zip(PATTERNS, COLOURS) if sees(query, key, *pattern)]
    return joined[-1] if joined else None


def main():
    panels = [(f"w = {w}, r = {r}", f"segments of {w}, {every} token", one((w, r), colour))
              for (w, r), every, colour in zip(PATTERNS, ["every", "every 2nd", "every 4th"], COLOURS)]
    panels.append(("mixture", "merged by softmax denominators", mixture))
    width, height = len(panels) * (N * CELL + GAP) + GAP, TOP + N * CELL + 42
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">')
    print(f'<style>text{{font-family:sans-serif;fill:{INK};text-anchor:middle}}.title{{font-size:14px;font-weight:bold}}'
          f'.note{{font-size:12px}}.shard{{stroke:{INK};stroke-width:1;stroke-dasharray:3 3;fill:none}}</style>')
    print(f'<rect width="{width}" height="{height}" fill="white"/>')
    for number, (title, subtitle, colour_of) in enumerate(panels):
        print("\n".join(panel(GAP + number * (N * CELL + GAP), title, subtitle, colour_of)))
    print(f'<text x="{width / 2}" y="{height - 14}" class="note">rows: queries, columns: keys, causal; '
          f'dashed: the shards of a ring of {RANKS} ranks, which the patterns never notice</text></svg>')


main()
