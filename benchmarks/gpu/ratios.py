"""How our kernels compare with the libraries, from benchmark.json of a GPU bundle's run.

At each point the fastest of ours stands against the fastest library, above 1 where ours is ahead. Points are

- dense: against FlashAttention-3, rested and hot;
- dilated: against the best library on a strided view, which writes the selected rows alone; so ours leaves the others
  as they are, too, and beside it is the price of zeroing them, by whichever kernel is the fastest then;
- uneven: the rate with an N that w does not divide, or an r that does not divide w, over that of the even case;
- mixture: our time, of out and lse of all rows, over that of cuDNN's seven calls alone, without merging them; and over
  the fastest library's; and the rate at which a kernel would take the share that is asked.

The bundle takes this file along; Python's standard library is enough.
"""

import math

LIBRARIES = ("FlashAttention-2", "cuDNN", "FlashAttention-3")
AGAIN, BARE, GATHERED, ALONE = ", again", ", selected rows alone", ", gathered", ", calls alone"
STATES = ("rested", "hot")
MIXTURE_ASKED = 0.75  # of cuDNN's time
ASKED = {"dense": ">= 1.05", "dilated": ">= 1.0 everywhere, 1.10 on average", "uneven": ">= 0.9", "mixture": f"<= {MIXTURE_ASKED}"}


def fastest(point, names, state):
    """(name, what was found) of the fastest of these alternatives, or nothing where none was measured."""
    found = [(name, point["alternatives"][name][state]) for name in names if name in point["alternatives"]]
    return min(found, key=lambda entry: entry[1]["ms"], default=None)


def ours(point):
    """The kernels of the ladder that were measured here; each of them was verified first."""
    return [name for name in point["relative_error"] if name in point["alternatives"]]


def of_kind(record, kind):
    return [point for point in record["shapes"] if point["shape"]["kind"] == kind]


def entry(point, kernel, other, value, **more):
    s = point["shape"]
    keys = ("head_dim", "causal", "tokens", "segment_lengths", "dilation_rates")
    return {**{key: s[key] for key in keys}, "kernel": kernel, "against": other, "ratio": value, **more}


def over_time(point, kernels, others, state, **more):
    """Time of the fastest of the others over that of the fastest of the kernels."""
    mine, theirs = fastest(point, kernels, state), fastest(point, others, state)
    if not mine or not theirs:
        return []
    rates = {"tflops": mine[1]["tflops"], "tflops_against": theirs[1]["tflops"]}
    return [entry(point, mine[0], theirs[0], theirs[1]["ms"] / mine[1]["ms"], **rates, **more)]


def dense(record, state):
    found = sorted(of_kind(record, "dense"), key=lambda point: point["shape"]["tokens"])
    found = [point for point in found if point["shape"]["tokens"] >= 2048]
    return [e for p in found for e in over_time(p, ours(p), ["FlashAttention-3"], state)]


def dilated(record, state):
    entries = []
    for point in of_kind(record, "dilated"):
        bare = [name + BARE for name in ours(point)]
        dilates = point["shape"]["dilation_rates"] != [1]
        for e in over_time(point, bare if dilates else ours(point), LIBRARIES, state):
            complete = fastest(point, ours(point), state)[1]["ms"]
            e["zeroing"] = complete / point["alternatives"][e["kernel"]][state]["ms"] - 1  # of the time without it
            entries.append(e)
    return entries


def is_even(shape):
    return all(shape["tokens"] % w == 0 and w % r == 0 for w, r in zip(shape["segment_lengths"], shape["dilation_rates"]))


def uneven(record, state):
    points = of_kind(record, "uneven")
    entries = []
    for point in points:
        s = point["shape"]
        alike = lambda other: is_even(other) and all(other[key] == s[key] for key in ("head_dim", "causal"))
        even = [fastest(p, ours(p), state) for p in points if alike(p["shape"])]
        mine = fastest(point, ours(point), state)
        if is_even(s) or not mine or not even or not even[0]:
            continue
        ratio = mine[1]["tflops"] / even[0][1]["tflops"]
        entries.append(entry(point, mine[0], f"{even[0][0]}, even", ratio, tflops=mine[1]["tflops"],
                             tflops_against=even[0][1]["tflops"]))  # fmt: skip
    return entries


