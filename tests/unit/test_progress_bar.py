"""What a bar says on a screen of any width, and when a plain line is due elsewhere."""

import re

import pytest

from lenet.run import progress_bar, terminal
from lenet.run.metrics_log import MetricsLog
from lenet.run.progress import Progress
from lenet.run.progress_bar import ProgressBar


@pytest.mark.parametrize(
    ("columns", "facts"),
    [
        (30, "run  50%, 00:01 left"),
        (40, "run  50%, epoch 2 of 10, 00:01 left"),
        (59, "run  50%|#| epoch 2 of 10, 00:01 left"),
        (79, "run  50%|#| epoch 2 of 10, loss 1.500, 00:01 left"),
        (94, "run  50%|#| epoch 2 of 10, loss 1.500, 100 images/s, 00:01 left"),
        (200, "run  50%|#| epoch 2 of 10, step 1,234, loss 1.500, 100 images/s, 00:01 left"),
    ],
)
def test_a_narrow_screen_leaves_facts_out_and_cuts_none(monkeypatch, columns, facts):
    monkeypatch.setattr(terminal, "width", lambda: columns)
    ncols, layout = ProgressBar(10, 100, 10)._layout(Progress(1, 20, 1234), 1.5)
    drawn = progress_bar.tqdm.format_meter(
        100, 200, 1, ncols, rate=100, bar_format=layout, unit=" images", unit_scale=True, ascii=True
    )
    assert re.sub(r"\|[ #0-9]+\|", "|#|", drawn) == facts
    assert len(drawn) <= columns


class Clock:
    """A clock that stands."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(monkeypatch, tmp_path, clock):
    """The log of a run of 3 epochs of 100 images that nobody watches."""
    monkeypatch.setenv(terminal.WATCHED, "0")
    return MetricsLog(tmp_path, writes=True, progress_bar=ProgressBar(3, 100, 10, clock=clock))


def test_a_line_comes_when_nothing_was_printed_for_ten_seconds(log, clock, capsys):
    for step in range(1, 31):
        clock.now += 1
        log.move(Progress(0, step, step), 1, 1.25)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "epoch 1 of 3, run 4%, step 11, loss 1.250, 1 images/s, 04:49 left",
        "epoch 1 of 3, run 7%, step 21, loss 1.250, 1 images/s, 04:39 left",
    ]


def test_any_other_line_gives_it_time(log, clock, capsys):
    for step in range(1, 31):
        clock.now += 1
        log.move(Progress(0, step, step), 1, 1.25)
        if step % 9 == 0:
            log.say("another")
    assert capsys.readouterr().out.splitlines() == ["another"] * 3


@pytest.mark.parametrize(("told", "expected"), [("1", True), ("0", False)])
def test_a_launch_script_can_say_whether_a_person_watches(told, expected):
    assert terminal.is_watched({terminal.WATCHED: told}) is expected


@pytest.mark.parametrize(("columns", "expected"), [("72", 72), ("", 80), ("wide", 80), ("0", 80)])
def test_the_width_where_there_is_no_terminal(columns, expected):
    assert terminal.width({"COLUMNS": columns}) == expected
