"""Figures made with Matplotlib: their colours, rows of images, the confusion matrix. No window is opened."""

import io
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from lenet.atomic import whole_file
from lenet.errors import InputError

# Okabe and Ito's colours, which colour-blind people can distinguish.
BLUE, ORANGE, GREEN, PURPLE, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"
MAX_RUNS = 6
WRONG = RED
LIGHT: dict[str, Any] = {"paper": "#ffffff", "ink": "#1a1a1a", "grid": "#d5d5d5"}
LIGHT["lines"] = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY)
DARK: dict[str, Any] = {"paper": "#16181c", "ink": "#e8e8e8", "grid": "#3a3e46"}
DARK["lines"] = (SKY, ORANGE, GREEN, PURPLE, RED, BLUE)
COLUMNS = 10  # images in a row
MAX_NUMBERED = 30  # classes of a matrix with numbers in its cells
MAX_NAMED = 40  # classes of which each one is named beside the matrix
MAX_NAME = 16  # characters of a class name beside the matrix
MAX_CELLS = 250  # in a row of the matrix: on a screen more are too small to be seen


@contextmanager
def theme(colours: dict[str, Any]) -> Iterator[None]:
    """Set Matplotlib's colours to LIGHT or DARK within the block; text stays text in SVG."""
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    papered = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    settings = {
        **dict.fromkeys(inked, colours["ink"]),
        **dict.fromkeys(papered, colours["paper"]),
        "grid.color": colours["grid"],
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
    """Return a figure of images (n, 28, 28) in rows, each under its title, with frames around those in `wrong`."""
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
    """Return a figure of the matrix (classes, classes), label by prediction."""
    side = float(np.clip(2 + 0.26 * len(matrix), 3.6, 8))
    figure = Figure(figsize=(side + 0.1, side), layout="constrained")
    draw_confusion(figure.add_subplot(), matrix, class_names)
    figure.suptitle(title, fontsize=10.5)
    return figure


def draw_confusion(axes: Axes, matrix: np.ndarray, class_names: Sequence[str]) -> None:
    """Draw the matrix (classes, classes), label by prediction: numbers of images, shaded by their fraction of the row.

    The errors have another colour and scale, on which the most frequent one is darkest: on that of the
    diagonal they would be nearly white. With many classes there are no numbers, and only some classes are named.
    """
    colours = confusion_colours(matrix)
    classes = len(matrix)
    edges = (-0.5, classes - 0.5)
    axes.imshow(_strongest_of_blocks(colours, -(-classes // MAX_CELLS)), extent=(*edges, *edges[::-1]))
    if classes <= MAX_NUMBERED:
        size = float(np.clip(130 / classes, 5, 8))
        for (label, predicted), count in np.ndenumerate(matrix):
            ink = "black" if colours[label, predicted] @ (0.3, 0.59, 0.11, 0) > 0.5 else "white"
            opacity = 1 if count else 0.35
            axes.text(predicted, label, str(count), ha="center", va="center", fontsize=size, color=ink, alpha=opacity)
    ticks = np.arange(0, classes, -(-classes // MAX_NAMED))
    names = [shorten_name(class_names[tick], MAX_NAME) for tick in ticks]
    size = float(np.clip(150 / len(ticks), 5.5, 8.5))
    axes.set(xticks=ticks, yticks=ticks, xlabel="predicted class", ylabel="true class")
    axes.set_xticklabels(names, rotation=45 if classes <= MAX_NUMBERED else 90, ha="right", fontsize=size)
    for text in axes.get_xticklabels():
        text.set_rotation_mode("anchor")
        text.set_verticalalignment("top" if classes <= MAX_NUMBERED else "center")
    axes.set_yticklabels(names, fontsize=size)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def confusion_colours(matrix: np.ndarray) -> np.ndarray:
    """Return the colours (classes, classes, 4) of a confusion matrix, each channel from 0 to 1."""
    share = matrix / matrix.sum(axis=1, keepdims=True).clip(1)  # of the images of the class
    is_correct = np.eye(len(matrix), dtype=bool)
    errors = np.sqrt(share / max(share[~is_correct].max(), 1e-9)).clip(0, 1)  # the root: rare ones are seen too
    return np.where(is_correct[:, :, None], _shades("C0")(share), _shades(RED)(0.85 * errors))


def shorten_name(name: str, limit: int) -> str:
    """Return the name in at most `limit` characters, without the middle of a longer one."""
    half = (limit - 1) // 2
    return name if len(name) <= limit else f"{name[: limit - 1 - half]}…{name[-half:]}"


def save(figure: Figure, path: Path, dpi: int = 150) -> None:
    """Write a figure as PNG. InputError: it cannot be written."""
    try:
        with whole_file(path) as partial:
            figure.savefig(partial, format="png", dpi=dpi)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def svg(figure: Figure) -> bytes:
    """Return the figure as SVG, with the same bytes for the same figure."""
    target = io.BytesIO()
    figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()


def _strongest_of_blocks(colours: np.ndarray, size: int) -> np.ndarray:
    """Return each block's colour that is farthest from the paper: the mean of a block would hide rare errors."""
    classes = len(colours)
    blocks = -(-classes // size)
    paper = to_rgba(matplotlib.rcParams["axes.facecolor"])
    padded = np.full((blocks * size, blocks * size, 4), paper)
    padded[:classes, :classes] = colours
    cells = padded.reshape(blocks, size, blocks, size, 4).swapaxes(1, 2).reshape(blocks, blocks, size * size, 4)
    strongest = np.abs(cells - paper).sum(axis=-1).argmax(axis=-1)
    return np.take_along_axis(cells, strongest[:, :, None, None], axis=2)[:, :, 0]


def _shades(colour: str) -> Colormap:
    """Return the shades from the theme's paper to a colour."""
    paper = matplotlib.rcParams["axes.facecolor"]
    return LinearSegmentedColormap.from_list("shades", [paper, colour])
