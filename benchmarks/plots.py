"""The plots of compare.json, drawn by matplotlib into PNG files."""

import os

from figures import RUNGS, VERDICT_COLOURS, elements, is_fix, label, picture_name, seconds, times, topics

COLOURS = {"before": "#c0392b", "after": "#d68910", "principled": "#1f6f8b"}
LABELS = {"before": "before", "after": "after, as published", "principled": "principled"}


def median_and_whiskers(entries):
    s = [entry["call"]["seconds"] for entry in entries]
    middle = [1e3 * x["median"] for x in s]
    return middle, [[1e3 * (x["median"] - x["q1"]) for x in s], [1e3 * (x["q3"] - x["median"]) for x in s]]


def measured(data, form, fix, rung):
    """The lengths at which a rung was measured, and what was found there."""
    found = [(at["n"], at[form][str(fix["number"])][rung]) for at in data["lengths"]]
    found = [(n, entry) for n, entry in found if "absent" not in entry]
    return [n for n, _ in found], [entry for _, entry in found]


def others(data, topic):
    """The rungs of the fixes that are not moved."""
    if not is_fix(topic):
        return "all else alike"
    return "others at before, fix 1 as published" if data["device"] else "the other fixes at before"


def clock(data):
    return "device time" if data["device"] else "time"


def tick(y):
    return f"{y:g}" if y < 1e4 else f"{y / 1e3:g} k" if y < 1e6 else f"{y / 1e6:g} M"


def log_axes(plt, axis, n):
    """Both axes logarithmic, with ticks that are read as numbers."""
    axis.set(xscale="log", yscale="log")
    low, high = axis.get_ylim()
    axis.yaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
    axis.yaxis.set_major_formatter(plt.FuncFormatter(lambda y, _: tick(y)))
    axis.set_xticks(n, [str(x) for x in n])
    axis.minorticks_off()
    axis.grid(alpha=0.25)


def plot_topic(plt, data, topic, path):
    """Time against n, alone and end to end, one line per rung; a topic that is nothing alone has no such axis."""
    whole = "end to end" if is_fix(topic) else "a whole call"
    forms = {"isolated": "alone", "end_to_end": f"{whole}, {others(data, topic)}"}
    if not is_fix(topic) and not any(measured(data, "isolated", topic, rung)[1] for rung in RUNGS):
        del forms["isolated"]
    figure, axes = plt.subplots(1, len(forms), figsize=(0.4 + 5.05 * len(forms), 4.8), squeeze=False)
    every_n = [at["n"] for at in data["lengths"]]
    for axis, (form, title) in zip(axes[0], forms.items()):
        drawn = False
        for rung in RUNGS:
            n, entries = measured(data, form, topic, rung)
            if not entries:
                continue
            middle, whiskers = median_and_whiskers(entries)
            grows = topic["exponents"][form][rung]["time"]
            text = LABELS[rung] + (f": $n^{{{grows:.2f}}}$" if grows is not None else "")
            axis.errorbar(n, middle, whiskers, label=text, color=COLOURS[rung], marker="os^"[RUNGS.index(rung)], capsize=3, lw=1.8,
                          ls=("-", "--", "-.")[RUNGS.index(rung)])
            drawn = True
            if topic["number"] >= 5 and rung == "after" and all("first_call" in entry for entry in entries):
                first = [1e3 * entry["first_call"]["seconds"]["median"] for entry in entries]
                axis.plot(n, first, color=COLOURS[rung], marker="s", mfc="white", lw=1.2, ls=":", label="its first call")
        axis.set(xlabel="tokens n", ylabel=f"{clock(data)} of a call (ms)", title=title)
        log_axes(plt, axis, every_n)
        if drawn:
            axis.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        else:
            axis.text(0.5, 0.5, "nothing to do", ha="center", transform=axis.transAxes)
    meaning = ": median time, whiskers span the interquartile range" if len(forms) > 1 else ""
    figure.suptitle(f"{label(topic)}, {topic['title']}{meaning}", y=0.99)
    save(plt, figure, path)


