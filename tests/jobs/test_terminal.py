"""How far a run is: a bar where a person watches, under a launcher too, and plain lines in time elsewhere."""

import re

import pytest

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