def mixture(record, state):
    entries = []
    for point in of_kind(record, "mixture"):
        best = over_time(point, ours(point), [name + ALONE for name in LIBRARIES], state)
        for e in over_time(point, ours(point), ["cuDNN" + ALONE], state):
            e["ratio"], e["ratio_best"], e["best"] = 1 / e["ratio"], 1 / best[0]["ratio"], best[0]["against"]
            e["ms"], e["ms_against"], e["ms_best"] = (
                point["alternatives"][name][state]["ms"] for name in (e["kernel"], e["against"], e["best"])
            )
            e["tflops_asked"] = e["tflops"] * e["ms"] / (MIXTURE_ASKED * e["ms_against"])
            entries.append(e)
    return entries


KINDS = {"dense": dense, "dilated": dilated, "uneven": uneven, "mixture": mixture}


def ratios(record):
    """kind -> state -> the entries, their least and greatest ratio, and the geometric mean."""
    found = {}
    for kind, entries_of in KINDS.items():
        for state in STATES:
            entries = entries_of(record, state)
            values = [e["ratio"] for e in entries]
            if values:
                mean = math.exp(sum(map(math.log, values)) / len(values))
                summary = {"minimum": min(values), "geometric_mean": mean, "maximum": max(values)}
                found.setdefault(kind, {})[state] = {**summary, "points": entries}
    return found


def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def title(entry):
    return f"D={entry['head_dim']}{' causal' if entry['causal'] else ''}"


def pivot(corner, entries, row_of, column_of, cell_of):
    """Lines of a Markdown table: a row and a column of each name, in the order in which they come."""
    rows, columns = (list(dict.fromkeys(map(name_of, entries))) for name_of in (row_of, column_of))
    cells = {(row_of(e), column_of(e)): cell_of(e) for e in entries}
    yield row([corner, *columns])
    yield row(["---"] * (1 + len(columns)))
    for name in rows:
        yield row([name, *(cells.get((name, column), "-") for column in columns)])


def summary_line(kind, by_state):
    said = [f"{state} {x['minimum']:.2f} to {x['maximum']:.2f}, geometric mean {x['geometric_mean']:.2f}, {len(x['points'])} points"
            for state, x in by_state.items()]  # fmt: skip
    return f"{kind}, asked {ASKED[kind]}: {'; '.join(said)}"


def ratio_text(entry):
    return f"{entry['ratio']:.2f} / {entry['hot']:.2f} {entry['kernel'].removesuffix(BARE)}"


def patterns_text(entry):
    return " ".join(f"({w}, {r})" for w, r in zip(entry["segment_lengths"], entry["dilation_rates"]))


TABLES = {  # corner; names of an entry's row and column; its cell
    "dense": ("ours / FlashAttention-3, rested / hot", title, lambda e: f"n = {e['tokens']:,}", ratio_text),
    "dilated": (
        "ours / best library on a view, rested / hot",
        lambda e: f"{title(e)} m={e['segment_lengths'][0] // e['dilation_rates'][0]}",
        lambda e: f"r = {e['dilation_rates'][0]}",
        lambda e: f"{ratio_text(e)}, zeroing +{100 * e['zeroing']:.0f} %",
    ),
    "uneven": ("over the even case, rested / hot", title, lambda e: f"N = {e['tokens']:,}, {patterns_text(e)}", ratio_text),
    "mixture": (
        "time of ours / of cuDNN's calls alone, rested / hot",
        title,
        patterns_text,
        lambda e: f"{ratio_text(e)}: {e['ms']:.2f} ms / {e['ms_against']:.2f} ms; {e['ratio_best']:.2f} of {e['best']}, "
        f"{e['ms_best']:.2f} ms; {MIXTURE_ASKED} is {e['tflops_asked']:.0f} TFLOP/s",
    ),
}


def tables(record):
    """Lines of text: for each kind a summary and a Markdown table of the rested state, with the hot ratio beside it."""
    for kind, by_state in ratios(record).items():
        rested, hot = (by_state[state]["points"] for state in STATES)
        yield summary_line(kind, by_state)
        yield ""
        yield from pivot(TABLES[kind][0], [{**e, "hot": other["ratio"]} for e, other in zip(rested, hot)], *TABLES[kind][1:])
        yield ""
