"""One picture of a run: loss and accuracy above each other, the confusion matrix beside them."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from lenet.commands import curves, plots
from lenet.commands.report_page import Scores
from lenet.run.history import History


def figure(run: History, networks: Sequence[Scores]) -> Figure:
    """The figure of a run and of its network, if it has written one yet."""
    drawn = [name for name in ("loss", "accuracy") if curves.lines_of(name, [run])]
    result = Figure(figsize=(9.2 if networks else 4.6, 4.9), layout="constrained")
    left, *right = result.subfigures(1, 1 + len(networks), squeeze=False, width_ratios=[1, *(1.12 for _ in networks)])[
        0
    ]
    panels = left.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    for name, axes in zip(drawn, panels):
        curves.draw(axes, name, [run])
        axes.label_outer()
    key = curves.key(curves.lines_of("loss", [run]), [""])
    left.legend(handles=key, loc="outside lower center", ncols=3, fontsize=8.5)
    for place, network in zip(right, networks):
        axes = place.subplots()
        plots.draw_confusion(axes, network.confusion, network.class_names)
        accuracy = network.confusion.trace() / network.confusion.sum()
        axes.set_title(f"{accuracy:.2%} of the test images are right", fontsize=10.5)
    return result
