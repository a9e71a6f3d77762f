"""Figures of compare.json as text, and the colours of verdicts."""

RUNGS = ("before", "after", "principled")
VERDICT_COLOURS = {"confirmed": "#2e7d32", "exceeded": "#2e7d32", "refuted": "#c0392b", "undecided": "#b9770e"}


def in_unit(x, units):
    """Three significant digits in the largest unit that leaves at least 1."""
    size, name = next((unit for unit in units if abs(x) >= 0.9995 * unit[0]), units[-1])
    x /= size
    digits = max(0, 3 - len(str(int(abs(x))))) if x else 0
    return f"{x:.{digits}f}{name}"


def seconds(x):
    return in_unit(x, [(1, " s"), (1e-3, " ms"), (1e-6, " µs"), (1e-9, " ns")])


def size(x):
    return in_unit(x, [(1e9, " GB"), (1e6, " MB"), (1e3, " kB"), (1, " B")])


def count(x):
    return in_unit(x, [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"), (1, "")])


def times(x):
    return f"{x:.3g}×" if x < 1000 else f"{x:,.0f}×"


def elements(topic, counts):
    fields = {1: ["mask_elements"], 2: ["rows_gathered"], 3: ["pairs_again"], 4: ["pairs"], 5: ["mask_elements", "index_elements"],
              6: ["bytes_kept"], 7: ["index_elements"], 8: ["temporary_elements"], 9: ["rows_read"]}
    return sum(counts[field] for field in fields[topic["number"]])


def topics(data):
    """The fixes, then the opportunities that this backend has."""
    return data["fixes"] + ([] if data["device"] else data.get("opportunities", []))


def is_fix(topic):
    return topic["number"] <= 5


def label(topic):
    return f"{'Fix' if is_fix(topic) else 'Opportunity'} {topic['number']}"


def picture_name(topic):
    return label(topic).lower().replace(" ", "_") + ".png"
