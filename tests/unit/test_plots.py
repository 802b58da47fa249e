"""What the report draws can be read: colours, legends, limits, and the confusion matrix of any number of classes."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex

from lenet.commands import curves, plots
from lenet.data import fashion_mnist
from lenet.run.history import EPOCH, STEP, History


def run_of(tmp_path, epochs=0, losses=()):
    """A History with these losses of steps, and with epochs that say nothing but their numbers."""
    steps = {name: np.arange(1.0, 1 + len(losses)) for name in STEP}
    columns = {name: np.arange(1.0, 1 + epochs) for name in EPOCH}
    return History(tmp_path, {}, {**steps, "loss": np.array(losses)}, {**columns, "epoch": np.arange(epochs)})


def inside(figure, boxes):
    """Are all boxes within the figure?"""
    return all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes)


def drawn(figure):
    figure.draw_without_rendering()
    return figure


def test_the_kinds_of_lines_of_a_run_have_colours_of_their_own(tmp_path):
    with plots.theme(plots.LIGHT):
        figure = curves.figure("loss", [run_of(tmp_path, epochs=3, losses=[3, 2, 1])], ["only"])
        colours, in_legend = (
            [to_hex(line.get_color()) for line in each.get_lines()] for each in (figure.axes[0], figure.legends[0])
        )
    assert len(set(colours)) == 3
    assert in_legend == colours
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["single steps", "training", "test"]


def test_the_legend_of_many_runs_takes_nothing_from_the_curves(tmp_path):
    runs = [run_of(tmp_path, epochs=3, losses=[3, 2, 1]) for _ in range(plots.MAX_RUNS)]
    names = [f"sweeps/of-the-learning-rate-and-of-much-else/run-{number}" for number in range(len(runs))]
    with plots.theme(plots.LIGHT):
        alone = drawn(curves.figure("loss", runs[:1], names[:1]))
        figure = drawn(curves.figure("loss", runs, names))
    assert len(figure.legends[0].get_texts()) == plots.MAX_RUNS + 3
    assert inside(figure, [figure.legends[0].get_window_extent()])
    heights = [each.axes[0].get_window_extent().height for each in (alone, figure)]
    assert heights[1] == pytest.approx(heights[0], rel=0.1)


def test_a_curve_without_data_is_not_drawn(tmp_path):
    assert curves.names_with_data([run_of(tmp_path, losses=[3, 2])]) == ["loss", "learning_rate"]
    assert curves.names_with_data([run_of(tmp_path, epochs=1)]) == ["loss", "accuracy", "images_per_second"]


def test_the_first_losses_do_not_flatten_the_rest(tmp_path):
    losses = [900.0, *np.linspace(1, 0.5, 99)]
    axes = curves.figure("loss", [run_of(tmp_path, losses=losses)], ["only"]).axes[0]
    assert 1 < axes.get_ylim()[1] < 1.2
    assert [text.get_text() for text in axes.texts] == ["highest: 900"]


@pytest.mark.parametrize("losses", [[float("nan")], [0.0, 0.0], [2.3]])
def test_losses_that_give_no_scale_are_drawn(tmp_path, losses):
    drawn(curves.figure("loss", [run_of(tmp_path, losses=losses)], ["only"]))


def test_the_matrix_has_every_number_and_name():
    matrix = np.arange(100).reshape(10, 10)
    with plots.theme(plots.DARK):
        figure = drawn(plots.confusion(matrix, fashion_mnist.CLASS_NAMES, "title"))
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == [str(number) for number in range(100)]
    for axis in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in axis] == list(fashion_mnist.CLASS_NAMES)
        assert inside(figure, [label.get_window_extent() for label in axis])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


@pytest.mark.parametrize("classes", [2, 30, 31, 100, 1000])
def test_a_matrix_of_any_size_names_classes_that_do_not_overlap(classes):
    names = [f"class number {number} of a data set with long names" for number in range(classes)]
    with plots.theme(plots.LIGHT):
        figure = drawn(plots.confusion(np.eye(classes, dtype=int), names, "title"))
    axes = figure.axes[0]
    assert len(axes.texts) == (classes**2 if classes <= plots.MAX_NUMBERED else 0)
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert 1 < len(boxes) <= plots.MAX_NAMED
    assert all(below.y1 <= above.y0 + 1 for above, below in itertools.pairwise(boxes))
    assert inside(figure, boxes + [label.get_window_extent() for label in axes.get_xticklabels()])


@pytest.mark.parametrize("colours", [plots.LIGHT, plots.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("classes", [10, 1000])
def test_rare_errors_are_seen(classes, colours):
    """One image in a thousand, where the most frequent error is a fifth of a class."""
    matrix = 1000 * np.eye(classes, dtype=int)
    matrix[0, -1], matrix[1, -2] = 250, 1
    with plots.theme(colours):
        cells = plots.confusion(matrix, [""] * classes, "title").axes[0].get_images()[0].get_array()
    assert len(cells) <= plots.MAX_CELLS
    frequent, paper = cells[0, -1], cells[0, -3]
    assert np.abs(frequent - paper).max() > 0.4
    if classes == 10:
        assert np.abs(cells[1, -2] - paper).max() > 0.03
