"""python -m lenet report: pictures and a page of finished and unfinished runs."""

import base64
import re
import shutil
from html.parser import HTMLParser

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

from lenet.__main__ import main
from lenet.commands import curves, plots
from lenet.commands.mistakes import find_mistakes
from lenet.commands.trained_network import load_trained
from lenet.data import fashion_mnist
from lenet.run import history
from lenet.training.evaluation import predict_logits
from tests.support import run_jobs
from tests.support.fashion import validation_of

CURVES = ("loss", "accuracy", "learning_rate", "images_per_second")


class Page(HTMLParser):
    """What a page refers to, and its words."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.words, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset", "action", "data")]

    def handle_data(self, words):
        self.words.append(words)


@pytest.fixture(scope="module")
def page(reported):
    return Page((reported[-1] / "report.html").read_text(encoding="utf-8"))


def test_each_picture_is_a_file_of_readable_size(reported):
    """In a folder of the comparison: a page of one of the runs would stay."""
    assert not list(reported[0].glob("*.png"))
    names = {path.stem for path in reported[-1].glob("*.png")}
    is_perfect = run_jobs.records(reported[0], "epoch")[-1]["validation_accuracy"] == 1
    assert names == {*CURVES, "confusion", "confusion-2", "mistakes-2"} | (set() if is_perfect else {"mistakes"})
    for path in reported[-1].glob("*.png"):
        width, height = Image.open(path).size
        assert 500 <= width <= 1500, path
        assert 300 <= height <= 1800, path  # a single row of mistakes is 309


def test_the_page_holds_all_and_refers_to_nothing(page, reported):
    text = (reported[-1] / "report.html").read_text(encoding="utf-8")
    assert page.addresses
    assert all(address.startswith("data:") for address in page.addresses)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert "url(" not in text
    assert "@import" not in text
    words = " ".join(page.words)
    assert "whole" in words
    assert "a <b> & c" in words
    assert "3 of 3" in words
    assert "1 of 3" in words


def test_the_svgs_are_light_and_dark_and_refer_to_nothing(page):
    drawn = [base64.b64decode(each.split(",")[1]).decode() for each in page.addresses if "svg" in each[:30]]
    assert len(drawn) == 2 * (len(CURVES) + 2)
    for svg in drawn:
        outside = re.findall(r"(?:href|src)=\"(?!#|data:)([^\"]+)\"|url\((?!#)([^)]+)\)", svg)
        assert not outside
    papers = [plots.LIGHT["paper"], plots.DARK["paper"]]
    assert all(sum(paper in svg for paper in papers) >= 1 for svg in drawn)
    assert sum(plots.DARK["paper"] in svg for svg in drawn) == len(drawn) / 2


def test_the_curves_are_those_of_metrics(reported):
    histories = [history.read(folder) for folder in reported[:2]]
    epochs, steps = run_jobs.records(reported[0], "epoch"), run_jobs.records(reported[0], "step")
    lines = {(line.run, line.kind): line for line in curves.lines_of("loss", histories)}
    assert set(lines) == {(run, kind) for run in (0, 1) for kind in ("single steps", "training", "test")}
    assert lines[0, "test"].x.tolist() == [1, 2, 3]
    assert lines[0, "test"].y.tolist() == [record["validation_loss"] for record in epochs]
    assert lines[0, "single steps"].x == pytest.approx(np.arange(1, 13) / 4)
    assert lines[0, "single steps"].y.tolist() == [record["loss"] for record in steps]
    assert lines[1, "single steps"].x == pytest.approx(np.arange(1, 6) / 4)
    accuracy = {(line.run, line.kind): line for line in curves.lines_of("accuracy", histories)}
    assert accuracy[0, "training"].y.tolist() == [100 * record["train_accuracy"] for record in epochs]
    axes = {name: curves.figure(name, histories, ["one", "two"]).axes[0] for name in CURVES}
    drawn = [sorted(line.get_ydata().tolist() for line in axes["loss"].get_lines())]
    assert drawn == [sorted(line.y.tolist() for line in lines.values())]
    assert {name: each.get_ylabel() for name, each in axes.items()} == {
        "loss": "loss (nats per image)",
        "accuracy": "accuracy (%)",
        "learning_rate": "learning rate",
        "images_per_second": "images per second",
    }
    assert {each.get_xlabel() for each in axes.values()} == {"epochs done"}


def test_matrix_and_mistakes_are_those_of_the_newest_network(reported, page, small):
    net = load_trained(max((reported[0] / "checkpoints").iterdir()), mx.cpu())
    split = fashion_mnist.load(small).validation
    wrong = find_mistakes(predict_logits(net, validation_of(small), range(61))[0], split)
    captions = re.findall(r"taken for ([\w/\- ]+) \((\d+\.\d%)\), image (\d+)", "".join(page.words))
    expected = zip(wrong.predicted, wrong.confidence, wrong.rows)
    assert captions[: len(wrong.rows)] == [
        (fashion_mnist.CLASS_NAMES[guess], f"{sure:.1%}", str(row)) for guess, sure, row in expected
    ]


def test_a_run_that_has_only_begun(stopped, small, tmp_path, capsys):
    """Two steps, a third half written, no checkpoint."""
    lines = (stopped() / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_text("".join(lines[:2]) + lines[2][:20])
    shutil.copy(stopped() / "config.yaml", tmp_path)
    assert main(["report", str(tmp_path)]) == 0
    assert "no network is written yet" in capsys.readouterr().out
    assert {path.stem for path in tmp_path.glob("*.png")} == {"loss", "learning_rate"}  # no epoch: nothing to draw
    drawn = curves.figure("loss", [history.read(tmp_path)], ["one"]).axes[0]
    assert drawn.get_xlabel() == "steps done"
    assert drawn.get_lines()[0].get_xdata().tolist() == [1, 2]


def bad_runs(folder):
    (folder / "empty").mkdir()
    (folder / "started").mkdir()
    (folder / "started" / "metrics.jsonl").write_text("")
    (folder / "bare").mkdir()
    (folder / "bare" / "metrics.jsonl").write_text('{"kind": "step", "step": 1, "loss": 2, "learning_rate": 1}\n')
    yield from (("nowhere", "nowhere"), ("empty", "metrics.jsonl"), ("started", "no step"), ("bare", "config.yaml"))


def test_bad_input_is_one_line(tmp_path, capsys):
    for name, named in bad_runs(tmp_path):
        assert main(["report", str(tmp_path / name)]) == 2
        out, err = capsys.readouterr()
        assert len((out + err).splitlines()) == 1
        assert err.startswith("error: ")
        assert named in err


def test_a_run_that_is_named_twice_is_refused(finished, capsys):
    assert main(["report", str(finished()), str(finished())]) == 2
    assert "twice" in capsys.readouterr().err


def test_numbers_of_a_config_that_python_does_not_print(stopped, small, tmp_path):
    """Python refuses to write an integer of so many digits."""
    shutil.copy(stopped() / "metrics.jsonl", tmp_path)
    (tmp_path / "config.yaml").write_text(f"epochs: 0x{'f' * 10_000}\n")
    assert main(["report", str(tmp_path)]) == 0
    assert "of 0xffff" in (tmp_path / "report.html").read_text()
