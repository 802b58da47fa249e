"""How far a run is: a bar where a person watches, under a launcher too, and plain lines in time elsewhere."""

import re

import pytest

from lenet.run import progress_bar, terminal
from lenet.run.metrics_log import MetricsLog
from lenet.run.progress import Progress
from lenet.run.progress_bar import ProgressBar
from tests.support import run_jobs
from tests.support.marks import slow
from tests.support.run_jobs import horovodrun, mpirun, program
from tests.support.terminals import drawings, on_a_terminal, what_stays

EPOCH_LINE = r"Epoch \[(\d)\] Loss:\d\.\d{3} Acc:\d\.\d{3} Val:\d\.\d{3} [\d,]+ images/s \d+\.\d s"
BAR = re.compile(r"run +(\d+)%\|.*\| epoch (\d) of 3, step (\d+), loss \d+\.\d{3}, [\d.]+k? images/s, \d\d:\d\d left$")
LIFE = r"epoch (\d) of 3, run (\d+)%, step (\d+), loss \d\.\d{3}, [\d,]+ images/s, \d\d:\d\d left"


@pytest.mark.parametrize("launcher", [[], mpirun(2)], ids=["alone", "mpirun"])
def test_a_terminal_shows_how_far_the_run_is_and_keeps_its_lines(options, launcher, tmp_path):
    written = on_a_terminal(["train.py", "--output-dir", tmp_path, *options], launcher=launcher)
    states = [state for state in map(BAR.match, drawings(written)) if state]
    assert states[-1].groups() == ("100", "3", "12")
    assert [int(state[1]) for state in states] == sorted(int(state[1]) for state in states)
    assert max(len(state[0]) for state in states) <= 110
    stays = what_stays(written)
    assert [re.fullmatch(EPOCH_LINE, line)[1] for line in stays if line.startswith("Epoch")] == ["0", "1", "2"]
    assert [line for line in stays if "run " in line and "%" in line] == []
    assert stays[-1].startswith("Done in ")


def test_what_a_launch_script_says_counts_where_the_terminal_has_no_size(options, tmp_path):
    """A pipe has none, as the terminal that srun -u gives rank 0."""
    words = ["train.py", "--output-dir", tmp_path, *options]
    outcome = run_jobs.run([], *words, LENET_WATCHED="1", COLUMNS="70")
    assert outcome.code == 0, outcome.text
    states = [each for each in drawings(outcome.out) if each.startswith("run ")]
    assert states[-1].startswith("run 100%|")
    assert max(map(len, states)) <= 70


@pytest.mark.slow
def test_horovodruns_tags_tear_no_bar(options, tmp_path):
    written = on_a_terminal(["train.py", "--output-dir", tmp_path, *options], launcher=horovodrun(2))
    assert "%|" not in written
    assert len(re.findall(EPOCH_LINE, written)) == 3


def test_a_resumed_bar_goes_on_and_max_steps_is_its_end(options, tmp_path):
    words = ["train.py", "--output-dir", tmp_path, *options, "--max-steps"]
    on_a_terminal([*words, 6])
    percent = [int(found) for found in re.findall(r"(\d+)%\|", on_a_terminal([*words, 8]))]
    assert percent[0] >= 70
    assert percent[-1] == 100


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


@pytest.mark.parametrize("launcher", [[], slow(mpirun(2)), slow(horovodrun(2))], ids=["pipe", "mpirun", "horovodrun"])
def test_elsewhere_plain_lines(options, launcher, tmp_path):
    words = [*program("lines_at_once"), "--output-dir", tmp_path, *options]
    outcome = run_jobs.run(launcher, *words, PYTHONUNBUFFERED="1")
    assert outcome.code == 0
    assert "\r" not in outcome.out.replace("\r\n", "\n")
    assert "%|" not in outcome.text
    lines = [text for _, text in outcome.lines]
    assert [re.fullmatch(LIFE, line).groups() for line in lines if line.startswith("epoch")][-1] == ("3", "100", "12")
    assert len([line for line in lines if re.fullmatch(LIFE, line)]) == 11  # the first step tells no speed
    assert len([line for line in lines if re.fullmatch(EPOCH_LINE, line)]) == 3
