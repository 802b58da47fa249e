"""The curves of runs: loss, accuracy, learning rate and speed over the epochs or steps done."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lenet.commands import plots
from lenet.run.history import History

CAPTIONS = {
    "loss": "Loss: cross-entropy over the training and the test images",
    "accuracy": "Accuracy on the training and the test images",
    "learning_rate": "Learning rate",
    "images_per_second": "Speed of training, over all processes",
}
UNITS = {
    "loss": "loss (nats per image)",
    "accuracy": "accuracy (%)",
    "learning_rate": "learning rate",
    "images_per_second": "images per second",
}
STEPS, TRAINING, TEST, ONLY = "single steps", "training", "test", "the only kind"
STYLES: dict[str, dict[str, Any]] = {
    STEPS: {"linewidth": 0.9, "alpha": 0.8},
    TRAINING: {"linestyle": "--", "marker": "o", "markersize": 4, "markerfacecolor": "none"},
    TEST: {"linestyle": "-", "marker": "o", "markersize": 4},
    ONLY: {"linestyle": "-"},
}
COLOURS = {STEPS: "#8a8f98", TRAINING: "C1", TEST: "C0", ONLY: "C0"}  # of a run that is alone in a figure
MAX_NAME = 20  # characters of a run's name in a legend: two columns of them fit the figure
OUTLIERS = 0.02  # of the losses of single steps: may lie above the figure


class Line(NamedTuple):
    """A line of a figure: values of one kind of the run with index `run`."""

    x: np.ndarray  # (n,)
    y: np.ndarray  # (n,)
    run: int
    kind: str  # a key of STYLES


def names_with_data(runs: Sequence[History]) -> list[str]:
    """Return the names in CAPTIONS of the figures that have data."""
    return [name for name in CAPTIONS if lines_of(name, runs)]


def lines_of(name: str, runs: Sequence[History]) -> list[Line]:
    """Return the lines of the figure `name`, without empty ones."""
    lines = [line for number, run in enumerate(runs) for line in _lines(name, run, number, _are_in_epochs(runs))]
    return [line for line in lines if len(line.x)]


def figure(name: str, runs: Sequence[History], run_names: Sequence[str]) -> Figure:
    """Return the figure `name`. One run has a colour for each kind of line, several runs have one for each run."""
    handles = key(lines_of(name, runs), run_names)
    rows = -(-len(handles) // 2)
    result = Figure(figsize=(4.4, 3.1 + 0.2 * rows), layout="constrained")  # the legend takes nothing from the curves
    draw(result.add_subplot(), name, runs)
    if handles:
        result.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8.5)
    return result


def key(lines: Sequence[Line], run_names: Sequence[str]) -> list[Line2D]:
    """Return the legend: the kinds of lines and, for several runs, the colour of each run."""
    runs, handles = len(run_names), []
    kinds = [kind for kind in STYLES if any(line.kind == kind for line in lines)]
    if runs > 1:
        shown = sorted({line.run for line in lines})
        names = [plots.shorten_name(run_names[number], MAX_NAME) for number in shown]
        handles = [Line2D([], [], color=f"C{number}", linewidth=4, label=name) for number, name in zip(shown, names)]
    if kinds != [ONLY]:
        colours = COLOURS if runs == 1 else dict.fromkeys(kinds, "#8a8f98")
        handles += [Line2D([], [], label=kind, **{**STYLES[kind], "color": colours[kind]}) for kind in kinds]
    return handles


def draw(axes: Axes, name: str, runs: Sequence[History]) -> None:
    """Draw the curves of the figure `name`."""
    lines = lines_of(name, runs)
    for line in lines:
        style = {**STYLES[line.kind], "color": _colour(line, len(runs))}
        if len(line.x) == 1:
            style["marker"] = "o"  # a line of one point would not be seen
        axes.plot(line.x, line.y, zorder=2 if line.kind == STEPS else 3, **style)
    axes.set(xlabel="epochs done" if _are_in_epochs(runs) else "steps done", ylabel=UNITS[name])
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    axes.set_xlim(0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if name == "loss":
        _limit_loss(axes, lines)
    elif name != "accuracy":
        axes.set_ylim(0)


def _lines(name: str, run: History, number: int, in_epochs: bool) -> Iterator[Line]:
    step_x = run.epochs_done(run.steps["step"]) if in_epochs else run.steps["step"]
    epoch_x = run.epochs["epoch"] + 1 if in_epochs else run.epochs["step"]
    if name == "learning_rate":
        yield Line(step_x, run.steps[name], number, ONLY)
    elif name == "images_per_second":
        yield Line(epoch_x, run.epochs[name], number, ONLY)
    else:
        scale = 100 if name == "accuracy" else 1
        if name == "loss":
            yield Line(step_x, run.steps["loss"], number, STEPS)
        yield Line(epoch_x, scale * run.epochs[f"train_{name}"], number, TRAINING)
        yield Line(epoch_x, scale * run.epochs[f"validation_{name}"], number, TEST)


def _are_in_epochs(runs: Sequence[History]) -> bool:
    """Return whether the steps of all runs can be given as fractions of epochs."""
    return all(len(run.epochs["step"]) for run in runs)


def _colour(line: Line, runs: int) -> str:
    return COLOURS[line.kind] if runs == 1 else f"C{line.run}"  # C0, C1 …: of the theme


def _limit_loss(axes: Axes, lines: Sequence[Line]) -> None:
    """Clip the first steps' losses where they would flatten the rest, and print the highest."""
    steps = np.concatenate([line.y for line in lines if line.kind == STEPS] or [np.zeros(0)])
    epochs = np.concatenate([line.y for line in lines if line.kind != STEPS] or [np.zeros(0)])
    steps, epochs = steps[np.isfinite(steps)], epochs[np.isfinite(epochs)]
    if not len(steps) + len(epochs):
        return
    usual = np.quantile(steps, 1 - OUTLIERS) if len(steps) else 0
    top = 1.08 * max(usual, epochs.max(initial=0))
    axes.set_ylim(0, top if top > 0 else None)
    if len(steps) and steps.max() > top:
        text = f"highest: {steps.max():.3g}"
        axes.text(0.98, 0.98, text, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=COLOURS[STEPS])
