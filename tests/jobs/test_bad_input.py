"""Whatever is given wrong: one `error: …` line that names it, exit code 2, no traceback, nothing half-written.

The table is tests/support/wrong_input.py. Every row is a process of its own.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import run_jobs
from tests.support.marks import slow
from tests.support.run_jobs import gloo
from tests.support.wrong_files import write_checkpoints, write_data, write_yaml
from tests.support.wrong_input import ROWS, TOGETHER


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder with everything that is wrong."""
    place = tmp_path_factory.mktemp("place")
    write_yaml(place)
    write_data(place)
    write_checkpoints(place)
    return place


@pytest.mark.parametrize("name", ROWS)
def test_one_line_and_exit_code_2(place, name):
    outcome = ask(place, name, ROWS[name].words, ROWS[name].variables)
    assert outcome.code == 2, outcome.text
    assert len(outcome.errors) == 1, outcome.text
    assert outcome.err.splitlines() == [f"error: {outcome.errors[0]}"]
    assert ROWS[name].said.format(place=place) in outcome.errors[0]
    assert len(outcome.errors[0]) <= 1000
    assert files_in(output_of(place, name)) == []


@pytest.mark.parametrize("name", ["option", "checkpoint", *map(slow, ["data", "debug", "output", "evaluate"])])
def test_two_processes_say_it_once(place, name):
    launcher, words, said = TOGETHER[name]
    outcome = ask(place, f"together {name}", words, {}, launcher(2))
    assert len(outcome.errors) == 1, outcome.text
    assert said in outcome.errors[0]
    assert files_in(output_of(place, f"together {name}")) == []
    if launcher is gloo:  # its launcher ends in a traceback of its own and with 1, and tells the ranks' code there
        assert outcome.code == 1
        assert "Exit code: 2" in outcome.text
        assert not [line for rank, line in outcome.lines if rank is not None and "Traceback" in line]
    else:
        assert outcome.code == 2
        assert "Traceback" not in outcome.text


def test_the_table_is_long_enough():
    assert len(ROWS) + len(TOGETHER) >= 60


def test_the_parts_that_are_meant_to_be_sound_are(place):
    outcome = ask(place, "sound", "train.py --global-batch 8 --resume {place}/whole --max-steps 3", {})
    assert outcome.code == 0, outcome.text


def ask(
    place: Path, name: str, words: str, variables: dict[str, str], launcher: Sequence[str] = ()
) -> run_jobs.Outcome:
    """The outcome of a row; what train.py writes goes to a folder of the row's name."""
    variables = {name: value.replace("{place}", str(place)) for name, value in variables.items()}
    first, *rest = shlex.split(words.replace("{place}", str(place)))
    if first == "train.py":
        rest = ["--data-dir", place / "sound", "--output-dir", output_of(place, name), "--max-steps", 1, *rest]
    return run_jobs.run([*launcher], first, *rest, **variables)


def output_of(place: Path, name: str) -> Path:
    """The output folder of the row of this name."""
    return place / "out" / name.replace(" ", "-")


def files_in(folder: Path) -> list[str]:
    """What was written there, less the lock, which is empty when nobody holds it but for its last holder's name."""
    return sorted(str(path) for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
