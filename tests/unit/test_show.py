"""python -m lenet show, and what its rows of images hold."""

import numpy as np
import pytest
from PIL import Image

from lenet.__main__ import main
from lenet.commands import plots
from lenet.data import fashion_mnist


@pytest.fixture
def show(capsys):
    """A function that runs `lenet show` and returns the lines that it writes."""

    def run(*words):
        assert main(["show", *map(str, words)]) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_the_first_six_training_images(show, small, tmp_path):
    lines = show("--data-dir", small, "--output", tmp_path / "six.png")
    labels = fashion_mnist.load(small).train.labels[:6]
    assert lines[0] == str([int(label) for label in labels])
    assert lines[1] == ", ".join(fashion_mnist.CLASS_NAMES[label] for label in labels)
    width, height = Image.open(tmp_path / "six.png").size
    assert width > 5 * height  # a row


def test_test_images_in_rows_of_ten(show, small, tmp_path):
    lines = show("--test", "--count", 23, "--data-dir", small, "--output", tmp_path / "many.png")
    assert lines[0] == str(fashion_mnist.load(small).validation.labels[:23].tolist())
    width, height = Image.open(tmp_path / "many.png").size
    assert 2 < width / height < 4  # ten columns, three rows


def test_the_picture_holds_the_images_under_their_titles(small, tmp_path):
    images = fashion_mnist.load(small).train.images[:12]
    titles = [f"title {number}" for number in range(12)]
    with plots.theme(plots.LIGHT):
        figure = plots.image_grid(images, titles, wrong=[3])
        plots.save(figure, tmp_path / "grid.png")
        figure.draw_without_rendering()  # measures again, in the figure's own pixels
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == titles
    assert len({axes.get_position().y0.round(3) for axes in shown}) == 2
    pixels = Image.open(tmp_path / "grid.png").convert("L")
    for number, (axes, image) in enumerate(zip(shown, images)):
        left, bottom, right, top = axes.get_window_extent().extents * 150 / figure.dpi
        cut = pixels.crop([round(edge) for edge in (left, pixels.height - top, right, pixels.height - bottom)])
        found = np.asarray(cut.resize((28, 28), Image.Resampling.BOX), float)
        inside = np.s_[3:-3, 3:-3]  # the frame of a wrong one covers its edge
        assert np.corrcoef(found[inside].ravel(), image[inside].ravel())[0, 1] > 0.9, number
        assert axes.spines["left"].get_visible() == (number == 3)
        title = axes.title.get_window_extent()
        assert title.x0 >= 0
        assert title.x1 <= figure.bbox.x1
        assert title.y1 <= figure.bbox.y1


def test_the_longest_titles_are_not_cut_off():
    with plots.theme(plots.LIGHT):
        words = "True [T-shirt/top]\nPredicted [T-shirt/top]"
        figure = plots.image_grid(np.zeros((1, 28, 28)), [words], wrong=[0])
        figure.draw_without_rendering()
    title = figure.axes[0].title.get_window_extent()
    assert title.x0 >= 0
    assert title.x1 <= figure.bbox.x1
    assert title.y1 <= figure.bbox.y1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--count", "0"], "--count: 0"),
        (["--count", "101"], "1 to 100"),
        (["--count", "six"], "six"),
        (["--test", "--count", "62"], "there are 61 images"),
        (["--train", "--test"], "--test"),
        (["--output", "no/such/folder.png"], "no/such"),
        (["--output", "picture.jpeg"], ".png"),
        (["--data-dir", "nowhere"], "nowhere"),
        (["--colour"], "--colour"),
    ],
)
def test_bad_input_is_one_line(small, words, named, capsys):
    data_dir = [] if "--data-dir" in words else ["--data-dir", str(small)]
    assert main(["show", *data_dir, *words]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ")
    assert len((out + err).splitlines()) == 1
    assert named in err


def test_an_unknown_command_is_one_line(capsys):
    assert main(["paint"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for command in ("show", "evaluate", "predict", "report", "export"):
        assert f"    {command} " in said
