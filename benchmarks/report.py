#!/usr/bin/env python3
"""The before/after comparison as a page: index.html beside the plots, from compare.json.

    report.py COMPARE.json FOLDER

The tables need Python's standard library alone. The plots need matplotlib; without it the page says that they are missing.
All of it is made beside what is there, and then put in its place.
"""

import html
import json
import pathlib
import sys
import tempfile

from figures import RUNGS, VERDICT_COLOURS, count, elements, is_fix, label, picture_name, seconds, size, times, topics
from plots import is_plot, plots
from whole_file import one_line_of_failure, put_in_place

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-top: 1px solid #d0d7de; padding-top: 1.2rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 14px; display: block; overflow-x: auto; }
th, td { padding: .3rem .5rem; text-align: right; border-bottom: 1px solid #e4e8ec; white-space: nowrap; vertical-align: top; }
th { background: #f4f6f8; } th:first-child, td:first-child, .words { text-align: left; }
.words, .verdict { white-space: normal; } .words { min-width: 22rem; } .verdict { min-width: 9rem; } td > .note { display: block; }
img { max-width: 100%; height: auto; margin: .6rem 0; } .note { color: #57606a; } code { background: #f4f6f8; padding: 0 .2rem; }
.missing { background: #fff4e0; border-left: 4px solid #d68910; padding: .6rem 1rem; }
.wrong { background: #fdecea; border-left: 4px solid #c0392b; padding: .6rem 1rem; }
"""


def spread(s, text):
    return "–" if s is None else f"{text(s['median'])} <span class=note>({text(s['q1'])} – {text(s['q3'])})</span>"


def power(x):
    return "–" if x is None else f"n<sup>{x:.2f}</sup>"


def table(header, rows):
    """Cells are HTML already."""
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def verdict(claim):
    colour = VERDICT_COLOURS.get(claim["verdict"], "#57606a")
    return f"<div class=verdict><b style='color:{colour}'>{html.escape(claim['verdict_in_words'])}</b></div>"


def measured(claim):
    return spread(claim["ratio"], times) if claim["ratio"] else power(claim["exponent"])


def promised(claim):
    if claim["quantity"] == "none":
        return "no number"
    return "O(n)" if claim["quantity"] == "exponent" else f"{claim['low']:.3g} – {claim['high']:.3g}×"


def speed_up(forms, fix, rung):
    entry = forms[str(fix["number"])][rung]
    return "–" if "absent" in entry else spread(entry["speed_up"], times)


def largest_length(data, fix):
    """The largest at which all rungs were measured: on a GPU fix 1 before ends early."""
    whole = [at for at in data["lengths"]
             if not any("absent" in at["end_to_end"][str(fix["number"])][rung] for rung in RUNGS)]
    return (whole or data["lengths"])[-1]


def summary(data):
    rows = []
    for fix in topics(data):
        claims = [claim for claim in data["claims"] if claim["fix"] == fix["number"]]
        at = largest_length(data, fix)
        shorter = "" if at is data["lengths"][-1] else f", n = {at['n']}"
        rows.append([f"{fix['number']} {html.escape(fix['title'])}{shorter}"]
                    + [speed_up(at[form], fix, rung) for form in ("isolated", "end_to_end") for rung in RUNGS[1:]]
                    + ["<br>".join(map(promised, claims)), "".join(map(verdict, claims))])
    header = ["topic", "alone, after", "alone, principled", "end to end, after", "end to end, principled", "claim", "verdict"]
    return table(header, rows)


def claims_table(data):
    rows = []
    for claim in data["claims"]:
        words = (f"<div class=words>“{html.escape(claim['words'])}”<br><span class=note>read as: {html.escape(claim['reading'])}. "
                 f"In the class: {html.escape(claim['fact'])}.</span></div>")
        rows.append([claim["fix"] or "all", words, promised(claim), measured(claim), verdict(claim)])
    return table(["fix", "what the report claims", "claim", "measured", "verdict"], rows)


def cost_header(data):
    """What a call took: by the clocks that there are, and on a device what it was asked for."""
    if not data["device"]:
        return ["time (interquartile range)"]
    clocks = ["device time (interquartile range)", "host time"] if data["timed"] else ["sectors", "tensor FLOPs"]
    return clocks + ["launches", "mallocs", "bytes", "uploaded"]


def cost(data, call):
    if not data["device"]:
        return [spread(call["seconds"], seconds)]
    work = call["work"]
    clocks = ([spread(call["seconds"], seconds), spread(call["host_seconds"], seconds)] if data["timed"]
              else [count(work["sectors"]), count(work["tensor_flops"])])
    return clocks + [count(work["launches"]), count(work["allocations"]), size(work["allocated_bytes"]), size(work["uploaded_bytes"])]


def waterfall_table(data, steps):
    rows = [[html.escape(step["title"]), *cost(data, step["call"]), spread(step["speed_up"], times),
             count(step["call"]["counts"]["flops"]), f"{step['error_ratio']:.3g}"] for step in steps if "absent" not in step]
    return table(["pipeline", *cost_header(data), "against the first", "FLOPs", "error ratio"], rows)


def memory_header(data):
    return [] if data["device"] else ["allocations", "bytes", "peak"]


def memory(data, call):
    if data["device"]:
        return []
    found = call["allocations"]
    return [count(found["number"]), size(found["bytes"]), size(found["peak_bytes"])] if found else ["absent"] * 3


def detail_row(data, fix, form, rung, entry, n, growth):
    if "absent" in entry:
        blank = len(cost_header(data)) + len(memory_header(data)) + 5
        return [[f"{form}, {rung}", n, html.escape(entry["absent"])] + [""] * blank]
    rows = []
    for key, suffix in (("call", ""), ("first_call", ", first call")):
        if key not in entry or (key == "first_call" and fix["number"] < 5):
            continue
        call = entry[key]
        counts = call["counts"]
        rows.append([f"{form}, {rung}{suffix}", n, *cost(data, call),
                     spread(entry["speed_up"], times) if key == "call" else "", *memory(data, call),
                     count(elements(fix, counts)), count(counts["flops"]),
                     power(growth["time"]) if key == "call" else "", power(growth["elements"]) if key == "call" else "",
                     f"{entry['error_ratio']:.3g}" if entry["error_ratio"] else "exact"])
    return rows


def detail_table(data, fix):
    rows = []
    for form, words in (("isolated", "alone"), ("end_to_end", "end to end" if is_fix(fix) else "whole call")):
        for rung in RUNGS:
            for at in data["lengths"]:
                rows += detail_row(data, fix, words, rung, at[form][str(fix["number"])][rung], at["n"], fix["exponents"][form][rung])
    header = ["form, rung", "n", *cost_header(data), "before / rung", *memory_header(data), html.escape(fix["counted"]), "FLOPs", "time grows", "elements grow", "error ratio"]
    return table(header, rows)


def picture(name, drawn, alternative):
    return f"<img src='{name}' alt='{html.escape(alternative)}'>" if name in drawn else ""


def topic_section(data, fix, drawn):
    rungs = "".join(f"<li><b>{rung}</b>: {html.escape(words['title'])}. {html.escape(words['sentence'])}</li>"
                    for rung, words in fix["rungs"].items())
    note = "" if fix["number"] != 3 else ("<p class=note>Compared not causal: the class reached this branch only when not causal, and only on "
                                          "one rank. The sum that the published form lost is restored where it is timed.</p>")
    wrong = [entry["error_ratio_as_published"] for at in data["lengths"]
             if (entry := at["isolated"][str(fix["number"])]["after"]).get("error_ratio_as_published")]
    if wrong:
        note += f"<p class=wrong>As it was published its error ratio is {max(wrong):.3g}; the bound is {data['configuration']['error_bound']:g}.</p>"
    return (f"<h2>{label(fix)}: {html.escape(fix['title'])}</h2><p>{html.escape(fix['teaches'])}</p><ul>{rungs}</ul>{note}"
            + picture(picture_name(fix), drawn, f"time of {label(fix).lower()} against n") + detail_table(data, fix))


def setting(data):
    c, e = data["configuration"], data["environment"]
    patterns = " ".join(f"({w}, {r})" for w, r in zip(c["segments"], c["dilations"])) or "(n/2, 1) (n, 2)"
    lengths = ", ".join(f"{at['n']} ({at['repetitions']} repetitions)" for at in data["lengths"])
    device = data["device"]
    on = "" if not device else (
        f"<p>On {html.escape(device['name'])}, {device['multiprocessors']} multiprocessors. "
        + ("Device time is between two events around a call, host time until it was queued. " if data["timed"]
           else "Work is counted and nothing is timed, so that claims of speed are not judged. ")
        + "End to end the other fixes stand at before, but fix 1, whose launch an element is measured to n = 512, as published.</p>")
    return (f"<p>B = {c['batch']}, H = {c['heads']}, KV heads {c['kv_heads']}, D = {c['head_dim']}, {c['type']}, patterns (w, r) = {patterns}, "
            f"{'causal' if c['causal'] else 'not causal'}, ring of {c['ranks']}, {c['threads']} threads; n = {lengths or 'none'}.</p>{on}"
            f"<p class=note>{html.escape(e['program'])}, {html.escape(e['compiler'])}, <code>{html.escape(e['flags'])}</code>, "
            f"{html.escape(e['cpu'])}. Every result was verified against a float64 oracle before it was timed; repetitions are "
            "interleaved in random order. All figures with their raw samples: <a href='compare.json'>compare.json</a>.</p>")


def page(data, folder):
    parts = ["<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
             f"<title>Before and after</title><style>{STYLE}</style><h1>Fixes and opportunities: before, after, and principled</h1>", setting(data)]
    for out in data["left_out"]:
        parts.append(f"<p class=missing>n = {out['n']} was left out: {html.escape(out['why'])}.</p>")
    for offender in data["out_of_tolerance"]:
        parts.append(f"<p class=wrong>Out of tolerance, n = {offender['n']}: {html.escape(offender['why'])}.</p>")
    if not data["lengths"]:
        return "".join(parts) + "<p>Nothing was measured.</p></html>"

    drawn, why = plots(data, folder)
    if why:
        parts.append(f"<p class=missing>The plots are missing: {html.escape(why)}. The tables are complete.</p>")
    at = data["lengths"][-1]
    parts += [f"<h2>{'Device time' if data['device'] else 'Time'} before / time of the rung, n = {at['n']}</h2>"
              "<p class=note>Above 1 is a gain.</p>", summary(data),
              "<h2>The claims</h2>", picture("claims.png", drawn, "claimed ranges and measured ratios"),
              picture("complexity.png", drawn, "mask elements against n"), claims_table(data)]
    if at["waterfall"]:
        parts += [f"<h2>One fix after another, n = {at['n']}</h2>", picture("waterfall.png", drawn, "time of every step"),
                  waterfall_table(data, at["waterfall"])]
    parts += [topic_section(data, topic, drawn) for topic in topics(data)]
    if data["device"] and data.get("opportunities"):
        names = ", ".join(f"{topic['number']} {html.escape(topic['title'])}" for topic in data["opportunities"])
        parts.append(f"<p class=missing>The remaining opportunities ({names}) are not on this backend.</p>")
    return "".join(parts) + "</html>\n"


def main():
    source, folder = map(pathlib.Path, sys.argv[1:])
    data = json.loads(source.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".dra-", dir=folder) as beside:
        made = pathlib.Path(beside) / "page"
        made.mkdir()
        (made / "index.html").write_text(page(data, made), encoding="utf-8")
        names = {file.name for file in made.iterdir()}
        for name in sorted(names, key="index.html".__eq__):  # what the page shows, then the page
            put_in_place(made / name, folder / name)
    for stale in folder.glob("*.png"):
        if is_plot(stale) and stale.name not in names:
            stale.unlink()


if __name__ == "__main__":
    with one_line_of_failure("report"):
        main()
