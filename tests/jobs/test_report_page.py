"""Where a report goes, what of an earlier one goes away, and the tables of its page."""

import json
import re
import shutil
from html import unescape

import numpy as np
import pytest
from PIL import Image

from lenet.__main__ import main
from lenet.commands import report_tables
from tests.support import run_jobs


@pytest.fixture
def run(stopped, tmp_path):
    return shutil.copytree(stopped(), tmp_path / "runs" / "one")


def report(*words):
    assert main(["report", *map(str, words)]) == 0


def words_of(html):
    """The text of a page, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


def test_pictures_of_an_earlier_report_go_away_and_nothing_else(run, tmp_path):
    place = tmp_path / "anywhere" / "else"
    place.mkdir(parents=True)
    for name in ("mine.png", "confusion-2.png", "mistakes-2.png"):
        (place / name).write_bytes(b"")
    report(run, "--output", place)
    curves = {"loss.png", "accuracy.png", "learning_rate.png", "images_per_second.png"}
    assert {path.name for path in place.iterdir()} == {
        *curves, "confusion.png", "mistakes.png", "mine.png", "report.html"
    }  # fmt: skip
    assert not (run / "report.html").exists()


def test_a_run_that_begins_anew_has_no_page_of_the_earlier_one(run, options):
    for name in ("report.html", "loss.png", "confusion.png"):
        (run / name).write_bytes(b"as the report writes it")
    run_jobs.train([], run, *options, "--max-steps", 2, "--resume", "never")
    assert not (run / "report.html").exists()
    assert not (run / "loss.png").exists()
    assert {"report.html", "loss.png", "confusion.png"} <= {path.name for path in (run / "earlier-1").iterdir()}


def test_one_picture_shows_a_run(run, tmp_path, capsys):
    report(run, "--picture", tmp_path / "run.png")
    width, height = Image.open(tmp_path / "run.png").size
    assert 900 <= width <= 1200
    assert 400 <= height <= 700
    assert (tmp_path / "run.png").stat().st_size < 150_000
    assert main(["report", str(run), str(run), "--picture", str(tmp_path / "two.png")]) == 2
    assert "--picture" in capsys.readouterr().err


def test_the_whole_recipe_is_on_the_page_and_what_is_not_the_default_is_marked(reported):
    page = (reported[-1] / "report.html").read_text()
    rows = dict(re.findall(r"<tr><th>(\w+)</th>(<td>.*)</tr>", page))
    assert {"learning_rate", "momentum", "schedule", "exchange"} <= set(rows)
    assert rows["shard"] == "<td><mark>16</mark></td><td><mark>16</mark></td><td>32</td>"
    assert rows["momentum"] == "<td>0.95</td><td>0.95</td><td>0.95</td>"
    differs = re.search(r"Differs from the default in</th><td>(.*?)</td>", page)[1].split(", ")
    assert differs == [name for name in rows if "<mark>" in rows[name].split("</td>")[0]]  # of the first run
    assert "Top-5" not in page  # LeNet-5's are not counted


def test_a_failure_is_told_first(run):
    told = {
        "reason": "no progress for <60> s",
        "exit_code": 1,
        "rank": 3,
        "host": "node-7",
        "versions": {"mxnet": "1.9.1"},
        "stacks": {"rank 3 on node-7": "File train.py"},
        "more": "than is known here",
    }
    (run / "failure.json").write_text(json.dumps(told))
    report(run)
    page = (run / "report.html").read_text()
    shown = words_of(page[page.index("how the job ended") : page.index("<h2>Runs</h2>")])
    for text in ("no progress for <60> s", "Exit code 1", "Rank 3", "node-7", "mxnet: 1.9.1", "File train.py"):
        assert text in shown
    assert "It waited for" not in shown


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b'{"rank": ', b"[" * 100_000, b" " * (1 << 21), b"\xff", b'{"rank": NaN}']
)
def test_a_failure_that_cannot_be_read_ends_no_report(tmp_path, content):
    (tmp_path / "failure.json").write_bytes(content)
    assert "how the job ended" in report_tables.failure(tmp_path, "run")


def test_a_failure_is_shown_within_bounds(tmp_path):
    (tmp_path / "failure.json").write_text(json.dumps({"reason": "x" * 500_000, "stacks": {"rank 0": "y" * 500_000}}))
    assert len(report_tables.failure(tmp_path, "run")) < 100_000


def test_the_table_of_classes_is_of_any_number_and_name():
    html = report_tables.classes(np.array([[3, 1], [0, 0]]), ["cat & dog", "none"])
    assert "cat &amp; dog" in html
    assert words_of(html).strip() == "class precision recall support 0 cat & dog 1.000 0.750 4 1 none 0.000 - 0"
