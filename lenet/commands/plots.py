"""Pictures made with Matplotlib: rows of images, the confusion matrix, curves. No window is opened."""

import io
from contextlib import contextmanager

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lenet.data.fashion_mnist import CLASS_NAMES
from lenet.errors import InputError
from lenet.files import whole_file

# Okabe and Ito's colours, which colour-blind people can tell apart.
BLUE, ORANGE, GREEN, PURPLE, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"
MOST_RUNS = 6
WRONG = RED
LIGHT = {"paper": "#ffffff", "ink": "#1a1a1a", "grid": "#d5d5d5", "shades": "Blues"}
LIGHT["lines"] = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY)
DARK = {"paper": "#16181c", "ink": "#e8e8e8", "grid": "#3a3e46", "shades": "cividis"}
DARK["lines"] = (SKY, ORANGE, GREEN, PURPLE, RED, BLUE)
COLUMNS = 10  # images in a row
TRAINING = {"linestyle": "--", "marker": "o", "markersize": 4, "markerfacecolor": "none"}
VALIDATION = {"linestyle": "-", "marker": "o", "markersize": 4}
STEPS = {"linewidth": 0.8, "alpha": 0.6}


@contextmanager
def theme(colours):
    """Matplotlib's settings for figures on paper of these colours; text stays text in SVG."""
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    papered = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    settings = {
        **dict.fromkeys(inked, colours["ink"]),
        **dict.fromkeys(papered, colours["paper"]),
        "grid.color": colours["grid"],
        "image.cmap": colours["shades"],
        "axes.prop_cycle": cycler(color=colours["lines"]),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "lenet",
    }
    with matplotlib.rc_context(settings):
        yield


def image_grid(images, titles, wrong=(), columns=COLUMNS):
    """A figure of images (n, 28, 28) in rows, each under its title; those in `wrong` are framed."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = 1 + max(title.count("\n") for title in titles)
    figure = Figure(figsize=(1.75 * columns, (1.55 + 0.17 * lines) * rows), layout="constrained")
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        axes.set(xticks=[], yticks=[])
        if place >= len(images):
            axes.set_visible(False)
            continue
        axes.imshow(images[place], cmap="gray", vmin=0, vmax=255)
        marked = place in wrong
        axes.set_title(titles[place], fontsize=8.5, **({"color": WRONG, "weight": "bold"} if marked else {}))
        for spine in axes.spines.values():
            spine.set(visible=marked, color=WRONG, linewidth=3)
    return figure


def confusion(matrix, title):
    """A figure of the matrix (10, 10), label by prediction: numbers of images, shaded by part of the row."""
    part = 100 * matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    figure = Figure(figsize=(4.6, 4.5), layout="constrained")
    axes = figure.subplots()
    shades = axes.imshow(part, vmin=0, vmax=100)
    for label in range(len(CLASS_NAMES)):
        for predicted in range(len(CLASS_NAMES)):
            red, green, blue, _ = shades.cmap(shades.norm(part[label, predicted]))
            ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
            axes.text(predicted, label, matrix[label, predicted], ha="center", va="center", fontsize=8, color=ink)
    axes.set(xticks=range(10), yticks=range(10), xlabel="predicted class", ylabel="true class", title=title)
    axes.set_xticklabels(CLASS_NAMES, rotation=45, ha="right", rotation_mode="anchor", fontsize=8.5)
    axes.set_yticklabels(CLASS_NAMES, fontsize=8.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def curves(lines, xlabel, ylabel, **limits):
    """A figure of `lines`, each x, y, name, colour and how it is drawn; `limits` are those of Axes.set."""
    figure = Figure(figsize=(4.4, 3.4), layout="constrained")
    axes = figure.subplots()
    for x, y, name, colour, style in lines:
        axes.plot(x, y, label=name, color=colour, **style)
    axes.set(xlabel=xlabel, ylabel=ylabel, **limits)
    axes.grid(visible=True)
    axes.set_xlim(0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def save(figure, path):
    """Write a figure as PNG. InputError if it cannot be written."""
    try:
        with whole_file(path) as place:
            figure.savefig(place, format="png", dpi=150)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def svg(figure):
    """A figure as SVG: bytes, the same for the same figure."""
    target = io.BytesIO()
    figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()
