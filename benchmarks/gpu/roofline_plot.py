"""The picture of roofline.py: rates under their roofs, and what share of each unit's time a kernel needs."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from plots import log_axes, save  # noqa: E402
from ratios import BARE, LIBRARIES  # noqa: E402

MARKERS = {"dense": "o", "dilated": "^", "mixture": "D"}
LEAST, MOST = 40, 1100  # TFLOP/s: what is drawn of the rooflines
SPAN = (20, 10000)  # FLOPs a byte
UNITS = {"share_of_product": "product", "share_of_exps": "exps", "share_of_copy": "copy"}
COLOURS = {"share_of_product": "#1f6f8b", "share_of_exps": "#d68910", "share_of_copy": "#7f8c8d"}


def colours_of(kernels):
    """One colour per kernel, in reading order; libraries grey."""
    palette = plt.get_cmap("turbo")
    mine = [name for name in kernels if name not in LIBRARIES]
    found = {name: palette(0.05 + 0.9 * i / max(1, len(mine) - 1)) for i, name in enumerate(mine)}
    return found | dict(zip(LIBRARIES, ("#b0b7bd", "#808890", "#3d444b")))


def draw_roofs(axis, roofs, head_dim):
    """The product, the copy's slope, and product and exps in turn."""
    low, high = SPAN
    product, copy = roofs["product_tflops"], roofs["copy_tbytes"]
    ridge = product / copy
    axis.plot([low, ridge, high], [low * copy, product, product], color="#1b1f24", lw=1.6)
    axis.annotate(f"8192³ product, {product:.0f}", (high, product), xytext=(-4, 4), textcoords="offset points", ha="right", fontsize=8)
    axis.annotate(f"copy, {copy:.2f} TB/s", (ridge / 2, product / 2), xytext=(-6, 4), textcoords="offset points", ha="right", fontsize=8)
    exps = 4 * head_dim * roofs["exps_tera"]
    in_turn = 1 / (1 / product + 1 / exps)
    axis.plot([ridge, high], [in_turn] * 2, color="#c0392b", lw=1.2, ls="--")
    axis.annotate(f"product and exps in turn, {in_turn:.0f}", (high, in_turn), xytext=(-4, 4), textcoords="offset points", ha="right",
                  fontsize=8, color="#c0392b")  # fmt: skip


def draw_points(axis, points, colours):
    for point in points:
        colour = colours[point["kernel"].removesuffix(BARE)]
        face = "none" if point["causal"] else colour
        axis.plot(point["flops_a_byte"], point["tflops"], MARKERS[point["kind"]], ms=5, mec=colour, mfc=face, mew=1.1, ls="none", alpha=0.85)


def draw_shares(axis, points, kernels, title):
    """One group of bars per kernel: the share of each unit's least time in the time taken."""
    names = [name for name in kernels if any(point["kernel"] == name for point in points)]
    for i, (key, label) in enumerate(UNITS.items()):
        y = [j + 0.27 * (i - 1) for j in range(len(names))]
        found = [next(point[key] for point in points if point["kernel"] == name) for name in names]
        axis.barh(y, [100 * x for x in found], height=0.25, color=COLOURS[key], label=label)
        for position, x in zip(y, found):
            axis.annotate(f"{100 * x:.0f}", (100 * x, position), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set(xlim=(0, 118), xlabel="least time of the unit / time taken (%)", title=title)
    axis.grid(axis="x", alpha=0.25)
    axis.set_axisbelow(True)


def plot(found, path):
    plt.rcParams |= {"svg.hashsalt": path.stem, "svg.fonttype": "none"}
    points = [point for point in found["points"] if point["state"] == "rested" and point["kind"] in MARKERS]
    kernels = list(dict.fromkeys(point["kernel"].removesuffix(BARE) for point in points))
    kernels.sort(key=lambda name: name in LIBRARIES)
    colours = colours_of(kernels)
    typical = [point for point in points if point["kind"] == "dense" and point["tokens"] == 8192 and not point["causal"]]
    scattered = [point for point in points if point["kernel"] not in LIBRARIES[:-1] and point["tflops"] >= LEAST]
    figure, axes = plt.subplots(2, 2, figsize=(12, 10.5), height_ratios=(1.25, 1))
    for (above, below), head_dim in zip(zip(*axes), (128, 64)):
        at_this_width = lambda some: [point for point in some if point["head_dim"] == head_dim]
        draw_points(above, at_this_width(scattered), colours)
        draw_roofs(above, found["roofs"]["rested"], head_dim)
        above.set(xlabel="FLOPs a byte that must be moved", ylabel="TFLOP/s", title=f"D = {head_dim}", ylim=(LEAST, MOST), xlim=SPAN)
        log_axes(plt, above, (20, 50, 100, 200, 500, 1000, 2000, 5000))
        draw_shares(below, at_this_width(typical), kernels, f"D = {head_dim}, n = 8,192")
    axes[1][1].legend(frameon=False, loc="lower right")
    legend = [plt.Line2D([], [], marker="s", ls="none", color=colours[name], label=name)
              for name in kernels if any(point["kernel"].removesuffix(BARE) == name for point in scattered)]
    legend += [plt.Line2D([], [], marker=marker, ls="none", color="#1b1f24", label=kind) for kind, marker in MARKERS.items()]
    legend.append(plt.Line2D([], [], marker="o", ls="none", mec="#1b1f24", mfc="none", label="hollow: causal"))
    figure.legend(handles=legend, frameon=False, loc="upper center", ncols=7, bbox_to_anchor=(0.5, 0.0), fontsize=9)
    figure.suptitle(f"The ladder under its roofs, one {found['device']}, bf16, rested; below {LEAST} TFLOP/s only as bars")
    save(plt, figure, path)