def plot_claims(plt, data, path):
    """Each claim's range, and the measured ratio's interquartile range across it."""
    claims = [claim for claim in data["claims"] if claim["ratio"]]
    if not claims:
        return False
    figure, axis = plt.subplots(figsize=(10.5, 1.5 + 0.6 * len(claims)))
    for y, claim in enumerate(reversed(claims)):
        ratio = claim["ratio"]
        axis.barh(y, claim["high"] - claim["low"], left=claim["low"], height=0.55, color="#aed6f1", label="claimed" if y == 0 else None)
        axis.errorbar(ratio["median"], y, xerr=[[ratio["median"] - ratio["q1"]], [ratio["q3"] - ratio["median"]]], fmt="o", capsize=4,
                      color=VERDICT_COLOURS[claim["verdict"]], label="measured: median, interquartile range" if y == 0 else None)
        axis.annotate(f"{times(ratio['median'])} {claim['verdict']}", (ratio["median"], y), xytext=(0, 9), textcoords="offset points",
                      ha="center", color=VERDICT_COLOURS[claim["verdict"]], fontsize=9)
    largest = data["lengths"][-1]["n"]
    names = [("fix " + str(claim["fix"]) if claim["fix"] else "all, beyond fix 1")
             + ("" if claim["n"] == largest else f", n = {claim['n']}") + f"\n{claim['low']:.2f} to {claim['high']:.2f}×"
             for claim in reversed(claims)]
    axis.axvline(1, color="#57606a", lw=1, ls=":")
    axis.set_yticks(range(len(claims)), names)
    axis.set_ylim(-0.6, len(claims) - 0.2)
    axis.set_xscale("log")
    ticks = [tick for tick in (0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 50, 200, 1000, 5000)
             if axis.get_xlim()[0] <= tick <= axis.get_xlim()[1]]
    axis.set_xticks(ticks, [f"{tick:g}×" for tick in ticks])
    axis.minorticks_off()
    axis.set(xlabel=f"{clock(data)} before / {clock(data)} after, end to end", title=f"What the report claims, and what was measured at n = {largest}")
    axis.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, -0.95 / (1 + 0.45 * len(claims)) - 0.12), ncols=2)
    save(plt, figure, path)
    return True


def plot_waterfall(plt, data, steps, n, path):
    """Time of every step from everything before to everything principled; steps that were not measured are left out."""
    steps = [step for step in steps if "absent" not in step]
    figure, axis = plt.subplots(figsize=(10.5, 4.2))
    middle, whiskers = median_and_whiskers(steps)
    colours = [COLOURS["before" if set(step["rungs"]) == {"b"} else "principled" if set(step["rungs"]) == {"p"} else "after"]
               for step in steps]
    y = list(range(len(steps)))[::-1]
    axis.barh(y, middle, xerr=whiskers, color=colours, height=0.62, error_kw={"capsize": 3, "lw": 1})
    for position, step, time, above in zip(y, steps, middle, whiskers[1]):
        gain = f"   {step['speed_up']['median']:.2f}×" if step["speed_up"] else ""
        axis.annotate(f"{seconds(time / 1e3)}{gain}", (time + above, position), xytext=(6, 0),
                      textcoords="offset points", va="center", fontsize=9)
    axis.set_yticks(y, [step["title"] for step in steps])
    axis.set_xlim(0, 1.22 * max(m + w for m, w in zip(middle, whiskers[1])))
    axis.set(xlabel=f"{clock(data)} of a call (ms), and how many times shorter than the first",
             title=f"One fix after another, end to end, n = {n}")
    axis.grid(axis="x", alpha=0.25)
    axis.set_axisbelow(True)
    save(plt, figure, path)


def plot_counts(plt, data, path):
    """Elements counted against n for fixes whose complexity was claimed, beside a line and a square."""
    claims = [claim for claim in data["claims"] if claim["quantity"] == "exponent" and claim["exponent"] is not None]
    if not claims:
        return False
    fix = next(fix for fix in data["fixes"] if fix["number"] == claims[0]["fix"])
    figure, axis = plt.subplots(figsize=(7.5, 4.4))
    every_n = [at["n"] for at in data["lengths"]]
    for rung in RUNGS:
        n, entries = measured(data, "isolated", fix, rung)
        y = [elements(fix, entry["call"]["counts"]) for entry in entries]
        grows = fix["exponents"]["isolated"][rung]["elements"]
        axis.plot(n, y, color=COLOURS[rung], marker="os^"[RUNGS.index(rung)], lw=1.8, ls=("-", "--", "-.")[RUNGS.index(rung)],
                  label=LABELS[rung] + (f": $n^{{{grows:.2f}}}$" if grows is not None else ""),
                  markersize=9 if rung == "before" else 5)
    axis.set(xlabel="tokens n", ylabel=f"{fix['counted']} written a call", title="O(n)? Elements that the causal mask is made of")
    log_axes(plt, axis, every_n)
    axis.legend(frameon=False)
    save(plt, figure, path)
    return True


def save(plt, figure, path):
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)


def is_plot(path):
    return path.stem in {"claims", "waterfall", "complexity"} or path.stem.startswith(("fix_", "opportunity_"))


def plots(data, folder):
    """Draws what there is to draw; the names of the files, or why there are none."""
    try:
        os.environ.setdefault("MPLCONFIGDIR", str(folder.parent / "matplotlib"))
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as error:
        return set(), f"matplotlib is not there ({error})"
    drawn = set()
    if plot_claims(plt, data, folder / "claims.png"):
        drawn.add("claims.png")
    if plot_counts(plt, data, folder / "complexity.png"):
        drawn.add("complexity.png")
    if not data["timed"]:
        return drawn, ""
    at = data["lengths"][-1]
    if at["waterfall"]:
        plot_waterfall(plt, data, at["waterfall"], at["n"], folder / "waterfall.png")
        drawn.add("waterfall.png")
    for topic in topics(data):
        plot_topic(plt, data, topic, folder / picture_name(topic))
        drawn.add(picture_name(topic))
    return drawn, ""
