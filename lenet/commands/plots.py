"""Figures made with Matplotlib: rows of images, the confusion matrix, curves. No window is opened."""

import io
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lenet.errors import InputError
from lenet.files import whole_file

# Okabe and Ito's colours, which colour-blind people can tell apart.
BLUE, ORANGE, GREEN, PURPLE, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"
MAX_RUNS = 6
WRONG = RED
LIGHT: dict[str, Any] = {"paper": "#ffffff", "ink": "#1a1a1a", "grid": "#d5d5d5", "shades": "Blues"}
LIGHT["lines"] = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY)
DARK: dict[str, Any] = {"paper": "#16181c", "ink": "#e8e8e8", "grid": "#3a3e46", "shades": "cividis"}
DARK["lines"] = (SKY, ORANGE, GREEN, PURPLE, RED, BLUE)
COLUMNS = 10  # images in a row
MAX_NUMBERED = 30  # classes of a matrix with numbers in its cells
TRAINING = {"linestyle": "--", "marker": "o", "markersize": 4, "markerfacecolor": "none"}
VALIDATION = {"linestyle": "-", "marker": "o", "markersize": 4}
STEPS = {"linewidth": 0.8, "alpha": 0.6}


class Line(NamedTuple):
    """A line of a figure of curves."""

    x: np.ndarray  # (n,)
    y: np.ndarray  # (n,)
    label: str
    colour: str
    style: dict[str, Any]  # of Axes.plot


@contextmanager
def theme(colours: dict[str, Any]) -> Iterator[None]:
    """Matplotlib's settings for figures in these colours, LIGHT or DARK; text stays text in SVG."""
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


def image_grid(
    images: np.ndarray, titles: Sequence[str], wrong: Collection[int] = (), columns: int = COLUMNS
) -> Figure:
    """A figure of images (n, 28, 28) in rows, each under its title; those with an index in `wrong` are framed."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = 1 + max(title.count("\n") for title in titles)
    figure = Figure(figsize=(1.75 * columns, (1.55 + 0.17 * lines) * rows), layout="constrained")
    for index, axes in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        axes.set(xticks=[], yticks=[])
        if index >= len(images):
            axes.set_visible(False)
            continue
        axes.imshow(images[index], cmap="gray", vmin=0, vmax=255)
        is_wrong = index in wrong
        axes.set_title(titles[index], fontsize=8.5, **({"color": WRONG, "weight": "bold"} if is_wrong else {}))
        for spine in axes.spines.values():
            spine.set(visible=is_wrong, color=WRONG, linewidth=3)
    return figure


def confusion(matrix: np.ndarray, class_names: Sequence[str], title: str) -> Figure:
    """A figure of the matrix (classes, classes), label by prediction: numbers of images, shaded by part of the row."""
    part = 100 * matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    figure = Figure(figsize=(4.6, 4.5), layout="constrained")
    axes = figure.add_subplot()
    colours = axes.imshow(part, vmin=0, vmax=100).to_rgba(part)  # (10, 10, 4)
    for label, predicted in np.ndindex(matrix.shape if len(matrix) <= MAX_NUMBERED else (0, 0)):
        red, green, blue, _ = colours[label, predicted]
        ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
        axes.text(predicted, label, matrix[label, predicted], ha="center", va="center", fontsize=8, color=ink)
    axes.set(
        xticks=range(len(matrix)), yticks=range(len(matrix)), xlabel="predicted class", ylabel="true class", title=title
    )
    axes.set_xticklabels(class_names, rotation=45, ha="right", rotation_mode="anchor", fontsize=8.5)
    axes.set_yticklabels(class_names, fontsize=8.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def curves(lines: Sequence[Line], xlabel: str, ylabel: str, **limits: Any) -> Figure:
    """A figure of the lines; `limits` are those of Axes.set."""
    figure = Figure(figsize=(4.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for line in lines:
        axes.plot(line.x, line.y, label=line.label, color=line.colour, **line.style)
    axes.set(xlabel=xlabel, ylabel=ylabel, **limits)
    axes.grid(visible=True)
    axes.set_xlim(0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG. InputError: it cannot be written."""
    try:
        with whole_file(path) as partial:
            figure.savefig(partial, format="png", dpi=150)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def svg(figure: Figure) -> bytes:
    """A figure as SVG, the same bytes for the same figure."""
    target = io.BytesIO()
    figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()
